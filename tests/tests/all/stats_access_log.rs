//! Envoy's own stats access logger beside the filter: the same figures with real tags, native histograms, series that go.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::prometheus::Prometheus;
use genops_tests::scrape::{Sample, parse, sum};
use genops_tests::upstream::Upstream;
use hyper::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::envoy_support::{ask, chat, chat_stream, filter};

const BOOTSTRAP: &str = "envoy/stats-access-log/envoy.yaml";
/// For scrapes, flushes and two sweeps of 3 s, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(40);
/// Model, exchanges, tokens in and out, team, customer.
const TRAFFIC: &[(&str, usize, u64, u64, &str, &str)] = &[
    ("gpt-4o-mini", 7, 1_234, 567, "platform", "acme"),
    ("gpt-4o", 4, 100_001, 20_003, "research", "a_b"),
    // No price list has it: tokens, and no cost.
    ("a-model-of-nobody", 3, 10, 10, "research", "acme"),
];

async fn all(envoy: &Envoy) -> Result<Vec<Sample>> {
    parse(&envoy.admin("/stats/prometheus?filter=^(llm|wasmcustom)").await?).map_err(anyhow::Error::msg)
}

async fn until(envoy: &Envoy, what: &str, holds: impl Fn(&[Sample]) -> bool) -> Result<Vec<Sample>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let samples = all(envoy).await?;
        if holds(&samples) {
            return Ok(samples);
        }
        if Instant::now() > deadline {
            bail!("{what}: not in {PATIENCE:?}: {samples:#?}\n{}", envoy.log());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// The traffic, and one exchange that fails: it has no tokens and no cost.
fn traffic(upstream: &Upstream) -> Vec<(Request, Leave)> {
    let mut requests = Vec::new();
    for (model, exchanges, input, output, team, customer) in TRAFFIC {
        for n in 0..*exchanges {
            let id = format!("{model}-{n}");
            let labels: [(&str, &[u8]); 2] =
                [("x-genops-team", team.as_bytes()), ("x-genops-customer-id", customer.as_bytes())];
            upstream.answer(
                &id,
                if n % 2 == 0 { chat(model, *input, *output) } else { chat_stream(model, *input, *output) },
            );
            requests.push((ask(&id, model, &labels), Leave::AtEnd));
        }
    }
    let mut failed = chat("gpt-4o-mini", 0, 0);
    failed.status = StatusCode::INTERNAL_SERVER_ERROR;
    failed.body = r#"{"error": {"message": "no", "type": "server_error"}}"#.into();
    failed.headers.remove("content-length");
    upstream.answer("failed", failed);
    requests.push((ask("failed", "gpt-4o-mini", &[]), Leave::AtEnd));
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_real_figures_the_filters_and_idle_series_go() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::of(BOOTSTRAP, &filter()?, upstream.address())?;
    bootstrap.set("/stats_flush_interval", json!("1s"))?;
    bootstrap.set("/stats_eviction_interval", json!("3s"))?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let scrape = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "scrape_native_histograms": true},
        "scrape_configs": [{
            "job_name": "llm",
            "metrics_path": "/stats/prometheus",
            "params": {"filter": ["^llm[.]"], "histogram_buckets": ["prometheusnative"]},
            "scrape_protocols": ["PrometheusProto"],
            "static_configs": [{"targets": [envoy.admin_address().to_string()]}],
        }],
    });
    let prometheus = Prometheus::with(scrape, &[], "").await?;
    // Its first scrape comes seconds after it is ready, when what an eviction takes away could be gone.
    let deadline = Instant::now() + PATIENCE;
    while prometheus.query("up").await?.first().is_none_or(|up| up.value < 1.0) {
        ensure!(Instant::now() < deadline, "no scrape\n{}", prometheus.log());
        sleep(Duration::from_millis(200)).await;
    }
    let requests = traffic(&upstream);
    let count = requests.len() as u64;
    send_all(envoy.address(), requests, 2).await;

    let samples = until(&envoy, "all are counted", |samples| {
        sum(samples, "envoy_llm_exchanges_total", &[]) == count && sum(samples, "genops_operations_total", &[]) == count
    })
    .await?;
    let pairs = [
        ("envoy_llm_tokens_input_total", "genops_tokens_input_total"),
        ("envoy_llm_tokens_output_total", "genops_tokens_output_total"),
        ("envoy_llm_cost_usd_pico_total", "genops_cost_total_usd_pico"),
    ];
    for (model, exchanges, input, _, team, customer) in TRAFFIC {
        let with = [("model", *model), ("team", *team), ("customer_id", *customer), ("provider", "openai")];
        for (theirs, ours) in pairs {
            let (theirs, ours) = (sum(&samples, theirs, &with), sum(&samples, ours, &with));
            ensure!(theirs == ours, "{model}: {theirs} of Envoy's, {ours} of the filter's");
        }
        let tokens = sum(&samples, "envoy_llm_tokens_input_total", &with);
        ensure!(tokens == *exchanges as u64 * input, "{model}: {tokens}");
    }
    ensure!(sum(&samples, "envoy_llm_cost_usd_pico_total", &[("model", "gpt-4o")]) > 0, "{samples:?}");
    ensure!(sum(&samples, "envoy_llm_exchanges_total", &[("outcome", "error")]) == 1, "{samples:?}");
    // What is not known is no count, and nothing to complain of.
    let unpriced = |s: &Sample| s.labels.get("model").is_some_and(|model| model == "a-model-of-nobody");
    ensure!(!samples.iter().any(|s| s.name.starts_with("envoy_llm_cost") && unpriced(s)), "{samples:?}");
    ensure!(!envoy.log().contains("non-number"), "{}", envoy.log());

    native_histograms(&prometheus).await?;

    let gone = |samples: &[Sample]| !samples.iter().any(|s| s.name.starts_with("envoy_llm_"));
    let kept = until(&envoy, "idle series go", gone).await?;
    ensure!(sum(&kept, "genops_operations_total", &[]) == count, "the filter's own stay: {kept:?}");
    // What comes back begins at 0, as a process that starts again.
    send_all(envoy.address(), vec![(ask("gpt-4o-0", "gpt-4o", &[]), Leave::AtEnd)], 1).await;
    until(&envoy, "it comes back", |s| sum(s, "envoy_llm_exchanges_total", &[]) == 1).await?;
    envoy.quit().await?;
    Ok(())
}

