//! How a body is framed: by its content type, corrected by its first byte.

use super::{
    documents::Documents,
    event_stream::EventStream,
    facts::Facts,
    needle,
    sse::Sse,
    tree::{self, FAILED},
};
use crate::{detect::Api, usage::Family};

/// What the content type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Json,
    Lines,
    Sse,
    EventStream,
    /// Audio, images: nothing is read.
    Binary,
    /// None, or one that says nothing (`text/plain`, `application/octet-stream`).
    Unknown,
}

impl Promise {
    pub(crate) fn parse(content_type: Option<&str>) -> Self {
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" => Self::Sse,
            "application/vnd.amazon.eventstream" => Self::EventStream,
            // Cohere calls its lines `stream+json`.
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonl"
            | "application/stream+json"
            | "application/jsonlines" => Self::Lines,
            k if k == "application/json" || k == "text/json" || k.ends_with("+json") => Self::Json,
            k if ["audio/", "image/", "video/"].iter().any(|p| k.starts_with(p)) => Self::Binary,
            _ => Self::Unknown,
        }
    }
}

/// The machine that reads a body, once its first byte has been seen.
#[derive(Debug)]
pub(crate) enum Frame {
    /// Nothing but white space or a byte order mark so far.
    Undecided,
    Documents(Documents),
    Sse(Sse),
    EventStream(Box<EventStream>),
    /// Not read: binary.
    Opaque,
    /// No framing that is known.
    Alien,
}

/// What is known about a response before its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) api: Api,
    pub(crate) promise: Promise,
    /// The status tells a failure: only an error is looked for.
    pub(crate) failed: bool,
}

impl Frame {
    pub(crate) fn feed(&mut self, cut: &[u8], expected: Expected, facts: &mut Facts) {
        let mut rest = cut;
        if matches!(self, Self::Undecided) {
            // No framing begins with white space or a mark that matters.
            let blank = |b: &u8| b.is_ascii_whitespace() || matches!(b, 0xEF | 0xBB | 0xBF);
            let lead =
                if expected.promise == Promise::Binary { 0 } else { rest.iter().take_while(|b| blank(b)).count() };
            rest = rest.get(lead..).unwrap_or_default();
            let Some(first) = rest.first() else { return };
            *self = Self::choose(*first, expected);
        }
        match self {
            Self::Documents(documents) => documents.feed(rest, facts),
            Self::Sse(sse) => sse.feed(rest, facts),
            Self::EventStream(stream) => stream.feed(rest, facts),
            Self::Opaque | Self::Alien => facts.event |= !rest.is_empty(),
            Self::Undecided => {}
        }
    }

    /// The first byte that is neither white space nor a mark tells the framings apart: `{` and `[` begin JSON, the
    /// letters of a field name or a colon begin SSE, a zero begins a message of less than 16 MB.
    fn choose(first: u8, expected: Expected) -> Self {
        let Expected { api, promise, failed } = expected;
        let family = Family::of(api);
        let documents =
            |lines| Self::Documents(Documents::new(if failed { &FAILED } else { tree::of(api, false) }, lines));
        match (promise, first) {
            (Promise::Binary, _) => Self::Opaque,
            (Promise::Lines, b'{' | b'[') => documents(true),
            (_, b'{' | b'[') => documents(false),
            (Promise::EventStream | Promise::Unknown, 0) if matches!(family, Family::Converse | Family::Invoke) => {
                let wrapped = family == Family::Invoke;
                Self::EventStream(Box::new(EventStream::new(tree::of(api, true), wrapped)))
            }
            (Promise::EventStream, _) => Self::Alien,
            (Promise::Sse, _) | (_, b'd' | b'e' | b'i' | b'r' | b':') => {
                let (tree, needles) = if failed { (&FAILED, None) } else { (tree::of(api, true), needle::of(api)) };
                Self::Sse(Sse::new(tree, needles))
            }
            // A bare string, number or literal is JSON too (a token count, `null`).
            (Promise::Json | Promise::Lines, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => documents(false),
            (Promise::Json | Promise::Lines, _) => Self::Alien,
            (Promise::Unknown, _) => Self::Opaque,
        }
    }
}
