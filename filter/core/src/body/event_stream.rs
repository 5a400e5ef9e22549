//! AWS event streams (smithy.io, "Amazon Event Stream Specification"): length-prefixed messages with a CRC over the
//! prelude and one over the message. Bedrock answers converse and invoke streams in them.
//!
//! What a message says counts only once its CRC has been found right; then it is replayed from a bounded journal.

mod chunk;
mod headers;
mod journal;

use chunk::Chunk;
use crc32fast::Hasher;
use headers::Kind;

use super::{
    facts::Facts,
    json::{End, Skimmer, Want},
    tree::{BYTES, FAILED},
};

/// Total length, headers length, CRC of both: four bytes each.
const PRELUDE: usize = 12;
/// CRC at the end of a message.
const TRAILER: usize = 4;
/// Longest message: the specification allows 24 MiB of payload and 128 KiB of headers.
const MESSAGE_LIMIT: u32 = 25 * 1024 * 1024;
/// Most bytes of headers that are kept; Bedrock's are about 90.
const HEADERS_LIMIT: usize = 4 * 1024;
/// Where the machine stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Prelude,
    Headers,
    Payload,
    Trailer,
    /// Framing is lost.
    Broken,
}

/// Reads messages and skims the payload of each as it comes.
#[derive(Debug)]
pub(crate) struct EventStream {
    tree: &'static Want,
    /// Payloads wrap the model's own chunk in base64 (invoke).
    wrapped: bool,
    at: At,
    /// Bytes of the present part that are still to come.
    left: usize,
    payload_len: usize,
    crc: Hasher,
    /// Prelude, kept headers or trailer as far as they came.
    part: Vec<u8>,
    /// The headers of the present message are longer than is kept.
    headers_overlong: bool,
    outer: Skimmer,
    chunk: Chunk,
    kind: Kind,
}

impl EventStream {
    pub(crate) fn new(tree: &'static Want, wrapped: bool) -> Self {
        Self {
            tree,
            wrapped,
            at: At::Prelude,
            left: PRELUDE,
            payload_len: 0,
            crc: Hasher::new(),
            part: Vec::new(),
            headers_overlong: false,
            outer: Skimmer::new(tree),
            chunk: Chunk::new(tree),
            kind: Kind::Event,
        }
    }

    pub(crate) fn feed(&mut self, cut: &[u8], facts: &mut Facts) {
        let mut rest = cut;
        while !rest.is_empty() && self.at != At::Broken {
            let (run, tail) = rest.split_at_checked(self.left).unwrap_or((rest, &[]));
            self.left -= run.len();
            rest = tail;
            match self.at {
                At::Prelude | At::Trailer => self.part.extend_from_slice(run),
                At::Headers => {
                    self.crc.update(run);
                    if self.part.len() + run.len() > HEADERS_LIMIT {
                        self.headers_overlong = true;
                    } else if !self.headers_overlong {
                        self.part.extend_from_slice(run);
                    }
                }
                At::Payload => {
                    self.crc.update(run);
                    facts.event = true;
                    self.payload(run);
                }
                At::Broken => {}
            }
            // Empty parts (no headers, no payload) end at once.
            while self.left == 0 && self.at != At::Broken {
                self.end_part(facts);
            }
        }
    }

    /// The body has ended. Gives whether it ended inside a message.
    pub(crate) fn finish(&mut self, facts: &mut Facts) -> bool {
        if self.at == At::Broken {
            return false;
        }
        facts.settle_error();
        !(self.at == At::Prelude && self.part.is_empty())
    }

    /// Whether a CRC or a length was wrong.
    pub(crate) fn is_broken(&self) -> bool {
        self.at == At::Broken
    }

    fn end_part(&mut self, facts: &mut Facts) {
        match self.at {
            At::Prelude => {
                let Some(headers) = self.prelude() else {
                    self.at = At::Broken;
                    return;
                };
                self.part.clear();
                self.headers_overlong = false;
                (self.at, self.left) = (At::Headers, headers);
            }
            At::Headers => {
                facts.too_large |= self.headers_overlong;
                self.kind = if self.headers_overlong { Kind::Event } else { headers::kind(&self.part) };
                self.part.clear();
                self.begin_payload();
                (self.at, self.left) = (At::Payload, self.payload_len);
            }
            At::Payload => (self.at, self.left) = (At::Trailer, TRAILER),
            At::Trailer => {
                let crc = std::mem::take(&mut self.crc).finalize();
                if number(&self.part) != Some(crc) {
                    self.at = At::Broken;
                    return;
                }
                self.part.clear();
                self.commit(facts);
                (self.at, self.left) = (At::Prelude, PRELUDE);
            }
            At::Broken => {}
        }
    }

    /// Reads the prelude; gives the length of the headers. `None` where CRC or lengths are wrong.
    fn prelude(&mut self) -> Option<usize> {
        let total = number(self.part.get(..4)?)?;
        let headers = number(self.part.get(4..8)?)?;
        let crc = number(self.part.get(8..12)?)?;
        self.crc = Hasher::new();
        self.crc.update(self.part.get(..8)?);
        if self.crc.clone().finalize() != crc || total > MESSAGE_LIMIT {
            return None;
        }
        self.crc.update(self.part.get(8..12)?);
        let overhead = u32::try_from(PRELUDE + TRAILER).ok()?.checked_add(headers)?;
        self.payload_len = usize::try_from(total.checked_sub(overhead)?).ok()?;
        usize::try_from(headers).ok()
    }

    fn begin_payload(&mut self) {
        self.chunk.begin(self.tree);
        self.outer.begin(match (&self.kind, self.wrapped) {
            (Kind::Failure(_), _) => &FAILED,
            (Kind::Event, true) => &BYTES,
            (Kind::Event, false) => self.tree,
        });
    }

    fn payload(&mut self, run: &[u8]) {
        if self.wrapped && self.kind == Kind::Event {
            self.outer.feed(run, &mut self.chunk);
        } else {
            self.outer.feed(run, &mut self.chunk.journal);
        }
    }

    /// The message is sound: what it said counts.
    fn commit(&mut self, facts: &mut Facts) {
        let end = if self.wrapped && self.kind == Kind::Event { self.chunk.end() } else { self.outer.end() };
        self.chunk.journal.replay(facts);
        if let Kind::Failure(name) = &self.kind {
            facts.fail(name.as_deref());
        }
        match end {
            End::Whole => facts.end_document(true),
            // A message without payload, or an event of another kind than chunks.
            End::Empty => facts.settle_error(),
            End::Cut | End::Failed => facts.end_document(false),
        }
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
