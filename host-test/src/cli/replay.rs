//! `genops-host replay`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use genops_host::replay::{Outcomes, replay};
use genops_host::{HostOptions, PrometheusQuery};

use super::CliError;
use super::filter::Filter;
use super::input::{Input, complain, progress_bar, write_records};
use super::output::{Destination, stdout};
use super::table::table;

#[derive(Args, Debug)]
pub(crate) struct Replay {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    input: Input,
    /// Worker VMs; they take the exchanges in turn and share one stat store
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Where record lines go, one JSON object per exchange in input order; - is standard output
    #[arg(long, value_name = "FILE|-")]
    records: Option<Destination>,
    /// Where the scrape goes; - is standard output. Default: behind the table
    #[arg(long, value_name = "FILE|-")]
    scrape: Option<Destination>,
    /// Form of the scrape
    #[arg(long, value_name = "FORM", default_value = "envoy")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// What Envoy's /stats/prometheus prints, byte for byte
    Envoy,
    /// The same store as OpenMetrics, fractions in whole units
    Openmetrics,
    /// What the filter answers itself where it is configured to, in Prometheus text 0.0.4
    Filter,
    /// The same in OpenMetrics 1.0.0
    FilterOpenmetrics,
}

/// The endpoint that the two last forms ask, where the configuration names none.
const SCRAPE_PATH: &str = "/metrics";

impl Replay {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        // Everything that can be wrong with the input is found before anything runs or is written.
        let exchanges = self.input.exchanges()?;
        let options = self.input.options(usize::from(self.workers));
        let accept = match self.format {
            Format::Filter => Some("text/plain; version=0.0.4"),
            Format::FilterOpenmetrics => Some("application/openmetrics-text; version=1.0.0"),
            Format::Envoy | Format::Openmetrics => None,
        };
        let mut scrape_path = String::new();
        let host_options = HostOptions { workers: options.workers, start_ns: options.at_ns, ..HostOptions::default() };
        let mut host = self.filter.host(host_options, |config| {
            if accept.is_some() {
                scrape_path = scraped(config);
            }
        })?;

        let bar = progress_bar(exchanges.len());
        let outcomes = replay(&mut host, exchanges, options, || bar.inc(1)).map_err(CliError::Encode)?;
        bar.finish_and_clear();

        let scrape = match self.format {
            Format::Envoy => host.prometheus(&PrometheusQuery::default()),
            Format::Openmetrics => host.openmetrics().ok_or(CliError::OpenMetrics)?.into_bytes(),
            Format::Filter | Format::FilterOpenmetrics => {
                let report = host.get(0, &scrape_path, &[("accept", accept.unwrap_or_default())]);
                report.local_reply.filter(|reply| reply.status == 200).ok_or(CliError::NoScrape(scrape_path))?.body
            }
        };
        self.print(&outcomes, &scrape)?;
        Ok(complain(&outcomes))
    }

    /// Records and scrape where they were asked for; the table on standard output unless that is taken. A scrape that
    /// nobody asked for stands behind the table.
    fn print(&self, outcomes: &Outcomes, scrape: &[u8]) -> Result<(), CliError> {
        write_records(self.records.as_ref(), outcomes)?;
        let mut shown = table(&outcomes.summary).into_bytes();
        if self.scrape.is_none() {
            shown.push(b'\n');
            shown.extend_from_slice(scrape);
        }
        let taken = [&self.records, &self.scrape].into_iter().any(|to| *to == Some(Destination::Stdout));
        if taken {
            eprint!("{}", String::from_utf8_lossy(&shown));
        } else {
            stdout(&shown)?;
        }
        match &self.scrape {
            Some(destination) => destination.write(scrape),
            None => Ok(()),
        }
    }
}

/// The path where the filter answers scrapes, after making it answer where the configuration does not say. What is no
/// JSON object is left for the filter to refuse.
fn scraped(config: &mut Vec<u8>) -> String {
    if config.trim_ascii().is_empty() {
        *config = b"{}".to_vec();
    }
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(config) else { return SCRAPE_PATH.to_owned() };
    if let Some(scrape) = object.get("scrape") {
        return scrape.get("path").and_then(serde_json::Value::as_str).unwrap_or(SCRAPE_PATH).to_owned();
    }
    // The rest of the text stays as it is: what the filter refuses in it must be refused.
    let (brace, comma) =
        (config.iter().position(|b| *b == b'{').unwrap_or(0), if object.is_empty() { "" } else { "," });
    config.splice(brace..=brace, format!("{{\"scrape\":{{\"path\":\"{SCRAPE_PATH}\"}}{comma}").into_bytes());
    SCRAPE_PATH.to_owned()
}
