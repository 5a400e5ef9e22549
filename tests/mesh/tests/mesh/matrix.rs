//! The filter in every Envoy that it is run with: it loads, meters and is scraped, and the figures are the same.

use anyhow::{Context, Result, ensure};
use genops_mesh::istio::comparable;
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::openai::{ask, chat, chat_stream};
use genops_tests::scrape::difference;
use genops_tests::upstream::{Cuts, Ending, Upstream};
use genops_tools::{pins, tool, wasm};
use libtest_mimic::Trial;

use crate::trial;

/// The index's build for x86_64 has no V8; that for aarch64 has.
const WITHOUT_WASM: Option<&str> = if cfg!(target_arch = "x86_64") { Some("1.38.3") } else { None };

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("matrix::every_envoy_gives_the_same_scrape", every_envoy_gives_the_same_scrape)]
}

/// A body at once, a stream in small cuts, a stream that breaks off after its usage, an answer without usage, a refusal.
pub(crate) fn exchanges(upstream: &Upstream) -> Vec<(Request, Leave)> {
    let model = "gpt-4o-mini-2024-07-18";
    let stream = chat_stream(model, 2000, 30);
    let usage = String::from_utf8_lossy(&stream.body).find("data: [DONE]").unwrap_or(stream.body.len());
    upstream.answer("body", chat(model, 1000, 20));
    upstream.answer("stream", stream.clone().cut(Cuts::Bytes(7)));
    upstream.answer("broken", stream.ending(Ending::ResetAfter(usage)));
    let mut failed = chat(model, 0, 0);
    failed.status = hyper::StatusCode::TOO_MANY_REQUESTS;
    failed.body = r#"{"error": {"message": "slow down", "type": "rate_limit_error"}}"#.into();
    failed.headers.remove("content-length");
    upstream.answer("failed", failed);
    let labels: [(&str, &[u8]); 3] =
        [("x-genops-team", b"search"), ("x-genops-customer-id", b"acme"), ("x-genops-environment", b"production")];
    let with = |id: &str| (ask(id, "gpt-4o-mini", &labels), Leave::AtEnd);
    vec![with("body"), with("stream"), with("broken"), with("failed"), (ask("body", "gpt-4o-mini", &[]), Leave::AtEnd)]
}

/// What a plain Envoy says of [`exchanges`].
pub(crate) async fn plain_scrape(program: std::path::PathBuf) -> Result<String> {
    let upstream = Upstream::start().await?;
    let bootstrap = Bootstrap::shipped(&wasm::build()?, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap).program(program)).await?;
    let requests = exchanges(&upstream);
    let count = requests.len();
    // The one that breaks off takes its connection with it.
    for request in requests {
        send_all(envoy.address(), vec![request], 1).await;
    }
    let scrape = envoy.settled(count).await?;
    let lines = envoy.access_log()?;
    ensure!(lines.iter().all(|line| line.contains(r#""outcome":"#)), "{lines:?}");
    envoy.quit().await?;
    Ok(scrape)
}

async fn every_envoy_gives_the_same_scrape() -> Result<()> {
    let pinned = plain_scrape(tool::envoy()?).await?;
    let expected = comparable(&pinned)?;
    ensure!(expected.iter().any(|s| s.name == "genops_cost_total_usd_pico"), "{pinned}");
    for wheel in &pins::EARLIER_ENVOYS {
        if WITHOUT_WASM == Some(wheel.version) {
            let refused = plain_scrape(tool::earlier_envoy(wheel)?).await.err().context("it has a wasm runtime now")?;
            let why = "Envoy was compiled without support for it";
            ensure!(format!("{refused:#}").contains(why), "{refused:#}");
            println!("Envoy {}: as the index has it, it runs no wasm", wheel.version);
            continue;
        }
        let scrape =
            plain_scrape(tool::earlier_envoy(wheel)?).await.with_context(|| format!("Envoy {}", wheel.version))?;
        let found = comparable(&scrape)?;
        ensure!(
            found == expected,
            "Envoy {} differs from {}:\n{}",
            wheel.version,
            pins::ENVOY.version,
            difference(&pinned, &scrape, 20)
        );
        println!("Envoy {}: {} samples, the same as {}", wheel.version, found.len(), pins::ENVOY.version);
    }
    Ok(())
}
