//! A live reverse proxy that runs the filter as Envoy would: for a laptop, without Envoy.
//!
//! ```text
//! client -> hyper -> Proxy -> Stream -(commands)-> worker thread with its VM
//!                      \-> Upstreams -> provider      \-> Observer -> Ledger -> /_genops/
//!                                                      \-> StatStore -> /metrics
//! ```
//!
//! Bodies pass piece by piece and are read as fast as the other side takes them. The filter sees the machine's clock and
//! real timers, and streams that break off end as Envoy would end them. Traffic outlives the filter: where it crashes,
//! bytes pass unmetered, as with `fail_open` in the shipped Envoy configuration.

mod body;
mod head;
mod ledger;
mod local;
mod observer;
mod pages;
mod proxy;
mod stream;
mod upgrade;
mod upstream;
mod worker;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, sleep, timeout};

pub use observer::RecordSink;
pub use upstream::{BadUpstream, Upstream};

use crate::host::Host;
use crate::render::{PrometheusQuery, prometheus};
use crate::replay::Summary;
use observer::Observer;
use pages::Pages;
use proxy::Proxy;
use stream::Meter;
use upstream::Upstreams;
use worker::{Command, Worker};

/// Between two tries to accept where the system has no more files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long the stats must stand still at the end: a filter that ticks every 100 ms and holds a new series back for 300 ms
/// has written all by then.
const QUIET: Duration = Duration::from_millis(500);
/// When to stop waiting for that.
const QUIET_WAIT: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// How a server runs.
pub struct ServeOptions {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the pages are served; the same place as clients' requests if not given.
    pub admin: Option<SocketAddr>,
    /// Where requests go.
    pub upstreams: Vec<Upstream>,
    /// How long an exchange may take.
    pub timeout: Duration,
    /// How long running exchanges may go on when the server is told to stop.
    pub drain: Duration,
    /// Where record lines go.
    pub records: Option<RecordSink>,
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is an upstream that speaks TLS, and nothing to know it by.
    #[error("no root certificates on this machine: install ca-certificates, or name a file in SSL_CERT_FILE{}", reason(.0))]
    NoRoots(String),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// No thread for a worker.
    #[error("cannot start a worker: {0}")]
    Thread(io::Error),
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// No new connections; what runs may end.
    Draining,
    /// What still runs is broken off.
    Over,
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    admin: SocketAddr,
    host: Host,
    workers: Vec<(Worker, JoinHandle<()>)>,
    observer: Arc<Observer>,
    proxy: Arc<Proxy>,
    phase: watch::Sender<Phase>,
    accepting: JoinSet<()>,
    drain: Duration,
}

/// What a server leaves.
#[derive(Debug)]
pub struct Stopped {
    /// Sums by provider and model.
    pub summary: Summary,
    /// Exchanges that passed without a record.
    pub unmetered: u64,
    /// `/metrics` at the end.
    pub scrape: Vec<u8>,
}

/// What connections are served with.
struct Service {
    proxy: Arc<Proxy>,
    pages: Option<Pages>,
    /// Requests that are no page go on to an upstream.
    forwards: bool,
}

