//! The scrape endpoint where there is much: 10,000 series, and 100,000 hostile label values.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use genops_tests::client::{Connection, Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::prometheus::Prometheus;
use genops_tests::scrape::{self, Sample};
use genops_tests::upstream::Upstream;
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::envoy_support::{ask, chat, filter};
use crate::scrape_support::{OPEN_METRICS, TEXT, agree, by_schema_names, get, ours, strict_open_metrics};

/// Longest wait for counts to be in the scrape: Envoy takes 0.2 ms for each new series, of 1 ms in 10.
const SETTLING: Duration = Duration::from_secs(120);
const MODEL: &str = "gpt-4o-mini";

/// A bootstrap whose applications' listener answers by itself, as the provider would.
fn answering(module: &std::path::Path, configuration: &Value) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::shipped(module, SocketAddr::from(([127, 0, 0, 1], 9)))?;
    let body = String::from_utf8(chat(MODEL, 10, 5).body.to_vec())?;
    bootstrap.listener.routes(json!([{
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
        "response_headers_to_add": [{
            "header": {"key": "content-type", "value": "application/json"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    }]))?;
    bootstrap.listener.configure(&configuration.to_string())?;
    Ok(bootstrap)
}

/// Waits until so many exchanges are counted and nothing waits; gives Envoy's scrape.
async fn counted(envoy: &Envoy, exchanges: u64) -> Result<String> {
    let until = Instant::now() + SETTLING;
    loop {
        let scrape = envoy.scrape().await?;
        let samples = parsed(&scrape)?;
        let seen = scrape::sum(&samples, "genops_usage_outcomes_total", &[]);
        let pending = scrape::sum(&samples, "genops_stats_pending", &[]);
        if seen == exchanges && pending == 0 {
            // That one was begun before all was written: its first lines may be older than its last.
            return envoy.scrape().await;
        }
        ensure!(Instant::now() < until, "{seen} of {exchanges} counted, pending {pending}");
        sleep(Duration::from_millis(500)).await;
    }
}

fn parsed(scrape: &str) -> Result<Vec<Sample>> {
    scrape::parse(scrape).map_err(anyhow::Error::msg)
}

/// How long a page of the endpoint takes, on a connection that stands.
async fn timed(connection: &mut Connection, accept: &str) -> Result<(Duration, Bytes)> {
    let request = Request::new("scrape", ("GET", "metrics", "/metrics"), [("accept", accept.as_bytes())], "");
    let started = Instant::now();
    let reply = connection.send(&request, Leave::AtEnd).await;
    let took = started.elapsed();
    ensure!(reply.status == Some(200) && reply.whole, "{:?} {:?}", reply.status, reply.broken);
    Ok((took, reply.body))
}

/// The longest that a small page of the same worker took, asked for again and again until `stop`.
async fn longest(to: SocketAddr, mut stop: tokio::sync::oneshot::Receiver<()>) -> Duration {
    let mut connection = Connection::new(to);
    let request = Request::new("probe", ("GET", "metrics", "/"), [], "");
    let mut longest = Duration::ZERO;
    while stop.try_recv().is_err() {
        let started = Instant::now();
        connection.send(&request, Leave::AtEnd).await;
        longest = longest.max(started.elapsed());
    }
    longest
}

/// How long it takes, and others of that worker wait meanwhile, is printed and not judged: other programs share the
/// machine. The aims are 20 ms and 5 ms, the best of the rounds is what the filter needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow tier: ten thousand exchanges, and thirty scrapes of what they leave"]
async fn ten_thousand_series_are_whole_however_often_they_are_asked_for() -> Result<()> {
    const SERIES: usize = 10_000;
    const ROUNDS: usize = 30;
    // A project is a label set of seven series here; histograms have no project.
    const SETS: usize = 1_500;
    let configuration = json!({"provider": "openai", "filter_state": [], "labels": {
        "project": [{"header": "x-genops-project"}], "team": "platform",
    }});
    let envoy = Envoy::start(&Setup::new(answering(&filter()?, &configuration)?)).await?;
    let requests = (0..SETS * 2).map(|n| {
        let project = format!("project number {}", n % SETS);
        (ask("one", MODEL, &[("x-genops-project", project.as_bytes())]), Leave::AtEnd)
    });
    send_all(envoy.address(), requests.collect(), 4).await;
    let envoys = counted(&envoy, SETS as u64 * 2).await?;

    let metrics = envoy.metrics_address()?;
    let text = get(metrics, "/metrics", TEXT).await?;
    let series = ours(&text)?;
    agree(&by_schema_names(&envoys)?, &series)?;
    ensure!(series.len() >= SERIES, "{} series", series.len());

    let (mut best, mut calmest) = (Duration::MAX, Duration::MAX);
    let mut connection = Connection::new(metrics);
    for _ in 0..ROUNDS {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let probing = tokio::spawn(longest(metrics, stopped));
        sleep(Duration::from_millis(5)).await;
        let (took, body) = timed(&mut connection, TEXT).await?;
        ensure!(body.len() == text.len(), "{} bytes, then {}", text.len(), body.len());
        best = best.min(took);
        let _gone = stop.send(());
        calmest = calmest.min(probing.await?);
    }
    println!("{} series, {} bytes: {best:?}; others waited {calmest:?}", series.len(), text.len());
    let (_, open_metrics) = timed(&mut connection, OPEN_METRICS).await?;
    agree(&series, &strict_open_metrics(&String::from_utf8(open_metrics.to_vec())?)?)?;
    envoy.quit().await?;
    Ok(())
}

/// A value as somebody would send it who wants to break things: number `n` of them, all different.
fn hostile(n: usize) -> Vec<u8> {
    let mark = n.to_string();
    let text = |parts: &[&str]| parts.concat().into_bytes();
    match n % 10 {
        0 => text(&["x;.;model=.=evil;.;", &mark]),
        1 => text(&[&mark, ";."]),
        2 => text(&["\"} 1\\n# TYPE x counter ", &mark]),
        3 => text(&["\u{44e}\u{43d}\u{438}\u{43a}\u{43e}\u{434} \u{4e2d}\u{6587}", &mark]),
        4 => [b"\xff\xfe".as_slice(), mark.as_bytes()].concat(),
        5 => text(&["le=.=1.0;.;genops_operation_latency_seconds_bucket", &mark]),
        6 => text(&[&"long".repeat(40), &mark]),
        7 => text(&["tab\tcache.v1.", &mark, "\u{85}"]),
        8 => text(&["\\", &mark, "\\\\\""]),
        _ => [b"cut \xe4\xb8".as_slice(), mark.as_bytes()].concat(),
    }
}

/// Resident bytes of a process.
fn resident(envoy: &Envoy) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow tier: a minute of hostile traffic"]
async fn a_hundred_thousand_hostile_values_leave_a_bounded_valid_scrape() -> Result<()> {
    const VALUES: usize = 100_000;
    const BATCH: usize = 10_000;
    const SETS: u64 = 100;
    const STATS: u64 = 2_000;
    const WORKERS: u32 = 2;
    // Envoy's own buffers and its access log breathe; 100,000 values kept at 100 bytes would be 10 MB and more.
    const GROWTH: u64 = 8 * 1024 * 1024;
    let source = |header: &str| json!([{"header": header}]);
    let configuration = json!({
        "provider": "openai", "filter_state": [], "max_label_cardinality": SETS, "max_stats": STATS,
        "labels": {
            "team": source("x-genops-team"), "project": source("x-genops-project"),
            "customer_id": source("x-genops-customer-id"), "feature": source("x-genops-feature"),
            "environment": source("x-genops-environment"),
        },
    });
    let envoy = Envoy::start(&Setup::new(answering(&filter()?, &configuration)?).workers(WORKERS)).await?;
    let template = ask("one", MODEL, &[]);
    let (mut accepted, mut settled) = (0_u64, None);
    for batch in 0..VALUES / BATCH {
        let requests = (0..BATCH).map(|n| {
            let mut request = template.clone();
            let value = HeaderValue::from_bytes(&hostile(batch * BATCH + n)).expect("bytes that a header may hold");
            for name in ["project", "feature", "team", "customer-id", "environment"] {
                request.headers.insert(
                    hyper::header::HeaderName::from_bytes(format!("x-genops-{name}").as_bytes()).expect("a name"),
                    value.clone(),
                );
            }
            (request, Leave::AtEnd)
        });
        let replies = send_all(envoy.address(), requests.collect(), 8).await;
        ensure!(replies.iter().all(|r| r.status == Some(200) && r.whole), "a hostile value broke traffic");
        accepted += replies.len() as u64;
        counted(&envoy, accepted).await?;
        // What grows at first is what is bounded: from the third batch on nothing new may stay.
        match settled {
            None if batch == 2 => settled = Some(resident(&envoy)?),
            _ => {}
        }
    }
    let grown = resident(&envoy)?.saturating_sub(settled.context("a third batch")?);
    println!("{VALUES} values: grown by {grown} bytes after the first {}", 3 * BATCH);
    ensure!(grown <= GROWTH, "{grown} bytes more");

    let envoys = counted(&envoy, VALUES as u64).await?;
    let text = get(envoy.metrics_address()?, "/metrics", TEXT).await?;
    let series = strict_open_metrics(&get(envoy.metrics_address()?, "/metrics", OPEN_METRICS).await?)?;
    agree(&by_schema_names(&envoys)?, &series)?;
    agree(&series, &ours(&text)?)?;

    let samples = parsed(&envoys)?;
    let sets = |family: &str| samples.iter().filter(|s| s.name == family).count() as u64;
    // Where all that may fold has folded there is one set more.
    ensure!(sets("genops_tokens_input_total") <= SETS + 1, "{} sets", sets("genops_tokens_input_total"));
    // The cap on label sets holds over all workers. That on stats holds for each: it sees the other's only once these are
    // defined, so in a burst both fill what they see free.
    ensure!(samples.len() as u64 <= STATS * u64::from(WORKERS), "{} stats", samples.len());
    let models: BTreeSet<&str> = samples.iter().filter_map(|s| s.labels.get("model")).map(String::as_str).collect();
    ensure!(models.iter().all(|m| [MODEL, "other"].contains(m)), "{models:?}");
    let folded = scrape::sum(&samples, "genops_series_overflow_total", &[]);
    let rejected = scrape::sum(&samples, "genops_label_rejected_total", &[("label", "project")]);
    // Three kinds of ten are refused as a project: two are no UTF-8, one is too long.
    ensure!(rejected == VALUES as u64 * 3 / 10, "{rejected} refused");
    ensure!(folded >= VALUES as u64 / 2, "{folded} folded");
    ensure!(scrape::sum(&samples, "genops_tokens_input_total", &[]) == VALUES as u64 * 10, "tokens are lost");
    envoy.quit().await?;
    Ok(())
}

/// A real Prometheus scrapes both forms of the filter's own surface, and they say the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_takes_both_forms() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?).workers(2)).await?;
    upstream.answer("one", chat(MODEL, 1_000, 500));
    send_all(envoy.address(), vec![(ask("one", MODEL, &[("x-genops-team", b"a")]), Leave::AtEnd); 20], 4).await;
    let envoys = by_schema_names(&envoy.settled(20).await?)?;
    let target = envoy.metrics_address()?.to_string();
    let job = |name: &str, form: &str| json!({"job_name": name, "scrape_protocols": [form], "static_configs": [{"targets": [target]}]});
    let config = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job("text", "PrometheusText0.0.4"), job("openmetrics", "OpenMetricsText1.0.0")],
    });
    let prometheus = Prometheus::configured(&config, tempfile::TempDir::with_prefix("genops-prometheus-")?).await?;
    for job in ["text", "openmetrics"] {
        let until = Instant::now() + SETTLING;
        let found = loop {
            let found = prometheus.query(&format!("{{job=\"{job}\",__name__=~\"genops_.+\"}}")).await?;
            if found.len() >= envoys.len() || Instant::now() > until {
                break found;
            }
            sleep(Duration::from_millis(200)).await;
        };
        let up = prometheus.query(&format!("up{{job=\"{job}\"}}")).await?;
        ensure!(up.first().is_some_and(|s| s.value == 1.0), "{job} is down: {}", prometheus.log());
        let seen = found.into_iter().map(|series| {
            let mut labels: std::collections::BTreeMap<String, String> = serde_json::from_value(series.labels)?;
            let name = labels.remove("__name__").context("a name")?;
            ensure!(labels.remove("job").is_some() && labels.remove("instance").is_some(), "{name} {labels:?}");
            Ok(((name, labels), series.value))
        });
        agree(&envoys, &seen.collect::<Result<_>>()?).with_context(|| job.to_owned())?;
    }
    // It asks for gzip, and gets it: what it could not read it would say.
    ensure!(!prometheus.log().contains("level=ERROR"), "{}", prometheus.log());
    envoy.quit().await?;
    Ok(())
}
