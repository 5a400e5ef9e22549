//! Short traffic through a real Envoy, both surfaces scraped by a real Prometheus: the dashboards' panels have data, and
//! what Prompter asserts in its documentation holds.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use genops_acceptance::backfill::holding;
use genops_acceptance::dashboards::{Findings, look, looks_back, shipped};
use genops_acceptance::server::{ask, scraped, start};
use genops_acceptance::stage::{Stage, now};
use genops_acceptance::traffic::{Kind, Prompter};
use genops_tools::wasm;

/// Kinds that wait longer than a test needs to.
fn is_quick(kind: &Kind) -> bool {
    kind.held().1.as_millis() < 1_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panels_have_data_and_prompter_s_ratios_hold() -> Result<()> {
    let mut stage = Stage::start(&wasm::build().context("the filter")?).await?;
    let surfaces = stage.surfaces().to_vec();
    let began = now();
    let mut servers = Vec::new();
    for surface in &surfaces {
        servers.push(start(surface).await?);
    }
    for server in &servers {
        scraped(server, 3, began).await?;
    }
    let quick: Vec<Kind> = stage.kinds().iter().filter(|k| is_quick(k)).cloned().collect();
    stage.send(1, quick.iter().chain(&quick).cloned().collect()).await?;
    let settled = now();
    for server in &servers {
        scraped(server, 4, settled).await?;
    }
    let at = now();

    for (surface, server) in surfaces.iter().zip(&servers) {
        let mut findings = Findings::default();
        // What we scraped ourselves, the first an hour and more ago.
        let (first, last) = (&stage.scrapes[0], stage.scrapes.last().context("a scrape")?);
        let ago = |minutes: i64| at - minutes * 60_000;
        let points = [(ago(64), first), (ago(61), first), (ago(3), first), (ago(1), last)];
        let old = holding(surface, &points, |_| true, (65 * 60_000, "60s")).await?;
        for dashboard in shipped()? {
            look(&dashboard, server, (at, at), |p| !looks_back(p), &mut findings).await?;
            look(&dashboard, &old, (at, at), looks_back, &mut findings).await?;
        }
        let Findings { good, waiting, wrong } = findings;
        ensure!(wrong.is_empty(), "{} surface, {} panels:\n{}", surface.which, wrong.len(), wrong.join("\n"));
        println!("{} surface: {good} panels have data, {} wait for governance", surface.which, waiting.len());

        let text = surface.scrape().await?;
        for name in ["starlette_requests_total", "prompter_db_unique_violation_total"] {
            ensure!(text.contains(name), "{} surface: no {name}", surface.which);
        }
        let ratio = |what: &str| {
            let (what, server) = (what.to_owned(), server);
            async move { anyhow::Ok(ask(server, &what, at).await?.first().context(what)?.value) }
        };
        // Each kind went once in the warm-up and twice since.
        let sent = |is: &dyn Fn(&Kind) -> bool| {
            let all = stage.kinds().iter().filter(|k| is(k)).map(|k| k.counts[0] + if is_quick(k) { 2 } else { 0 });
            all.sum::<usize>() as f64
        };
        let probes = |k: &Kind| k.web.prompter == Prompter::Probes;
        let expected = sent(&|k| probes(k) && k.failed()) / sent(&probes);
        let got = ratio("sum(prompter_probe_failures_total) / sum(prompter_probe_attempts_total)").await?;
        ensure!((got - expected).abs() < 1e-9, "probe failure rate {got}, expected {expected}");
        let marked =
            |k: &Kind| !probes(k) && k.llm.as_ref().is_some_and(|llm| llm.provider == "openai" && llm.fingerprint);
        let stored = |k: &Kind| k.web.prompter == Prompter::Stores;
        let expected = sent(&marked) / sent(&stored);
        let got = ratio("prompter_openai_fingerprint_present_total / prompter_prompt_results_insert_total").await?;
        ensure!((got - expected).abs() < 1e-9, "fingerprint rate {got}, expected {expected}");
        for family in ["starlette_requests_processing_seconds", "prompter_ensure_version_seconds"] {
            let mut values = Vec::new();
            for q in ["0.5", "0.95", "0.99"] {
                values.push(ratio(&format!("histogram_quantile({q}, sum by (le) (rate({family}_bucket[5m])))")).await?);
            }
            ensure!(values.is_sorted() && values.iter().all(|v| v.is_finite()), "{family}: {values:?}");
        }
    }
    let statuses: BTreeSet<u16> = quick.iter().map(Kind::status).collect();
    ensure!(statuses.contains(&409), "no duplicate was sent");
    stage.end().await
}
