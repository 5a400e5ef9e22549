//! A response body that leaves in the cuts of its plan.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Duration, Sleep, sleep};

use crate::upstream_answer::{Answer, Cuts, Ending};

/// Largest cut that a seed draws: more than most events, less than a socket's buffer.
const LARGEST_SEEDED: usize = 4096;
/// Between the last byte and a reset: hyper drops what it has not flushed when a body fails, and the peer must have
/// read what was sent before it learns of the end.
const BEFORE_RESET: Duration = Duration::from_millis(50);

/// The body of one [`Answer`].
pub(crate) struct AnswerBody {
    rest: Bytes,
    cuts: Cuts,
    random: fastrand::Rng,
    ending: Ending,
    /// The last cut is still to be flushed: hyper flushes when a body has nothing at the moment.
    flush: bool,
    tail: Duration,
    last: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    pub(crate) fn new(answer: &Answer) -> Self {
        let seed = if let Cuts::Seeded(seed) = answer.cuts { seed } else { 0 };
        Self {
            rest: answer.sent(),
            cuts: answer.cuts,
            random: fastrand::Rng::with_seed(seed),
            ending: answer.ending,
            flush: false,
            tail: answer.tail,
            last: None,
        }
    }

    fn next_cut(&mut self) -> Bytes {
        let size = match self.cuts {
            Cuts::Whole => self.rest.len(),
            Cuts::Bytes(n) => n.max(1),
            Cuts::Seeded(_) => self.random.usize(1..=LARGEST_SEEDED),
        };
        self.rest.split_to(size.min(self.rest.len()))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if std::mem::take(&mut self.flush) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.rest.is_empty() {
            self.flush = true;
            return Poll::Ready(Some(Ok(Frame::data(self.next_cut()))));
        }
        match self.ending {
            // The peer going away wakes the connection, and drops this body.
            Ending::StallAfter(_) => Poll::Pending,
            Ending::ResetAfter(_) => {
                let reset = self.last.get_or_insert_with(|| Box::pin(sleep(BEFORE_RESET)));
                reset.as_mut().poll(cx).map(|()| Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            Ending::Whole if !self.tail.is_zero() => {
                let tail = self.tail;
                let end = self.last.get_or_insert_with(|| Box::pin(sleep(tail)));
                end.as_mut().poll(cx).map(|()| None)
            }
            Ending::Whole | Ending::NoHead | Ending::Silent => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Whole && self.rest.is_empty() && !self.flush && self.tail.is_zero()
    }

    fn size_hint(&self) -> SizeHint {
        // Never exact: the length is announced by the answer's own header or not at all.
        SizeHint::default()
    }
}
