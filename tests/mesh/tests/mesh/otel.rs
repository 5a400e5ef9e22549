//! Logs, stats and spans of a real Envoy in a real Collector: the same figures as the scrape's, exchange by exchange; and which
//! spans are worth keeping.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_mesh::collector::{Collector, Entry, plain, validate};
use genops_mesh::process::until;
use genops_tests::client::{Connection, Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::openai::{ask, chat, chat_stream};
use genops_tests::prometheus::Prometheus;
use genops_tests::scrape::parse;
use genops_tests::upstream::{Ending, Upstream};
use genops_tools::{wasm, workspace_root};
use hyper::StatusCode;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::trial;

const BOOTSTRAP: &str = "envoy/otel/envoy.yaml";
const COLLECTOR: &str =
    "/static_resources/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
const MODEL: &str = "gpt-4o-mini";
/// Overlays that the Collector of the tests can check, of `envoy/platforms`.
const PLATFORMS: [&str; 6] = ["remote-write", "jaeger", "loki", "honeycomb", "splunk", "datadog"];
/// Those that need exporters which it has not got.
const ELSEWHERE: [(&str, &str); 2] = [("splunk-hec", "splunk_hec"), ("datadog-exporter", "datadog")];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("otel::every_exchange_is_the_same_in_logs_spans_and_stats", every_exchange_is_the_same),
        trial("otel::what_matters_is_kept_and_one_in_ten_of_the_rest", what_matters_is_kept),
        trial("otel::as_the_source_has_it_a_dear_trace_is_lost", as_the_source_has_it),
        trial("otel::a_prometheus_takes_the_remote_write", a_prometheus_takes_the_remote_write),
        trial("otel::the_collector_takes_what_is_shipped_for_platforms", platforms),
    ]
}

async fn envoy(upstream: &Upstream, collector: &Collector) -> Result<Envoy> {
    let mut bootstrap = Bootstrap::of(BOOTSTRAP, &wasm::build()?, upstream.address())?;
    let to = collector.grpc();
    bootstrap.set(COLLECTOR, json!({"address": to.ip().to_string(), "port_value": to.port()}))?;
    bootstrap.set("/stats_flush_interval", json!("1s"))?;
    Envoy::start(&Setup::new(bootstrap)).await
}

/// Name and labels of a series, and its value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The filter's series, without those of time to come: what waits, what is in use.
fn samples(text: &str) -> Result<Samples> {
    let all = parse(text).map_err(anyhow::Error::msg)?.into_iter().filter(|s| s.name.starts_with("genops_"));
    all.map(|s| Ok(((s.name, s.labels), s.value.parse()?))).collect()
}

/// Exchanges of several owners, models and ends.
fn exchanges(upstream: &Upstream) -> Vec<(Request, Leave)> {
    let mut requests = Vec::new();
    let owners = [("platform", "acme", "premium"), ("research", "a_b", "free"), ("platform", "other-one", "standard")];
    for (n, (team, customer, tier)) in owners.into_iter().cycle().take(9).enumerate() {
        let labels: [(&str, &[u8]); 4] = [
            ("x-genops-team", team.as_bytes()),
            ("x-genops-customer-id", customer.as_bytes()),
            ("x-genops-customer-tier", tier.as_bytes()),
            ("x-genops-project", b"with \"quotes\" and \xd1\x8e"),
        ];
        let (id, model) = (format!("ok-{n}"), if n % 2 == 0 { MODEL } else { "gpt-4o" });
        let (input, output) = (1_000 + n as u64, 77 * n as u64 + 1);
        upstream.answer(&id, if n % 3 == 0 { chat_stream(model, input, output) } else { chat(model, input, output) });
        requests.push((ask(id, model, &labels), Leave::AtEnd));
    }
    // No price list has it; nobody owns it.
    upstream.answer("unpriced", chat("a-model-of-nobody", 10, 10));
    requests.push((ask("unpriced", "a-model-of-nobody", &[]), Leave::AtEnd));
    upstream.answer("failed", failure(StatusCode::TOO_MANY_REQUESTS));
    requests.push((ask("failed", MODEL, &[("x-genops-team", b"platform")]), Leave::AtEnd));
    requests
}

