//! Every folder of `examples/`, executed: what it says comes out is what comes out.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use genops_host::replay::{Encoding, ReplayOptions, read_lines, replay};
use genops_host::{ChunkPlan, FilterModule, Host, HostOptions, Plugin, PrometheusQuery, TagRule, TagRules};
use genops_tests::generated::workspace;

use crate::envoy_support::filter;

/// Writes what comes out instead of comparing it.
const UPDATE: &str = "UPDATE_EXAMPLES";

fn run(case: &Path, module: &FilterModule, chunks: ChunkPlan) -> Result<(String, String)> {
    let config = fs::read(case.join("config.json"))?;
    let rules: Vec<TagRule> = serde_json::from_slice(&fs::read(workspace().join("envoy/stats_tags.json"))?)?;
    let exchanges = read_lines("exchanges.jsonl", BufReader::new(fs::File::open(case.join("exchanges.jsonl"))?))?;
    let mut host = Host::start(module, Plugin::new(config), TagRules::new(&rules, true)?, HostOptions::default())?;
    let options = ReplayOptions { chunks, encode: Encoding::Identity, workers: 1, at_ns: 0 };
    let outcomes = replay(&mut host, exchanges, options, || {})?;
    ensure!(outcomes.missing.is_empty() && !outcomes.restless && outcomes.log.is_empty(), "{outcomes:?}");
    let records = outcomes.records.iter().map(|r| format!("{r}\n")).collect();
    Ok((records, String::from_utf8(host.prometheus(&PrometheusQuery::default()))?))
}

/// Latency depends on how many callbacks the chunk plan makes: the host's clock moves at each.
fn timeless(scrape: &str) -> String {
    let timed = |line: &&str| line.contains("_seconds_bucket{") || line.contains("_seconds_sum_nano{");
    scrape.lines().filter(|line| !timed(line)).map(|line| format!("{line}\n")).collect()
}

fn without_time(records: &str) -> Result<String> {
    let pattern = regex::Regex::new(r#""time_to_first_token_ms":\d+"#)?;
    Ok(pattern.replace_all(records, r#""time_to_first_token_ms":0"#).into_owned())
}

#[test]
fn examples_say_what_comes_out() -> Result<()> {
    let module = FilterModule::from_file(&filter()?)?;
    let mut cases = 0;
    for entry in fs::read_dir(workspace().join("examples"))? {
        let case = entry?.path();
        if !case.is_dir() {
            continue;
        }
        cases += 1;
        let (records, scrape) = run(&case, &module, ChunkPlan::Whole)?;
        let (records_path, scrape_path) = (case.join("expected.jsonl"), case.join("expected.prom"));
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&records_path, &records)?;
            fs::write(&scrape_path, &scrape)?;
        }
        let name = case.display();
        ensure!(fs::read_to_string(&records_path).with_context(|| format!("{name}"))? == records, "{name}: {records}");
        ensure!(fs::read_to_string(&scrape_path).with_context(|| format!("{name}"))? == scrape, "{name}: {scrape}");

        let (cut_records, cut_scrape) = run(&case, &module, ChunkPlan::Bytes)?;
        ensure!(without_time(&cut_records)? == without_time(&records)?, "{name}, cut at every byte: {cut_records}");
        ensure!(timeless(&cut_scrape) == timeless(&scrape), "{name}, cut at every byte: {cut_scrape}");
    }
    ensure!(cases >= 3, "only {cases} examples were found");
    Ok(())
}
