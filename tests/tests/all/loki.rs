//! The access log for Loki, and the pipelines that read it: what they look for stands in a line of a real Envoy.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup, yaml};
use genops_tests::upstream::Upstream;
use genops_tools::workspace_root;
use hyper::StatusCode;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::envoy_support::{ask, chat, filter};

pub(crate) const BOOTSTRAP: &str = "envoy/otel/envoy.yaml";
const COLLECTOR: &str =
    "/static_resources/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
const MODEL: &str = "gpt-4o-mini";

/// The lines of some exchanges, by their id. No Collector listens.
async fn lines() -> Result<Vec<(String, Value)>> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::of(BOOTSTRAP, &filter()?, upstream.address())?;
    // Port 9 (discard) of this machine: nobody is there.
    bootstrap.set(COLLECTOR, json!({"address": "127.0.0.1", "port_value": 9}))?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let labels: [(&str, &[u8]); 4] = [
        ("x-genops-team", b"Platform"),
        ("x-genops-project", b"a \"quoted\" one"),
        ("x-genops-customer-id", b"acme"),
        ("x-genops-customer-tier", b"premium"),
    ];
    let mut failed = chat(MODEL, 0, 0);
    failed.status = StatusCode::SERVICE_UNAVAILABLE;
    let mut refused = chat(MODEL, 0, 0);
    refused.status = StatusCode::TOO_MANY_REQUESTS;
    let answers = [("priced", chat(MODEL, 1000, 500)), ("failed", failed), ("refused", refused)];
    let mut requests: Vec<(Request, Leave)> = Vec::new();
    for (id, answer) in answers {
        upstream.answer(id, answer);
        requests.push((ask(id, MODEL, &labels), Leave::AtEnd));
    }
    // Its id is the client's, and the model that it names.
    upstream.answer("a\"b", chat(MODEL, 1, 1));
    requests.push((ask("a\"b", "a\"model\\", &[]), Leave::AtEnd));
    let count = requests.len();
    send_all(envoy.address(), requests, 1).await;
    envoy.settled(count).await?;
    let read = |line: &String| -> Result<(String, Value)> {
        let line: Value = serde_json::from_str(line).with_context(|| line.clone())?;
        Ok((line.get("stream_id").and_then(Value::as_str).context("a stream_id")?.to_owned(), line))
    };
    let lines = envoy.access_log()?.iter().map(read).collect::<Result<Vec<_>>>()?;
    envoy.quit().await?;
    ensure!(lines.len() == count, "{lines:?}");
    Ok(lines)
}

fn line<'a>(lines: &'a [(String, Value)], id: &str) -> Result<&'a Value> {
    lines.iter().find(|(line, _)| line == id).map(|(_, line)| line).with_context(|| id.to_owned())
}

