//! The native host as a command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use genops_tools::workspace_root;
use serde_json::Value;

/// Set where cargo has built the whole workspace for this run (`cargo xtask test`): the program then stands beside the
/// tests, made of these sources. Built by its package alone, wasmtime would be compiled once more, with fewer features.
const BUILT_WITH_US: &str = "GENOPS_WORKSPACE_BUILT";

static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The path of `genops-host`, built now if it is not: cargo gives a test only the programs of its own package.
///
/// # Errors
/// It does not compile.
pub fn genops_host() -> Result<&'static Path> {
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|problem| anyhow!("genops-host: {problem}"))
}

fn build() -> Result<PathBuf> {
    if std::env::var_os(BUILT_WITH_US).is_some() {
        // `target/debug/deps/all-0123` beside `target/debug/genops-host`.
        let us = std::env::current_exe()?;
        let program = us.ancestors().nth(2).context("a target directory")?.join("genops-host");
        ensure!(program.is_file(), "{BUILT_WITH_US} is set, and there is no {}", program.display());
        return Ok(program);
    }
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace_root())
        .args(["build", "--quiet", "-p", "genops-host", "--bin", "genops-host", "--message-format=json"])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout)?;
    let mut programs = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get("executable")?.as_str().map(PathBuf::from));
    programs.next_back().context("cargo names no program")
}
