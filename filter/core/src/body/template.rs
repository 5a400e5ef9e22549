//! Recognising events that repeat the last one but for their text.
//!
//! A stream is hundreds of events of one form: the same bytes around a few words. Comparing with the last event that
//! had nothing to say costs less than half of searching each for what it might say (callgrind, 334 bytes: 730 against 1760
//! instructions).

use memchr::memmem;

/// Longest event that is remembered, bytes. Token events are 100 to 500.
const EVENT_LIMIT: usize = 2 * 1024;

/// Keys whose text may differ: generated text, and the padding that hides its length (OpenAI's `obfuscation`, `p` of
/// Mistral). No tree takes more from them than that they are there.
const TEXTS: &[&str] = &[
    "content",
    "text",
    "delta",
    "reasoning_content",
    "reasoning",
    "thinking",
    "partial_json",
    "completion",
    "tool_plan",
    "arguments",
    "obfuscation",
    "p",
];

/// Keys whose number may differ (OpenAI responses).
const NUMBERS: &[&str] = &["sequence_number"];

/// Events in a row that must fail to match before another is learned: learning costs more than a search.
const MISSES: u8 = 4;

/// The last event that had nothing to say, and where others may differ from it.
#[derive(Debug, Default)]
pub(crate) struct Template {
    event: Vec<u8>,
    /// In order.
    holes: Vec<Hole>,
    misses: u8,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    start: usize,
    end: usize,
    kind: Kind,
}

/// What may stand in a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text of a string without quotes, escapes and control characters.
    Text,
    /// Digits.
    Number,
}

impl Template {
    /// Whether `rest` begins with an event of the learned form; gives its length. The JSON of such an event has the
    /// same keys in the same places, so it says what the learned one said: nothing new.
    pub(crate) fn matches(&mut self, rest: &[u8]) -> Option<usize> {
        if self.event.is_empty() {
            return None;
        }
        let (mut at, mut from) = (0, 0);
        for hole in &self.holes {
            let fixed = self.event.get(from..hole.start)?;
            if !same(fixed, rest.get(at..at + fixed.len())?) {
                return None;
            }
            at += fixed.len();
            at += hole.kind.len(rest.get(at..)?)?;
            from = hole.end;
        }
        let fixed = self.event.get(from..)?;
        let end = at + fixed.len();
        if !same(fixed, rest.get(at..end)?) {
            return None;
        }
        self.misses = 0;
        Some(end)
    }

    /// An event of another form had nothing to say either: learns it, unless the present form may come back.
    pub(crate) fn offer(&mut self, event: &[u8]) {
        self.misses = self.misses.saturating_add(1);
        if !self.event.is_empty() && self.misses < MISSES {
            return;
        }
        self.misses = 0;
        self.holes.clear();
        self.event.clear();
        if event.len() <= EVENT_LIMIT {
            self.event.extend_from_slice(event);
            TEXTS.iter().for_each(|key| self.find(key, Kind::Text));
            NUMBERS.iter().for_each(|key| self.find(key, Kind::Number));
            self.holes.sort_unstable_by_key(|hole| hole.start);
        }
    }

    /// Finds the holes of one key. A quote inside a JSON string is escaped, so `"key":` stands only where a key is.
    fn find(&mut self, key: &str, kind: Kind) {
        let quoted = format!("\"{key}\":");
        for at in memmem::find_iter(&self.event, &quoted) {
            let after_key = at + quoted.len();
            let value = self.event.get(after_key..).unwrap_or_default();
            let blank = value.iter().take_while(|b| **b == b' ').count();
            let quoted = value.get(blank) == Some(&b'"');
            if quoted != (kind == Kind::Text) {
                continue;
            }
            let start = after_key + blank + usize::from(quoted);
            if let Some(len) = self.event.get(start..).and_then(|v| kind.len(v)) {
                self.holes.push(Hole { start, end: start + len, kind });
            }
        }
    }
}

impl Kind {
    /// Length of what stands in a hole that begins here; `None` where it is not what may stand there.
    fn len(self, from: &[u8]) -> Option<usize> {
        match self {
            Self::Text => {
                let len = from.iter().position(|b| matches!(b, b'"' | b'\\') || *b < b' ')?;
                (from.get(len) == Some(&b'"')).then_some(len)
            }
            Self::Number => {
                let len = from.iter().position(|b| !b.is_ascii_digit())?;
                (len > 0 && matches!(from.get(len), Some(b',' | b'}' | b' '))).then_some(len)
            }
        }
    }
}

/// Whether two runs of the same length are equal, sixteen bytes at a time: the comparison of wasi-libc goes byte by
/// byte.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let equal = |(a, b): (&[u8; 16], &[u8; 16])| u128::from_ne_bytes(*a) == u128::from_ne_bytes(*b);
    a.len() == b.len() && a.iter().zip(b).all(equal) && a_rest == b_rest
}
