//! One exchange in its worker's VM, as the proxy's tasks see it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::worker::{Command, Part, Properties, Verdict, Worker};
use crate::exchange::Headers;
use crate::stream::Way;

/// Envoy's words for how a response came to be (`StreamInfo::ResponseCodeDetails`); the filter reads them.
pub(super) mod details {
    pub(in crate::serve) const VIA_UPSTREAM: &str = "via_upstream";
    pub(in crate::serve) const CLIENT_GONE: &str = "downstream_remote_disconnect";
    pub(in crate::serve) const RESET_IN_RESPONSE: &str =
        "upstream_reset_after_response_started{connection_termination}";
    pub(in crate::serve) const RESET_BEFORE: &str = "upstream_reset_before_response_started{connection_termination}";
    pub(in crate::serve) const CANNOT_CONNECT: &str = "upstream_reset_before_response_started{connection_failure}";
    pub(in crate::serve) const TIMEOUT: &str = "upstream_response_timeout";
    pub(in crate::serve) const NO_ROUTE: &str = "route_not_found";
    pub(in crate::serve) const TOO_LARGE: &str = "request_payload_too_large";
}

/// The property that tells them.
const CODE_DETAILS: &[u8] = b"response\0code_details";

/// Hands exchanges to workers in turn.
pub(super) struct Meter {
    workers: Vec<Worker>,
    next: AtomicU64,
    open: Arc<AtomicU64>,
}

impl Meter {
    pub(super) fn new(workers: Vec<Worker>) -> Self {
        Self { workers, next: AtomicU64::new(0), open: Arc::default() }
    }

    /// Exchanges that have not ended.
    pub(super) fn open_streams(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Opens a stream. It is closed when its [`Lease`] is dropped.
    pub(super) fn open(&self, properties: Properties, upstream: Arc<str>) -> Lease {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.workers.len().max(1) as u64;
        let at = usize::try_from(key % count).unwrap_or(0);
        let stream = Stream { key, worker: self.workers.get(at).cloned(), client_gone: AtomicBool::new(false) };
        stream.send(Command::Open { key, properties, upstream });
        self.open.fetch_add(1, Ordering::Relaxed);
        Lease { stream: Arc::new(stream), details: details::CLIENT_GONE.into(), open: Arc::clone(&self.open) }
    }
}

/// What both directions of an exchange share.
pub(super) struct Stream {
    key: u64,
    worker: Option<Worker>,
    /// The request broke off: what fails from here on is nobody else's fault.
    client_gone: AtomicBool,
}

impl Stream {
    pub(super) async fn headers(&self, way: Way, headers: Headers, end: bool) -> Verdict {
        self.call(way, Part::Headers { headers: headers.clone(), end }, Part::Headers { headers, end }).await
    }

    /// A piece of a body; `held`: its head waits in the VM.
    pub(super) async fn body(&self, way: Way, bytes: Bytes, end: bool, held: bool) -> Verdict {
        self.call(way, Part::Body { bytes: bytes.clone(), end, held }, Part::Body { bytes, end, held }).await
    }

    pub(super) async fn trailers(&self, way: Way, trailers: Headers) -> Verdict {
        self.call(way, Part::Trailers { trailers: trailers.clone() }, Part::Trailers { trailers }).await
    }

    /// `instead`: the same part, for when no worker answers.
    async fn call(&self, way: Way, part: Part, instead: Part) -> Verdict {
        let (answer, verdict) = oneshot::channel();
        self.send(Command::Call { key: self.key, way, part, answer });
        verdict.await.unwrap_or_else(|_gone| Verdict::unmetered(instead))
    }

    fn property(&self, path: &'static [u8], value: &str) {
        self.send(Command::Property { key: self.key, path, value: value.as_bytes().to_vec() });
    }

    fn send(&self, command: Command) {
        if let Some(worker) = &self.worker {
            worker.send(command);
        }
    }

    pub(super) fn client_has_gone(&self) {
        self.client_gone.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_client_gone(&self) -> bool {
        self.client_gone.load(Ordering::Relaxed)
    }
}

/// Keeps an exchange open. Whoever drops it last ends the exchange: normally the response's body, else the task that
/// was waiting for the upstream when its client went away.
pub(super) struct Lease {
    pub(super) stream: Arc<Stream>,
    details: Cow<'static, str>,
    open: Arc<AtomicU64>,
}

impl Lease {
    /// How the exchange came to its end, as far as is known. The filter can read it from here on.
    pub(super) fn explain(&mut self, details: impl Into<Cow<'static, str>>) {
        self.details = details.into();
        self.stream.property(CODE_DETAILS, &self.details);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stream.property(CODE_DETAILS, &self.details);
        self.stream.send(Command::Close { key: self.stream.key });
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the filter can ask about an exchange, beyond its messages.
pub(super) fn properties(pairs: [(&[u8], String); 4]) -> Properties {
    BTreeMap::from(pairs.map(|(path, value)| (path.to_vec(), value.into_bytes())))
}
