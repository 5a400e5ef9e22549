//! What the tests on a real Envoy share: the filter's module, hand-written exchanges, and the native host on the same
//! input.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use genops_host::replay::read_lines;
use genops_host::{
    ChunkPlan, Cut, Exchange, FilterModule, Headers, Host, HostOptions, Plugin, PrometheusQuery, TagRule, TagRules,
};
use genops_tests::client::Request;
pub(crate) use genops_tests::client_recorded::corpus;
use genops_tests::envoy::Bootstrap;
pub(crate) use genops_tests::openai::{ask, chat, chat_stream};
use genops_tests::scrape::parse;
use genops_tests::upstream::Answer;
use genops_tools::wasm;
use hyper::header::{HOST, HeaderValue};
use regex::bytes::Regex;
use serde_json::Value;

/// The filter, built from this repository.
pub(crate) fn filter() -> Result<PathBuf> {
    wasm::build().context("the filter")
}

/// The clock now, in nanoseconds since 1970.
pub(crate) fn now_ns() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

/// One line of the shipped access log.
#[derive(Debug)]
pub(crate) struct Logged {
    /// `stream_id`: the client's id.
    pub(crate) id: String,
    /// The record as the filter wrote it.
    pub(crate) record: String,
    /// The record, read.
    fields: Value,
}

/// Reads access-log lines.
pub(crate) fn logged(lines: &[String]) -> Result<Vec<Logged>> {
    lines.iter().map(|text| log_line(text).with_context(|| text.clone())).collect()
}

fn log_line(text: &str) -> Result<Logged> {
    let line: Value = serde_json::from_str(text)?;
    let id = line.get("stream_id").and_then(Value::as_str).context("a stream_id")?.to_owned();
    let record = match line.get("genops").context("a record")? {
        Value::String(record) => record.clone(),
        // The text itself: reading it and writing it again would hide how the filter wrote it.
        _ => {
            let (_, record) = text.split_once("\"genops\":").context("a record")?;
            record.strip_suffix('}').context("a closing brace")?.to_owned()
        }
    };
    let fields = serde_json::from_str(&record)?;
    Ok(Logged { id, record, fields })
}

/// A record line of the native host, as if Envoy had logged it.
pub(crate) fn recorded(line: &Value) -> Result<Logged> {
    let id = line.get("id").and_then(Value::as_str).context("an id")?.to_owned();
    Ok(Logged { id, record: line.to_string(), fields: line.clone() })
}

