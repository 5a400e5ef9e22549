//! The order in which a tool is looked for, apart from where the process happens to run, so that it can be tested
//! with fake tools.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use semver::Version;

use super::{Origin, Resolved, Tool};
use crate::{ToolError, cache::Cache, run, version};

/// Where to look.
pub(super) struct Places {
    /// Value of the tool's environment variable.
    pub(super) variable: Option<OsString>,
    /// Value of `PATH`.
    pub(super) path: Option<OsString>,
    /// The cache.
    pub(super) cache: Cache,
}

impl Places {
    /// Those of the running process.
    pub(super) fn of_process(tool: Tool, cache: Cache) -> Self {
        // Empty counts as unset: that is how a shell line or a CI file switches a variable off.
        let variable = env::var_os(tool.variable()).filter(|v| !v.is_empty());
        Self { variable, path: env::var_os("PATH"), cache }
    }
}

/// Finds `tool`: variable, `PATH`, cache; `fetch` fills the cache's directory where it has to.
///
/// # Errors
/// The variable names what does not run, `fetch` fails, or what it brought does not run.
pub(super) fn resolve(
    tool: Tool,
    places: &Places,
    fetch: impl Fn(&Path) -> Result<(), ToolError>,
) -> Result<Resolved, ToolError> {
    if let Some(path) = &places.variable {
        return named(tool, path);
    }
    if let Some(found) = on_path(tool, places.path.as_deref()) {
        return Ok(found);
    }
    cached(tool, &places.cache, fetch)
}

fn named(tool: Tool, path: &OsStr) -> Result<Resolved, ToolError> {
    let path = PathBuf::from(path);
    let refused = |reason| ToolError::Override { variable: tool.variable(), path: path.clone(), reason };
    let version = version_of(tool, &path).map_err(|e| refused(e.to_string()))?;
    let version =
        version.ok_or_else(|| refused(format!("`{}` prints no version", tool.version_arguments().join(" "))))?;
    if version.to_string() != tool.pin() {
        eprintln!(
            "warning: {} names {tool} {version}, the tests are written for {}; byte-exact ones may differ",
            tool.variable(),
            tool.pin()
        );
    }
    Ok(Resolved { path, version, origin: Origin::Variable })
}

/// The first on `PATH` in the pinned version; others are passed over, so that a distribution's own does no harm.
fn on_path(tool: Tool, path: Option<&OsStr>) -> Option<Resolved> {
    env::split_paths(path?).filter(|dir| dir.is_absolute()).map(|dir| dir.join(tool.program())).find_map(|path| {
        let version = path.is_file().then(|| version_of(tool, &path).ok().flatten()).flatten()?;
        (version.to_string() == tool.pin()).then_some(Resolved { path, version, origin: Origin::Path })
    })
}

fn cached(tool: Tool, cache: &Cache, fetch: impl Fn(&Path) -> Result<(), ToolError>) -> Result<Resolved, ToolError> {
    let entry = tool.entry();
    let was_there = cache.get(&entry).is_some();
    let found = check(tool, &cache.get_or_fill(&entry, &fetch)?);
    if found.is_err() && was_there {
        // An entry that worked once and does not now (a part of it was deleted, the machine changed): once more.
        cache.forget(&entry)?;
        return check(tool, &cache.get_or_fill(&entry, &fetch)?);
    }
    found
}

/// Runs what the cache holds: a wheel for another C library unpacks well and does not start.
fn check(tool: Tool, directory: &Path) -> Result<Resolved, ToolError> {
    let path = directory.join(tool.program());
    let bad = |reason| ToolError::BadFetch { what: path.display().to_string(), reason };
    let version = version_of(tool, &path)
        .map_err(|e| bad(format!("it does not run on this machine ({e}); set {} to one that does", tool.variable())))?;
    match version {
        Some(version) if version.to_string() == tool.pin() => Ok(Resolved { path, version, origin: Origin::Cache }),
        other => {
            let other = other.map_or_else(|| "no version".to_owned(), |v| v.to_string());
            Err(bad(format!("it says {other}, the pin is {}; remove {}", tool.pin(), directory.display())))
        }
    }
}

