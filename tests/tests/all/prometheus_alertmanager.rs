//! The shipped Alertmanager configuration: its own checker takes it, every alert of the rules reaches the receiver of its
//! category, and a real Alertmanager keeps the weaker of two alerts quiet.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use genops_tests::client::{Connection, Leave, Request};
use genops_tests::envoy::yaml;
use genops_tests::generated::workspace;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::prometheus_rules::{files, passes};

/// Start, and then that an alert is seen: both take well under a second.
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> PathBuf {
    workspace().join("envoy/prometheus/alertmanager.yml")
}

fn receiver(category: &str, severity: &str) -> Result<&'static str> {
    Ok(match (category, severity) {
        ("cost" | "budget", "critical") => "cost-critical",
        ("cost" | "budget" | "usage" | "efficiency", _) => "cost-warning",
        ("policy" | "compliance", _) => "policy-violations",
        ("performance" | "reliability" | "quality", _) => "performance-alerts",
        ("infrastructure" | "observability" | "health" | "metering", _) => "infrastructure-alerts",
        _ => bail!("category {category} has no receiver here"),
    })
}

#[test]
#[ignore = "slow tier: Alertmanager and amtool are built for minutes"]
fn amtool_takes_it() -> Result<()> {
    passes(Command::new(genops_tools::tool::amtool()?).arg("check-config").arg(config())).map(drop)
}

#[test]
#[ignore = "slow tier: Alertmanager and amtool are built for minutes"]
fn every_alert_reaches_the_receiver_of_its_category() -> Result<()> {
    let amtool = genops_tools::tool::amtool()?;
    let mut labels = BTreeSet::new();
    for file in files("rules", "yml")? {
        let document = yaml(&fs::read_to_string(file)?)?;
        let groups = document.get("groups").and_then(Value::as_array).context("groups")?;
        for rule in groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten() {
            if rule.get("alert").is_some() {
                let label =
                    |name: &str| rule.pointer(&format!("/labels/{name}")).and_then(Value::as_str).context("label");
                labels.insert((label("category")?.to_owned(), label("severity")?.to_owned()));
            }
        }
    }
    ensure!(labels.len() > 10, "{labels:?}");
    for (category, severity) in labels {
        let expected = receiver(&category, &severity)?;
        let mut test = Command::new(&amtool);
        test.args(["config", "routes", "test", "--config.file"]).arg(config());
        test.args(["--verify.receivers", expected]);
        test.args([format!("category={category}"), format!("severity={severity}"), "alertname=Any".to_owned()]);
        passes(&mut test)?;
    }
    let mut unknown = Command::new(&amtool);
    unknown.args(["config", "routes", "test", "--config.file"]).arg(config());
    passes(unknown.args(["--verify.receivers", "default", "category=other", "severity=warning"])).map(drop)
}

