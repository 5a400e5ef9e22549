//! Sessions over web sockets: an upstream that follows a script, and a client; both note each byte that passes.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::upstream::{REPLAY_ID, listen};

/// Longest wait for a session to have ended at the upstream.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an upstream does in a session, step by step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends a text message.
    Text(String),
    /// Sends the same as a binary message.
    Binary(String),
    /// Sends a ping.
    Ping,
    /// Writes bytes as they stand.
    Raw(Vec<u8>),
    /// Waits for a message of the client.
    Await,
    /// Closes as the protocol says.
    Close,
    /// Waits until the client has gone.
    UntilGone,
    /// Ends the connection without a word.
    Drop,
}

/// A session of an upstream.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Extensions that the `101` accepts.
    pub extensions: Option<&'static str>,
    /// The steps; the connection ends behind the last.
    pub steps: Vec<Step>,
}

/// The bytes that one end has seen, heads of the handshake included.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// What it read.
    pub read: Vec<u8>,
    /// What it wrote.
    pub written: Vec<u8>,
}

/// The frames behind a head.
pub fn behind_head(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    bytes.get(end..).unwrap_or_default()
}

#[derive(Default)]
struct State {
    scripts: HashMap<String, Script>,
    ended: HashMap<String, Wire>,
}

/// A running upstream; it stops when dropped.
pub struct SocketUpstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: AbortHandle,
}

impl SocketUpstream {
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

    /// Sets the session for `id`.
    pub fn script(&self, id: impl Into<String>, script: Script) {
        lock(&self.state).scripts.insert(id.into(), script);
    }

    /// What passed in the session `id`, once it has ended.
    ///
    /// # Errors
    /// It does not end.
    pub async fn ended(&self, id: &str) -> Result<Wire> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(wire) = lock(&self.state).ended.get(id) {
                return Ok(wire.clone());
            }
            anyhow::ensure!(Instant::now() < until, "{id} has not ended in {PATIENCE:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for SocketUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(socket: TcpStream, state: Arc<Mutex<State>>) {
    let _refused = socket.set_nodelay(true);
    let wire = Arc::default();
    let tap = Tap { inner: socket, wire: Arc::clone(&wire) };
    let mut id = String::new();
    let mut script = Script::default();
    #[expect(clippy::result_large_err, reason = "the signature that tokio-tungstenite asks for")]
    let greet = |request: &Request, mut response: Response| {
        id = request.headers().get(REPLAY_ID).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        script = lock(&state).scripts.get(&id).cloned().unwrap_or_default();
        if let Some(extensions) = script.extensions {
            response.headers_mut().insert("sec-websocket-extensions", HeaderValue::from_static(extensions));
        }
        Ok(response)
    };
    if let Ok(mut session) = accept_hdr_async(tap, greet).await {
        for step in &script.steps {
            // A client that goes away is how some sessions end.
            if follow(&mut session, step).await.is_err() {
                break;
            }
        }
    }
    let wire = lock(&wire).clone();
    lock(&state).ended.insert(id, wire);
}

async fn follow(session: &mut WebSocketStream<Tap>, step: &Step) -> Result<(), tungstenite::Error> {
    match step {
        Step::Text(text) => session.send(Message::text(text.clone())).await,
        Step::Binary(text) => session.send(Message::binary(text.clone().into_bytes())).await,
        Step::Ping => session.send(Message::Ping("ping".into())).await,
        Step::Raw(bytes) => Ok(session.get_mut().write_all(bytes).await?),
        Step::Await => loop {
            // Pongs come when they come.
            match session.next().await {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(tungstenite::Error::ConnectionClosed),
            }
        },
        Step::Close | Step::UntilGone => {
            if matches!(step, Step::Close) {
                session.close(None).await?;
            }
            while let Some(Ok(_)) = session.next().await {}
            Ok(())
        }
        Step::Drop => Err(tungstenite::Error::ConnectionClosed),
    }
}

/// A client in a session.
pub type Client = WebSocketStream<Tap>;

/// Begins the session `id` at `url` (`ws://host/path`) over a connection to `to`. The bytes that pass are noted.
///
/// # Errors
/// No connection, or no `101`.
pub async fn connect(to: SocketAddr, id: &str, url: &str) -> Result<(Client, Arc<Mutex<Wire>>)> {
    let mut request = url.into_client_request()?;
    for name in ["x-request-id", REPLAY_ID] {
        request.headers_mut().insert(name, HeaderValue::from_str(id)?);
    }
    let socket = TcpStream::connect(to).await?;
    socket.set_nodelay(true)?;
    let wire = Arc::default();
    let tap = Tap { inner: socket, wire: Arc::clone(&wire) };
    let (session, _head) = client_async(request, tap).await.with_context(|| id.to_owned())?;
    Ok((session, wire))
}

/// Reads messages until `count` of them hold `text`; gives how many came in all.
///
/// # Errors
/// The session ends before, or nothing comes.
pub async fn read_until(client: &mut Client, text: &str, count: usize) -> Result<usize> {
    let (mut seen, mut all) = (0, 0);
    while seen < count {
        let message = tokio::time::timeout(PATIENCE, client.next()).await?.context("the session ended")??;
        all += 1;
        let data = match &message {
            Message::Text(data) => data.as_bytes(),
            Message::Binary(data) => data,
            _ => b"",
        };
        seen += usize::from(data.windows(text.len()).any(|w| w == text.as_bytes()));
    }
    Ok(all)
}

/// A connection that notes what passes.
#[derive(Debug)]
pub struct Tap {
    inner: TcpStream,
    wire: Arc<Mutex<Wire>>,
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        lock(&self.wire).read.extend_from_slice(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            lock(&self.wire).written.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
