//! The two places where the same figures are scraped.

use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Connection, Leave, Request};
use genops_tests::envoy::Envoy;
use serde_json::Value;

/// What a surface answers.
pub type Text = String;

/// Which surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `/stats/prometheus` of Envoy's admin: whole numbers, and rules that convert them.
    Envoy,
    /// The filter's own endpoint.
    Filter,
}

/// One surface.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Which.
    pub which: Which,
    /// Where it listens.
    pub target: SocketAddr,
    /// The path to ask for.
    pub path: &'static str,
    /// What Prometheus is told of the shipped scrape configuration.
    pub config: &'static str,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Envoy => "Envoy's",
            Self::Filter => "the filter's",
        })
    }
}

impl Surface {
    /// Both.
    ///
    /// # Errors
    /// The filter's own does not answer.
    pub async fn all(envoy: &Envoy) -> Result<Vec<Self>> {
        let listeners: Value = serde_json::from_str(&envoy.admin("/listeners?format=json").await?)?;
        let all = listeners.pointer("/listener_statuses").and_then(Value::as_array).context("listeners")?;
        let metrics = all.iter().find(|l| l.get("name").and_then(Value::as_str) == Some("metrics"));
        let port = metrics.and_then(|l| l.pointer("/local_address/socket_address/port_value")).and_then(Value::as_u64);
        let port = u16::try_from(port.context("the shipped bootstrap has no listener `metrics`")?)?;
        let own = Self {
            which: Which::Filter,
            target: SocketAddr::from(([127, 0, 0, 1], port)),
            path: "/metrics",
            config: "prometheus.yml",
        };
        let envoys = Self {
            which: Which::Envoy,
            target: envoy.admin_address(),
            path: "/stats/prometheus?filter=^wasmcustom%5C.",
            config: "prometheus-envoy.yml",
        };
        own.scrape().await.context("the filter's own surface")?;
        Ok(vec![envoys, own])
    }

    /// What it answers now.
    ///
    /// # Errors
    /// It does not, or not with 200.
    pub async fn scrape(&self) -> Result<Text> {
        let accept: (&str, &[u8]) = ("accept", b"text/plain;version=0.0.4");
        let request = Request::new("scrape", ("GET", "scrape.internal", self.path), [accept], "");
        let reply = Connection::new(self.target).send(&request, Leave::AtEnd).await;
        ensure!(reply.status == Some(200) && reply.whole, "{}: {:?} {:?}", self.path, reply.status, reply.broken);
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }
}
