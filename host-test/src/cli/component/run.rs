//! What it does, in a build with components.

use std::process::ExitCode;

use genops_host::component::{Meter, replay};
use genops_host::{Clock, HostError, HostOptions};

use super::Component;
use crate::cli::CliError;
use crate::cli::filter::{DEFAULT_CONFIG, read};
use crate::cli::input::{complain, progress_bar, write_records};
use crate::cli::output::{Destination, stdout};
use crate::cli::table::table;

impl Component {
    /// Puts the input through a component.
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
        let outcomes = replay(&mut meter, exchanges, options, || bar.inc(1)).map_err(CliError::Encode)?;
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
