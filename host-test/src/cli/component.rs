//! `genops-host component`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use genops_host::component::Meter;
use genops_host::replay::replay_component;
use genops_host::{Clock, HostError, HostOptions};

use super::CliError;
use super::filter::{DEFAULT_CONFIG, read};
use super::input::{Input, complain, progress_bar, write_records};
use super::output::{Destination, stdout};
use super::table::table;

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

impl Component {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        // Everything that can be wrong with the input is found before anything runs or is written.
        let exchanges = self.input.exchanges()?;
        let options = self.input.options(1);
        let configuration = match &self.config {
            Some(path) => {
                String::from_utf8(read(path)?).map_err(|_| HostError::Configuration("no UTF-8".to_owned()))?
            }
            None => DEFAULT_CONFIG.to_owned(),
        };
        let wasm = match self.wasm {
            Some(path) => path,
            None => genops_tools::wasm::build_component().map_err(|error| CliError::Build(error.to_string()))?,
        };
        let clock = Clock::new(options.at_ns, HostOptions::default().step_ns);
        let mut meter = Meter::from_file(&wasm, &configuration, clock)?;

        let bar = progress_bar(exchanges.len());
        let outcomes = replay_component(&mut meter, exchanges, options, || bar.inc(1)).map_err(CliError::Encode)?;
        bar.finish_and_clear();

        write_records(self.records.as_ref(), &outcomes)?;
        let shown = table(&outcomes.summary);
        match self.records {
            Some(Destination::Stdout) => eprint!("{shown}"),
            _ => stdout(shown.as_bytes())?,
        }
        Ok(complain(&outcomes))
    }
}
