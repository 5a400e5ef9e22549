//! A real OpenTelemetry Collector with the shipped configuration, changed only where a test must: ports, and files for what
//! it sends on.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use genops_tests::client::{Connection, Leave, Request};
use genops_tools::tool::Tool;
use genops_tools::workspace_root;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;

/// The configuration that it is started with.
const SHIPPED: &str = "envoy/otel/collector.yaml";

/// Values that files of platforms take from the environment; of no account.
const ENVIRONMENT: [(&str, &str); 3] =
    [("HONEYCOMB_API_KEY", "key"), ("SPLUNK_ACCESS_TOKEN", "token"), ("SPLUNK_REALM", "us0")];

/// A running Collector; it ends when dropped.
pub struct Collector {
    process: Process,
    directory: TempDir,
    grpc: SocketAddr,
    http: SocketAddr,
    metrics: SocketAddr,
}

/// A span or a log record, with its attributes in one map.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Those of whom it is of.
    pub resource: BTreeMap<String, Value>,
    /// The rest, as OTLP's JSON has it.
    pub whole: Value,
}

impl Entry {
    /// The text at a key of OTLP's JSON; empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.whole.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Collector {
    /// Starts it with the shipped configuration, then the shipped files `beside`, then `change`.
    ///
    /// # Errors
    /// It does not get ready; the error has its log.
    pub async fn start(beside: &[&str], change: Value) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-collector-")?;
        let [grpc, http, metrics] = [free()?, free()?, free()?];
        let file = |name: &str| json!({"path": directory.path().join(name), "flush_interval": "100ms"});
        let ports = json!({
            "receivers": {"otlp": {"protocols": {
                "grpc": {"endpoint": grpc.to_string()},
                "http": {"endpoint": http.to_string()},
            }}},
            "exporters": {
                "prometheus": {"endpoint": metrics.to_string()},
                "file/traces": file("traces"),
                "file/logs": file("logs"),
            },
            "processors": {"batch": {"timeout": "100ms"}},
            "service": {
                // Its own figures would want a port that may be taken.
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    "traces": {"exporters": ["file/traces"]},
                    "logs": {"exporters": ["file/logs"]},
                },
            },
        });
        let mut command = Command::new(Tool::Collector.resolve()?.path);
        configured(&mut command, beside);
        // It looks itself up in /proc, which in a namespace of processes is that of those outside. Where it is told of a directory
        // that is none, it takes its own word for it.
        command.env("HOST_PROC", directory.path());
        for (name, overlay) in [("ports", ports), ("change", change)] {
            let path = directory.path().join(format!("{name}.yaml"));
            fs::write(&path, overlay.to_string())?;
            command.arg("--config").arg(path);
        }
        let mut process = Process::start("otelcol", directory.path(), &mut command)?;
        process.until("it is ready", async |p: &Process| p.log().contains("Everything is ready").then_some(())).await?;
        Ok(Self { process, directory, grpc, http, metrics })
    }

    /// Where Envoy sends to.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Hands it spans by OTLP over HTTP, as an application does.
    ///
    /// # Errors
    /// It refuses them.
    pub async fn take_spans(&self, spans: &[Value]) -> Result<()> {
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
        let json: (&str, &[u8]) = ("content-type", b"application/json");
        let request = Request::new("spans", ("POST", "collector", "/v1/traces"), [json], body);
        let reply = Connection::new(self.http).send(&request, Leave::AtEnd).await;
        if reply.status != Some(200) {
            bail!("{:?} {:?}", reply.status, String::from_utf8_lossy(&reply.body));
        }
        Ok(())
    }

    /// What Prometheus would scrape.
    ///
    /// # Errors
    /// No answer.
    pub async fn scrape(&self) -> Result<String> {
        let request = Request::new("scrape", ("GET", "collector", "/metrics"), [], "");
        let reply = Connection::new(self.metrics).send(&request, Leave::AtEnd).await;
        if reply.status != Some(200) {
            bail!("{:?} {:?}", reply.status, reply.broken);
        }
        Ok(String::from_utf8(reply.body.to_vec())?)
    }

    /// The spans that it has sent on.
    ///
    /// # Errors
    /// A line that is no OTLP.
    pub fn spans(&self) -> Result<Vec<Entry>> {
        self.entries("traces", ["resourceSpans", "scopeSpans", "spans"])
    }

    /// The log records that it has sent on.
    ///
    /// # Errors
    /// A line that is no OTLP.
    pub fn logs(&self) -> Result<Vec<Entry>> {
        self.entries("logs", ["resourceLogs", "scopeLogs", "logRecords"])
    }

    fn entries(&self, name: &str, [of_resource, of_scope, entries]: [&str; 3]) -> Result<Vec<Entry>> {
        let text = fs::read_to_string(self.directory.path().join(name)).unwrap_or_default();
        // A line is there when its end is.
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        let mut all = Vec::new();
        for line in whole.lines() {
            let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
            for resource in list(&line, of_resource) {
                let of = resource.get("resource").map(attributes).unwrap_or_default();
                for entry in list(resource, of_scope).iter().flat_map(|scope| list(scope, entries)) {
                    let (attributes, resource) = (attributes(entry), of.clone());
                    all.push(Entry { attributes, resource, whole: entry.clone() });
                }
            }
        }
        Ok(all)
    }
}

/// `otelcol validate` on the shipped configuration with a file of `envoy/platforms` beside it.
///
/// # Errors
/// It cannot be run.
pub fn validate(beside: &[&str]) -> Result<Output> {
    let mut command = Command::new(Tool::Collector.resolve()?.path);
    command.arg("validate");
    configured(&mut command, beside);
    Ok(command.output()?)
}

/// The value of OTLP's JSON as JSON has it: its integers are text there.
pub fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|map| map.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "intValue" => value.as_str().and_then(|text| text.parse::<i64>().ok()).map_or(Value::Null, Value::from),
        "kvlistValue" => list(value, "values").iter().filter_map(pair).collect(),
        _ => value.clone(),
    }
}

fn pair(entry: &Value) -> Option<(String, Value)> {
    Some((entry.get("key")?.as_str()?.to_owned(), plain(entry.get("value")?)))
}

fn attributes(of: &Value) -> BTreeMap<String, Value> {
    list(of, "attributes").iter().filter_map(pair).collect()
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn configured(command: &mut Command, beside: &[&str]) {
    let place = |path: &str| -> PathBuf { workspace_root().join(Path::new(path)) };
    command.envs(ENVIRONMENT).arg("--config").arg(place(SHIPPED));
    for path in beside {
        command.arg("--config").arg(place(path));
    }
}

/// A port that nobody has: nothing else runs in the namespace.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
