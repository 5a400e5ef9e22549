//! Too many of everything, on the native host: caps over all workers at every moment, and what sampling thins.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use genops_host::{ChunkPlan, FilterModule, Host, HostOptions, Plugin, PrometheusQuery, TagRule, TagRules};
use genops_tests::scrape::{Sample, parse, sum};
use genops_tools::workspace_root;
use serde_json::{Value, json};

use crate::envoy_support::{ask, chat, filter, native_exchange};

const MODEL: &str = "gpt-4o-mini";

fn host(configuration: &Value, workers: usize) -> Result<Host> {
    let text = std::fs::read_to_string(workspace_root().join("envoy/stats_tags.json"))?;
    let rules: Vec<TagRule> = serde_json::from_str(&text)?;
    let options = HostOptions { workers, ..HostOptions::default() };
    let plugin = Plugin::new(configuration.to_string());
    Ok(Host::start(&FilterModule::from_file(&filter()?)?, plugin, TagRules::new(&rules, true)?, options)?)
}

/// One exchange of `team` on a worker; whether its record was shown.
fn send(host: &mut Host, worker: usize, id: &str, team: &str) -> Result<bool> {
    let request = ask(id, MODEL, &[("x-genops-team", team.as_bytes())]);
    let (_, exchange) = native_exchange(&request, &chat(MODEL, 10, 5), None);
    let report = host.exchange(worker, &exchange, ChunkPlan::Whole);
    ensure!(report.trap.is_none(), "{:?}", report.trap);
    Ok(report.filter_state.contains_key(b"wasm.genops.record".as_slice()))
}

fn scrape(host: &mut Host) -> Result<Vec<Sample>> {
    ensure!(host.drain_ticks(), "the filter never came to rest");
    let text = String::from_utf8_lossy(&host.prometheus(&PrometheusQuery::default())).into_owned();
    parse(&text).map_err(anyhow::Error::msg)
}

fn teams(samples: &[Sample], family: &str) -> BTreeSet<String> {
    samples.iter().filter(|s| s.name == family).filter_map(|s| s.labels.get("team").cloned()).collect()
}

fn gauge(samples: &[Sample], name: &str) -> Result<u64> {
    let sample = samples.iter().find(|s| s.name == name).with_context(|| name.to_owned())?;
    Ok(sample.value.parse()?)
}

#[test]
fn label_sets_stay_within_the_cap_over_all_workers() -> Result<()> {
    let labels = json!({"team": [{"header": "x-genops-team"}]});
    let mut host = host(&json!({"provider": "openai", "labels": labels, "max_label_cardinality": 40}), 4)?;
    for round in 0..2 {
        for n in 0..200 {
            // No tick in between: what one worker has begun, the others must know all the same.
            send(&mut host, n + round, &format!("{round}-{n}"), &format!("team-{n}"))?;
        }
    }
    let samples = scrape(&mut host)?;
    let sets = samples.iter().filter(|s| s.name == "genops_operations_total").count();
    ensure!((30..=40).contains(&sets), "{sets} label sets");
    let named = teams(&samples, "genops_operations_total");
    ensure!(named.contains("team-0") && named.contains("other") && !named.contains("team-199"), "{named:?}");
    ensure!(sum(&samples, "genops_operations_total", &[]) == 400);
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == 4000);
    ensure!(sum(&samples, "genops_series_overflow_total", &[("folded", "team")]) == 2 * (200 - sets as u64 + 1));
    ensure!(gauge(&samples, "genops_series_active")? == sets as u64 && gauge(&samples, "genops_series_limit")? == 40);
    ensure!(gauge(&samples, "genops_stats_limit")? == 50_000 && gauge(&samples, "genops_stats_active")? > 500);
    Ok(())
}

#[test]
fn a_label_may_have_so_many_values_and_no_more() -> Result<()> {
    let labels = json!({"team": [{"header": "x-genops-team"}], "environment": "production"});
    let mut host = host(&json!({"provider": "openai", "labels": labels, "label_limits": {"team": 5}}), 3)?;
    for n in 0..60 {
        send(&mut host, n, &format!("{n}"), &format!("team-{}", n % 20))?;
    }
    let samples = scrape(&mut host)?;
    let named = teams(&samples, "genops_operations_total");
    // Whichever five are counted first: each worker counts at its own tick.
    ensure!(named.len() == 6 && named.contains("other"), "{named:?}");
    ensure!(sum(&samples, "genops_operations_total", &[("team", "other")]) == 45);
    ensure!(sum(&samples, "genops_operations_total", &[("environment", "production")]) == 60);
    ensure!(sum(&samples, "genops_series_overflow_total", &[("folded", "team")]) == 45);
    Ok(())
}

/// Histograms are most of the stats: they fold while counters still tell teams apart.
#[test]
fn histograms_fold_first() -> Result<()> {
    let labels = json!({"team": [{"header": "x-genops-team"}]});
    let mut host = host(&json!({"provider": "openai", "labels": labels, "max_stats": 1000}), 1)?;
    for n in 0..80 {
        send(&mut host, 0, &format!("{n}"), &format!("team-{n}"))?;
    }
    let samples = scrape(&mut host)?;
    ensure!(gauge(&samples, "genops_stats_active")? <= 1000, "{samples:?}");
    let told = |family| teams(&samples, family).len();
    let (counters, histograms) = (told("genops_operations_total"), told("genops_operation_latency_seconds_count"));
    ensure!(counters > histograms && histograms > 10, "{counters} teams in counters, {histograms} in histograms");
    ensure!(sum(&samples, "genops_operations_total", &[]) == 80);
    ensure!(sum(&samples, "genops_operation_latency_seconds_count", &[]) == 80);
    Ok(())
}

#[test]
fn sampling_thins_histograms_and_records_and_no_count() -> Result<()> {
    let configuration = json!({"provider": "openai", "sampling_rate": 0.25});
    let mut runs = Vec::new();
    for workers in [1, 2] {
        let mut host = host(&configuration, workers)?;
        let mut shown = Vec::new();
        for n in 0..400 {
            if send(&mut host, n, &format!("request-{n}"), "a")? {
                shown.push(n);
            }
        }
        let samples = scrape(&mut host)?;
        let kept = shown.len() as u64;
        ensure!((70..=130).contains(&kept), "{kept} of 400");
        ensure!(sum(&samples, "genops_operation_latency_seconds_count", &[]) == kept);
        ensure!(sum(&samples, "genops_operation_latency_seconds_bucket", &[("le", "+Inf")]) == kept);
        ensure!(sum(&samples, "genops_operations_total", &[]) == 400);
        ensure!(sum(&samples, "genops_tokens_total", &[]) == 6000);
        ensure!(sum(&samples, "genops_usage_outcomes_total", &[("outcome", "complete")]) == 400);
        runs.push(shown);
    }
    ensure!(runs[0] == runs[1], "the choice depends on workers");
    Ok(())
}
