//! Builds wasm modules with cargo, at run time of whoever needs one.
//!
//! The module is built into `<workspace>/target/wasm`, a target directory of its own: a test that runs under
//! `cargo test` would otherwise wait for the lock that its own parent holds. Cargo decides about freshness every
//! time, so a stale module is never used silently; when nothing changed that costs a few hundred milliseconds, and
//! once per process.

mod by_cargo_component;
mod check;
pub mod layout;
mod target;

use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

pub use by_cargo_component::build_by_cargo_component;
pub use check::{Module, inspect};
use layout::{LayoutError, Profile};

use crate::{ToolError, cargo, run, workspace_root};

/// The target that Envoy's V8 loads: WASI preview 1 gives `_initialize` and the few imports Envoy implements.
pub const TARGET: &str = "wasm32-wasip1";

/// The target of the component: rustc's linker for it makes a component of the module.
pub const COMPONENT_TARGET: &str = "wasm32-wasip2";

/// The package that [`build`] builds.
const FILTER: &str = "genops-filter";

/// The package that [`build_component`] builds.
const COMPONENT: &str = "genops-component";

/// Modules built by this process. The lock is held while building, so that threads of one test binary build once.
static BUILT: LazyLock<Mutex<HashMap<PathBuf, PathBuf>>> = LazyLock::new(Mutex::default);

/// What runs in an exchange, below the root: written by `cargo xtask layout`.
pub const LAYOUT: &str = "filter/layout.txt";

/// Builds the filter in release, as [`layout`] has it, and gives the path of its module:
/// `target/wasm/genops_filter.wasm`. Once per process.
///
/// # Errors
/// A [`ToolError`] when cargo or the target is missing, the build fails, the layout cannot be read, or the module has no
/// 128-bit SIMD.
pub fn build() -> Result<PathBuf, ToolError> {
    static LAID_OUT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut laid_out = LAID_OUT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = laid_out.as_ref() {
        return Ok(path.clone());
    }
    let linked = build_linked()?;
    let path = workspace_root().join("target/wasm/genops_filter.wasm");
    lay_out(&linked, &path)?;
    let module = inspect(&path)?;
    if !module.simd {
        return Err(ToolError::BadModule {
            path,
            reason: "it has no 128-bit SIMD, so its rustflags were lost; `.cargo/config.toml` must set \
                     `target-feature=+simd128` for wasm32-wasip1, and no other cargo configuration may override it"
                .to_owned(),
        });
    }
    *laid_out = Some(path.clone());
    Ok(path)
}

/// Lays the module at `linked` out by the committed layout, to `path`.
fn lay_out(linked: &Path, path: &Path) -> Result<(), ToolError> {
    fn bad(path: &Path) -> impl FnOnce(LayoutError) -> ToolError {
        let path = path.to_path_buf();
        move |error| ToolError::BadModule { path, reason: error.to_string() }
    }
    let layout = workspace_root().join(LAYOUT);
    let text = fs::read_to_string(&layout).map_err(ToolError::io("read", &layout))?;
    let profile = Profile::parse(&text).map_err(bad(&layout))?;
    let wasm = fs::read(linked).map_err(ToolError::io("read", linked))?;
    write(path, &layout::lay_out(&wasm, &profile).map_err(bad(linked))?)
}

/// Builds the filter in release and gives the path of its module as the linker made it, with function names.
///
/// # Errors
/// A [`ToolError`] when cargo or the target is missing, or the build fails.
pub fn build_linked() -> Result<PathBuf, ToolError> {
    build_package(&workspace_root().join("filter/Cargo.toml"), FILTER)
}

/// Puts `wasm` at `path`, in one step: another process may be reading there.
fn write(path: &Path, wasm: &[u8]) -> Result<(), ToolError> {
    if fs::read(path).is_ok_and(|there| there == wasm) {
        return Ok(());
    }
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, wasm).map_err(ToolError::io("write", &new))?;
    fs::rename(&new, path).map_err(ToolError::io("replace", path))
}

/// Builds the library of `package`, as the manifest at `manifest` declares it, in release as a wasm module.
///
/// # Errors
/// As [`build`], without the check for SIMD.
pub fn build_package(manifest: &Path, package: &str) -> Result<PathBuf, ToolError> {
    build_for(TARGET, manifest, package)
}

/// Builds the meter as a component in release and gives its path.
///
/// # Errors
/// As [`build_package`].
pub fn build_component() -> Result<PathBuf, ToolError> {
    build_for(COMPONENT_TARGET, &workspace_root().join("filter/component/Cargo.toml"), COMPONENT)
}

