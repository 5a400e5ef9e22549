//! The shipped files of Prometheus, and the checkers that look at them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::generated::workspace;

const ROOT: &str = "envoy/prometheus";

/// A file or directory below `envoy/prometheus`.
pub fn path(name: &str) -> PathBuf {
    workspace().join(ROOT).join(name)
}

/// The files of a directory below `envoy/prometheus` with this extension, in order.
///
/// # Errors
/// There are none.
pub fn files(directory: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = fs::read_dir(path(directory))?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    all.retain(|file| file.extension().is_some_and(|e| e == extension));
    all.sort();
    ensure!(!all.is_empty(), "nothing in {directory}");
    Ok(all)
}

/// What a checker says that is content.
///
/// # Errors
/// It is not: with what it says.
pub fn passes(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}\n{text}");
    Ok(text)
}
