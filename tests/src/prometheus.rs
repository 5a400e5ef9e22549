//! A real Prometheus that scrapes a real Envoy.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client::{Connection, Leave, Request};

/// Longest wait for it to be up: it opens a data base on a disk that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// What it writes when it listens, in a line that ends with the address; the port is its own choice.
const LISTENING: &str = "msg=\"Listening on\"";

/// A running Prometheus; one that was started here ends when dropped.
pub struct Prometheus {
    own: Option<(Child, TempDir)>,
    address: SocketAddr,
}

/// One series of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Labels.
    pub labels: Value,
    /// Value.
    pub value: f64,
}

/// One series of a range: labels with the name, milliseconds since 1970 and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Points.
    pub points: Vec<(i64, f64)>,
}

impl Prometheus {
    /// Starts it: it scrapes `/stats/prometheus` of `target` and evaluates `rules` every second.
    ///
    /// # Errors
    /// It cannot be started or does not get ready; the error holds its log.
    pub async fn start(target: SocketAddr, rules: &Path) -> Result<Self> {
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{
                "job_name": "genops-ai",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [target.to_string()]}],
            }],
        });
        Self::with(config, &[rules], "").await
    }

    /// Starts it with a configuration, with `rules` evaluated at the configuration's interval whatever their own, and with
    /// the samples of `history` (OpenMetrics text with times, or nothing) in its data base.
    ///
    /// # Errors
    /// As [`Self::start`]; promtool refuses the history.
    pub async fn with(mut config: Value, rules: &[&Path], history: &str) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-prometheus-")?;
        let mut copies = Vec::new();
        for (index, path) in rules.iter().enumerate() {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let copy = format!("rules-{index}.yml");
            fs::write(directory.path().join(&copy), at_any_interval(&text))?;
            copies.push(copy);
        }
        config.as_object_mut().context("an object")?.insert("rule_files".to_owned(), json!(copies));
        if !history.is_empty() {
            let text = directory.path().join("history");
            fs::write(&text, history)?;
            let mut promtool = Command::new(genops_tools::tool::promtool()?);
            promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&text).arg(directory.path().join("data"));
            let output = promtool.output()?;
            ensure!(output.status.success(), "history: {}", String::from_utf8_lossy(&output.stderr));
        }
        Self::configured(&config, directory).await
    }

    /// Starts it with a configuration, in `directory`: what lies in `data` there is its data base.
    ///
    /// # Errors
    /// As [`Prometheus::start`].
    pub async fn configured(config: &Value, directory: TempDir) -> Result<Self> {
        // JSON is YAML.
        fs::write(directory.path().join("prometheus.yml"), config.to_string())?;
        let child = Command::new(genops_tools::tool::prometheus()?)
            .current_dir(directory.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            // It may also be the far end of a remote write.
            .arg("--web.enable-remote-write-receiver")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log"))?)
            .spawn()?;
        let own = Some((child, directory));
        let mut prometheus = Self { own, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        prometheus.ready().await.with_context(|| format!("not ready; its log:\n{}", prometheus.log()))?;
        Ok(prometheus)
    }

    /// One that runs already.
    pub fn at(address: SocketAddr) -> Self {
        Self { own: None, address }
    }

    async fn ready(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some((child, _)) = &mut self.own
                && let Some(status) = child.try_wait()?
            {
                bail!("it ended: {status}");
            }
            if let Some(address) = listening(&self.log()) {
                self.address = address;
                if self.get("/-/ready").await.is_ok() {
                    return Ok(());
                }
            }
            sleep(LOOK).await;
        }
        bail!("nothing for {PATIENCE:?}")
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let request = Request::new("prometheus", ("GET", "prometheus", path), [], "");
        let reply = Connection::new(self.address).send(&request, Leave::AtEnd).await;
        ensure!(reply.status == Some(200) && reply.whole, "{path}: {:?} {:?}", reply.status, reply.broken);
        Ok(reply.body.to_vec())
    }

    /// An instant query.
    ///
    /// # Errors
    /// It is refused, or its result is no vector.
    pub async fn query(&self, expression: &str) -> Result<Vec<Series>> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(expression))).await?;
        vector(&answer)
    }

    /// An instant query at `at`, milliseconds since 1970.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub async fn query_at(&self, expression: &str, at: i64) -> Result<Vec<Series>> {
        vector(&self.get(&format!("/api/v1/query?query={}&time={}", encoded(expression), seconds(at))).await?)
    }

    /// The stored points of all series of `selector` in the `back` milliseconds before `at`.
    ///
    /// # Errors
    /// It is refused, or is no selector.
    pub async fn points(&self, selector: &str, at: i64, back: i64) -> Result<Vec<Points>> {
        let range = encoded(&format!("{selector}[{back}ms]"));
        let answer = self.get(&format!("/api/v1/query?query={range}&time={}", seconds(at))).await?;
        matrix(&answer)
    }

    /// The values of an expression from `start` to `end`, each `step` milliseconds.
    ///
    /// # Errors
    /// It is refused.
    pub async fn query_range(&self, expression: &str, (start, end): (i64, i64), step: i64) -> Result<Vec<Points>> {
        let times = format!("start={}&end={}&step={}", seconds(start), seconds(end), seconds(step));
        matrix(&self.get(&format!("/api/v1/query_range?query={}&{times}", encoded(expression))).await?)
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let log = self.own.as_ref().map(|(_, directory)| fs::read_to_string(directory.path().join("log")));
        log.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.own {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// The rules without the intervals of their groups: a test does not wait for 15 s and more.
fn at_any_interval(rules: &str) -> String {
    rules.lines().filter(|line| !line.starts_with("  interval: ")).map(|line| format!("{line}\n")).collect()
}

fn vector(answer: &[u8]) -> Result<Vec<Series>> {
    let answer: Value = serde_json::from_slice(answer)?;
    let result = answer.pointer("/data/result").and_then(Value::as_array).context("a vector")?;
    result
        .iter()
        .map(|series| {
            let value = series.pointer("/value/1").and_then(Value::as_str).context("a value")?;
            let labels = series.get("metric").cloned().unwrap_or_default();
            Ok(Series { labels, value: value.parse()? })
        })
        .collect()
}

fn matrix(answer: &[u8]) -> Result<Vec<Points>> {
    let answer: Value = serde_json::from_slice(answer)?;
    let result = answer.pointer("/data/result").and_then(Value::as_array).context("a matrix")?;
    let point = |pair: &Value| {
        let at = pair.pointer("/0").and_then(Value::as_f64).context("an instant")?;
        let value = pair.pointer("/1").and_then(Value::as_str).context("a value")?;
        // Seconds with three decimals: rounding gives the milliseconds exactly.
        Ok(((at * 1000.0).round() as i64, value.parse()?))
    };
    let series = |series: &Value| {
        let labels = serde_json::from_value(series.get("metric").cloned().unwrap_or_default())?;
        let values = series.get("values").and_then(Value::as_array).context("values")?;
        Ok(Points { labels, points: values.iter().map(point).collect::<Result<_>>()? })
    };
    result.iter().map(series).collect()
}

/// Seconds with three decimals, as the API takes instants.
fn seconds(milliseconds: i64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

fn listening(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains(LISTENING))?;
    line.split_once(" address=")?.1.split_whitespace().next()?.trim_matches('"').parse().ok()
}

/// Percent-encoded for a query string (RFC 3986 2.3: all but the unreserved).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_port_is_found_and_a_query_is_encoded() {
        let log = "level=INFO msg=\"Listening on\" component=web address=127.0.0.1:4711\nlevel=INFO msg=\"TLS is disabled.\"\n";
        assert_eq!(listening(log), Some(SocketAddr::from(([127, 0, 0, 1], 4711))));
        assert_eq!(listening("level=INFO"), None);
        assert_eq!(encoded("sum(a{b=\"c\"})"), "sum%28a%7Bb%3D%22c%22%7D%29");
    }
}
