//! Calls of cargo, always in the workspace root and always with the cargo that runs us.

use std::{env, process::Command};

use genops_tools::workspace_root;

use crate::step::Failure;

/// `cargo ARGUMENTS`, with its output on the terminal.
///
/// # Errors
/// It cannot be started, or fails.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    run_with(arguments, &[])
}

/// As [`run`], with environment variables.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), Failure> {
    let line = format!("cargo {}", arguments.join(" "));
    eprintln!("    {line}");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root()).args(arguments).envs(variables.iter().copied());
    // Those of the package that is being run; a build script of another package must not see them.
    for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
    let status = command.status().map_err(|e| format!("`{line}` cannot be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}
