//! The command line.

mod component;
mod cost;
mod error;
mod filter;
mod input;
mod output;
mod replay;
mod serve;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use component::Component;
use cost::{CostBreakdown, CostReport};
pub(crate) use error::CliError;
use replay::Replay;
use serve::Serve;

/// Runs the GenOps filter without Envoy: recorded exchanges or live traffic in, token usage, dollars and Envoy's own
/// scrape out.
#[derive(Parser, Debug)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command: `replay`.
    #[command(flatten)]
    replay: Replay,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Drive recorded exchanges through the filter and print what they used and cost, then the scrape.
    Replay(Replay),
    /// The same through the meter as a WebAssembly component: records and table, and no scrape.
    Component(Component),
    /// Stand between a client and its providers as a reverse proxy, with /metrics and a live page.
    Serve(Serve),
    /// Ask Prometheus what was spent in a period, by provider and model, and what has no price.
    CostReport(CostReport),
    /// Ask Prometheus what was spent in a period, by one label, the most expensive first.
    CostBreakdown(CostBreakdown),
}

impl Cli {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        match self.command {
            Some(Command::Replay(replay)) => replay.run(),
            Some(Command::Component(component)) => component.run(),
            Some(Command::Serve(serve)) => serve.run(),
            Some(Command::CostReport(report)) => report.run(),
            Some(Command::CostBreakdown(breakdown)) => breakdown.run(),
            None => self.replay.run(),
        }
    }
}
