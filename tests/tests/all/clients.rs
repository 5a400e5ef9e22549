//! The providers' own Python SDKs, through a real Envoy and through the live native host: what an SDK's objects say was
//! used is what the scrape says, and a client that goes away in the middle is counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{Sample, parse, sum};
use genops_tests::upstream::{Answer, Cuts, Ending, Upstream};
use genops_tools::{python, workspace_root};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::envoy_support::{field, filter, logged};
use crate::serve_support::{self, Served};

/// The answers, written by hand in the providers' published shapes, and what must be said of each.
const CASES: &str = include_str!("clients/cases.json");
/// The clients.
const SCRIPT: &str = "tests/tests/all/clients/sdks.py";

/// First segment of the path and provider: one base URL for all would not tell Mistral from OpenAI.
const PREFIXES: [(&str, &str); 7] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("google", "google"),
    ("cohere", "cohere"),
    ("mistral", "mistral"),
    ("bedrock", "aws-bedrock"),
    ("ollama", "ollama"),
];

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    /// Where the SDK asks, behind its base URL.
    path: String,
    provider: String,
    /// Value of the `model` label.
    model: String,
    outcome: String,
    /// The upstream stops after the last event and leaves the connection open: the client goes away.
    #[serde(default)]
    stalls: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(flatten)]
    body: Body,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Json(Value),
    Sse(Vec<Event>),
    Ndjson(Vec<Value>),
    /// Event type and payload.
    Aws(Vec<(String, Value)>),
}

#[derive(Debug, Deserialize)]
struct Event {
    event: Option<String>,
    data: Option<Value>,
    text: Option<String>,
}

/// What an SDK says.
#[derive(Debug, Deserialize)]
struct Said {
    id: String,
    error: Option<String>,
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    reasoning: Option<u64>,
    model: Option<String>,
}

fn cases() -> Result<Vec<Case>> {
    serde_json::from_str(CASES).context("clients/cases.json")
}

impl Case {
    fn answer(&self) -> Answer {
        let (kind, body) = match &self.body {
            Body::Json(value) => ("application/json", value.to_string().into_bytes()),
            Body::Sse(events) => ("text/event-stream", events.iter().map(Event::text).collect::<String>().into_bytes()),
            Body::Ndjson(lines) => {
                ("application/x-ndjson", lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes())
            }
            Body::Aws(events) => {
                ("application/vnd.amazon.eventstream", events.iter().flat_map(|(t, p)| aws_message(t, p)).collect())
            }
        };
        let mut headers = vec![("content-type", kind)];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if !matches!(self.body, Body::Json(_)) {
            headers.push(("transfer-encoding", "chunked"));
        }
        let length = body.len();
        // Small pieces: no event comes whole.
        let answer = Answer::new(StatusCode::OK, headers, body).cut(Cuts::Bytes(50));
        if self.stalls { answer.ending(Ending::StallAfter(length)) } else { answer }
    }
}

impl Event {
    fn text(&self) -> String {
        let event = self.event.as_ref().map(|name| format!("event: {name}\n")).unwrap_or_default();
        let data = self.data.as_ref().map_or_else(|| self.text.clone().unwrap_or_default(), Value::to_string);
        format!("{event}data: {data}\n\n")
    }
}

/// One message of AWS's event stream: lengths, CRC, headers, payload, CRC; all big-endian.
fn aws_message(kind: &str, payload: &Value) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        // Type 7: a string with a length of two bytes.
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = [word(12 + headers.len() + payload.len() + 4), word(headers.len())].concat();
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

fn configuration() -> String {
    let paths: BTreeMap<String, &str> = PREFIXES.iter().map(|(at, id)| (format!("/{at}/"), *id)).collect();
    json!({"paths": paths, "labels": {"team": [{"header": "x-genops-team"}]}}).to_string()
}

/// Runs the SDKs of `cases` against a proxy, all in one process.
async fn run(proxy: SocketAddr, cases: &[Case]) -> Result<Vec<Said>> {
    let python = spawn_blocking(python::sdks).await??;
    let mut command = Command::new(python);
    command.arg(workspace_root().join(SCRIPT)).arg(format!("http://{proxy}"));
    command.args(cases.iter().map(|case| case.id.as_str()));
    // What a developer has in the environment must not change whom the SDKs ask.
    let named = ["_BASE_URL", "_API_KEY", "_PROXY", "_proxy", "OLLAMA_HOST"];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if named.iter().any(|part| text.contains(part)) || text.starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8(output.stdout)?;
    let words = String::from_utf8_lossy(&output.stderr);
    let said: Vec<Said> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context(text.clone())?;
    ensure!(said.len() == cases.len(), "{} of {} SDKs said something:\n{text}{words}", said.len(), cases.len());
    Ok(said)
}

