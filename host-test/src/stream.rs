//! Driving one exchange through a VM, in Envoy's order: headers, body, trailers, each way; then log, done, delete.

use std::collections::BTreeMap;

use crate::exchange::{Cut, Exchange, ExchangeReport, Headers};
use crate::plan::ChunkPlan;
use crate::vm::{StreamState, Trapped, Vm};

/// What a filter's callback asks for: 0 goes on, everything else waits.
const CONTINUE: u32 = 0;

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

/// Whether the stream goes on to the next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    On,
    /// Paused: at headers, or at the end of a body, nothing in a replay resumes it.
    Stalled,
    /// The filter has answered the request itself.
    Answered,
}

/// Ticks that a paused request is given to be answered: a filter that answers later does so within a few.
const ANSWER_TICKS: usize = 1_000;

/// A stream that is open in a VM. Streams of one VM may be driven in turns.
#[derive(Debug)]
pub struct OpenStream {
    pub(crate) context: u32,
    pub(crate) report: ExchangeReport,
}

impl Vm {
    /// Runs `exchange` from its first callback to its last, bodies cut by `plan`, and tells what came of it. After a
    /// trap the VM is dead, as Envoy's is, and every further exchange reports that trap.
    pub fn exchange(&mut self, exchange: &Exchange, plan: ChunkPlan) -> ExchangeReport {
        let mut stream = self.open(exchange);
        let driven = self.request(&mut stream, exchange, plan).and_then(|flow| match flow {
            Flow::Answered => self.local_reply(&mut stream),
            Flow::On if exchange.cut.is_none_or(Cut::leaves_a_response) => self.response(&mut stream, exchange, plan),
            other => Ok(other),
        });
        stream.report.stalled = matches!(driven, Ok(Flow::Stalled));
        self.finish(stream)
    }

    /// Opens the stream and runs the request to its end; [`Vm::end_exchange`] runs the rest. Between the two other
    /// streams, ticks and updates can happen.
    pub fn begin_exchange(&mut self, exchange: &Exchange, plan: ChunkPlan) -> OpenStream {
        let mut stream = self.open(exchange);
        let driven = self.request(&mut stream, exchange, plan).and_then(|flow| match flow {
            Flow::Answered => self.local_reply(&mut stream),
            other => Ok(other),
        });
        stream.report.stalled = matches!(driven, Ok(Flow::Stalled));
        stream
    }

    /// Runs the response of a stream that [`Vm::begin_exchange`] of this VM opened, and closes it.
    pub fn end_exchange(&mut self, mut stream: OpenStream, exchange: &Exchange, plan: ChunkPlan) -> ExchangeReport {
        let open = !stream.report.stalled && stream.report.local_reply.is_none();
        if open && exchange.cut.is_none_or(Cut::leaves_a_response) {
            stream.report.stalled = matches!(self.response(&mut stream, exchange, plan), Ok(Flow::Stalled));
        }
        self.finish(stream)
    }

    fn open(&mut self, exchange: &Exchange) -> OpenStream {
        if let Some(at) = exchange.at_ns {
            self.clock().set_wall(at);
        }
        self.open_with(exchange.properties.clone())
    }

    /// Opens a stream of which the host knows `properties`, by NUL-joined path.
    pub(crate) fn open_with(&mut self, properties: BTreeMap<Vec<u8>, Vec<u8>>) -> OpenStream {
        let clock = self.clock();
        let state = StreamState {
            started_wall_ns: clock.wall_ns(),
            started_elapsed_ns: clock.elapsed_ns(),
            properties,
            ..StreamState::default()
        };
        // A dead VM shows in every later call.
        let context = self.create_stream(state).unwrap_or(0);
        OpenStream { context, report: ExchangeReport::default() }
    }

