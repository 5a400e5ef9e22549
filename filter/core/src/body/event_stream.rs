//! AWS event streams (smithy.io, "Amazon Event Stream Specification"): length-prefixed messages with a CRC over the
//! prelude and one over the message. Bedrock answers converse and invoke streams in them.
//!
//! What a message says counts only once its CRC has been found right; then it is replayed from a bounded journal.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use crc32fast::Hasher;

use super::{
    fact::Fact,
    facts::Facts,
    json::{End, Sink, Skimmer, Want},
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
/// Most bytes of values that one message may say: several usage objects.
const JOURNAL_LIMIT: usize = 4 * super::fact::USAGE_LIMIT;
/// Most facts of one message.
const JOURNAL_FACTS: usize = 256;

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

/// What a message is, by its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Event,
    /// An exception or error, with its name.
    Failure(Option<String>),
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
                self.kind = if self.headers_overlong { Kind::Event } else { kind(&self.part) };
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

/// What the headers say the message is. Headers: name length (1), name, type (1), value; strings (type 7) have a
/// length of two bytes. What cannot be read ends the search.
fn kind(headers: &[u8]) -> Kind {
    let mut rest = headers;
    let mut failure = false;
    let mut code = None;
    while let Some((name, value, tail)) = header(rest) {
        match name {
            b":message-type" => failure = matches!(value, b"exception" | b"error"),
            b":exception-type" | b":error-code" => {
                code = str::from_utf8(value).ok().filter(|v| v.len() <= super::fact::WORD_LIMIT).map(str::to_owned);
            }
            _ => {}
        }
        rest = tail;
    }
    if failure { Kind::Failure(code) } else { Kind::Event }
}

/// One header: name, value, what follows.
fn header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    let (kind, rest) = rest.split_first()?;
    let (len, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        6 | 7 => {
            let (len, rest) = rest.split_at_checked(2)?;
            (usize::from(u16::from_be_bytes(len.try_into().ok()?)), rest)
        }
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((name, value, rest))
}

/// Takes the base64 text of an invoke chunk, decodes it as it comes and skims what is inside.
#[derive(Debug)]
struct Chunk {
    inner: Skimmer,
    journal: Journal,
    /// Up to three characters that wait for the rest of their group.
    group: Vec<u8>,
    broken: bool,
}

/// Base64 characters that are decoded at once; a multiple of four.
const BASE64_STEP: usize = 1024;

impl Chunk {
    fn new(tree: &'static Want) -> Self {
        Self { inner: Skimmer::new(tree), journal: Journal::default(), group: Vec::new(), broken: false }
    }

    fn begin(&mut self, tree: &'static Want) {
        self.inner.begin(tree);
        self.journal.clear();
        self.group.clear();
        self.broken = false;
    }

    fn decode(&mut self, text: &[u8]) {
        let mut out = [0; BASE64_STEP];
        match BASE64.decode_slice(text, &mut out) {
            Ok(len) => {
                self.inner.feed(out.get(..len).unwrap_or_default(), &mut self.journal);
            }
            Err(_) => self.broken = true,
        }
    }

    fn end(&mut self) -> End {
        // The last group, without its padding.
        let last = std::mem::take(&mut self.group);
        if !last.is_empty() {
            self.decode(&last);
        }
        if self.broken { End::Failed } else { self.inner.end() }
    }
}

impl Sink for Chunk {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        self.journal.value(fact, raw);
    }

    fn too_large(&mut self, fact: Fact) {
        self.journal.too_large(fact);
    }

    fn mark(&mut self, fact: Fact) {
        self.journal.mark(fact);
    }

    fn pour(&mut self, text: &[u8]) {
        for run in text.chunks(BASE64_STEP - 4) {
            // JSON may escape a slash; padding only says where the end is.
            self.group.extend(run.iter().filter(|b| !matches!(b, b'\\' | b'=')));
            let whole = self.group.len() - self.group.len() % 4;
            let tail = self.group.split_off(whole);
            let groups = std::mem::replace(&mut self.group, tail);
            if !groups.is_empty() {
                self.decode(&groups);
            }
        }
    }
}

/// What a message said, until its CRC is known.
#[derive(Debug, Default)]
struct Journal {
    entries: Vec<(Fact, Said)>,
    text: Vec<u8>,
    overlong: bool,
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Value { start: usize, end: usize },
    TooLarge,
    Mark,
}

impl Journal {
    fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.overlong = false;
    }

    fn push(&mut self, fact: Fact, said: Said) {
        if self.entries.len() >= JOURNAL_FACTS {
            self.overlong = true;
        } else {
            self.entries.push((fact, said));
        }
    }

    fn replay(&self, facts: &mut Facts) {
        for (fact, said) in &self.entries {
            match said {
                Said::Value { start, end } => facts.value(*fact, self.text.get(*start..*end).unwrap_or_default()),
                Said::TooLarge => facts.too_large(*fact),
                Said::Mark => facts.mark(*fact),
            }
        }
        facts.too_large |= self.overlong;
    }
}

impl Sink for Journal {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        if self.text.len() + raw.len() > JOURNAL_LIMIT {
            self.overlong = true;
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(raw);
        self.push(fact, Said::Value { start, end: self.text.len() });
    }

    fn too_large(&mut self, fact: Fact) {
        self.push(fact, Said::TooLarge);
    }

    fn mark(&mut self, fact: Fact) {
        self.push(fact, Said::Mark);
    }
}