/// The field of a logged record at a JSON pointer, as text; empty where it is null.
pub(crate) fn field(logged: &Logged, name: &str) -> String {
    match logged.fields.pointer(&format!("/{name}")) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A record without the one field that two runs cannot share.
pub(crate) fn timeless_record(record: &str) -> Result<String> {
    let pattern = regex::Regex::new(r#""time_to_first_token_ms":\d+"#)?;
    Ok(pattern.replace(record, r#""time_to_first_token_ms":0"#).into_owned())
}

/// An exchange for the native host, and its id.
pub(crate) type Native = (String, Exchange);

/// From an input line of `genops-host replay`, as that command reads it; `cut` where it breaks off.
pub(crate) fn native_line(line: &Value, cut: Option<Cut>) -> Result<Native> {
    let all = read_lines("line", line.to_string().as_bytes())?;
    let one = all.into_iter().next().context("one exchange")?;
    Ok((one.id, one.exchange.cut_off(cut)))
}

/// From what client and upstream send, byte for byte.
pub(crate) fn native_exchange(request: &Request, answer: &Answer, cut: Option<Cut>) -> Native {
    let path = request.path.to_string();
    let host = request.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut request_headers = Headers::from_iter([
        (&b":authority"[..], host),
        (b":path", path.as_bytes()),
        (b":method", request.method.as_str().as_bytes()),
        (b":scheme", b"http"),
    ]);
    for (name, value) in request.headers.iter().filter(|(name, _)| **name != HOST) {
        request_headers.push(name.as_ref(), value.as_bytes());
    }
    let mut response_headers = Headers::from_iter([(":status", answer.status.as_str())]);
    for (name, value) in &answer.headers {
        response_headers.push(name.as_ref(), value.as_bytes());
    }
    let exchange = Exchange {
        request_headers,
        request_body: request.body.to_vec(),
        response_headers,
        response_body: answer.body.to_vec(),
        ..Exchange::default()
    };
    (request.id.clone(), exchange.cut_off(cut))
}

/// What the native host made of it.
pub(crate) struct NativeRun {
    /// `/stats/prometheus?filter=wasmcustom`.
    pub(crate) scrape: String,
    /// Records by exchange.
    pub(crate) records: BTreeMap<String, String>,
}

/// Runs exchanges through the native host with the bootstrap's own configuration and tags.
pub(crate) fn native(
    bootstrap: &Bootstrap,
    module: &Path,
    workers: usize,
    exchanges: Vec<Native>,
    plan: ChunkPlan,
) -> Result<NativeRun> {
    let rules: Vec<TagRule> = serde_json::from_value(bootstrap.stats_tags()?.clone())?;
    let tags = TagRules::new(&rules, true)?;
    let at = now_ns()?;
    let plugin = Plugin::new(bootstrap.listener.configuration()?);
    let options = HostOptions { workers, start_ns: at, ..HostOptions::default() };
    let mut host = Host::start(&FilterModule::from_file(module)?, plugin, tags, options)?;
    let mut records = BTreeMap::new();
    for (index, (id, mut exchange)) in exchanges.into_iter().enumerate() {
        exchange.at_ns = Some(at);
        let report = host.exchange(index, &exchange, plan);
        ensure!(report.trap.is_none(), "{id}: {:?}", report.trap);
        let record = report.filter_state.get(b"wasm.genops.record".as_slice()).with_context(|| id.clone())?;
        records.insert(id, String::from_utf8(record.clone())?);
    }
    ensure!(host.drain_ticks(), "the filter never came to rest");
    let query = PrometheusQuery { filter: Some(Regex::new("wasmcustom")?), used_only: false };
    Ok(NativeRun { scrape: String::from_utf8_lossy(&host.prometheus(&query)).into_owned(), records })
}

/// A sample as Python's parser reads it: name, labels, value.
pub(crate) type StrangersSample = (String, BTreeMap<String, String>, f64);

/// Python's own parser over a scrape: it must be readable to a stranger, and say the same.
pub(crate) fn strangers_samples(scrape: &str) -> Result<Vec<StrangersSample>> {
    const SCRIPT: &str = "\
import json, sys
from prometheus_client.parser import text_string_to_metric_families as families
text = sys.stdin.buffer.read().decode('utf-8')
json.dump([[s.name, s.labels, s.value] for family in families(text) for s in family.samples], sys.stdout)
";
    let mut child = Command::new(genops_tools::python::venv()?)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("a pipe")?.write_all(scrape.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "prometheus_client does not read the scrape");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Python's parser and ours read the same samples.
pub(crate) fn a_stranger_agrees(scrape: &str) -> Result<()> {
    let ours = parse(scrape).map_err(anyhow::Error::msg)?;
    let theirs = strangers_samples(scrape)?;
    ensure!(ours.len() == theirs.len(), "prometheus_client reads {} samples, we read {}", theirs.len(), ours.len());
    for (sample, (name, labels, value)) in ours.iter().zip(&theirs) {
        // It gives every counter the suffix that OpenMetrics wants.
        let name_is = sample.name == *name || name.strip_suffix("_total") == Some(&sample.name);
        let same = name_is && sample.labels == *labels && sample.value.parse() == Ok(*value);
        ensure!(same, "prometheus_client reads {name} {labels:?} {value}, we read {sample:?}");
    }
    Ok(())
}
