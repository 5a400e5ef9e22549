//! Recorded exchanges as the commands that replay them read them, and what is said of a run.

use std::io::{BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use genops_host::ChunkPlan;
use genops_host::replay::{Encoding, Outcomes, Recorded, ReplayOptions, quickstart, read_lines, unix_ns};
use indicatif::{ProgressBar, ProgressStyle};

use super::CliError;
use super::output::Destination;

#[derive(Args, Debug)]
pub(super) struct Input {
    /// Where bodies are cut before they are seen: whole, bytes, a number of bytes, or seed:NUMBER
    #[arg(long, value_name = "PLAN", default_value = "whole")]
    chunks: ChunkPlan,
    /// Content coding of response bodies: identity (as recorded), gzip, deflate, br or zstd
    #[arg(long, value_name = "CODING", default_value = "identity")]
    encode: Encoding,
    /// The time of exchanges that do not say their own; prices depend on it. Default: now
    #[arg(long, value_name = "RFC3339", value_parser = unix_ns)]
    at: Option<u64>,
    /// Recorded exchanges, one JSON object per line; - is standard input. Default: a built-in quickstart
    #[arg(value_name = "INPUT.jsonl")]
    inputs: Vec<PathBuf>,
}

impl Input {
    pub(super) fn exchanges(&self) -> Result<Vec<Recorded>, CliError> {
        if self.inputs.is_empty() {
            return Ok(quickstart()?);
        }
        let mut all = Vec::new();
        for path in &self.inputs {
            if path == Path::new("-") {
                all.extend(read_lines("-", std::io::stdin().lock())?);
            } else {
                let file = std::fs::File::open(path).map_err(|source| CliError::Read { path: path.clone(), source })?;
                all.extend(read_lines(&path.to_string_lossy(), BufReader::new(file))?);
            }
        }
        if all.is_empty() { Err(CliError::Nothing) } else { Ok(all) }
    }

    pub(super) fn options(&self, workers: usize) -> ReplayOptions {
        let now = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
        };
        ReplayOptions { chunks: self.chunks, encode: self.encode, workers, at_ns: self.at.unwrap_or_else(now) }
    }
}

/// Record lines where they were asked for.
pub(super) fn write_records(to: Option<&Destination>, outcomes: &Outcomes) -> Result<(), CliError> {
    let Some(destination) = to else { return Ok(()) };
    let lines: String = outcomes.records.iter().map(|record| format!("{record}\n")).collect();
    destination.write(lines.as_bytes())
}

/// Says on standard error what went wrong in a run that came to its end.
pub(super) fn complain(outcomes: &Outcomes) -> ExitCode {
    for line in &outcomes.log {
        eprintln!("filter: {line}");
    }
    for (id, reason) in &outcomes.missing {
        eprintln!("genops-host: exchange {id}: {reason}");
    }
    if outcomes.restless {
        eprintln!("genops-host: the filter keeps changing its stats; the scrape may lack what it still holds");
    }
    if outcomes.missing.is_empty() && !outcomes.restless { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(super) fn progress_bar(length: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos}/{len} exchanges {wide_bar} {elapsed}");
    ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
