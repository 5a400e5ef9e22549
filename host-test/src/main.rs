//! `genops-host`: runs recorded LLM exchanges, or live ones, through the GenOps filter, without Envoy.

use std::process::ExitCode;

use clap::Parser as _;

mod cli;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("genops-host: {error}");
            error.exit_code()
        }
    }
}