/// Counts are exact; the rest is within the width of a bucket, which Envoy chooses.
async fn native_histograms(prometheus: &Prometheus) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let dear = r#"last_over_time(envoy_llm_cost_usd{model="gpt-4o"}[5m])"#;
    let (count, sum) = loop {
        let count = prometheus.query(&format!("histogram_count({dear})")).await?;
        let sum = prometheus.query(&format!("histogram_sum({dear})")).await?;
        if let ([count], [sum]) = (&count[..], &sum[..])
            && count.value == 4.0
        {
            break (count.value, sum.value);
        }
        if Instant::now() > deadline {
            let scrapes = prometheus.query(r#"{__name__=~"up|scrape_.+|envoy_llm_.+"}"#).await?;
            bail!("{count:?} {sum:?} {scrapes:#?}\n{}", prometheus.log());
        }
        sleep(Duration::from_millis(200)).await;
    };
    // 100,001 x 2.50 + 20,003 x 10 USD per million (OpenAI's price page for gpt-4o), each time.
    let exact = count * (100_001.0 * 2.5 + 20_003.0 * 10.0) / 1e6;
    ensure!((sum / exact - 1.0).abs() < 0.05, "{sum} for {exact}");
    let median = prometheus.query(&format!("histogram_quantile(0.5, {dear})")).await?;
    let median = median.first().context("a median")?.value;
    ensure!((median / (exact / count) - 1.0).abs() < 0.5, "{median} for {}", exact / count);
    let classic = prometheus.query("envoy_llm_cost_usd_bucket").await?;
    ensure!(classic.is_empty(), "these are classic ones: {classic:?}");
    Ok(())
}
