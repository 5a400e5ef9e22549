//! Gauges of the schemas of services that the filter cannot feed, and rules can.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_tests::envoy::{Bootstrap, Envoy, Setup, yaml};
use genops_tests::generated::workspace;
use genops_tests::prometheus::Prometheus;
use genops_tests::upstream::Upstream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::envoy_support::filter;
use crate::prometheus_rules::passes;

/// A health check, a scrape, an evaluation; each a second, the first scrape some seconds after the start.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn requests_per_second_are_those_of_a_minute() -> Result<()> {
    let step = |status: &str| format!("primitive_requests_total{{primitive_name=\"ask\", status=\"{status}\"}}");
    for rules in ["rules/tta.yml", "rules-envoy/tta.yml"] {
        let tests = json!({
            "rule_files": [workspace().join("envoy/prometheus").join(rules)],
            "evaluation_interval": "15s",
            "tests": [{
                "interval": "15s",
                // Two a second that succeed and one that fails; then nothing more.
                "input_series": [
                    {"series": step("success"), "values": "0+30x20 600+0x20"},
                    {"series": step("failure"), "values": "0+15x20 300+0x20"},
                ],
                "promql_expr_test": [
                    // Extrapolation ends in the last digits.
                    {"expr": "round(primitive_requests_per_second, 0.001)", "eval_time": "4m",
                     "exp_samples": [{"labels": "{primitive_name=\"ask\"}", "value": 3}]},
                    {"expr": "round(primitive_requests_per_second, 0.001)", "eval_time": "8m",
                     "exp_samples": [{"labels": "{primitive_name=\"ask\"}", "value": 0}]},
                ],
            }],
        });
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("tests.yml");
        fs::write(&file, tests.to_string())?;
        passes(Command::new(genops_tools::tool::promtool()?).args(["test", "rules"]).arg(&file))?;
    }
    Ok(())
}

async fn until_redis_is(prometheus: &Prometheus, up: f64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = prometheus.query("prompter_redis_up").await?;
        if let [one] = &found[..]
            && one.value.to_bits() == up.to_bits()
        {
            for (label, value) in [("service", "prompter-api"), ("env", "prod")] {
                ensure!(one.labels.get(label) == Some(&json!(value)), "{one:?}");
            }
            ensure!(one.labels.get("envoy_cluster_name").is_none(), "{one:?}");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "not {up}: {found:?}\n{}", prometheus.log());
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_up_while_it_answers() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // What Redis says to a PING (RESP); no more of it is asked.
    let redis = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = [0; 256];
            while socket.read(&mut asked).await.is_ok_and(|read| read > 0) {
                if !asked.to_ascii_uppercase().windows(4).any(|word| word == b"PING")
                    || socket.write_all(b"+PONG\r\n").await.is_err()
                {
                    break;
                }
            }
        }
    });
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    let shipped = yaml(&fs::read_to_string(workspace().join("envoy/prometheus/redis-cluster.yaml"))?)?;
    bootstrap.add_cluster("redis", |cluster| {
        *cluster = shipped.get(0).context("a cluster")?.clone();
        for pointer in ["/health_checks/0/interval", "/health_checks/0/no_traffic_interval"] {
            *cluster.pointer_mut(pointer).with_context(|| pointer.to_owned())? = json!("0.5s");
        }
        let to = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let place: &mut Value = cluster.pointer_mut(to).context("an address")?;
        *place = json!({"address": address.ip().to_string(), "port_value": address.port()});
        Ok(())
    })?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let rules = workspace().join("envoy/prometheus/rules/prompter.yml");
    let prometheus = Prometheus::start(envoy.admin_address(), &rules).await?;
    until_redis_is(&prometheus, 1.0).await?;
    redis.abort();
    until_redis_is(&prometheus, 0.0).await?;
    envoy.quit().await?;
    Ok(())
}