    fn request(&mut self, stream: &mut OpenStream, exchange: &Exchange, plan: ChunkPlan) -> Result<Flow, Trapped> {
        let whole = exchange.request_body.as_slice();
        let (body, trailers, ends) = match exchange.cut {
            Some(Cut::RequestGone { after }) => (whole.get(..after).unwrap_or(whole), None, false),
            _ => (whole, exchange.request_trailers.as_ref(), exchange.request_trailers.is_none()),
        };
        let pieces = plan.cut(body, ends);
        let flow = self.message(stream, Way::Request, &exchange.request_headers, &pieces, trailers)?;
        if flow == Flow::Stalled {
            for _ in 0..ANSWER_TICKS {
                if self.has_answered(stream) || !self.tick() {
                    break;
                }
            }
        }
        Ok(if self.has_answered(stream) { Flow::Answered } else { flow })
    }

    fn has_answered(&self, stream: &OpenStream) -> bool {
        self.store.data().streams.get(&stream.context).is_some_and(|state| state.local_reply.is_some())
    }

    /// The filter's own answer goes through its response callbacks, as any other (Envoy `sendLocalReply`).
    fn local_reply(&mut self, stream: &mut OpenStream) -> Result<Flow, Trapped> {
        let reply = self.store.data_mut().streams.get_mut(&stream.context).and_then(|state| state.local_reply.take());
        let Some(reply) = reply else { return Ok(Flow::Stalled) };
        let (head, mut body) = (reply.head(), reply.body.clone());
        if self.is_head_request(stream) {
            body.clear();
        }
        stream.report.local_reply = Some(reply);
        self.message(stream, Way::Response, &head, &[(&body, true)], None)
    }

    fn is_head_request(&self, stream: &OpenStream) -> bool {
        let state = self.store.data().streams.get(&stream.context);
        let method = state.and_then(|state| state.request_headers.as_ref()?.first(b":method"));
        method == Some(b"HEAD")
    }

    fn response(&mut self, stream: &mut OpenStream, exchange: &Exchange, plan: ChunkPlan) -> Result<Flow, Trapped> {
        let whole = exchange.response_body.as_slice();
        let (body, ends) = match exchange.cut {
            Some(Cut::DownstreamGone { after } | Cut::UpstreamReset { after }) => {
                (whole.get(..after).unwrap_or(whole), false)
            }
            _ => (whole, exchange.response_trailers.is_none()),
        };
        let trailers = exchange.response_trailers.as_ref().filter(|_| exchange.cut.is_none());
        self.message(stream, Way::Response, &exchange.response_headers, &plan.cut(body, ends), trailers)
    }

    fn message(
        &mut self,
        stream: &mut OpenStream,
        way: Way,
        headers: &Headers,
        pieces: &[(&[u8], bool)],
        trailers: Option<&Headers>,
    ) -> Result<Flow, Trapped> {
        // A message without a body ends with its headers.
        let bodiless = matches!(pieces, [(only, true)] if only.is_empty());
        if self.headers(stream, way, headers, bodiless)? != Flow::On {
            return Ok(Flow::Stalled);
        }
        if bodiless {
            return Ok(Flow::On);
        }
        let mut flow = Flow::On;
        for &(piece, end) in pieces {
            flow = self.body(stream, way, piece, end)?;
            if way == Way::Request && self.has_answered(stream) {
                return Ok(Flow::Answered);
            }
        }
        if let Some(trailers) = trailers {
            flow = self.trailers(stream, way, trailers)?;
        }
        Ok(flow)
    }

    pub(crate) fn headers(
        &mut self,
        stream: &OpenStream,
        way: Way,
        headers: &Headers,
        end: bool,
    ) -> Result<Flow, Trapped> {
        let context = stream.context;
        self.run_due_tick();
        let count = u32::try_from(headers.pairs().len()).unwrap_or(u32::MAX);
        if let Some(state) = self.store.data_mut().streams.get_mut(&context) {
            match way {
                Way::Request => state.request_headers = Some(headers.clone()),
                Way::Response => state.response_headers = Some(headers.clone()),
            }
        }
        let (name, function) = match way {
            Way::Request => ("proxy_on_request_headers", self.callbacks.on_request_headers.clone()),
            Way::Response => ("proxy_on_response_headers", self.callbacks.on_response_headers.clone()),
        };
        let action = self.call(name, context, function, (context, count, u32::from(end)), CONTINUE)?;
        Ok(if action == CONTINUE { Flow::On } else { Flow::Stalled })
    }

