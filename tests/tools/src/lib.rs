//! Where tests, benches and the native host get what they cannot be linked with: the compiled filter
//! ([`wasm::build`]) and the real programs it is judged against ([`tool`], [`python`]).
//!
//! Everything here is synchronous, safe to call from several threads and processes at once, and never skips: what is
//! missing is fetched, built or reported as a [`ToolError`] that says what to do.
#![forbid(unsafe_code)]

mod cache;
mod cargo;
pub mod chromium;
mod error;
pub mod pins;
pub mod python;
mod run;
pub mod schemas;
pub mod tool;
mod version;
pub mod wasm;

pub use error::ToolError;

use std::{
    env,
    path::{Path, PathBuf},
};

/// Files that only the root of this workspace has below it.
const LANDMARKS: [&str; 2] = ["filter/core/Cargo.toml", "tests/tools/Cargo.toml"];

/// The root of the workspace: of the package that cargo runs us for, else around the current directory, else where
/// this crate was compiled. Not simply the last: two clones that share a target directory share the compiled crate,
/// too, and would build each other's wasm.
pub fn workspace_root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let compiled = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [package, env::current_dir().ok()];
    let found = places.iter().flatten().find_map(|place| root_above(place));
    // tests/tools -> tests -> root
    found.unwrap_or_else(|| compiled.ancestors().nth(2).unwrap_or(compiled)).to_path_buf()
}

/// The nearest directory at or above `place` that has all [`LANDMARKS`].
fn root_above(place: &Path) -> Option<&Path> {
    place.ancestors().find(|directory| LANDMARKS.iter().all(|mark| directory.join(mark).is_file()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_root_is_the_one_around_the_running_package() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clone = dir.path().join("clone");
        for mark in LANDMARKS {
            let file = clone.join(mark);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, "").expect("a file");
        }
        assert_eq!(root_above(&clone.join("filter/core")), Some(clone.as_path()));
        assert_eq!(root_above(&clone), Some(clone.as_path()));
        assert_eq!(root_above(dir.path()), None);
        assert!(workspace_root().join("rust-toolchain.toml").is_file(), "{:?}", workspace_root());
    }
}