fn failure(status: StatusCode) -> genops_tests::upstream::Answer {
    let mut answer = chat(MODEL, 0, 0);
    answer.status = status;
    answer.body = r#"{"error": {"message": "no", "type": "server_error"}}"#.into();
    answer.headers.remove("content-length");
    answer
}

/// What an exchange is called, in its record, in attributes of spans and logs, and as a number or not.
const SAID: &[(&str, &str)] = &[
    ("/labels/team", "genops.team"),
    ("/labels/project", "genops.project"),
    ("/labels/customer_id", "genops.customer_id"),
    ("/labels/customer_tier", "genops.customer_tier"),
    ("/provider", "genops.provider"),
    ("/outcome", "genops.outcome"),
    ("/input_tokens", "genops.tokens_input"),
    ("/output_tokens", "genops.tokens_output"),
    ("/prompt_length", "genops.prompt_length"),
    ("/cost_usd", "genops.cost_usd"),
];

/// The span or log record says what the record does, numbers as numbers.
fn says(entry: &Entry, record: &Value, also: &[&str]) -> Result<()> {
    for (pointer, attribute) in SAID.iter().filter(|(_, attribute)| !also.contains(attribute)) {
        let expected = match record.pointer(pointer) {
            Some(Value::String(cost)) if *attribute == "genops.cost_usd" => json!(cost.parse::<f64>()?),
            other => other.cloned().unwrap_or(Value::Null),
        };
        let found = entry.attributes.get(*attribute).cloned().unwrap_or(Value::Null);
        ensure!(found == expected, "{attribute}: {found}, the record has {expected}: {entry:?}");
    }
    Ok(())
}

