//! Bodies on their way through the filter, piece by piece. A piece is asked for when the other side has room: that is
//! all the back-pressure there is, and all that is needed.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::{Instant, timeout_at};

use super::head;
use super::stream::{Lease, Stream, details};
use super::upstream::{BoxError, ProxyBody};
use crate::exchange::{Headers, LocalReply};
use crate::stream::Way;

/// A body of which nothing has been read here.
pub(super) fn empty() -> ProxyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body in one piece.
pub(super) fn full(bytes: impl Into<Bytes>) -> ProxyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body's pieces, each through the filter.
pub(super) struct Pump {
    stream: Arc<Stream>,
    way: Way,
    body: Incoming,
    /// Bytes to come, where the head says so.
    remaining: Option<u64>,
    ended: bool,
    /// Pieces that the filter let go while the head was held.
    first: Bytes,
    /// Of a response: what keeps the exchange open, and until when it may.
    lease: Option<(Lease, Instant)>,
}

/// What came of one step.
enum Next {
    Frame(Frame<Bytes>),
    /// The filter keeps it for now.
    Nothing,
    End,
}

impl Pump {
    /// A request's body. `first` has been through the filter already, and if `ended` that was all.
    pub(super) fn of_request(stream: Arc<Stream>, body: Incoming, first: Bytes, ended: bool) -> Self {
        Self { stream, way: Way::Request, body, remaining: None, ended, first, lease: None }
    }

    /// A response's body, whose announced length is `length`.
    pub(super) fn of_response(lease: Lease, body: Incoming, length: Option<u64>, until: Instant) -> Self {
        let stream = Arc::clone(&lease.stream);
        let lease = Some((lease, until));
        Self { stream, way: Way::Response, body, remaining: length, ended: false, first: Bytes::new(), lease }
    }

    /// As a body for hyper.
    pub(super) fn into_body(self) -> ProxyBody {
        StreamBody::new(stream::unfold(Some(self), Self::step)).boxed_unsync()
    }

    /// The next frame, and who gives the one after it.
    async fn step(this: Option<Self>) -> Option<(Result<Frame<Bytes>, BoxError>, Option<Self>)> {
        let mut this = this?;
        if !this.first.is_empty() {
            let first = std::mem::take(&mut this.first);
            return Some((Ok(Frame::data(first)), Some(this)));
        }
        loop {
            match this.next().await {
                Ok(Next::Frame(frame)) => return Some((Ok(frame), Some(this))),
                Ok(Next::Nothing) => {}
                Ok(Next::End) => return None,
                Err(error) => return Some((Err(error), None)),
            }
        }
    }

    /// Reads on while the filter holds the head: what goes on of the body, and whether that is its end.
    ///
    /// # Errors
    /// The body breaks off.
    pub(super) async fn held(&mut self) -> Result<Held, BoxError> {
        let frame = self.body.frame().await;
        let (bytes, end) = match frame {
            None => (Bytes::new(), true),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => (data, self.body.is_end_stream()),
                // Trailers without a word of the body let nothing go: the head waits for the end, and this is it.
                Err(_trailers) => (Bytes::new(), true),
            },
            Some(Err(error)) => {
                self.stream.client_has_gone();
                return Err(error.into());
            }
        };
        self.ended = end;
        let size = bytes.len();
        let verdict = self.stream.body(self.way, bytes, end, true).await;
        self.first = verdict.body;
        Ok(Held { flows: verdict.flows || end, headers: verdict.headers, reply: verdict.reply, size })
    }

    async fn next(&mut self) -> Result<Next, BoxError> {
        if self.ended {
            return Ok(Next::End);
        }
        let Some(frame) = self.frame().await? else {
            return Ok(self.data(Bytes::new(), true).await);
        };
        match frame.into_data() {
            Ok(data) => {
                self.remaining = self.remaining.map(|left| left.saturating_sub(data.len() as u64));
                // The last piece must be known as such: with a length announced nobody asks for what follows.
                let end = self.body.is_end_stream() || self.remaining == Some(0);
                Ok(self.data(data, end).await)
            }
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else { return Ok(Next::Nothing) };
                self.ended = true;
                let verdict = self.stream.trailers(self.way, head::of_trailers(&trailers)).await;
                self.close(details::VIA_UPSTREAM);
                Ok(verdict.headers.map_or(Next::End, |t| Next::Frame(Frame::trailers(head::to_map(&t)))))
            }
        }
    }

    async fn data(&mut self, data: Bytes, end: bool) -> Next {
        let verdict = self.stream.body(self.way, data, end, false).await;
        if end {
            self.ended = true;
            self.close(details::VIA_UPSTREAM);
        }
        match (verdict.body.is_empty(), end) {
            (false, _) => Next::Frame(Frame::data(verdict.body)),
            (true, true) => Next::End,
            (true, false) => Next::Nothing,
        }
    }

    /// The peer's next frame.
    async fn frame(&mut self) -> Result<Option<Frame<Bytes>>, BoxError> {
        let frame = match &self.lease {
            None => self.body.frame().await,
            Some((_, until)) => match timeout_at(*until, self.body.frame()).await {
                Ok(frame) => frame,
                Err(_) => {
                    self.close(details::TIMEOUT);
                    return Err("the exchange took longer than --timeout".into());
                }
            },
        };
        frame.transpose().map_err(|error| {
            match self.way {
                Way::Request => self.stream.client_has_gone(),
                Way::Response => self.close(details::RESET_IN_RESPONSE),
            }
            error.into()
        })
    }

    /// Ends the exchange, if this is the side that does.
    fn close(&mut self, details: &'static str) {
        if let Some((mut lease, _)) = self.lease.take() {
            lease.explain(details);
        }
    }
}

/// What came of a piece that a head waits for.
pub(super) struct Held {
    /// Head and body go on.
    pub(super) flows: bool,
    /// The head as it is now.
    pub(super) headers: Option<Headers>,
    /// The filter answers itself.
    pub(super) reply: Option<LocalReply>,
    /// Bytes that were read.
    pub(super) size: usize,
}