fn build_for(target: &'static str, manifest: &Path, package: &str) -> Result<PathBuf, ToolError> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(manifest) {
        return Ok(path.clone());
    }
    target::ensure(target)?;
    let target_dir = workspace_root().join("target/wasm");
    let _lock = lock(&target_dir)?;
    let messages = run::output_shown(&mut rustc(target, manifest, package, &target_dir), cargo::REMEDY)?;
    let path = artifact(&messages, manifest).ok_or_else(|| ToolError::BadModule {
        path: target_dir,
        reason: format!("cargo built {package} and named no .wasm; its library needs crate-type \"cdylib\""),
    })?;
    built.insert(manifest.to_path_buf(), path.clone());
    Ok(path)
}

/// Keeps other processes out while one builds and looks at the result; released on drop.
fn lock(target_dir: &Path) -> Result<File, ToolError> {
    fs::create_dir_all(target_dir).map_err(ToolError::io("create", target_dir))?;
    let path = target_dir.join("genops-build.lock");
    let file = File::options().create(true).append(true).open(&path).map_err(ToolError::io("open", &path))?;
    file.lock().map_err(ToolError::io("lock", &path))?;
    Ok(file)
}

fn rustc(target: &str, manifest: &Path, package: &str, target_dir: &Path) -> Command {
    let mut command = cargo::command();
    // `rustc --crate-type cdylib` and not `build`: cargo gives up on LTO for a library that is an rlib too, and the
    // module is twice the size.
    command
        .current_dir(workspace_root())
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", target])
        .args(["--message-format", "json-render-diagnostics", "--package", package])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(target_dir)
        .arg("--config")
        .arg(rustflags(target));
    if target == TARGET {
        // Function names, for the layout to go by; it takes them out.
        command.args(["--config", "profile.release.strip=\"debuginfo\""]);
    }
    command
}

/// Flags beside those of `.cargo/config.toml`, as a `--config` value, which cargo appends to them.
fn rustflags(target: &str) -> String {
    let mut flags = remapped();
    if target == TARGET {
        // Names that tell instances of a generic function apart.
        flags.push("-Csymbol-mangling-version=v0".to_owned());
    }
    // A JSON array of strings is a TOML array too.
    format!("target.{target}.rustflags={}", serde_json::json!(flags))
}

/// Takes this machine's directories out of the module (panic messages name source files), so that the same sources
/// give the same bytes in any clone and with any mirror of the registry.
fn remapped() -> Vec<String> {
    let mut places = vec![(workspace_root(), "/genops")];
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let sources = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).map(|h| h.join("registry/src"));
    let registries = sources.and_then(|sources| fs::read_dir(sources).ok()).into_iter().flatten().flatten();
    places.extend(registries.map(|registry| (registry.path(), "/crates")));
    // One order, or cargo would see new flags and build anew.
    places.sort();
    places.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

/// The module among cargo's messages: the `.wasm` of the artifact that belongs to `manifest`.
fn artifact(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let manifest = fs::canonicalize(manifest).ok();
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|m| m.get("reason").and_then(|r| r.as_str()) == Some("compiler-artifact"))
        .filter(|m| {
            let path = m.get("manifest_path").and_then(|p| p.as_str()).map(Path::new);
            path.and_then(|p| fs::canonicalize(p).ok()) == manifest
        })
        .filter_map(|m| {
            let files = m.get("filenames")?.as_array()?.clone();
            files.iter().filter_map(|f| f.as_str()).find(|f| f.ends_with(".wasm")).map(PathBuf::from)
        })
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_directories_are_remapped_and_the_value_is_toml() {
        let config = rustflags(TARGET);
        let flags = config.strip_prefix("target.wasm32-wasip1.rustflags=").expect("a key and a value");
        let flags: Vec<String> = serde_json::from_str(flags).expect("an array of strings");
        assert!(flags.contains(&format!("--remap-path-prefix={}=/genops", workspace_root().display())), "{flags:?}");
    }

    #[test]
    fn the_module_is_the_artifact_of_the_manifest_and_not_of_a_dependency() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (ours, other) = (dir.path().join("ours.toml"), dir.path().join("other.toml"));
        for manifest in [&ours, &other] {
            fs::write(manifest, "").expect("a file");
        }
        let message = |manifest: &Path, file: &str| {
            serde_json::json!({"reason": "compiler-artifact", "manifest_path": manifest, "filenames": [file]})
                .to_string()
        };
        let messages = [
            "not JSON, as a build script may print".to_owned(),
            message(&other, "/t/other.wasm"),
            message(&ours, "/t/libours.rlib"),
            message(&ours, "/t/ours.wasm"),
            "{\"reason\":\"build-finished\",\"success\":true}".to_owned(),
        ];
        assert_eq!(artifact(&messages.join("\n"), &ours), Some(PathBuf::from("/t/ours.wasm")));
        assert_eq!(artifact(&messages[..3].join("\n"), &ours), None);
    }
}
