//! What sends the figures on: the remote write of Prometheus, by its own checker and into a second one. What the Collector
//! sends on is tested with it, in the slow tier.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup, yaml};
use genops_tests::prometheus::Prometheus;
use genops_tests::upstream::Upstream;
use genops_tools::workspace_root;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::envoy_support::{ask, chat, filter};
use crate::prometheus_rules::passes;

const REMOTE_WRITE: &str = "envoy/platforms/prometheus-remote-write.yml";
/// A scrape, a batch of the remote write (5 s), and as much again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn promtool_takes_the_remote_write() -> Result<()> {
    let root = workspace_root();
    let shipped = fs::read_to_string(root.join(REMOTE_WRITE))?;
    let directory = root.join("envoy/prometheus");
    let place = tempfile::tempdir()?;
    for (lines, right) in [(shipped.clone(), true), (shipped.replace("action: keep", "action: hold"), false)] {
        let mut whole = yaml(&format!("{}\n{lines}", fs::read_to_string(directory.join("prometheus.yml"))?))?;
        for file in whole.pointer_mut("/rule_files").and_then(Value::as_array_mut).context("rule files")? {
            *file = json!(directory.join(file.as_str().context("a path")?));
        }
        let path = place.path().join("prometheus.yml");
        fs::write(&path, whole.to_string())?;
        let said = passes(Command::new(genops_tools::tool::promtool()?).args(["check", "config"]).arg(&path));
        ensure!(said.is_ok() == right, "{said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_prometheus_gets_what_a_bill_needs() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let far = Prometheus::with(json!({}), &[], "").await?;
    let mut write = yaml(&fs::read_to_string(workspace_root().join(REMOTE_WRITE))?)?;
    *write.pointer_mut("/remote_write/0/url").context("a url")? =
        json!(format!("http://{}/api/v1/write", far.address()));
    let near = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{
            "job_name": "genops-ai",
            "static_configs": [{"targets": [envoy.metrics_address()?.to_string()]}],
        }],
        "remote_write": write.get("remote_write"),
    });
    let near = Prometheus::with(near, &[], "").await?;
    let model = "gpt-4o-mini";
    upstream.answer("one", chat(model, 1000, 500));
    send_all(envoy.address(), vec![(ask("one", model, &[]), Leave::AtEnd)], 1).await;
    envoy.settled(1).await?;

    let deadline = Instant::now() + PATIENCE;
    // 1000 x 0.15 + 500 x 0.60 USD per million.
    while far
        .query("genops_cost_total_usd")
        .await?
        .first()
        .is_none_or(|cost| cost.value.to_bits() != 0.00045_f64.to_bits())
    {
        ensure!(Instant::now() < deadline, "{}", near.log());
        sleep(Duration::from_millis(200)).await;
    }
    let buckets = r#"{__name__=~".+_bucket"}"#;
    ensure!(!near.query(buckets).await?.is_empty(), "there are no buckets to leave out");
    ensure!(far.query(buckets).await?.is_empty(), "buckets were sent");
    let names = far.query(r#"count by (__name__) ({__name__=~".+", __name__!~"genops_.+"})"#).await?;
    let others: Vec<&Value> = names.iter().map(|series| &series.labels).collect();
    ensure!(others.is_empty(), "{others:?}");
    envoy.quit().await?;
    Ok(())
}
