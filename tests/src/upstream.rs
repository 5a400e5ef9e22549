//! A replay upstream: answers with recorded responses, cut and broken off as a plan says, and remembers what it saw.
//!
//! Exchanges are told apart by [`REPLAY_ID`], a header that the test's client sets and Envoy passes on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub use crate::upstream_answer::{Answer, Cuts, Ending};
use crate::upstream_body::AnswerBody;
use crate::upstream_digest::Digest;

/// The request header that says which answer is wanted.
pub const REPLAY_ID: &str = "x-replay-id";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Length and hash of the body, or `None` where it broke off.
    pub body: Option<Digest>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Arc<Answer>>,
    received: HashMap<String, Vec<Received>>,
    unknown: usize,
}

/// A running upstream; it stops when dropped.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: AbortHandle,
}

impl Upstream {
    /// Listens on a free port of 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let (address, accepting) = listen(move |socket| serve(socket, Arc::clone(&shared))).await?;
        Ok(Self { address, state, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the answer for `id`, in place of an earlier one.
    pub fn answer(&self, id: impl Into<String>, answer: Answer) {
        lock(&self.state).answers.insert(id.into(), Arc::new(answer));
    }

    /// The requests that asked for `id`.
    pub fn received(&self, id: &str) -> Vec<Received> {
        lock(&self.state).received.get(id).cloned().unwrap_or_default()
    }

    /// How many requests came, and how many of them asked for what is not in the table.
    pub fn counts(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.received.values().map(Vec::len).sum::<usize>() + state.unknown, state.unknown)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens on a free port of 127.0.0.1 and serves each connection in a task of its own.
pub(crate) async fn listen<S>(serve: impl Fn(TcpStream) -> S + Send + 'static) -> io::Result<(SocketAddr, AbortHandle)>
where
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    Ok((address, accepting.abort_handle()))
}

async fn serve(socket: TcpStream, state: Arc<Mutex<State>>) {
    // Each cut is to leave at once, not when the kernel has gathered more.
    let _refused = socket.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&state)));
    // A connection that ends in an error is how most plans end.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

type Reply = Response<BoxBody<Bytes, io::Error>>;

async fn respond(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Reply> {
    let (head, body) = request.into_parts();
    let id = head.headers.get(REPLAY_ID).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let body = body.collect().await.ok().map(|b| Digest::of(&b.to_bytes()));
    let answer = {
        let mut state = lock(&state);
        let answer = state.answers.get(&id).cloned();
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let received = Received { method: head.method.to_string(), path, headers: head.headers, body };
        if answer.is_some() {
            state.received.entry(id).or_default().push(received);
        } else {
            state.unknown += 1;
        }
        answer
    };
    match answer {
        Some(answer) => answered(&answer).await,
        None => {
            let mut reply = Response::new(Full::new(Bytes::new()).map_err(never).boxed());
            *reply.status_mut() = StatusCode::IM_A_TEAPOT;
            Ok(reply)
        }
    }
}

fn never(impossible: Infallible) -> io::Error {
    match impossible {}
}

async fn answered(answer: &Answer) -> io::Result<Reply> {
    if !answer.wait.is_zero() {
        tokio::time::sleep(answer.wait).await;
    }
    match answer.ending {
        Ending::Silent => std::future::pending().await,
        // hyper closes the connection without a byte when the service fails.
        Ending::NoHead => return Err(io::ErrorKind::ConnectionReset.into()),
        Ending::Whole | Ending::ResetAfter(_) | Ending::StallAfter(_) => {}
    }
    let mut reply = Response::new(AnswerBody::new(answer).boxed());
    *reply.status_mut() = answer.status;
    *reply.headers_mut() = answer.headers.clone();
    Ok(reply)
}
