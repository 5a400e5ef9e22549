//! The pinned package, fetched with pip into a throw-away environment and dumped.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Prints the package's data in the shape of [`super::genai`].
const SCRIPT: &str = include_str!("dump.py");

/// The dump of a package such as `genai-prices==0.2.3`.
///
/// # Errors
/// No Python, no network, or no such package.
pub(super) fn dump(package: &str) -> Result<String> {
    let environment = tempfile::tempdir()?;
    run(Command::new("python3").args(["-m", "venv"]).arg(environment.path()))?;
    let python = environment.path().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    run(pip(&python).args(["install", "--quiet", "--disable-pip-version-check", package]))?;
    run(Command::new(&python).args(["-c", SCRIPT]))
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip"]);
    command
}

fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| shown.clone())?;
    ensure!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