async fn every_exchange_is_the_same() -> Result<()> {
    // All spans: what is kept is another test's.
    let all = json!({"service": {"pipelines": {"traces":
        {"processors": ["memory_limiter", "transform/spans", "resource", "batch"]}}}});
    let collector = Collector::start(&[], all).await?;
    let upstream = Upstream::start().await?;
    let envoy = envoy(&upstream, &collector).await?;
    let requests = exchanges(&upstream);
    let count = requests.len();
    send_all(envoy.address(), requests, 2).await;
    envoy.settled(count).await?;
    let (spans, logs) = until("spans and logs", async || {
        let (spans, logs) = (collector.spans()?, collector.logs()?);
        ensure!((spans.len(), logs.len()) == (count, count), "{} spans, {} logs", spans.len(), logs.len());
        Ok((spans, logs))
    })
    .await?;

    // Each line of Envoy's own log has a span and a log record, and all three say the same.
    let mut cost_of_team: BTreeMap<String, u64> = BTreeMap::new();
    for line in envoy.access_log()? {
        let line: Value = serde_json::from_str(&line)?;
        let text = |key: &str| line.get(key).and_then(Value::as_str).with_context(|| format!("{key}: {line}"));
        let record: Value = serde_json::from_str(text("genops")?)?;
        let (trace, id) = (text("trace_id")?, text("span_id")?);
        let of = |entries: &[Entry]| -> Result<Entry> {
            let mine = |e: &&Entry| e.text("traceId") == trace && e.text("spanId") == id;
            entries.iter().find(mine).cloned().with_context(|| format!("none of {trace} {id}"))
        };
        let (span, log) = (of(&spans)?, of(&logs)?);
        says(&span, &record, &[])?;
        says(&log, &record, &["genops.prompt_length"])?;
        let model = record.get("canonical_model").filter(|m| !m.is_null()).or(record.get("model"));
        ensure!(span.attributes.get("genops.model") == model, "{span:?}: {record}");
        ensure!(!span.attributes.contains_key("genops.policy_violation"), "no policy was asked: {span:?}");
        let body = plain(log.whole.get("body").context("a body")?);
        ensure!(body.pointer("/labels") == record.get("labels") && body.get("api") == record.get("api"), "{body}");
        let failed = record.get("outcome") == Some(&json!("error"));
        ensure!((span.whole.pointer("/status/code") == Some(&json!(2))) == failed, "{span:?}");
        ensure!(log.text("severityText") == if failed { "ERROR" } else { "INFO" }, "{log:?}");
        for entry in [&span, &log] {
            ensure!(entry.resource.get("service.name") == Some(&json!("genops-gateway")), "{entry:?}");
        }
        let Some(cost) = span.attributes.get("genops.cost_usd").and_then(Value::as_f64) else { continue };
        let team = span.attributes.get("genops.team").and_then(Value::as_str).unwrap_or_default();
        // Whole pico-USD, so that the order of a sum does not matter.
        *cost_of_team.entry(team.to_owned()).or_default() += (cost * 1e12).round() as u64;
    }

    // The Collector's metrics are the filter's own scrape: names, labels, values.
    let scrape = Request::new("scrape", ("GET", "metrics", "/metrics"), [], "");
    let reply = Connection::new(envoy.metrics_address()?).send(&scrape, Leave::AtEnd).await;
    let mut ours = samples(&String::from_utf8(reply.body.to_vec())?)?;
    // Computed from counters by the filter's own endpoint; behind the Collector that is a recording rule.
    ours.retain(|(name, _), _| name != "genops_token_efficiency_tokens_per_usd");
    ensure!(ours.len() > 100, "{} series", ours.len());
    let theirs = until("the stats", async || {
        let theirs = samples(&collector.scrape().await?)?;
        let differ = |(series, value): (&(String, BTreeMap<String, String>), &f64)| {
            theirs.get(series).is_none_or(|other| other.to_bits() != value.to_bits())
        };
        let differing: Vec<_> = ours.iter().filter(|sample| differ(*sample)).take(10).collect();
        ensure!(differing.is_empty(), "{differing:#?} {}", collector.log());
        Ok(theirs)
    })
    .await?;
    let more: Vec<_> = theirs.keys().filter(|series| !ours.contains_key(*series)).collect();
    ensure!(more.is_empty(), "{more:?}");
    for (team, pico) in cost_of_team {
        let of_team = |((name, labels), _): &(&(String, BTreeMap<String, String>), &f64)| {
            name == "genops_cost_total_usd" && labels.get("team").is_some_and(|t| *t == team)
        };
        let metered: f64 = theirs.iter().filter(of_team).map(|(_, value)| (value * 1e12).round()).sum();
        ensure!(metered as u64 == pico, "{team}: spans {pico}, series {metered}");
    }
    a_client_leaves(&upstream, &envoy, &collector, count).await?;
    envoy.quit().await?;
    Ok(())
}

/// Envoy ends the span before the filter has summed up: only the log record tells.
async fn a_client_leaves(upstream: &Upstream, envoy: &Envoy, collector: &Collector, before: usize) -> Result<()> {
    upstream.answer("left", chat_stream(MODEL, 10, 5).ending(Ending::StallAfter(200)));
    let request = ask("left", MODEL, &[("x-genops-team", b"platform")]);
    send_all(envoy.address(), vec![(request, Leave::AfterBody(100))], 1).await;
    envoy.settled(before + 1).await?;
    let (span, log) = until("its span and its log record", async || {
        let id = |entry: &&Entry| entry.attributes.get("stream_id") == Some(&json!("left"));
        let log = collector.logs()?.iter().find(id).cloned().context("no log record")?;
        let of = |span: &&Entry| span.text("spanId") == log.text("spanId");
        Ok((collector.spans()?.iter().find(of).cloned().context("no span")?, log))
    })
    .await?;
    ensure!(log.attributes.get("genops.team") == Some(&json!("platform")), "{log:?}");
    ensure!(log.attributes.get("genops.outcome").is_some_and(|o| o == "missing" || o == "partial"), "{log:?}");
    let said = span.attributes.keys().any(|name| name.starts_with("genops."));
    ensure!(!said, "Envoy waits with its spans now: README.md says otherwise: {span:?}");
    Ok(())
}

