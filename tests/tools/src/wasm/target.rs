//! The standard library of a wasm target: is it installed, and if not, install it.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use crate::{ToolError, cargo, run, workspace_root};

/// Installs the target with rustup when the toolchain in use has not got it. rustup does not always do this by itself
/// (`RUSTUP_AUTO_INSTALL=0`, `rust-toolchain.toml` overridden), and cargo's own message then speaks of a missing
/// `core`.
///
/// # Errors
/// No rustc, or the target is missing and rustup is, too, or refuses.
pub(super) fn ensure(target: &'static str) -> Result<(), ToolError> {
    if installed(target)? {
        return Ok(());
    }
    eprintln!("installing the Rust target {target}");
    let mut rustup = Command::new("rustup");
    // rustup and the toolchain's own cargo both hand RUSTUP_TOOLCHAIN down: the target lands in the toolchain in use.
    rustup.current_dir(workspace_root()).args(["target", "add", target]);
    run::output(&mut rustup, "").map_err(|e| ToolError::NoTarget { target, reason: refusal(&e) })?;
    if installed(target)? {
        return Ok(());
    }
    let reason = "rustup says it is installed, but the rustc in use does not find it".to_owned();
    Err(ToolError::NoTarget { target, reason })
}

fn refusal(error: &ToolError) -> String {
    match error {
        ToolError::NoProgram { .. } => "and there is no rustup on PATH to install it with".to_owned(),
        other => other.to_string(),
    }
}

fn installed(target: &str) -> Result<bool, ToolError> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    command.current_dir(workspace_root()).args(["--print", "target-libdir", "--target", target]);
    let dir = run::output(&mut command, cargo::REMEDY)?;
    Ok(PathBuf::from(dir.trim()).is_dir())
}
