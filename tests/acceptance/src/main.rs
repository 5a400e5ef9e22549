//! `cargo xtask acceptance`. Exits with 1 where an answer is wrong, or where the list of expressions is not there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::{ContentArrangement, Table, presets};
use genops_acceptance::dashboards::draw;
use genops_acceptance::queries::{Entry, Left, read};
use genops_acceptance::run::{Verdict, run};
use genops_acceptance::serve::serve;
use genops_acceptance::surface::Which;
use genops_tools::{wasm, workspace_root};

/// Every expression of the sources, asked of a real Prometheus and judged.
#[derive(Parser)]
struct Options {
    /// The list of expressions
    #[arg(long)]
    queries: Option<PathBuf>,
    /// Only entries whose id begins so
    #[arg(long)]
    only: Option<String>,
    /// Draw the dashboards' pictures for the docs instead
    #[arg(long)]
    pictures: bool,
    /// Show the dashboards on this address instead, from the Prometheus at `--prometheus`
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<SocketAddr>,
    /// A running Prometheus
    #[arg(long, default_value = "127.0.0.1:9090")]
    prometheus: SocketAddr,
    /// Another build of the filter than that of this tree
    #[arg(long)]
    module: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Some(at) = options.serve {
        runtime.block_on(serve(at, options.prometheus))?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.pictures {
        for file in runtime.block_on(draw(&module(&options)?))? {
            println!("{}", file.display());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let path = options.queries.clone().unwrap_or_else(|| workspace_root().join("../shared/acceptance/queries.json"));
    if !path.is_file() {
        eprintln!(
            "NOT RUN: {} is absent. The list of the sources' expressions is not part of this repository; --queries names \
             another place.",
            path.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let entries = read(&path)?;
    let chosen = |e: &&Entry| options.only.as_ref().is_none_or(|begin| e.id.starts_with(begin));
    let asked: Vec<&Entry> = entries.iter().filter(chosen).filter(|e| e.left().is_none()).collect();
    let began = Instant::now();
    let verdicts = runtime.block_on(run(&module(&options)?, &asked))?;
    println!("{}", table(&asked, &verdicts));
    println!("{}", left(&entries));
    eprintln!("{:.0} s", began.elapsed().as_secs_f64());
    let right = |which| {
        let all = || verdicts.iter().filter(|v| v.which == which);
        (all().filter(|v| v.wrong.is_none()).count(), all().count())
    };
    let (on_envoys, of_envoys) = right(Which::Envoy);
    let (on_own, of_own) = right(Which::Filter);
    println!("{on_envoys} of {of_envoys} right on Envoy's surface, {on_own} of {of_own} right on the filter's");
    let all = on_envoys == asked.len() && on_own == asked.len() && !asked.is_empty();
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn module(options: &Options) -> Result<PathBuf> {
    options.module.clone().map_or_else(|| wasm::build().context("the filter"), Ok)
}

fn table(asked: &[&Entry], verdicts: &[Verdict]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["entry", "kind", "name or expression", "judged", "Envoy's", "the filter's"]);
    for entry in asked {
        let of = |which| verdicts.iter().find(|v| v.id == entry.id && v.which == which);
        let says = |verdict: Option<&Verdict>| match verdict {
            None => "NOT ASKED".to_owned(),
            Some(Verdict { wrong: None, .. }) => "right".to_owned(),
            Some(Verdict { wrong: Some(wrong), .. }) => format!("WRONG: {wrong}"),
        };
        let (envoys, own) = (of(Which::Envoy), of(Which::Filter));
        let way = envoys.or(own).map_or("", |v| v.way.as_str());
        let expr = entry.expr.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = entry.name.clone().unwrap_or(expr);
        table.add_row([entry.id.clone(), entry.kind.clone(), name, way.to_owned(), says(envoys), says(own)]);
    }
    table
}

fn left(entries: &[Entry]) -> String {
    let mut reasons: BTreeMap<Left, Vec<&str>> = BTreeMap::new();
    for entry in entries {
        if let Some(left) = entry.left() {
            reasons.entry(left).or_default().push(&entry.id);
        }
    }
    let line =
        |(left, ids): (&Left, &Vec<&str>)| format!("not asked, {} ({}): {}", left.reason(), ids.len(), ids.join(" "));
    reasons.iter().map(line).collect::<Vec<_>>().join("\n")
}