/// A span as an application sends it, 1 ms long.
fn span(trace: u32, attributes: Value) -> Value {
    json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{:016x}", u64::from(trace) + 1), "name": "call", "kind": 3,
        "startTimeUnixNano": "1795290912000000000", "endTimeUnixNano": "1795290912001000000", "attributes": attributes,
    })
}

/// Traces are decided on as soon as they may.
fn soon() -> Value {
    json!({"processors": {"tail_sampling": {"decision_wait": "1s"}}})
}

async fn what_matters_is_kept() -> Result<()> {
    const ORDINARY: usize = 200;
    let collector = Collector::start(&[], soon()).await?;
    let upstream = Upstream::start().await?;
    let envoy = envoy(&upstream, &collector).await?;
    let premium: &[(&str, &[u8])] = &[("x-genops-customer-tier", b"premium")];
    let enterprise: &[(&str, &[u8])] = &[("x-genops-customer-tier", b"enterprise")];
    // 10,000,000 x 0.15 USD per million; 429 is no error to Envoy's tracer, it is to the filter.
    let matter = [
        ("dear", chat(MODEL, 10_000_000, 0), &[][..]),
        ("failed", failure(StatusCode::BAD_GATEWAY), &[]),
        ("refused", failure(StatusCode::TOO_MANY_REQUESTS), &[]),
        ("slow", chat(MODEL, 10, 1).after(Duration::from_millis(5_200), Duration::ZERO), &[]),
        ("premium", chat(MODEL, 10, 1), premium),
        ("enterprise", chat(MODEL, 10, 1), enterprise),
    ];
    let mut requests = Vec::new();
    for (id, answer, labels) in &matter {
        upstream.answer(*id, answer.clone());
        requests.push((ask(*id, MODEL, labels), Leave::AtEnd));
    }
    for n in 0..ORDINARY {
        let id = format!("ordinary-{n}");
        upstream.answer(&id, chat(MODEL, 6_000_000, 0));
        requests.push((ask(id, MODEL, &[("x-genops-customer-tier", b"free")]), Leave::AtEnd));
    }
    let count = requests.len();
    send_all(envoy.address(), requests, 4).await;
    envoy.settled(count).await?;
    // What a policy found out is said by applications today: the filter has no policies yet.
    let violation = json!([{"key": "genops.policy_violation", "value": {"stringValue": "true"}}]);
    collector.take_spans(&[span(1, violation)]).await?;

    let traces: BTreeMap<String, String> = envoy
        .access_log()?
        .iter()
        .map(|line| -> Result<(String, String)> {
            let line: Value = serde_json::from_str(line)?;
            let text = |key: &str| line.get(key).and_then(Value::as_str).map(ToOwned::to_owned).context("an id");
            Ok((text("stream_id")?, text("trace_id")?))
        })
        .collect::<Result<_>>()?;
    let kept = until("what matters", async || {
        let kept = collector.spans()?;
        let has = |trace: &str| kept.iter().any(|span| span.text("traceId") == trace);
        for (id, ..) in &matter {
            ensure!(has(traces.get(*id).context("a trace")?), "{id} is not kept: {}", collector.log());
        }
        ensure!(has(&format!("{:032x}", 1)), "the violation is not kept");
        Ok(kept)
    })
    .await?;
    let cost = |id: &str| -> Option<&Value> {
        let trace = traces.get(id)?;
        kept.iter().find(|span| span.text("traceId") == trace)?.attributes.get("genops.cost_usd")
    };
    ensure!(cost("dear") == Some(&json!(1.5)), "{:?}", cost("dear"));
    // The last decision is as old as the first. Of 200 one in ten: 20, and 5 or 45 in one of a million runs.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let ordinary = collector.spans()?.len().saturating_sub(matter.len() + 1);
    ensure!((2..=50).contains(&ordinary), "{ordinary} of {ORDINARY} ordinary traces kept");
    println!("kept: {} that matter, {ordinary} of {ORDINARY} ordinary ones", matter.len() + 1);
    envoy.quit().await?;
    Ok(())
}