impl Server {
    /// Starts serving with the workers of `host`, on the current tokio runtime. The host should be live
    /// ([`crate::HostOptions::live`]).
    ///
    /// # Errors
    /// An address that cannot be had, no root certificates, no threads.
    pub async fn start(mut host: Host, options: ServeOptions) -> Result<Self, ServeError> {
        let upstreams = Upstreams::new(options.upstreams)?;
        let listener = bind(options.listen).await?;
        let admin = match options.admin {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let observer = Arc::new(Observer::new(options.records));
        observer.log(host.take_log().iter());
        let mut workers = Vec::new();
        for (at, vm) in host.workers().take_vms().into_iter().enumerate() {
            let started = Worker::start(vm, format!("worker-{at}"), Arc::clone(&observer));
            workers.push(started.map_err(ServeError::Thread)?);
        }
        // The last VM is the main thread's: it ticks and sees no stream.
        let metering = workers.iter().take(workers.len().saturating_sub(1)).map(|(worker, _)| worker.clone());
        let (phase, watched) = watch::channel(Phase::Serving);
        let meter = Meter::new(metering.collect());
        let proxy = Arc::new(Proxy { meter, upstreams, timeout: options.timeout, phase: watched.clone() });
        let process = Arc::clone(host.process());
        let pages = Pages { process, observer: Arc::clone(&observer), proxy: Arc::clone(&proxy) };
        let address = local(&listener, options.listen)?;
        let admin_address = admin.as_ref().map_or(Ok(address), |listener| local(listener, options.listen))?;
        let (pages, admin_pages) = if admin.is_some() { (None, Some(pages)) } else { (Some(pages), None) };
        let mut accepting = JoinSet::new();
        let service = Service { proxy: Arc::clone(&proxy), pages, forwards: true };
        accepting.spawn(accept(listener, Arc::new(service), watched.clone()));
        if let Some(listener) = admin {
            let service = Service { proxy: Arc::clone(&proxy), pages: admin_pages, forwards: false };
            accepting.spawn(accept(listener, Arc::new(service), watched));
        }
        let drain = options.drain;
        Ok(Self { address, admin: admin_address, host, workers, observer, proxy, phase, accepting, drain })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the pages are.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// `/metrics`.
    pub fn scrape(&self, query: &PrometheusQuery) -> Vec<u8> {
        prometheus(self.host.process().stats(), query)
    }

    /// Waits until no exchange is open and the stats stand still, or until it has waited long enough.
    pub async fn settle(&self) {
        let until = Instant::now() + QUIET_WAIT;
        let stats = self.host.process().stats();
        let (mut pulse, mut since) = (stats.pulse(), Instant::now());
        while Instant::now() < until && since.elapsed() < QUIET {
            sleep(LOOK).await;
            let now = stats.pulse();
            if now != pulse || self.proxy.meter.open_streams() > 0 {
                (pulse, since) = (now, Instant::now());
            }
        }
    }

    /// Stops as an operator wants it: no new connections, running exchanges may end for as long as `drain`, then the
    /// filter writes what it holds. `hurry` cuts the waiting short.
    pub async fn stop(mut self, hurry: impl Future<Output = ()>) -> Stopped {
        self.phase.send_replace(Phase::Draining);
        let ended = async {
            while self.accepting.join_next().await.is_some() {}
            // Web sockets are no longer a connection's.
            while self.proxy.meter.open_streams() > 0 {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            _ = timeout(self.drain, ended) => {}
            () = hurry => {}
        }
        self.phase.send_replace(Phase::Over);
        while self.accepting.join_next().await.is_some() {}
        self.settle().await;
        let workers = std::mem::take(&mut self.workers);
        let joined = task::spawn_blocking(move || {
            for (worker, _) in &workers {
                worker.send(Command::Stop);
            }
            for (_, thread) in workers {
                if thread.join().is_err() {
                    eprintln!("genops-host: a worker has died; what it held is not in the scrape");
                }
            }
        });
        let _panicked = joined.await;
        Stopped {
            summary: self.observer.summary(),
            unmetered: self.observer.unmetered(),
            scrape: prometheus(self.host.process().stats(), &PrometheusQuery::default()),
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|source| ServeError::Listen { address, source })
}

/// Takes connections until the server drains, then waits for those that run, and ends them when it is over.
async fn accept(listener: TcpListener, service: Arc<Service>, mut phase: watch::Receiver<Phase>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    connections.spawn(connection(socket, peer, Arc::clone(&service), graceful.watcher()));
                }
                Err(_no_more_files) => sleep(ACCEPT_AGAIN).await,
            },
            Some(_ended) = connections.join_next() => {}
            () = reached(&mut phase, Phase::Draining) => break,
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = reached(&mut phase, Phase::Over) => {}
    }
    connections.shutdown().await;
}

/// Waits until the server is that far, or gone.
pub(crate) async fn reached(phase: &mut watch::Receiver<Phase>, at: Phase) {
    let _gone = phase.wait_for(|phase| *phase >= at).await.is_err();
}

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    service: Arc<Service>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Events of a stream leave at once, not when the kernel has gathered more.
    let _refused = socket.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let respond = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.respond(request, peer).await) }
    });
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(socket), respond).into_owned();
    // A connection that breaks off is how clients leave.
    let _ended = watcher.watch(serving).await;
}

impl Service {
    async fn respond(&self, request: Request<Incoming>, peer: SocketAddr) -> hyper::Response<upstream::ProxyBody> {
        let page = self.pages.as_ref().and_then(|pages| pages.get(request.method(), request.uri(), request.headers()));
        match page {
            Some(page) => page,
            None if self.forwards => self.proxy.exchange(request, peer).await,
            None => pages::absent(),
        }
    }
}
