//! The real programs that the filter is judged against, resolved in one place.
//!
//! Order: the tool's environment variable, then `PATH` where the version is the pinned one, then the user's cache,
//! filled once (`pins.rs` has the versions). A path in the variable is the user's own choice: any version is taken,
//! with a warning when it is not the pinned one.

mod fetch;
mod resolve;

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{LazyLock, Mutex, PoisonError},
};

use semver::Version;

use crate::{ToolError, cache::Cache, pins};

/// A program that tests or benches run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Envoy itself.
    Envoy,
    /// The Prometheus server.
    Prometheus,
    /// Prometheus' checker of rules, metrics and unit tests.
    Promtool,
}

/// Where a tool was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named by its environment variable.
    Variable,
    /// On `PATH`, in the pinned version.
    Path,
    /// In the user's cache, fetched or built earlier or just now.
    Cache,
}

/// A tool that is there and runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The program.
    pub path: PathBuf,
    /// What it says its version is.
    pub version: Version,
    /// Where it was found.
    pub origin: Origin,
}

/// Envoy's path, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn envoy() -> Result<PathBuf, ToolError> {
    Tool::Envoy.resolve().map(|r| r.path)
}

/// The path of the Prometheus server, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn prometheus() -> Result<PathBuf, ToolError> {
    Tool::Prometheus.resolve().map(|r| r.path)
}

/// The path of promtool, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn promtool() -> Result<PathBuf, ToolError> {
    Tool::Promtool.resolve().map(|r| r.path)
}

/// Tools resolved by this process. The lock is held while resolving, so that threads fetch once.
static RESOLVED: LazyLock<Mutex<HashMap<Tool, Resolved>>> = LazyLock::new(Mutex::default);

impl Tool {
    /// All tools.
    pub const ALL: [Self; 3] = [Self::Envoy, Self::Prometheus, Self::Promtool];

    /// The name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
        }
    }

    /// The environment variable that may name it.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Envoy => "GENOPS_ENVOY",
            Self::Prometheus => "GENOPS_PROMETHEUS",
            Self::Promtool => "GENOPS_PROMTOOL",
        }
    }

    /// The pinned version.
    pub const fn pin(self) -> &'static str {
        match self {
            Self::Envoy => pins::ENVOY.version,
            Self::Prometheus | Self::Promtool => pins::PROMETHEUS.version,
        }
    }

    /// Finds the tool, fetching or building it on first use. Remembered for the life of the process.
    ///
    /// # Errors
    /// A [`ToolError`] when the variable names something that does not run, or when fetching or building fails.
    pub fn resolve(self) -> Result<Resolved, ToolError> {
        let mut resolved = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = resolved.get(&self) {
            return Ok(found.clone());
        }
        let cache = Cache::of_user()?;
        let found =
            resolve::resolve(self, &resolve::Places::of_process(self, cache.clone()), |directory| match self {
                Self::Envoy => fetch::envoy(directory),
                Self::Prometheus | Self::Promtool => fetch::prometheus(&cache, directory),
            })?;
        resolved.insert(self, found.clone());
        Ok(found)
    }

    /// The cache entry that holds it. Prometheus and promtool come from one build.
    fn entry(self) -> String {
        let package = match self {
            Self::Envoy => "envoy",
            Self::Prometheus | Self::Promtool => "prometheus",
        };
        format!("{package}-{}-{}-{}", self.pin(), std::env::consts::OS, std::env::consts::ARCH)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}
