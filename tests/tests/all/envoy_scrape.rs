//! The filter's own scrape on a real Envoy: the same truth as Envoy's surface, in the schema's names and units, readable
//! to strangers in both forms, whichever worker is asked.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use genops_host::{ChunkPlan, FilterModule, Host, HostOptions, Plugin, TagRule, TagRules};
use genops_tests::client::{Connection, Leave, Reply, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape;
use genops_tests::upstream::Upstream;

use crate::envoy_support::{Native, ask, chat, chat_stream, filter, native_exchange, now_ns};
use crate::scrape_support::{
    OPEN_METRICS, Samples, TEXT, agree, by_schema_names, get, ours, strangers_text, strict_open_metrics, timeless,
};

/// Model, exchanges, tokens in and out, team, project.
const TRAFFIC: &[(&str, usize, u64, u64, &str, &str)] = &[
    ("gpt-4o-mini", 7, 1_234, 567, "platform", "plain"),
    ("gpt-4o", 5, 100_001, 20_003, "research", "with \"quotes\" and \\ back\\slashes\\"),
    ("gpt-4.1-nano", 9, 1, 1, "platform", "\u{44e}\u{43d}\u{438}\u{43a}\u{43e}\u{434} \u{1f600}"),
    ("a-model-of-nobody", 3, 10, 10, "research", "x;.;model=.=evil;.;genops_cost_total_usd_pico"),
];
/// So many connections that the kernel gives some to each worker.
const CONNECTIONS: usize = 16;
/// Scrapes that are read by strangers, each over a new connection.
const SCRAPES: usize = 4;

/// The traffic, and the same for the native host.
fn traffic(upstream: &Upstream) -> (Vec<(Request, Leave)>, Vec<Native>) {
    let (mut requests, mut natives) = (Vec::new(), Vec::new());
    for (model, exchanges, input, output, team, project) in TRAFFIC {
        for n in 0..*exchanges {
            let id = format!("{model}-{n}");
            let headers = [("x-genops-team", team.as_bytes()), ("x-genops-project", project.as_bytes())];
            let request = ask(&id, model, &headers);
            let answer = if n % 2 == 0 { chat(model, *input, *output) } else { chat_stream(model, *input, *output) };
            natives.push(native_exchange(&request, &answer, None));
            upstream.answer(&id, answer);
            requests.push((request, Leave::AtEnd));
        }
    }
    (requests, natives)
}

async fn surfaces_agree(workers: u32) -> Result<()> {
    let (module, upstream) = (filter()?, Upstream::start().await?);
    let bootstrap = Bootstrap::shipped(&module, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap.clone()).workers(workers)).await?;
    let (requests, natives) = traffic(&upstream);
    let count = requests.len();
    send_all(envoy.address(), requests, CONNECTIONS).await;
    let envoys = by_schema_names(&envoy.settled(count).await?)?;
    ensure!(envoys.len() > 100, "{} series", envoys.len());

    // New connections each time: any worker may take it.
    for _ in 0..SCRAPES {
        let text = get(envoy.metrics_address()?, "/metrics", TEXT).await?;
        agree(&envoys, &ours(&text)?)?;
        agree(&envoys, &strangers_text(&text)?)?;
        let open_metrics = get(envoy.metrics_address()?, "/metrics", OPEN_METRICS).await?;
        agree(&envoys, &strict_open_metrics(&open_metrics)?)?;
    }

    let host = native_scrapes(&bootstrap, &module, workers as usize, natives)?;
    agree(&timeless(&envoys), &timeless(&ours(&host.0)?))?;
    agree(&timeless(&envoys), &timeless(&strict_open_metrics(&host.1)?))?;
    // And the host's own two surfaces, time and all.
    agree(&by_schema_names(&host.2)?, &ours(&host.0)?)?;
    envoy.quit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_surfaces_and_the_native_host_agree_with_one_worker() -> Result<()> {
    surfaces_agree(1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_surfaces_and_the_native_host_agree_with_two_workers() -> Result<()> {
    surfaces_agree(2).await
}

/// What the native host prints: the filter's text, its OpenMetrics, and Envoy's surface. Its clock moves as the filter
/// looks at it, so that a scrape needs several slices.
fn native_scrapes(
    bootstrap: &Bootstrap,
    module: &std::path::Path,
    workers: usize,
    exchanges: Vec<Native>,
) -> Result<(String, String, String)> {
    let rules: Vec<TagRule> = serde_json::from_value(bootstrap.stats_tags()?.clone())?;
    let metering = bootstrap.listener.configuration()?;
    // One plugin has both jobs here.
    let configuration = metering.replacen('{', r#"{"scrape": {},"#, 1);
    let options = HostOptions { workers, start_ns: now_ns()?, read_ns: 50_000, ..HostOptions::default() };
    let mut host = Host::start(
        &FilterModule::from_file(module)?,
        Plugin::new(configuration),
        TagRules::new(&rules, true)?,
        options,
    )?;
    for (index, (id, exchange)) in exchanges.into_iter().enumerate() {
        let report = host.exchange(index, &exchange, ChunkPlan::Whole);
        ensure!(report.trap.is_none(), "{id}: {:?}", report.trap);
    }
    ensure!(host.drain_ticks(), "the filter never came to rest");
    let mut of = |worker: usize, accept: &str| -> Result<String> {
        let report = host.get(worker, "/metrics", &[("accept", accept)]);
        ensure!(!report.stalled && report.trap.is_none(), "{:?}", report.trap);
        let reply = report.local_reply.context("an answer")?;
        ensure!(reply.status == 200 && reply.details == "genops_scrape", "{} {}", reply.status, reply.details);
        Ok(String::from_utf8(reply.body)?)
    };
    let scrapes = (of(0, TEXT)?, of(1, OPEN_METRICS)?);
    ensure!(of(1, TEXT)?.len() == scrapes.0.len(), "workers differ");
    let query = genops_host::PrometheusQuery {
        filter: Some(regex::bytes::Regex::new("genops")?),
        ..genops_host::PrometheusQuery::default()
    };
    let envoys = String::from_utf8_lossy(&host.prometheus(&query)).into_owned();
    Ok((scrapes.0, scrapes.1, envoys))
}

/// The variables of the source systems, in the VM's environment.
#[test]
fn the_environment_says_what_the_configuration_does_not() -> Result<()> {
    let mut plugin = Plugin::new(r#"{"scrape": {}}"#);
    for (name, value) in [("PROMETHEUS_NAMESPACE", "acme"), ("PROMETHEUS_METRICS_PATH", "/m"), ("METRICS_ENV", "prod")]
    {
        plugin.environment.push((name.to_owned(), value.to_owned()));
    }
    let module = FilterModule::from_file(&filter()?)?;
    let mut host = Host::start(&module, plugin, TagRules::default(), HostOptions::default())?;
    let (_, exchange) = native_exchange(&ask("one", "gpt-4o-mini", &[]), &chat("gpt-4o-mini", 10, 5), None);
    host.exchange(0, &exchange, ChunkPlan::Whole);
    ensure!(host.drain_ticks(), "the filter never came to rest");
    let reply = host.get(0, "/m", &[]).local_reply.context("an answer")?;
    let samples = ours(&String::from_utf8(reply.body)?)?;
    let operations = samples.iter().find(|((name, _), _)| name == "acme_operations_total").context("operations")?;
    ensure!(operations.0.1.get("environment").map(String::as_str) == Some("prod"), "{operations:?}");
    ensure!(host.get(0, "/metrics", &[]).local_reply.is_none(), "the default path answers, too");
    Ok(())
}

async fn ask_scrape(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &[u8])]) -> Reply {
    let request = Request::new("scrape", (method, "metrics", path), headers.iter().copied(), "");
    Connection::new(to).send(&request, Leave::AtEnd).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_has_the_manners_of_one() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    upstream.answer("one", chat("gpt-4o-mini", 10, 5));
    send_all(envoy.address(), vec![(ask("one", "gpt-4o-mini", &[]), Leave::AtEnd); 3], 1).await;
    envoy.settled(3).await?;
    let to = envoy.metrics_address()?;
    let header = |reply: &Reply, name: &str| {
        reply.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).unwrap_or_default()
    };

    let get = ask_scrape(to, "GET", "/metrics", &[]).await;
    ensure!(get.status == Some(200) && get.whole, "{get:?}");
    ensure!(header(&get, "content-type") == "text/plain; version=0.0.4; charset=utf-8", "{get:?}");
    ensure!(header(&get, "content-length") == get.body.len().to_string(), "{get:?}");
    let text = String::from_utf8(get.body.to_vec())?;

    let head = ask_scrape(to, "HEAD", "/metrics", &[]).await;
    ensure!(head.status == Some(200) && head.body.is_empty(), "{head:?}");
    ensure!(header(&head, "content-length") == get.body.len().to_string(), "{head:?}");

    let open_metrics = ask_scrape(to, "GET", "/metrics", &[("accept", OPEN_METRICS.as_bytes())]).await;
    let content_type = header(&open_metrics, "content-type");
    ensure!(content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8", "{content_type}");

    for accept in ["", OPEN_METRICS] {
        let accepts: [(&str, &[u8]); 2] = [("accept-encoding", b"gzip"), ("accept", accept.as_bytes())];
        let plain = ask_scrape(to, "GET", "/metrics", &accepts[1..]).await;
        let zipped = ask_scrape(to, "GET", "/metrics", &accepts).await;
        ensure!(header(&zipped, "content-encoding") == "gzip", "{zipped:?}");
        let mut body = Vec::new();
        GzDecoder::new(&zipped.body[..]).read_to_end(&mut body)?;
        ensure!(body == plain.body && zipped.body.len() * 3 < plain.body.len(), "{} bytes", zipped.body.len());
    }

    let post = ask_scrape(to, "POST", "/metrics", &[]).await;
    ensure!(post.status == Some(405) && header(&post, "allow") == "GET, HEAD", "{post:?}");
    let schema = ask_scrape(to, "GET", "/metrics?schema=gen", &[]).await;
    ensure!(schema.status == Some(400) && schema.body.starts_with(b"schema: found \"gen\""), "{schema:?}");
    let other = ask_scrape(to, "GET", "/metric", &[]).await;
    ensure!(other.status == Some(404) && other.body.starts_with(b"scrapes are at /metrics"), "{other:?}");

    let one = ask_scrape(to, "GET", "/metrics?name[]=genops_operation_latency_seconds_count", &[]).await;
    let one = String::from_utf8(one.body.to_vec())?;
    let families: Vec<&str> = one.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    ensure!(families == ["genops_operation_latency_seconds"] && one.contains("_sum{"), "{one}");
    let whole = ask_scrape(to, "GET", "/metrics?schema=genops", &[]).await;
    ensure!(whole.body == text.as_bytes(), "?schema=genops is another scrape");

    // The port of the applications answers none.
    upstream.answer("scrape", chat("gpt-4o-mini", 10, 5));
    let through = ask_scrape(envoy.address(), "GET", "/metrics", &[]).await;
    ensure!(through.status == Some(200) && through.body.starts_with(b"{"), "{through:?}");

    // None of these was an exchange but the four of the applications' port.
    let outcomes = scrape::parse(&envoy.settled(4).await?).map_err(anyhow::Error::msg)?;
    ensure!(scrape::sum(&outcomes, "genops_usage_outcomes_total", &[]) == 4, "{outcomes:?}");
    envoy.quit().await?;
    Ok(())
}

/// Scrapes are whole, readable and never go back while exchanges end on all workers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_under_traffic_are_valid_and_rise() -> Result<()> {
    const EXCHANGES: usize = 600;
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?).workers(2)).await?;
    let mut requests = Vec::new();
    for n in 0..EXCHANGES {
        let id = format!("{}", n % 8);
        upstream.answer(&id, chat("gpt-4o-mini", 10, 5));
        let project = format!("p{}", n % 20);
        requests.push((ask(&id, "gpt-4o-mini", &[("x-genops-project", project.as_bytes())]), Leave::AtEnd));
    }
    let (to, metrics) = (envoy.address(), envoy.metrics_address()?);
    let sending = tokio::spawn(async move { send_all(to, requests, 4).await.len() });
    let mut last = Samples::new();
    let mut scrapes = 0;
    while !sending.is_finished() || scrapes < 5 {
        let samples = strict_open_metrics(&get(metrics, "/metrics", OPEN_METRICS).await?)?;
        for ((name, labels), value) in &last {
            if name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count") {
                let now = samples.get(&(name.clone(), labels.clone())).with_context(|| format!("{name} is gone"))?;
                ensure!(now >= value, "{name} {labels:?} falls from {value} to {now}");
            }
        }
        last = samples;
        scrapes += 1;
    }
    ensure!(sending.await? == EXCHANGES);
    let envoys = by_schema_names(&envoy.settled(EXCHANGES).await?)?;
    agree(&envoys, &ours(&get(metrics, "/metrics", TEXT).await?)?)?;
    let totals: BTreeMap<_, f64> =
        envoys.into_iter().filter(|((name, _), _)| name == "genops_usage_outcomes_total").collect();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let sent = EXCHANGES as f64;
    ensure!(totals.values().sum::<f64>() == sent, "{totals:?}");
    envoy.quit().await?;
    Ok(())
}
