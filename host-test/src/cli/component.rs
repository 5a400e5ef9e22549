//! `genops-host component`.

#[cfg(feature = "component")]
mod run;

use std::path::PathBuf;

use clap::Args;

use super::input::Input;
use super::output::Destination;

#[derive(Args, Debug)]
pub(crate) struct Component {
    /// Configuration, as JSON. Default: the one shipped in envoy/genops.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The component. Default: built from this repository
    #[arg(long, value_name = "FILE", env = "GENOPS_COMPONENT")]
    wasm: Option<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// Where record lines go, one JSON object per exchange in input order; - is standard output
    #[arg(long, value_name = "FILE|-")]
    records: Option<Destination>,
}

#[cfg(not(feature = "component"))]
impl Component {
    /// Who has a command in hand from the documents is told what it lacks.
    pub(crate) fn run(self) -> Result<std::process::ExitCode, super::CliError> {
        Err(super::CliError::NoComponents)
    }
}
