//! Web sockets: once both sides have switched, bytes pass through the filter both ways as parts of two bodies, as in
//! Envoy.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Response, response};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::watch;

use super::body::empty;
use super::head;
use super::stream::{Lease, Stream, details};
use super::upstream::ProxyBody;
use super::{Phase, reached};
use crate::stream::Way;

/// Bytes that are read at once: two of the largest frames that realtime sound comes in.
const READ_BYTES: usize = 32 * 1024;

/// A session that both sides have agreed to.
pub(super) struct Session {
    client: OnUpgrade,
    upstream: OnUpgrade,
}

type From = ReadHalf<TokioIo<Upgraded>>;
type To = WriteHalf<TokioIo<Upgraded>>;

impl Session {
    /// The upstream has switched.
    pub(super) fn new(client: OnUpgrade, mut response: Response<Incoming>) -> (Self, response::Parts) {
        let upstream = hyper::upgrade::on(&mut response);
        (Self { client, upstream }, response.into_parts().0)
    }

    /// Tells the client so, and lets bytes pass until one side ends.
    pub(super) async fn begin(
        self,
        lease: Lease,
        parts: response::Parts,
        phase: watch::Receiver<Phase>,
    ) -> Response<ProxyBody> {
        let shown = head::of_response(&parts);
        let verdict = lease.stream.headers(Way::Response, shown.clone(), false).await;
        tokio::spawn(self.run(lease, phase));
        head::to_response(&verdict.headers.unwrap_or(shown), parts.status, empty())
    }

    async fn run(self, mut lease: Lease, mut phase: watch::Receiver<Phase>) {
        let (Ok(client), Ok(upstream)) = tokio::join!(self.client, self.upstream) else { return };
        let (from_client, to_client) = split(TokioIo::new(client));
        let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
        let ended = tokio::select! {
            () = pass(&lease.stream, Way::Request, from_client, to_upstream) => details::CLIENT_GONE,
            () = pass(&lease.stream, Way::Response, from_upstream, to_client) => details::RESET_IN_RESPONSE,
            () = reached(&mut phase, Phase::Over) => details::CLIENT_GONE,
        };
        lease.explain(ended);
    }
}

/// Passes bytes one way until there are no more or nobody takes them. A connection that ends is a reset, whoever ends it:
/// so it is in Envoy (seen on 1.40), and only a close frame tells a filter of a session's good end.
async fn pass(stream: &Arc<Stream>, way: Way, mut from: From, mut to: To) {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        buffer.reserve(READ_BYTES);
        let read = from.read_buf(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            let _gone = to.shutdown().await;
            return;
        }
        let verdict = stream.body(way, buffer.split().freeze(), false, false).await;
        if !verdict.body.is_empty() && write(&mut to, verdict.body).await.is_err() {
            return;
        }
    }
}

async fn write(to: &mut To, bytes: Bytes) -> std::io::Result<()> {
    to.write_all(&bytes).await?;
    to.flush().await
}