/// Why the shipped policy for cost is another: theirs compares whole numbers, and takes texts and fractions for 0.
async fn as_the_source_has_it() -> Result<()> {
    let policy = json!([{
        "name": "high-cost-policy", "type": "numeric_attribute",
        "numeric_attribute": {"key": "genops.cost_usd", "min_value": 1, "max_value": 1_000_000},
    }]);
    let change = json!({
        "processors": {"tail_sampling": {"decision_wait": "1s", "policies": policy}},
        "service": {"pipelines": {"traces": {"processors": ["tail_sampling", "batch"]}}},
    });
    let collector = Collector::start(&[], change).await?;
    let cost = |value: Value| json!([{"key": "genops.cost_usd", "value": value}]);
    let spans = [
        span(1, cost(json!({"stringValue": "1.50"}))),
        span(2, cost(json!({"doubleValue": 1.5}))),
        span(3, cost(json!({"intValue": "2"}))),
    ];
    collector.take_spans(&spans).await?;
    until("a decision", async || {
        ensure!(!collector.spans()?.is_empty(), "nothing is kept: {}", collector.log());
        Ok(())
    })
    .await?;
    let kept: Vec<String> = collector.spans()?.iter().map(|span| span.text("traceId").to_owned()).collect();
    ensure!(kept == [format!("{:032x}", 3)], "{kept:?}");
    Ok(())
}

async fn a_prometheus_takes_the_remote_write() -> Result<()> {
    let prometheus = Prometheus::with(json!({}), &[], "").await?;
    let to = format!("http://{}/api/v1/write", prometheus.address());
    let change = json!({"exporters": {"prometheus_remote_write": {"endpoint": to}}});
    let collector = Collector::start(&["envoy/platforms/remote-write.yaml"], change).await?;
    let upstream = Upstream::start().await?;
    let envoy = envoy(&upstream, &collector).await?;
    upstream.answer("one", chat(MODEL, 1000, 500));
    send_all(envoy.address(), vec![(ask("one", MODEL, &[("x-genops-team", b"platform")]), Leave::AtEnd)], 1).await;
    envoy.settled(1).await?;
    let cost = until("the series", async || {
        let found = prometheus.query("genops_cost_total_usd").await?;
        found.into_iter().next().with_context(|| collector.log())
    })
    .await?;
    // 1000 x 0.15 + 500 x 0.60 USD per million.
    ensure!(cost.value.to_bits() == 0.000_45_f64.to_bits(), "{cost:?}");
    for (label, value) in [("team", "platform"), ("model", MODEL), ("provider", "openai"), ("cluster", "default")] {
        ensure!(cost.labels.get(label) == Some(&json!(value)), "{label}: {cost:?}");
    }
    envoy.quit().await?;
    Ok(())
}

async fn platforms() -> Result<()> {
    let file = |name: &str| format!("envoy/platforms/{name}.yaml");
    let right = validate(&[])?;
    ensure!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
    for name in PLATFORMS {
        let output = validate(&[&file(name)])?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for (name, exporter) in ELSEWHERE {
        // So far it reads them: nothing else is wrong that it can see.
        let output = validate(&[&file(name)])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success(), "{name}: it has the exporter now");
        ensure!(said.contains(&format!("unknown type: \"{exporter}\"")), "{name}: {said}");
    }
    let named = PLATFORMS.iter().chain(ELSEWHERE.iter().map(|(name, _)| name)).map(|name| format!("{name}.yaml"));
    let mut named: Vec<String> = named.chain(["datadog-openmetrics.yaml".to_owned()]).collect();
    named.sort();
    let entries = fs::read_dir(workspace_root().join("envoy/platforms"))?;
    let mut there: Vec<String> =
        entries.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    there.retain(|name| name.ends_with(".yaml"));
    there.sort();
    ensure!(there == named, "{there:?}");
    Ok(())
}
