//! The application's part: a closed loop over a few connections.

use std::{net::SocketAddr, rc::Rc};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, client::conn::http1, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::{self, JoinSet},
};

use crate::{
    upstream::{Gates, SLOT, WORKLOAD},
    workload::{Exchange, Pace, Workload},
};

/// Connections at once: enough to keep Envoy's core from sleeping between requests, few enough to stay one worker's
/// ordinary life.
const CONNECTIONS: usize = 4;

/// Header that makes the access log write a line.
pub(crate) const PROBE: &str = "x-bench-probe";

/// Sends `count` exchanges of `workload` to the proxy at `address` and reads each answer to its end.
///
/// # Errors
/// An exchange does not end with status 200 and the whole body: such a round measures nothing.
pub(crate) async fn round(
    address: SocketAddr,
    workload: Workload,
    count: usize,
    gates: &Rc<Gates>,
) -> anyhow::Result<()> {
    let exchange = Rc::new(workload.exchange());
    let mut connections = JoinSet::new();
    for slot in 0..CONNECTIONS {
        let share = count / CONNECTIONS + usize::from(slot < count % CONNECTIONS);
        let (exchange, gates) = (Rc::clone(&exchange), Rc::clone(gates));
        connections.spawn_local(async move {
            let mut sender = connect(address).await?;
            for _ in 0..share {
                one(&mut sender, workload, &exchange, slot, &gates, false).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = connections.join_next().await {
        done??;
    }
    Ok(())
}

/// Sends one exchange that the access log records.
///
/// # Errors
/// As [`round`].
pub(crate) async fn probe(address: SocketAddr, workload: Workload, gates: &Rc<Gates>) -> anyhow::Result<()> {
    one(&mut connect(address).await?, workload, &workload.exchange(), 0, gates, true).await
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    socket.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    task::spawn_local(connection);
    Ok(sender)
}

async fn one(
    sender: &mut SendRequest<Full<Bytes>>,
    workload: Workload,
    exchange: &Exchange,
    slot: usize,
    gates: &Gates,
    probe: bool,
) -> anyhow::Result<()> {
    let (permit, permits) = mpsc::unbounded_channel();
    if exchange.pace == Pace::LockStep {
        gates.set(slot, permits);
    }
    sender.ready().await?;
    let index = Workload::ALL.iter().position(|w| *w == workload).unwrap_or_default();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/v1/chat/completions")
        .header(header::HOST, "api.openai.com")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer none")
        .header("x-genops-team", "bench")
        .header(WORKLOAD, index)
        .header(SLOT, slot);
    if probe {
        request = request.header(PROBE, "1");
    }
    let response = sender.send_request(request.body(Full::new(exchange.request.clone()))?).await?;
    let status = response.status();
    let mut body = response.into_body();
    let mut ends = exchange.response.iter().scan(0, |end, part| {
        *end += part.len();
        Some(*end)
    });
    let (mut read, mut next_end) = (0, ends.next());
    while let Some(frame) = body.frame().await {
        read += frame?.data_ref().map_or(0, Bytes::len);
        while next_end.is_some_and(|end| end <= read) {
            // The upstream no longer listens behind its last frame.
            let _ = permit.send(());
            next_end = ends.next();
        }
    }
    let expected: usize = exchange.response.iter().map(Bytes::len).sum();
    if status != hyper::StatusCode::OK || read != expected {
        bail!("{}: status {status}, {read} bytes of {expected}", workload.name());
    }
    Ok(())
}