/// Every figure of an SDK against the scrape of its team.
fn compare(cases: &[Case], said: &[Said], samples: &[Sample]) -> Result<()> {
    let mut wrong = Vec::new();
    for case in cases {
        let said = said.iter().find(|said| said.id == case.id).with_context(|| case.id.clone())?;
        if let Some(error) = &said.error {
            wrong.push(format!("{}: the SDK fails: {error}", case.id));
            continue;
        }
        let labels = [("team", case.id.as_str()), ("provider", &case.provider), ("model", &case.model)];
        let with = |more| [&labels[..], &[more]].concat();
        let mut check = |what: &str, scraped: u64, stated: Option<u64>| {
            if scraped != stated.unwrap_or(0) {
                wrong.push(format!("{}: {what}: the scrape says {scraped}, the SDK {stated:?}", case.id));
            }
        };
        check("input", sum(samples, "genops_tokens_total", &with(("type", "input"))), said.input);
        check("output", sum(samples, "genops_tokens_total", &with(("type", "output"))), said.output);
        check("input", sum(samples, "genops_tokens_input_total", &labels), said.input);
        check("output", sum(samples, "genops_tokens_output_total", &labels), said.output);
        check("cached", sum(samples, "genops_tokens_detail_total", &with(("kind", "cache_read"))), said.cached);
        check("reasoning", sum(samples, "genops_tokens_detail_total", &with(("kind", "reasoning"))), said.reasoning);
        check("operations", sum(samples, "genops_operations_total", &labels), Some(1));
        // Nothing of this client stands under another provider or model.
        let all = sum(samples, "genops_tokens_total", &labels[..1]);
        check("all", all, Some(said.input.unwrap_or(0) + said.output.unwrap_or(0)));
    }
    for (_, provider) in PREFIXES {
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for case in cases.iter().filter(|case| case.provider == provider) {
            *expected.entry(&case.outcome).or_default() += 1;
        }
        let total = sum(samples, "genops_usage_outcomes_total", &[("provider", provider)]);
        for (outcome, count) in &expected {
            let labels = [("provider", provider), ("outcome", *outcome)];
            let scraped = sum(samples, "genops_usage_outcomes_total", &labels);
            if scraped != *count {
                wrong.push(format!("{provider}: {scraped} are {outcome}, expected {count}"));
            }
        }
        if total != expected.values().sum::<u64>() {
            wrong.push(format!("{provider}: {total} outcomes, expected {expected:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A record beside its SDK: model as the response names it, outcome.
fn compare_record(case: &Case, said: &[Said], model: &str, outcome: &str) -> Result<()> {
    ensure!(outcome == case.outcome, "{}: {outcome}, expected {}", case.id, case.outcome);
    let stated = said.iter().find(|said| said.id == case.id).and_then(|said| said.model.as_deref());
    ensure!(stated.is_none_or(|stated| stated == model), "{}: {model}, the SDK says {stated:?}", case.id);
    Ok(())
}

async fn upstream(cases: &[Case]) -> Result<Upstream> {
    let upstream = Upstream::start().await?;
    for case in cases {
        upstream.answer(&case.id, case.answer());
    }
    Ok(upstream)
}

/// What the upstream was asked: once each, at the SDK's own path behind `prefix`.
fn asked_once(upstream: &Upstream, cases: &[Case], prefixed: bool) -> Result<()> {
    for case in cases {
        let received = upstream.received(&case.id);
        ensure!(received.len() == 1, "{}: asked {} times", case.id, received.len());
        let at = PREFIXES.iter().find(|(_, provider)| *provider == case.provider).map_or("", |(at, _)| at);
        let expected = if prefixed { format!("/{at}{}", case.path) } else { case.path.clone() };
        let path = received.first().map_or("", |r| r.path.split('?').next().unwrap_or_default());
        ensure!(path == expected, "{}: {path}, expected {expected}", case.id);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sdks_and_scrape_agree_through_envoy() -> Result<()> {
    let cases = cases()?;
    let upstream = upstream(&cases).await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(&configuration())?;
    let envoy = Envoy::start(&Setup::new(bootstrap).workers(2)).await?;
    let said = run(envoy.address(), &cases).await?;
    let samples = parse(&envoy.settled(cases.len()).await?).map_err(anyhow::Error::msg)?;
    compare(&cases, &said, &samples)?;
    let lines = logged(&envoy.access_log()?)?;
    ensure!(lines.len() == cases.len(), "{} lines for {} exchanges", lines.len(), cases.len());
    for case in &cases {
        let line = lines.iter().find(|line| line.id == case.id).with_context(|| case.id.clone())?;
        compare_record(case, &said, &field(line, "model"), &field(line, "outcome"))?;
    }
    asked_once(&upstream, &cases, true)?;
    envoy.quit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow tier: the same through Envoy is not"]
async fn sdks_and_scrape_agree_through_the_live_host() -> Result<()> {
    let cases = cases()?;
    let upstream = upstream(&cases).await?;
    let at = upstream.address();
    let served = Served::start(serve_support::Setup {
        upstreams: PREFIXES.iter().map(|(prefix, _)| format!("/{prefix}=http://{at}")).collect(),
        configuration: Some(configuration()),
        workers: 2,
        timeout: Duration::from_secs(60),
    })
    .await?;
    let said = run(served.address(), &cases).await?;
    let samples = parse(&served.settled(cases.len()).await?).map_err(anyhow::Error::msg)?;
    compare(&cases, &said, &samples)?;
    let records = served.records()?;
    ensure!(records.len() == cases.len(), "{} records for {} exchanges", records.len(), cases.len());
    for case in &cases {
        let record = records.iter().find(|record| record["id"] == case.id.as_str()).with_context(|| case.id.clone())?;
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        compare_record(case, &said, &text("model"), &text("outcome"))?;
    }
    asked_once(&upstream, &cases, false)?;
    let stopped = served.stop().await;
    ensure!(stopped.unmetered == 0 && stopped.summary.total().exchanges == cases.len() as u64);
    Ok(())
}
