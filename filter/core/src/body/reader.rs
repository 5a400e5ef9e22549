//! The reading half of an exchange: response bytes in, one [`Reading`] out.

use super::{
    BodyError, BodyState, Reading,
    decode::{Decoder, Stop},
    facts::Facts,
    frame::{Expected, Frame, Promise},
    headers::HeadFacts,
    websocket::Websocket,
};
use crate::{ErrorType, Usage, detect::Api, estimate::TextMeter, head::Head, usage::Family};

/// Name of an AWS error (`ValidationException:http://...`).
const AWS_ERROR: &str = "x-amzn-errortype";

/// Longest error name that is taken from a header, bytes.
const AWS_ERROR_LIMIT: usize = 128;

/// Reads one response as it passes. The [`Reading`] is the same for every way to cut the same bytes.
///
/// Memory: a few names and at most three usage objects, whatever the body's length. An encoded body takes more, for
/// each coding (two at most): gzip and deflate 50 kB; zstd 170 kB and br 70 kB and both what was decoded so far, up to
/// the window of the stream, which zstd bounds at 8 MB (RFC 9659) and br at 16 MB (RFC 7932). A zstd block that comes in
/// cuts waits in up to 128 kB.
#[derive(Debug)]
pub struct Reader {
    expected: Expected,
    status: u16,
    decoder: Decoder,
    frame: Frame,
    facts: Facts,
    /// The session, where the response is one.
    socket: Option<Box<Websocket>>,
    head: HeadFacts,
    head_error: Option<String>,
    /// Measures generated text, where that is asked for.
    text: Option<Box<TextMeter>>,
}

impl Reader {
    /// A reader for the response with this status and head to a call of `api`.
    pub fn new(api: Api, status: u16, head: &Head<'_>) -> Self {
        let promise = Promise::parse(head.text("content-type"));
        let failed = status >= 400;
        Self {
            expected: Expected { api, promise, failed },
            status,
            decoder: Decoder::new(head.get("content-encoding")),
            frame: Frame::Undecided,
            facts: Facts::new(Family::of(api)),
            socket: is_upgraded(api, status, head).then(|| Box::new(Websocket::new(api, head))),
            head: HeadFacts::read(api, failed, head),
            head_error: head
                .text(AWS_ERROR)
                .and_then(|name| name.split(':').next())
                .filter(|name| !name.is_empty() && name.len() <= AWS_ERROR_LIMIT)
                .map(str::to_owned),
            text: None,
        }
    }

    /// Measures generated text from now on, where it can be.
    pub(crate) fn measure_text(&mut self) {
        let Expected { api, promise, failed } = self.expected;
        self.text = if failed { None } else { TextMeter::response(api, promise == Promise::Sse) };
    }