fn record(line: &Value) -> Result<Value> {
    Ok(serde_json::from_str(line.get("genops").and_then(Value::as_str).context("a record")?)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_has_the_sources_shape_and_the_pipelines_read_it() -> Result<()> {
    let lines = lines().await?;
    let priced = line(&lines, "priced")?;
    let governance =
        json!({"team": "platform", "project": "a \"quoted\" one", "customer_id": "acme", "cost_usd": "0.00045"});
    ensure!(priced.get("governance") == Some(&governance), "{priced}");
    let record = record(priced)?;
    // Characters of "hello".
    ensure!(record.get("prompt_length") == Some(&json!(5)), "{record}");
    ensure!(record.pointer("/labels/customer_tier") == Some(&json!("premium")), "{record}");
    // What stands beside the record says the same.
    for (key, field) in [("provider", "provider"), ("cost_usd", "cost_usd"), ("outcome", "outcome")] {
        ensure!(priced.get(key).is_some() && priced.get(key) == record.get(field), "{key}: {priced}");
    }
    for (key, form) in [
        ("timestamp", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"),
        ("trace_id", "^[0-9a-f]{32}$"),
        ("span_id", "^[0-9a-f]{16}$"),
    ] {
        let text = priced.get(key).and_then(Value::as_str).with_context(|| key.to_owned())?;
        ensure!(Regex::new(form)?.is_match(text), "{key}: {text:?}");
    }
    for (id, level) in [("priced", "info"), ("refused", "warning"), ("failed", "error"), ("a\"b", "info")] {
        ensure!(line(&lines, id)?.get("level") == Some(&json!(level)), "{id}: {:?}", line(&lines, id)?);
    }
    // What is not known is null, and not a dash that would be read as a name.
    ensure!(line(&lines, "a\"b")?.pointer("/governance/team") == Some(&Value::Null), "{lines:?}");

    for (file, stages) in [("promtail.yaml", promtail()?), ("config.alloy", alloy()?)] {
        reads(&stages, priced).with_context(|| file.to_owned())?;
    }
    ensure!(promtail()?.expressions.len() > 10 && promtail()?.used.len() > 10, "{:?}", promtail()?);
    ensure!(promtail()? == alloy()?, "promtail and Alloy do not read the same: {:?}", alloy()?);
    // The check can fail.
    let mut broken = promtail()?;
    broken.expressions.insert(0, (None, "team".to_owned(), "governance.squad".to_owned()));
    ensure!(reads(&broken, priced).is_err(), "it reads what is not there");
    Ok(())
}

/// What a pipeline reads out of a line, and what it makes of that.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stages {
    /// Of the line, or of what was read before under that name: name and path.
    expressions: Vec<(Option<String>, String, String)>,
    /// Names that labels, structured metadata, times and metrics are made of.
    used: BTreeSet<String>,
}

/// Each path leads to something, and nothing is used that was not read.
fn reads(stages: &Stages, line: &Value) -> Result<()> {
    let mut read = Map::new();
    for (source, name, path) in &stages.expressions {
        let nested = source.as_ref().map(|source| read.get(source).and_then(Value::as_str).context("a source"));
        let place: Value = nested.transpose()?.map_or(Ok(line.clone()), serde_json::from_str)?;
        let found = place.pointer(&format!("/{}", path.replace('.', "/")));
        read.insert(name.clone(), found.with_context(|| format!("no {path}"))?.clone());
    }
    let unread: Vec<_> = stages.used.iter().filter(|name| !read.contains_key(*name)).collect();
    ensure!(unread.is_empty(), "{unread:?}");
    Ok(())
}

fn file(name: &str) -> PathBuf {
    workspace_root().join("envoy/logs").join(name)
}

fn promtail() -> Result<Stages> {
    let config = yaml(&fs::read_to_string(file("promtail.yaml"))?)?;
    let all = config.pointer("/scrape_configs/0/pipeline_stages").and_then(Value::as_array).context("stages")?;
    let mut stages = Stages::default();
    for (kind, stage) in all.iter().filter_map(Value::as_object).flatten() {
        let source = stage.get("source").and_then(Value::as_str).map(ToOwned::to_owned);
        match kind.as_str() {
            "json" => {
                for (name, path) in stage.get("expressions").and_then(Value::as_object).context("expressions")? {
                    let path = path.as_str().context("a path")?.to_owned();
                    stages.expressions.push((source.clone(), name.clone(), path));
                }
            }
            "labels" | "structured_metadata" => stages.used.extend(stage.as_object().context("names")?.keys().cloned()),
            "metrics" => {
                let metrics = stage.as_object().context("metrics")?.values();
                stages.used.extend(metrics.filter_map(|m| m.get("source")?.as_str().map(ToOwned::to_owned)));
            }
            _ => stages.used.extend(source),
        }
    }
    stages.expressions.sort();
    Ok(stages)
}

/// Alloy's blocks, as far as they are used here: no block of `loki.process` but its stages holds an assignment.
fn alloy() -> Result<Stages> {
    let text = fs::read_to_string(file("config.alloy"))?;
    let process =
        text.split_once("loki.process \"").and_then(|(_, rest)| rest.split_once("\n}\n")).context("a block")?.0;
    let mut stages = Stages::default();
    let assignment = Regex::new(r#"^(\w+)\s*=\s*"([^"]*)",?$"#)?;
    for stage in process.split("\tstage.").skip(1) {
        let kind = stage.split_whitespace().next().context("a kind")?;
        let pairs: Vec<(String, String)> = stage
            .lines()
            .filter_map(|line| assignment.captures(line.trim()).map(|c| (c[1].to_owned(), c[2].to_owned())))
            .collect();
        let source = pairs.iter().find(|(name, _)| name == "source").map(|(_, value)| value.clone());
        let others = pairs.into_iter().filter(|(name, _)| name != "source");
        match kind {
            "json" => stages.expressions.extend(others.map(|(name, path)| (source.clone(), name, path))),
            "labels" | "structured_metadata" => stages.used.extend(others.map(|(name, _)| name)),
            _ => stages.used.extend(source),
        }
    }
    stages.expressions.sort();
    Ok(stages)
}
