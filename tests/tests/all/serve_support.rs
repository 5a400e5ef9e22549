//! The live native host in the tests' own process: the same filter, configuration and tags as the shipped Envoy
//! bootstrap.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_host::serve::{ServeOptions, Server, Stopped, Upstream};
use genops_host::{FilterModule, Host, HostOptions, Plugin, PrometheusQuery, TagRule, TagRules};
use genops_tests::envoy::Bootstrap;
use regex::bytes::Regex;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::envoy_support::filter;

/// Longest wait for what has ended to be counted.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Record lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How it is started.
pub(crate) struct Setup {
    /// Upstreams, as on the command line.
    pub(crate) upstreams: Vec<String>,
    /// The filter's configuration; the bootstrap's own if none.
    pub(crate) configuration: Option<String>,
    /// Workers.
    pub(crate) workers: usize,
    /// How long an exchange may take.
    pub(crate) timeout: Duration,
}

impl Setup {
    /// One upstream for all requests, and the shipped bootstrap's configuration.
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        Self {
            upstreams: vec![format!("http://{upstream}")],
            configuration: None,
            workers: 2,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A running host.
pub(crate) struct Served {
    server: Server,
    records: Lines,
}

impl Served {
    pub(crate) async fn start(setup: Setup) -> Result<Self> {
        let module = filter()?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let bootstrap = Bootstrap::shipped(&module, nowhere)?;
        let rules: Vec<TagRule> = serde_json::from_value(bootstrap.stats_tags()?.clone())?;
        let configuration = match setup.configuration {
            Some(text) => text,
            None => bootstrap.listener.configuration()?.to_owned(),
        };
        let options = HostOptions { workers: setup.workers, live: true, ..HostOptions::default() };
        let module = FilterModule::from_file(&module)?;
        let host = Host::start(&module, Plugin::new(configuration), TagRules::new(&rules, true)?, options)?;
        let records = Lines::default();
        let upstreams: Result<Vec<Upstream>, _> = setup.upstreams.iter().map(|text| text.parse()).collect();
        let options = ServeOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: None,
            upstreams: upstreams?,
            timeout: setup.timeout,
            drain: Duration::from_secs(5),
            records: Some(Box::new(records.clone())),
        };
        Ok(Self { server: Server::start(host, options).await?, records })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The records so far, by exchange.
    pub(crate) fn records(&self) -> Result<Vec<Value>> {
        let text = self.records.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(text)?.lines().map(|line| serde_json::from_str(line).context(line.to_owned())).collect()
    }

    /// The filter's part of the scrape, once so many exchanges have ended and all of them is in it.
    pub(crate) async fn settled(&self, exchanges: usize) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        while self.records()?.len() < exchanges {
            ensure!(Instant::now() < until, "{} of {exchanges} exchanges have ended", self.records()?.len());
            sleep(LOOK).await;
        }
        self.server.settle().await;
        let query = PrometheusQuery { filter: Some(Regex::new("genops")?), used_only: false };
        Ok(String::from_utf8_lossy(&self.server.scrape(&query)).into_owned())
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Stopped {
        self.server.stop(std::future::pending()).await
    }
}
