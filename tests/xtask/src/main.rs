//! The task runner. Its steps are CI's steps: `.ci/run` calls `cargo xtask test --mesh` and nothing else.

mod cargo;
mod step;
mod tasks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the GenOps filter.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The tests, with a real Envoy and a real Prometheus, and all that they need
    Test {
        /// Also formatting, lints, docs, the tests that take minutes, and those of the packages beside filter and host
        #[arg(long)]
        slow: bool,
        /// Everything: also a real Istio, a real Envoy Gateway, registries, earlier Envoys
        #[arg(long)]
        mesh: bool,
    },
    /// Formatting, lints and docs of the code
    Lint,
    /// Write the generated files: stats_tags, rules, the Envoy configurations
    Generate {
        /// Write nothing; fail if a generated file is not what would be written
        #[arg(long)]
        check: bool,
        /// Write nothing; print the tags that this plugin configuration (JSON) needs
        #[arg(long = "for", value_name = "CONFIG", conflicts_with = "check")]
        config: Option<PathBuf>,
    },
    /// Write filter/layout.txt: run the filter with counters, for the module's order to follow what runs
    Layout,
    /// Measure what the filter costs on a real Envoy, beside bare Envoy and other ways to do the same
    Bench {
        /// Options of the bench, `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Ask every expression of the sources of a real Prometheus, over both surfaces, and judge each answer
    Acceptance {
        /// Options of the command, `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Start a part of the shipped set-up, with the tools that the tests use
    Start {
        /// Which
        #[arg(value_enum)]
        part: Part,
    },
    /// Build the filter's wasm and print its path
    Wasm,
    /// Build the meter as a WebAssembly component and print its path
    Component,
    /// Build the filter's OCI images and push them where asked
    Image {
        /// `--push REF`, `--digest` and others, `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Resolve (fetch, build) all tools and print where they are
    Tools {
        /// Also those of the slow tier
        #[arg(long)]
        mesh: bool,
    },
}

/// How much of the tests is run; each is a part of the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// What a newcomer waits for.
    Ordinary,
    /// All that needs no mesh.
    Slow,
    /// Everything: what CI runs.
    Mesh,
}

impl Extent {
    fn command(self) -> &'static str {
        match self {
            Self::Ordinary => "cargo xtask test",
            Self::Slow => "cargo xtask test --slow",
            Self::Mesh => "cargo xtask test --mesh",
        }
    }
}

/// A part of the shipped set-up.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// Envoy with the filter: traffic on 10000, the filter's scrape on 8000, Envoy's own on 9901
    Envoy,
    /// Prometheus on the filter's scrape, with the shipped rules: 9090
    Prometheus,
    /// The dashboards as a page, without Grafana: 3000
    Dashboards,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test { mesh: true, .. } => tasks::test(Extent::Mesh),
        Task::Test { slow: true, .. } => tasks::test(Extent::Slow),
        Task::Test { .. } => tasks::test(Extent::Ordinary),
        Task::Lint => tasks::lint(),
        Task::Generate { config: Some(config), .. } => tasks::tags_for(&config),
        Task::Generate { check, .. } => tasks::generate(check),
        Task::Layout => tasks::layout(),
        Task::Bench { options } => tasks::bench(&options),
        Task::Acceptance { options } => tasks::acceptance(&options),
        Task::Start { part } => tasks::start(part),
        Task::Wasm => tasks::wasm(),
        Task::Component => tasks::component(),
        Task::Image { options } => tasks::image(&options),
        Task::Tools { mesh } => tasks::tools(mesh),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
