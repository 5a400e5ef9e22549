//! What the replay upstream answers, and how it breaks it up.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

/// Headers that belong to one connection (RFC 9110 7.6.1): what a recorder kept of them says nothing of ours.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How the bytes of a response body are written: each cut by itself, with a flush behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// All at once.
    Whole,
    /// This many bytes at a time.
    Bytes(usize),
    /// Sizes of 1 to 4096 bytes drawn from this seed.
    Seeded(u64),
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Whole,
    /// The connection is closed after so many bytes of the body.
    ResetAfter(usize),
    /// Nothing more comes after so many bytes of the body, and the connection stays open.
    StallAfter(usize),
    /// The connection is closed in place of an answer.
    NoHead,
    /// No answer at all, and the connection stays open.
    Silent,
}

/// A response and its plan.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// End-to-end headers; `content-length` where the body is announced so, otherwise it goes out chunked.
    pub headers: HeaderMap,
    /// The whole body, encoded as its `content-encoding` says.
    pub body: Bytes,
    /// How it is written.
    pub cuts: Cuts,
    /// How it ends.
    pub ending: Ending,
    /// How long the head is waited for.
    pub wait: Duration,
    /// How long the end is waited for when all of the body is out; of no effect where its length is announced.
    pub tail: Duration,
}

impl Answer {
    /// An answer with the end-to-end part of `headers`. Where they hold a `transfer-encoding` the body goes out
    /// chunked, otherwise with its true length.
    pub fn new<'a>(
        status: StatusCode,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: impl Into<Bytes>,
    ) -> Self {
        let body = body.into();
        let mut map = HeaderMap::new();
        let mut chunked = false;
        for (name, value) in headers {
            chunked |= name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str());
            append_end_to_end(&mut map, name, value.as_bytes());
        }
        map.remove(CONTENT_LENGTH);
        // RFC 9110 8.6: no length beside a status that has no body.
        if !chunked && status != StatusCode::NO_CONTENT {
            map.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let ending = Ending::Whole;
        Self { status, headers: map, body, cuts: Cuts::Whole, ending, wait: Duration::ZERO, tail: Duration::ZERO }
    }

    /// The same answer, cut so.
    #[must_use]
    pub fn cut(self, cuts: Cuts) -> Self {
        Self { cuts, ..self }
    }

    /// The same answer, ending so.
    #[must_use]
    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    /// The same answer, its head after `wait` and its end `tail` after its last byte.
    #[must_use]
    pub fn after(self, wait: Duration, tail: Duration) -> Self {
        Self { wait, tail, ..self }
    }

    /// The bytes of the body that are sent before it ends.
    pub(crate) fn sent(&self) -> Bytes {
        match self.ending {
            Ending::Whole => self.body.clone(),
            Ending::ResetAfter(n) | Ending::StallAfter(n) => self.body.slice(..n.min(self.body.len())),
            Ending::NoHead | Ending::Silent => Bytes::new(),
        }
    }
}

/// Appends a header unless it belongs to a connection or cannot stand in HTTP at all. Tells whether it was taken.
pub(crate) fn append_end_to_end(map: &mut HeaderMap, name: &str, value: &[u8]) -> bool {
    if HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
        return false;
    }
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => {
            map.append(name, value);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_head_keeps_only_what_is_true_of_this_connection() {
        let recorded =
            [("Content-Length", "999"), ("Connection", "close"), ("x-a", "1"), ("x-a", "2"), ("bad name", "x")];
        let answer = Answer::new(StatusCode::OK, recorded, "body");
        assert_eq!(answer.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes), Some(&b"4"[..]));
        assert_eq!(answer.headers.get_all("x-a").iter().count(), 2);
        assert_eq!(answer.headers.len(), 3);
        let chunked = Answer::new(StatusCode::OK, [("Transfer-Encoding", "chunked")], "body");
        assert!(chunked.headers.is_empty());
    }
}