    /// Bytes of generated text; 0 where it is not measured.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text.as_ref().map_or(0, |text| text.bytes())
    }

    /// The next bytes of the body, cut anywhere.
    pub fn feed(&mut self, cut: &[u8]) {
        if let Some(socket) = &mut self.socket {
            return socket.feed(cut);
        }
        // Lookups that are not read: nothing in a model list is worth a scan. Stored responses and runs are.
        if !reads(self.expected.api) && !self.expected.failed {
            self.facts.event |= !cut.is_empty();
            return;
        }
        let Self { decoder, frame, facts, expected, text, .. } = self;
        decoder.feed(cut, |run| {
            frame.feed(run, *expected, facts);
            if let Some(text) = text {
                text.feed(run);
            }
        });
        if decoder.stopped().is_some() && !matches!(frame, Frame::Undecided) {
            // What came out of a damaged or swollen body is not believed: its checksum would cover all of it.
            *frame = Frame::Undecided;
            facts.forget(Family::of(expected.api));
        }
    }

    /// Whether bytes of the client are of use: the first frames of a session whose model only the client names.
    pub fn wants_client(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.wants_client())
    }

    /// The next bytes that the client sends in a session, cut anywhere.
    pub fn feed_client(&mut self, cut: &[u8]) {
        if let Some(socket) = &mut self.socket {
            socket.feed_client(cut);
        }
    }

    /// The model that the client of a session asked for in its frames.
    pub fn client_model(&self) -> Option<&str> {
        self.socket.as_ref().and_then(|socket| socket.client_model())
    }

    /// Whether the server of a session has said that it is over.
    pub fn is_closed(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.is_closed())
    }

    /// Whether the first event of a stream, or the first byte of another body, has been seen.
    pub fn seen_event(&self) -> bool {
        self.facts.event
    }

    /// Whether generated output has been seen in a stream.
    pub fn seen_token(&self) -> bool {
        self.facts.token && self.is_streamed()
    }

    /// Whether any usage figure has come.
    pub fn seen_usage(&self) -> bool {
        match &self.socket {
            Some(socket) => socket.usage_so_far().is_some(),
            None => !self.facts.tally.is_empty(),
        }
    }

    /// The usage that the figures so far come to.
    pub fn usage_so_far(&self) -> Option<Usage> {
        match &self.socket {
            Some(socket) => socket.usage_so_far(),
            None if self.expected.failed => None,
            None => self.facts.tally.read().usage,
        }
    }

    /// Whether the body is a stream of events, as far as is known.
    pub fn is_streamed(&self) -> bool {
        match &self.frame {
            _ if self.socket.is_some() => true,
            Frame::EventStream(_) => true,
            // A text that only begins like a field name has no events.
            Frame::Sse(_) => self.expected.promise == Promise::Sse || self.facts.event,
            // NDJSON by its type; Gemini's array by its API.
            Frame::Documents(_) => {
                self.expected.promise == Promise::Lines || self.expected.api == Api::StreamGenerateContent
            }
            Frame::Undecided => matches!(self.expected.promise, Promise::Sse | Promise::EventStream | Promise::Lines),
            Frame::Opaque | Frame::Alien => false,
        }
    }

    /// The body has ended: by itself (`ended`), or cut off by an abort or reset. To be called once; later calls give
    /// the same figures.
    pub fn finish(&mut self, ended: bool) -> Reading {
        if let Some(socket) = &mut self.socket {
            return socket.finish();
        }
        let inside = match &mut self.frame {
            Frame::Documents(documents) => documents.finish(&mut self.facts),
            Frame::Sse(sse) => sse.finish(&mut self.facts),
            Frame::EventStream(stream) => stream.finish(&mut self.facts),
            Frame::Undecided | Frame::Opaque | Frame::Alien => false,
        };
        let state = self.state(ended, inside);
        let facts = &self.facts;
        let stated = if self.expected.failed { Default::default() } else { facts.tally.read() };
        let head = &self.head;
        let (usage, from_headers) = match (stated.usage, &head.usage) {
            (None, Some(usage)) => (Some(usage.clone()), true),
            (usage, _) => (usage, false),
        };
        Reading {
            usage,
            from_headers,
            head_input: head.input,
            model: facts.model.clone(),
            upstream: facts.upstream.clone(),
            fingerprint: facts.fingerprint,
            service_tier: stated.tier.or_else(|| facts.tier.clone()).or_else(|| head.tier.clone()),
            speed: stated.speed.or_else(|| facts.speed.clone()).or_else(|| head.speed.clone()),
            geo: stated.geo,
            search_context: stated.search_context,
            size: facts.size.clone(),
            quality: facts.quality.clone(),
            response_id: facts.id.clone(),
            finish_reason: facts.finish_reason().map(str::to_owned),
            error: self.error(),
            state,
            stated_cost: stated.cost.or_else(|| head.cost.clone()),
            spilled_over: head.spilled_over,
            gateway_cached: head.gateway_cached,
            streamed: self.is_streamed(),
        }
    }

    fn state(&self, ended: bool, inside: bool) -> BodyState {
        let facts = &self.facts;
        // A body that says itself that it is whole is, even if the client hangs up right after.
        let closed =
            facts.done || (matches!(self.frame, Frame::Documents(_)) && facts.whole > 0 && !self.is_streamed());
        let broken = match &self.frame {
            Frame::EventStream(stream) => stream.is_broken(),
            Frame::Alien => true,
            _ => facts.broken > 0 && facts.whole == 0,
        };
        match self.decoder.stopped() {
            Some(Stop::Unsupported) => BodyState::Unsupported,
            // No web socket came of it.
            _ if self.expected.api.is_socket() => BodyState::Unsupported,
            Some(Stop::TooLarge) => BodyState::TooLarge,
            _ if facts.too_large => BodyState::TooLarge,
            Some(Stop::Corrupt) => BodyState::Unparsable,
            _ if broken => BodyState::Unparsable,
            _ if inside => BodyState::Truncated,
            _ if (!ended || self.decoder.is_cut()) && !closed => BodyState::Truncated,
            _ => BodyState::Complete,
        }
    }

    /// The error of the response: a failed status always is one, and knows its kind best.
    fn error(&self) -> Option<BodyError> {
        let told = self.facts.error.clone();
        let Some(kind) = ErrorType::from_status(self.status) else {
            // In a stream that began well, an error without a telling word is a stream error.
            return told.map(|error| match error.kind {
                ErrorType::Other if self.is_streamed() => BodyError { kind: ErrorType::StreamError, ..error },
                _ => error,
            });
        };
        let code = told.and_then(|error| error.code).or_else(|| self.head_error.clone());
        Some(BodyError { kind, code })
    }
}

/// Whether a response begins a session: `101`, which Envoy shows for HTTP/2 too; other hosts show the `200` of an
/// extended CONNECT (RFC 8441), which has no content type.
fn is_upgraded(api: Api, status: u16, head: &Head<'_>) -> bool {
    api.is_socket() && (status == 101 || (status == 200 && head.get("content-type").is_none()))
}

/// Whether a response of this API can say anything that is wanted.
fn reads(api: Api) -> bool {
    api.generates() || matches!(api, Api::ResponsesRetrieve | Api::AssistantsObjects | Api::ReplicateObjects)
}
