//! Upstream, Envoy with the filter and all schemas, and the traffic through it, in phases, with a scrape of our own
//! behind each.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Connection, Leave, Reply};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::upstream::Upstream;
use tokio::task::{JoinHandle, JoinSet};

use crate::config;
use crate::expect::{Ledger, State, Took};
use crate::surface::{Surface, Text};
use crate::traffic::{Kind, PHASES, kinds};

/// Connections at once: with fewer, those who wait would hold up the others.
const CONNECTIONS: usize = 24;
/// What a client's own clock may miss of the filter's: an abort reaches the filter after the client has gone.
const SLACK: Duration = Duration::from_millis(300);

/// Name of the kind that is held while others look.
pub const HELD: &str = "held";
/// The same, held longer.
pub const HELD_LONG: &str = "held-long";

/// Our own scrape of both surfaces, and what it shows.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// What is counted in it.
    pub state: State,
    /// The text of each surface.
    pub texts: Vec<(Surface, Text)>,
}

/// The scene.
pub struct Stage {
    upstream: Upstream,
    envoy: Option<Envoy>,
    kinds: Vec<Kind>,
    surfaces: Vec<Surface>,
    /// The books.
    pub ledger: Ledger,
    /// From when on which state holds, milliseconds since 1970.
    pub states: Vec<(i64, State)>,
    /// Our own scrapes.
    pub scrapes: Vec<Scrape>,
    sent: usize,
}

/// A request under way.
pub struct Held {
    kind: Kind,
    task: JoinHandle<(Reply, Duration)>,
}

/// Milliseconds since 1970.
///
/// # Panics
/// The clock stands before 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Stage {
    /// Starts upstream and Envoy with the filter of `module`, and sends each kind once: the warm-up.
    ///
    /// # Errors
    /// One of them does not start, or an exchange goes another way than planned.
    pub async fn start(module: &Path) -> Result<Self> {
        let upstream = Upstream::start().await?;
        let bootstrap = Bootstrap::shipped(module, upstream.address())?;
        let bootstrap = config::with_all_schemas(bootstrap)?;
        let envoy = Envoy::start(&Setup::new(bootstrap).workers(2)).await?;
        let surfaces = Surface::all(&envoy).await?;
        let mut ledger = Ledger::default();
        let kinds = kinds();
        for kind in kinds.iter().filter(|k| k.name == HELD) {
            ledger.hold(kind);
        }
        let (states, scrapes) = (Vec::new(), Vec::new());
        let envoy = Some(envoy);
        let mut stage = Self { upstream, envoy, kinds, surfaces, ledger, states, scrapes, sent: 0 };
        stage.phase(0).await?;
        Ok(stage)
    }

    /// The kinds of exchange.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The two surfaces.
    pub fn surfaces(&self) -> &[Surface] {
        &self.surfaces
    }

    /// Sends a phase, waits until all of it is counted, books it and scrapes.
    ///
    /// # Errors
    /// An exchange goes another way than planned, or the counts do not come to rest.
    pub async fn phase(&mut self, phase: usize) -> Result<()> {
        let phased = |k: &&Kind| phase == 0 || ![HELD, HELD_LONG].contains(&k.name);
        let times = |k: &Kind| std::iter::repeat_n(k.clone(), k.counts.get(phase).copied().unwrap_or(0));
        let queue = self.kinds.iter().filter(phased).flat_map(times).collect();
        self.send(phase, queue).await
    }

    /// Sends exchanges as of a phase, waits until all of them are counted, books them and scrapes.
    ///
    /// # Errors
    /// As [`Stage::phase`].
    pub async fn send(&mut self, phase: usize, queue: Vec<Kind>) -> Result<()> {
        let address = self.envoy()?.address();
        for kind in &queue {
            kind.put_up(&self.upstream, phase);
        }
        let (mut running, mut waiting) = (JoinSet::new(), queue.into_iter());
        loop {
            while running.len() < CONNECTIONS
                && let Some(kind) = waiting.next()
            {
                running.spawn(one(address, kind));
            }
            let Some(done) = running.join_next().await else { break };
            let (kind, reply, took) = done?;
            self.book(phase, &kind, &reply, took)?;
        }
        self.settle(State { phase, held: false }).await
    }

    /// Sends a request of a kind that is held, and scrapes while it is under way.
    ///
    /// # Errors
    /// The counts do not come to rest.
    pub async fn hold(&mut self, name: &str, phase: usize) -> Result<Held> {
        let kind = self.kinds.iter().find(|k| k.name == name).context("a kind that is held")?.clone();
        kind.put_up(&self.upstream, 1);
        let before = self.upstream.received(name).len();
        let (address, sent) = (self.envoy()?.address(), kind.clone());
        let task = tokio::spawn(async move {
            let (_, reply, took) = one(address, sent).await;
            (reply, took)
        });
        let began = Instant::now();
        while self.upstream.received(name).len() == before {
            ensure!(began.elapsed() < kind.held().0, "{name} did not arrive while it was to be held");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Gauges are written behind, too, and nothing tells when.
        tokio::time::sleep(SLACK).await;
        self.settle(State { phase, held: true }).await?;
        Ok(Held { kind, task })
    }

    /// Waits for a request that was held and books it.
    ///
    /// # Errors
    /// It goes another way than planned.
    pub async fn let_go(&mut self, held: Held, phase: usize) -> Result<()> {
        let (reply, took) = held.task.await?;
        self.book(phase, &held.kind, &reply, took)
    }

    fn book(&mut self, phase: usize, kind: &Kind, reply: &Reply, took: Duration) -> Result<()> {
        self.sent += 1;
        let left = kind.leave != Leave::AtEnd;
        let planned = reply.status == Some(kind.status()) && (reply.whole != left) && reply.broken.is_none();
        ensure!(planned, "{}: {:?} {:?}", kind.name, reply.status, reply.broken);
        let (head, total) = if phase == 0 { (Duration::ZERO, Duration::ZERO) } else { kind.held() };
        let total = if left { Duration::ZERO } else { total };
        let tail = total.saturating_sub(head);
        let longest = if left { took + SLACK } else { took };
        let took = Took { head: (head, longest.saturating_sub(tail)), total: (total, longest) };
        self.ledger.book(phase, kind, took);
        Ok(())
    }

    async fn settle(&mut self, state: State) -> Result<()> {
        self.envoy()?.settled(self.sent).await?;
        self.states.push((now(), state));
        let mut texts = Vec::new();
        for surface in &self.surfaces {
            texts.push((surface.clone(), surface.scrape().await?));
        }
        self.scrapes.push(Scrape { state, texts });
        Ok(())
    }

    /// What a sample at `at` shows, at least.
    pub fn state(&self, at: i64) -> State {
        let known = self.states.iter().rev().find(|(from, _)| *from <= at);
        known.map_or(State { phase: 0, held: false }, |(_, state)| *state)
    }

    /// Ends Envoy; what was found stays.
    ///
    /// # Errors
    /// It does not end well, or has ended.
    pub async fn end(&mut self) -> Result<()> {
        self.envoy.take().context("Envoy has ended")?.quit().await?;
        self.states.push((now(), State { phase: PHASES, held: false }));
        Ok(())
    }

    fn envoy(&self) -> Result<&Envoy> {
        self.envoy.as_ref().context("Envoy has ended")
    }
}

async fn one(address: std::net::SocketAddr, kind: Kind) -> (Kind, Reply, Duration) {
    let began = Instant::now();
    let reply = Connection::new(address).send(&kind.request, kind.leave).await;
    (kind, reply, began.elapsed())
}
