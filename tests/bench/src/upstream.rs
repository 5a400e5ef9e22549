//! The provider's part: answers each exchange as its header asks, on the load generator's core.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming, SizeHint},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc::UnboundedReceiver, task};

use crate::workload::{Exchange, Pace, Workload};

/// Header that names the workload by its index in [`Workload::ALL`].
pub(crate) const WORKLOAD: &str = "x-bench-workload";

/// Header that names the client's [`Gates`] slot.
pub(crate) const SLOT: &str = "x-bench-slot";

/// One permit per frame that the client has read, for streams in lock step; a slot per client connection.
#[derive(Default)]
pub(crate) struct Gates(Mutex<Vec<Option<UnboundedReceiver<()>>>>);

impl Gates {
    /// Sets the permits of the next exchange of `slot`.
    pub(crate) fn set(&self, slot: usize, permits: UnboundedReceiver<()>) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() <= slot {
            slots.resize_with(slot + 1, || None);
        }
        if let Some(place) = slots.get_mut(slot) {
            *place = Some(permits);
        }
    }

    fn take(&self, slot: usize) -> Option<UnboundedReceiver<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(slot)?.take()
    }
}

/// Serves on a port of its own for as long as the task set lives, and gives its address.
pub(crate) async fn start(gates: Rc<Gates>) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the upstream")?;
    let address = listener.local_addr()?;
    let exchanges: Rc<Vec<Exchange>> = Rc::new(Workload::ALL.iter().map(|w| w.exchange()).collect());
    task::spawn_local(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A frame must leave when it is written, not when Nagle has waited for the acknowledgement of the last.
            if socket.set_nodelay(true).is_err() {
                continue;
            }
            let (gates, exchanges) = (Rc::clone(&gates), Rc::clone(&exchanges));
            let service = service_fn(move |request| answer(request, Rc::clone(&gates), Rc::clone(&exchanges)));
            task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    Ok(address)
}

async fn answer(
    request: Request<Incoming>,
    gates: Rc<Gates>,
    exchanges: Rc<Vec<Exchange>>,
) -> Result<Response<Parts>, Infallible> {
    let number = |name: &str| request.headers().get(name)?.to_str().ok()?.parse::<usize>().ok();
    let exchange = number(WORKLOAD).and_then(|index| exchanges.get(index)).cloned();
    let permits = number(SLOT).and_then(|slot| gates.take(slot));
    // As a provider does: the whole request first.
    let whole = request.into_body().collect().await.is_ok();
    let Some(exchange) = exchange.filter(|_| whole) else {
        let mut refused = Response::new(Parts::new(Vec::new(), None));
        *refused.status_mut() = hyper::StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    let permits = permits.filter(|_| exchange.pace == Pace::LockStep);
    let mut response = Response::new(Parts::new(exchange.response, permits));
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(exchange.content_type));
    Ok(response)
}

/// A body in parts, each written by itself.
struct Parts {
    parts: std::vec::IntoIter<Bytes>,
    permits: Option<UnboundedReceiver<()>>,
    started: bool,
    yielded: bool,
}

impl Parts {
    fn new(parts: Vec<Bytes>, permits: Option<UnboundedReceiver<()>>) -> Self {
        Self { parts: parts.into_iter(), permits, started: false, yielded: false }
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.started && this.parts.len() > 0 {
            // hyper writes what it has when a body is pending: that is the flush between two parts.
            if let Some(permits) = this.permits.as_mut() {
                if permits.poll_recv(cx).is_pending() {
                    return Poll::Pending;
                }
            } else if !std::mem::replace(&mut this.yielded, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        this.started = true;
        this.yielded = false;
        Poll::Ready(this.parts.next().map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        // One part has a known length (content-length), as a provider's JSON has; several are chunked.
        match self.parts.as_slice() {
            [only] => SizeHint::with_exact(u64::try_from(only.len()).unwrap_or(0)),
            _ => SizeHint::default(),
        }
    }
}
