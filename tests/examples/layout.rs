//! `cargo xtask layout`: writes `filter/layout.txt`, what of the filter runs in an exchange.
//!
//! The quickstart's exchanges are the sample: unary and streamed answers of several providers, an error, an abort.

use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use genops_host::replay::{Encoding, Recorded, ReplayOptions, quickstart, replay};
use genops_host::store::TagRules;
use genops_host::{ChunkPlan, FilterModule, Host, HostOptions, Plugin};
use genops_tools::wasm::{self, layout::Counted};
use genops_tools::workspace_root;

/// Before the functions.
const HEAD: &str = "\
# What of the filter runs in an exchange: `cargo xtask layout` writes it, `cargo xtask wasm` and all tests use it.
# A line is a function: its branches in order (- never taken, + always, . both ways or not come to; = no branch), its name.
# An old one costs speed and nothing else; tests/tools/src/wasm/layout says more.
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let linked = wasm::build_linked()?;
    let counted = Counted::new(&fs::read(&linked).with_context(|| linked.display().to_string())?)?;
    let config = fs::read(workspace_root().join("envoy/genops.json")).context("envoy/genops.json")?;
    let module = FilterModule::with_cache(&counted.wasm, None)?;
    let mut host = Host::start(&module, Plugin::new(config), TagRules::default(), HostOptions::default())?;
    // What only a first exchange does (series are made) is not the rule.
    drive(&mut host, quickstart()?)?;
    let before = look(&mut host, &counted)?;
    drive(&mut host, quickstart()?)?;
    let profile = counted.profile(&before, &look(&mut host, &counted)?);
    let path = workspace_root().join(wasm::LAYOUT);
    fs::write(&path, format!("{HEAD}{profile}")).with_context(|| path.display().to_string())?;
    println!("{}: {} functions", wasm::LAYOUT, profile.len());
    Ok(())
}

fn drive(host: &mut Host, exchanges: Vec<Recorded>) -> anyhow::Result<()> {
    let at_ns = HostOptions::default().start_ns;
    let options = ReplayOptions { chunks: ChunkPlan::Whole, encode: Encoding::Identity, workers: 1, at_ns };
    replay(host, exchanges, options, || ())?;
    Ok(())
}

fn look(host: &mut Host, counted: &Counted) -> anyhow::Result<Vec<u8>> {
    let vm = host.workers().vms().first().context("a worker")?;
    Ok(vm.memory().get(counted.memory()).context("the counters lie in memory")?.to_vec())
}
