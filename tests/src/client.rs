//! An HTTP/1.1 client that can go away in the middle, as real clients do.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};

use crate::upstream::REPLAY_ID;
use crate::upstream_answer::append_end_to_end;

/// Longest wait for anything: far beyond what a loopback exchange takes, so that a hang is told as one.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as the client sends it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Chooses the upstream's answer; Envoy prints it as `%STREAM_ID%`.
    pub id: String,
    /// Method.
    pub method: Method,
    /// Path and query.
    pub path: Uri,
    /// End-to-end headers with `host`.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Request {
    /// A request to `path` of `host`; header values that HTTP does not allow are left out.
    ///
    /// # Panics
    /// `method`, `path` or `host` cannot be sent: a mistake of the test.
    pub fn new<'a>(
        id: impl Into<String>,
        (method, host, path): (&str, &str, &str),
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        body: impl Into<Bytes>,
    ) -> Self {
        let id = id.into();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let ours = ["host", "content-length", "x-request-id", REPLAY_ID];
            if !ours.iter().any(|own| name.eq_ignore_ascii_case(own)) {
                append_end_to_end(&mut map, name, value);
            }
        }
        map.insert(HOST, HeaderValue::from_str(host).expect("a host that is a header value"));
        let id_value = HeaderValue::from_str(&id).expect("an id that is a header value");
        map.insert("x-request-id", id_value.clone());
        map.insert(REPLAY_ID, id_value);
        Self {
            id,
            method: method.parse().expect("a method"),
            path: path.parse().unwrap_or_else(|e| panic!("{path}: {e}")),
            headers: map,
            body: body.into(),
        }
    }
}

/// When the client goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// When the response is whole.
    AtEnd,
    /// When so many bytes of the response body have come.
    AfterBody(usize),
    /// So long after so many bytes of the response body have come.
    Lingering(usize, Duration),
    /// After so long without a response head.
    BeforeHead(Duration),
}

/// What the client saw.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Status, where a head came.
    pub status: Option<u16>,
    /// Headers.
    pub headers: HeaderMap,
    /// What came of the body.
    pub body: Bytes,
    /// The response came whole.
    pub whole: bool,
    /// Why it did not, where the client did not leave by itself.
    pub broken: Option<String>,
}

/// One connection, opened when needed.
pub struct Connection {
    to: SocketAddr,
    open: Option<(SendRequest<Full<Bytes>>, AbortHandle)>,
}

impl Connection {
    /// A connection to `to`, not opened yet.
    pub fn new(to: SocketAddr) -> Self {
        Self { to, open: None }
    }

    /// Closes the connection, whatever it is doing.
    pub fn close(&mut self) {
        if let Some((_, driving)) = self.open.take() {
            driving.abort();
        }
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let ready = match &mut self.open {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.close();
            let socket = TcpStream::connect(self.to).await.map_err(|e| format!("connect: {e}"))?;
            let _refused = socket.set_nodelay(true);
            let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(|e| format!("handshake: {e}"))?;
            let driving = tokio::spawn(async move {
                let _ended = connection.await;
            });
            self.open = Some((sender, driving.abort_handle()));
        }
        self.open.as_mut().map(|(sender, _)| sender).ok_or_else(|| "no connection".to_owned())
    }

    /// Sends one request and reads until the response ends or the client is to leave.
    pub async fn send(&mut self, request: &Request, leave: Leave) -> Reply {
        let mut reply = Reply::default();
        match tokio::time::timeout(PATIENCE, self.exchange(request, leave, &mut reply)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => reply.broken = Some(problem),
            Err(_) => reply.broken = Some(format!("nothing for {PATIENCE:?}")),
        }
        if !reply.whole {
            self.close();
        }
        reply
    }

    async fn exchange(&mut self, request: &Request, leave: Leave, reply: &mut Reply) -> Result<(), String> {
        let mut message = hyper::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = request.path.clone();
        *message.headers_mut() = request.headers.clone();
        let response = self.sender().await?.send_request(message);
        let response = match leave {
            Leave::BeforeHead(wait) => match tokio::time::timeout(wait, response).await {
                Err(_) => return Ok(()),
                Ok(response) => response,
            },
            Leave::AtEnd | Leave::AfterBody(_) | Leave::Lingering(..) => response.await,
        };
        let (head, body) = response.map_err(|e| format!("no response: {e:?}"))?.into_parts();
        reply.status = Some(head.status.as_u16());
        reply.headers = head.headers;
        let (limit, linger) = match leave {
            Leave::AfterBody(n) => (n, Duration::ZERO),
            Leave::Lingering(n, wait) => (n, wait),
            Leave::AtEnd | Leave::BeforeHead(_) => (usize::MAX, Duration::ZERO),
        };
        reply.whole = read(body, limit, linger, &mut reply.body).await?;
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads up to `limit` bytes and holds on for `linger`; tells whether the body ended by itself before that.
async fn read(mut body: Incoming, limit: usize, linger: Duration, into: &mut Bytes) -> Result<bool, String> {
    let mut seen = BytesMut::new();
    let mut problem = None;
    let whole = loop {
        if seen.len() >= limit {
            tokio::time::sleep(linger).await;
            break false;
        }
        match body.frame().await {
            None => break true,
            Some(Ok(frame)) => seen.extend(frame.into_data().ok()),
            Some(Err(e)) => {
                problem = Some(format!("body: {e:?}"));
                break false;
            }
        }
    };
    *into = seen.freeze();
    problem.map_or(Ok(whole), Err)
}

/// Sends all requests over so many connections at once; the replies are in the order of the requests.
///
/// # Panics
/// A task of ours panicked.
pub async fn send_all(to: SocketAddr, requests: Vec<(Request, Leave)>, connections: usize) -> Vec<Reply> {
    let count = requests.len();
    let queue = std::sync::Arc::new(Mutex::new(requests.into_iter().enumerate()));
    let mut workers = JoinSet::new();
    for _ in 0..connections.max(1) {
        let queue = std::sync::Arc::clone(&queue);
        workers.spawn(async move {
            let mut connection = Connection::new(to);
            let mut done = Vec::new();
            loop {
                let Some((at, (request, leave))) = queue.lock().await.next() else { return done };
                done.push((at, connection.send(&request, leave).await));
            }
        });
    }
    let mut replies = vec![Reply::default(); count];
    while let Some(done) = workers.join_next().await {
        for (at, reply) in done.expect("a client's task") {
            if let Some(place) = replies.get_mut(at) {
                *place = reply;
            }
        }
    }
    replies
}
