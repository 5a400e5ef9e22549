//! Where tests, benches and the native host get what they cannot be linked with: the compiled filter
//! ([`wasm::build`]) and the real programs it is judged against ([`tool`], [`python`]).
//!
//! Everything here is synchronous, safe to call from several threads and processes at once, and never skips: what is
//! missing is fetched, built or reported as a [`ToolError`] that says what to do.
#![forbid(unsafe_code)]

mod cache;
mod error;
pub mod pins;
pub mod python;
mod run;
pub mod tool;
mod version;
pub mod wasm;

pub use error::ToolError;

use std::path::{Path, PathBuf};

/// The root of the workspace that this crate was compiled in.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // tests/tools -> tests -> root
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
