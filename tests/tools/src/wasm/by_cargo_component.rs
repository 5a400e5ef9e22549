//! The component as `cargo component build` makes it: a module for WASI preview 1, wrapped with an adapter.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wasmparser::Parser;

use super::{COMPONENT, TARGET, artifact, lock, target};
use crate::{ToolError, cargo, run, tool::Tool, workspace_root};

/// Written into the sources at each build, with no option to put it elsewhere (`generate_package_bindings` in its lib.rs).
/// Nobody reads it: the sources have the macro.
const BINDINGS: &str = "src/bindings.rs";

/// Builds the meter as [`super::build_component`] does, but by `cargo component build`, and gives the component's path. It has
/// a target directory of its own: the file takes the place of the module that it was made of.
///
/// # Errors
/// cargo-component cannot be had, the build fails, or what it left is no component.
pub fn build_by_cargo_component() -> Result<PathBuf, ToolError> {
    let program = Tool::CargoComponent.resolve()?.path;
    target::ensure(TARGET)?;
    let package = workspace_root().join("filter/component");
    let target_dir = workspace_root().join("target/cargo-component");
    let _lock = lock(&target_dir)?;
    let built = run::output_shown(&mut command(&program, &target_dir), "");
    remove(&package.join(BINDINGS))?;
    let messages = built?;
    let bad = |path: &Path, reason: &str| ToolError::BadModule { path: path.to_path_buf(), reason: reason.to_owned() };
    let path = artifact(&messages, &package.join("Cargo.toml"))
        .ok_or_else(|| bad(&target_dir, "cargo component named no .wasm; the library needs crate-type \"cdylib\""))?;
    let wasm = fs::read(&path).map_err(ToolError::io("read", &path))?;
    if !Parser::is_component(&wasm) {
        let reason =
            "cargo component left no component; filter/component/Cargo.toml must have `package.metadata.component`";
        return Err(bad(&path, reason));
    }
    Ok(path)
}

/// As cargo starts its subcommand for `cargo component build`: with its own name first, and with `CARGO`.
fn command(program: &Path, target_dir: &Path) -> Command {
    let mut command = cargo::clean(Command::new(program));
    command
        .current_dir(workspace_root())
        .args(["component", "build", "--release", "--locked", "--package", COMPONENT])
        .args(["--message-format", "json-render-diagnostics"])
        .env("CARGO", cargo::program())
        // Not by option: cargo-component asks `cargo metadata`, too, where the target directory is.
        .env("CARGO_TARGET_DIR", target_dir)
        // For components of a registry, of which this one needs none; it is made all the same.
        .env("CARGO_COMPONENT_CACHE_DIR", target_dir.join("registry"));
    command
}

fn remove(file: &Path) -> Result<(), ToolError> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ToolError::io("remove", file)(e)),
        _ => Ok(()),
    }
}
