//! Errors of the command, each with what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use genops_host::HostError;
use genops_host::replay::InputError;
use genops_host::serve::ServeError;

use super::cost::PrometheusError;

/// Exit code for what the user gave us: arguments, files, configuration.
const BAD_INPUT: u8 = 2;
/// Exit code for everything else.
const FAILED: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{}: not a list of {{\"tag_name\", \"regex\"}} objects: {source}", path.display())]
    Tags { path: PathBuf, source: serde_json::Error },
    #[error("there is no exchange in the input")]
    Nothing,
    #[error("the filter could not be built: {0}\n  give one that is built with --wasm FILE or GENOPS_WASM")]
    Build(String),
    #[cfg(not(feature = "component"))]
    #[error(
        "this build runs no components\n  from the repository: cargo run --features component -- component; elsewhere, build \
         genops-host with that feature"
    )]
    NoComponents,
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{0}")]
    Encode(std::io::Error),
    #[error("the scrape could not be written as OpenMetrics")]
    OpenMetrics,
    #[error("the filter answers no scrape at {0}: is `scrape.path` of its configuration another?")]
    NoScrape(String),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("cannot set up the reactor: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    #[error(
        "Prometheus at {prometheus} has no genops_cost_total_usd for {period}\n  does it scrape the filter? its page \
         /targets says so; envoy/prometheus/runbooks/metrics-missing.md has the steps"
    )]
    NoCost { prometheus: String, period: String },
    #[error("team {team:?} has no cost in this period; teams that have: {teams}")]
    NoSuchTeam { team: String, teams: String },
    #[error("cannot write to standard output: {0}")]
    Stdout(std::io::Error),
}

impl CliError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Read { .. }
            | Self::Input(_)
            | Self::Tags { .. }
            | Self::Nothing
            | Self::Prometheus(PrometheusError::Address(_) | PrometheusError::Tls(_) | PrometheusError::Header(_))
            | Self::NoSuchTeam { .. }
            | Self::Host(
                HostError::Refused { .. }
                | HostError::Configuration(_)
                | HostError::BadTagRegex { .. }
                | HostError::ReadModule { .. },
            ) => BAD_INPUT,
            _ => FAILED,
        })
    }
}
