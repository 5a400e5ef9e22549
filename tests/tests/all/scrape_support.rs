//! Reading the filter's own scrape, by strangers and by ourselves, and Envoy's as the rules turn it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use genops_tests::client::{Connection, Leave, Request};
use genops_tests::scrape;

use crate::envoy_support::strangers_samples;

/// What scrapers ask for.
pub(crate) const TEXT: &str = "text/plain; version=0.0.4";
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Values by name and labels.
pub(crate) type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// A page of the scrape endpoint, over a connection of its own.
pub(crate) async fn get(to: SocketAddr, path: &str, accept: &str) -> Result<String> {
    let request = Request::new("scrape", ("GET", "metrics", path), [("accept", accept.as_bytes())], "");
    let reply = Connection::new(to).send(&request, Leave::AtEnd).await;
    ensure!(reply.status == Some(200) && reply.whole, "{path}: {:?} {:?}", reply.status, reply.broken);
    Ok(String::from_utf8(reply.body.to_vec())?)
}

fn collected(samples: impl IntoIterator<Item = (String, BTreeMap<String, String>, f64)>) -> Result<Samples> {
    let mut all = Samples::new();
    for (name, labels, value) in samples {
        ensure!(all.insert((name.clone(), labels.clone()), value).is_none(), "{name} {labels:?} twice");
    }
    Ok(all)
}

/// Text 0.0.4 as our own strict reader reads it.
pub(crate) fn ours(text: &str) -> Result<Samples> {
    let samples = scrape::parse(text).map_err(anyhow::Error::msg)?;
    collected(samples.into_iter().filter_map(|s| Some((s.name, s.labels, s.value.parse().ok()?))))
}

/// Text 0.0.4 as Python's prometheus_client reads it. It gives each counter the suffix of OpenMetrics.
pub(crate) fn strangers_text(text: &str) -> Result<Samples> {
    let own: Vec<String> = ours(text)?.into_keys().map(|(name, _)| name).collect();
    collected(strangers_samples(text)?.into_iter().map(|(name, labels, value)| {
        let short = name.strip_suffix("_total").filter(|_| !own.contains(&name)).map(ToOwned::to_owned);
        (short.unwrap_or(name), labels, value)
    }))
}

/// OpenMetrics as Python's strict parser reads it.
pub(crate) fn strict_open_metrics(text: &str) -> Result<Samples> {
    const SCRIPT: &str = "\
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
text = sys.stdin.buffer.read().decode('utf-8')
json.dump([[s.name, s.labels, s.value] for family in families(text) for s in family.samples], sys.stdout)
";
    let mut child = Command::new(genops_tools::python::venv()?)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads all before it writes anything.
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let samples: Vec<(String, BTreeMap<String, String>, f64)> = serde_json::from_slice(&output.stdout)?;
    collected(samples)
}

/// Envoy's surface as the shipped rules turn it: dollars and seconds under the schema's names, tokens per dollar.
pub(crate) fn by_schema_names(text: &str) -> Result<Samples> {
    let samples = ours(text)?.into_iter().map(|((name, labels), value)| {
        for (suffix, unit) in [("_pico", 1e12), ("_nano", 1e9)] {
            if let Some(short) = name.strip_suffix(suffix) {
                return (short.to_owned(), labels, value / unit);
            }
        }
        (name, labels, value)
    });
    let mut all = collected(samples)?;
    let mut tokens: BTreeMap<BTreeMap<String, String>, f64> = BTreeMap::new();
    for ((_, labels), value) in all.iter().filter(|((name, _), _)| name == "genops_tokens_total") {
        let mut labels = labels.clone();
        labels.remove("type");
        *tokens.entry(labels).or_default() += value;
    }
    let cost = |((name, labels), dollars): (&(String, BTreeMap<String, String>), &f64)| {
        (name == "genops_cost_total_usd" && *dollars > 0.0).then(|| (labels.clone(), *dollars))
    };
    let dollars: Vec<_> = all.iter().filter_map(cost).collect();
    for (labels, dollars) in dollars {
        let tokens = tokens.get(&labels).copied().unwrap_or(0.0);
        all.insert(("genops_token_efficiency_tokens_per_usd".to_owned(), labels), tokens / dollars);
    }
    Ok(all)
}

/// Both have the same series with the same float64.
pub(crate) fn agree(theirs: &Samples, ours: &Samples) -> Result<()> {
    let mut differ = Vec::new();
    for (series, value) in theirs {
        match ours.get(series) {
            Some(other) if other.to_bits() == value.to_bits() => {}
            other => differ.push(format!("{series:?}: {value} there, {other:?} here")),
        }
    }
    differ.extend(ours.keys().filter(|series| !theirs.contains_key(*series)).map(|s| format!("{s:?}: only here")));
    if differ.is_empty() {
        return Ok(());
    }
    let some = differ.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    bail!("{} of {} series differ:\n{some}", differ.len(), theirs.len());
}

/// Without the figures of time: two runs never take equally long.
pub(crate) fn timeless(samples: &Samples) -> Samples {
    let timed =
        |name: &str| name.contains("_latency_seconds") || name.contains("_duration_") || name.contains("_time_");
    let zero = |((name, labels), value): (&(String, BTreeMap<String, String>), &f64)| {
        let value = if timed(name) && !name.ends_with("_count") { 0.0 } else { *value };
        ((name.clone(), labels.clone()), value)
    };
    samples.iter().map(zero).collect()
}