/// A running Alertmanager; it ends when dropped.
struct Alertmanager {
    child: Child,
    _directory: TempDir,
    address: SocketAddr,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Alertmanager {
    async fn start() -> Result<Self> {
        let directory = TempDir::with_prefix("genops-alertmanager-")?;
        // It does not say which port it chose.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = directory.path().join("log");
        let child = Command::new(genops_tools::tool::alertmanager()?)
            .current_dir(directory.path())
            .arg("--config.file")
            .arg(config())
            .args(["--storage.path=data", "--cluster.listen-address="])
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut alertmanager = Self { child, _directory: directory, address };
        let until = Instant::now() + PATIENCE;
        while alertmanager.ask("GET", "/-/ready", "").await.is_err() {
            let ended = alertmanager.child.try_wait()?;
            ensure!(ended.is_none() && Instant::now() < until, "{ended:?}\n{}", fs::read_to_string(&log)?);
            sleep(Duration::from_millis(50)).await;
        }
        Ok(alertmanager)
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let headers = [("content-type", &b"application/json"[..])];
        let request = Request::new("alertmanager", (method, "alertmanager", path), headers, body.to_owned());
        let reply = Connection::new(self.address).send(&request, Leave::AtEnd).await;
        ensure!(reply.status == Some(200) && reply.whole, "{path}: {:?} {:?}", reply.status, reply.broken);
        Ok(reply.body.to_vec())
    }

    /// The names of the alerts that are inhibited, and of those that are not, once all `count` are seen.
    async fn states(&self, count: usize) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
        let until = Instant::now() + PATIENCE;
        loop {
            let alerts: Vec<Value> = serde_json::from_slice(&self.ask("GET", "/api/v2/alerts", "").await?)?;
            let state = |alert: &Value| alert.pointer("/status/state").and_then(Value::as_str).map(str::to_owned);
            if alerts.len() == count && alerts.iter().all(|a| state(a).is_some_and(|s| s != "unprocessed")) {
                let name =
                    |alert: &Value| alert.pointer("/labels/alertname").and_then(Value::as_str).map(str::to_owned);
                let inhibited = |alert: &&Value| state(alert).as_deref() == Some("suppressed");
                let of = |alerts: Vec<&Value>| alerts.into_iter().filter_map(name).collect();
                let (quiet, loud): (Vec<&Value>, Vec<&Value>) = alerts.iter().partition(inhibited);
                return Ok((of(quiet), of(loud)));
            }
            ensure!(Instant::now() < until, "{alerts:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until exactly `expected` of `count` alerts are inhibited, and still are a moment later. The inhibitor
    /// reads new alerts beside the API (its own subscription, inhibit/inhibit.go), so "active" says nothing at first.
    async fn settles(&self, count: usize, expected: &BTreeSet<String>) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut held = false;
        loop {
            let (quiet, loud) = self.states(count).await?;
            if quiet == *expected && held {
                return Ok(());
            }
            held = quiet == *expected;
            ensure!(Instant::now() < until, "quiet {quiet:?}, loud {loud:?}");
            sleep(Duration::from_millis(500)).await;
        }
    }
}

#[tokio::test]
#[ignore = "slow tier: Alertmanager and amtool are built for minutes"]
async fn the_weaker_of_two_alerts_is_quiet() -> Result<()> {
    let alertmanager = Alertmanager::start().await?;
    let model = json!({"team": "search", "model": "gpt-4o", "provider": "openai", "instance": "a"});
    let other = json!({"team": "support", "model": "gpt-4o", "provider": "openai", "instance": "a"});
    let alerts = [
        // As the rules label them: thresholds have no project, BudgetExhausted has.
        ("BudgetExhausted", "critical", json!({"team": "search", "project": "assistant"})),
        ("BudgetThreshold95Percent", "critical", json!({"team": "search"})),
        ("BudgetThreshold80Percent", "warning", json!({"team": "support"})),
        ("BudgetExceeded", "critical", json!({"team": "search", "budget_period": "monthly"})),
        ("TeamOverBudget", "critical", json!({"team": "search", "budget_period": "monthly"})),
        ("VeryHighCostRate", "critical", model.clone()),
        ("HighCostRate", "warning", model),
        ("VeryHighLatency", "critical", other),
        ("HighErrorRate", "critical", json!({})),
        ("ElevatedErrorRate", "warning", json!({})),
        ("LowComplianceRate", "warning", json!({"policy_name": "pii"})),
    ];
    let posted: Vec<Value> = alerts
        .iter()
        .map(|(name, severity, labels)| {
            let mut labels = labels.clone();
            if let Some(labels) = labels.as_object_mut() {
                labels.insert("alertname".to_owned(), json!(name));
                labels.insert("severity".to_owned(), json!(severity));
            }
            json!({"labels": labels})
        })
        .collect();
    alertmanager.ask("POST", "/api/v2/alerts", &json!(posted).to_string()).await?;
    let expected = ["BudgetThreshold95Percent", "TeamOverBudget", "HighCostRate", "ElevatedErrorRate"];
    alertmanager.settles(alerts.len(), &expected.map(str::to_owned).into()).await
}