fn version_of(tool: Tool, program: &Path) -> Result<Option<Version>, ToolError> {
    let mut command = Command::new(program);
    let text = run::output(command.args(tool.version_arguments()), "give the path of a program that runs")?;
    Ok(version::find(&text))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        cell::Cell,
        fs,
        os::unix::fs::PermissionsExt,
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use super::*;

    /// A directory that holds an `envoy` which prints `version`.
    fn fake(directory: &Path, version: &str) -> PathBuf {
        fs::create_dir_all(directory).expect("a directory");
        let path = directory.join("envoy");
        fs::write(&path, format!("#!/bin/sh\necho 'envoy  version: 9e55/{version}/Clean/RELEASE/BoringSSL'\n"))
            .expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable");
        path
    }

    /// One scene at a time: a script that one thread writes while another starts a process is "text file busy" for
    /// as long as the new process has not closed what it inherited.
    static ONE: Mutex<()> = Mutex::new(());

    struct Scene {
        _one: MutexGuard<'static, ()>,
        dir: tempfile::TempDir,
        fetched: Cell<usize>,
    }

    impl Scene {
        fn new() -> Self {
            let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
            Self { _one, dir: tempfile::tempdir().expect("a temporary directory"), fetched: Cell::new(0) }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Resolves with a variable and a `PATH`; fetching brings `fetch` of that version.
        fn resolve(&self, variable: Option<&Path>, path: &[PathBuf], fetch: &str) -> Result<Resolved, ToolError> {
            let places = Places {
                variable: variable.map(|p| p.as_os_str().to_owned()),
                path: Some(env::join_paths(path).expect("a PATH")),
                cache: Cache::at(self.at("cache")),
            };
            resolve(Tool::Envoy, &places, |directory| {
                self.fetched.set(self.fetched.get() + 1);
                fake(directory, fetch);
                Ok(())
            })
        }
    }

    const PIN: &str = Tool::Envoy.pin();

    #[test]
    fn the_variable_wins_over_all_in_any_version() {
        let scene = Scene::new();
        let mine = fake(&scene.at("mine"), "1.36.2");
        fake(&scene.at("path"), PIN);
        let found = scene.resolve(Some(&mine), &[scene.at("path")], PIN).expect("found");
        assert_eq!((found.path, found.origin), (mine, Origin::Variable));
        assert_eq!(found.version, Version::new(1, 36, 2));
        assert_eq!(scene.fetched.get(), 0);
    }

    #[test]
    fn a_variable_that_names_nothing_is_an_error_that_names_it() {
        let scene = Scene::new();
        fake(&scene.at("path"), PIN);
        let error = scene.resolve(Some(&scene.at("nowhere")), &[scene.at("path")], PIN).expect_err("refused");
        assert!(error.to_string().contains("GENOPS_ENVOY"), "{error}");
        assert_eq!(scene.fetched.get(), 0);
    }

    #[test]
    fn path_counts_only_in_the_pinned_version() {
        let scene = Scene::new();
        fake(&scene.at("old"), "1.38.0");
        fake(&scene.at("dev"), &format!("{PIN}-dev"));
        let good = fake(&scene.at("good"), PIN);
        let found = scene.resolve(None, &[scene.at("old"), scene.at("dev"), scene.at("good")], PIN).expect("found");
        assert_eq!((found.path, found.origin), (good, Origin::Path));
        let found = scene.resolve(None, &[scene.at("old"), scene.at("dev")], PIN).expect("fetched");
        assert_eq!((found.origin, scene.fetched.get()), (Origin::Cache, 1));
    }

    #[test]
    fn fetched_once_and_again_only_when_broken() {
        let scene = Scene::new();
        for _ in 0..3 {
            scene.resolve(None, &[], PIN).expect("found");
        }
        assert_eq!(scene.fetched.get(), 1);
        let path = scene.resolve(None, &[], PIN).expect("found").path;
        fs::write(&path, "not a program").expect("damaged");
        scene.resolve(None, &[], PIN).expect("healed");
        assert_eq!(scene.fetched.get(), 2);
    }

    #[test]
    fn a_fetch_that_brings_another_version_is_refused() {
        let scene = Scene::new();
        let error = scene.resolve(None, &[], "1.39.9").expect_err("refused").to_string();
        assert!(error.contains("1.39.9") && error.contains(PIN), "{error}");
    }
}