    /// One piece. While the filter pauses, pieces pile up and the callback sees their sum; what it lets go flows on.
    pub(crate) fn body(&mut self, stream: &mut OpenStream, way: Way, piece: &[u8], end: bool) -> Result<Flow, Trapped> {
        let context = stream.context;
        self.run_due_tick();
        let mut size = 0;
        if let Some(state) = self.store.data_mut().streams.get_mut(&context) {
            let (body, open, bytes) = match way {
                Way::Request => (&mut state.request_body, &mut state.request_body_open, &mut state.request_bytes),
                Way::Response => (&mut state.response_body, &mut state.response_body_open, &mut state.response_bytes),
            };
            body.extend_from_slice(piece);
            *open = true;
            *bytes += piece.len() as u64;
            size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        }
        let (name, function) = match way {
            Way::Request => ("proxy_on_request_body", self.callbacks.on_request_body.clone()),
            Way::Response => ("proxy_on_response_body", self.callbacks.on_response_body.clone()),
        };
        let action = self.call(name, context, function, (context, size, u32::from(end)), CONTINUE)?;
        if let Some(state) = self.store.data_mut().streams.get_mut(&context) {
            let (body, open, out) = match way {
                Way::Request => {
                    (&mut state.request_body, &mut state.request_body_open, &mut stream.report.request_body)
                }
                Way::Response => {
                    (&mut state.response_body, &mut state.response_body_open, &mut stream.report.response_body)
                }
            };
            *open = false;
            if action == CONTINUE {
                out.append(body);
            }
        }
        Ok(if action == CONTINUE { Flow::On } else { Flow::Stalled })
    }

    pub(crate) fn trailers(&mut self, stream: &OpenStream, way: Way, trailers: &Headers) -> Result<Flow, Trapped> {
        let context = stream.context;
        self.run_due_tick();
        let count = u32::try_from(trailers.pairs().len()).unwrap_or(u32::MAX);
        if let Some(state) = self.store.data_mut().streams.get_mut(&context) {
            match way {
                Way::Request => state.request_trailers = Some(trailers.clone()),
                Way::Response => state.response_trailers = Some(trailers.clone()),
            }
        }
        let (name, function) = match way {
            Way::Request => ("proxy_on_request_trailers", self.callbacks.on_request_trailers.clone()),
            Way::Response => ("proxy_on_response_trailers", self.callbacks.on_response_trailers.clone()),
        };
        let action = self.call(name, context, function, (context, count), CONTINUE)?;
        Ok(if action == CONTINUE { Flow::On } else { Flow::Stalled })
    }

    /// Log, done, delete: whatever happened before (Envoy `doDeferredStreamDestroy`).
    pub(crate) fn finish(&mut self, stream: OpenStream) -> ExchangeReport {
        let OpenStream { context, mut report } = stream;
        self.run_due_tick();
        let closed = self.close(context);
        let state = self.store.data_mut();
        if let Some(stream) = state.streams.remove(&context) {
            report.filter_state = stream.filter_state;
            report.request_headers = stream.request_headers.unwrap_or_default();
            report.response_headers = stream.response_headers.unwrap_or_default();
        }
        report.log = state.take_log();
        if closed.is_err() {
            report.trap = self.trap().map(|(callback, reason)| format!("{callback}: {reason}"));
        }
        report
    }

    fn close(&mut self, context: u32) -> Result<(), Trapped> {
        if let Some(state) = self.store.data_mut().streams.get_mut(&context) {
            state.logging = true;
        }
        let log = self.callbacks.on_log.clone();
        self.call("proxy_on_log", context, log, context, ())?;
        let done = self.callbacks.on_done.clone();
        self.call("proxy_on_done", context, done, context, 1)?;
        let delete = self.callbacks.on_delete.clone();
        self.call("proxy_on_delete", context, delete, context, ())
    }
}
