//! Server-sent events (WHATWG HTML, "Server-sent events"): line ends LF, CR and CRLF, comments, fields without a
//! value, data in several lines. Beyond the standard, as seen in the wild: a last event that no blank line closes
//! counts, `[DONE]` ends a stream, `error:` is a field (llama.cpp, GPUStack), data need not be JSON.

use memchr::memchr2;

use super::{
    facts::Facts,
    json::{End, Sink, Skimmer, Want},
    needle::Needles,
    template::Template,
    tree::FAILED,
};
use crate::body::fact::Fact;

/// Data that ends a stream.
const DONE: &[u8] = b"[DONE]";

/// Name of events that are errors.
const ERROR: &[u8] = b"error";

/// Longest field name or event name that is compared with a known one; longer ones are unknown.
const NAME_LIMIT: usize = 8;

/// A field that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Error,
    Other,
}

/// Where the machine stands in its line.
#[derive(Clone, Copy, Debug)]
enum Line {
    Start,
    Name,
    /// After the colon: one space is no part of the value.
    Space(Field),
    Value(Field),
}

/// Reads events and skims the JSON of each as it comes: no event is buffered.
#[derive(Debug)]
pub(crate) struct Sse {
    tree: &'static Want,
    needles: Option<&'static Needles>,
    template: Template,
    skim: Skimmer,
    line: Line,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    field: Short<NAME_LIMIT>,
    /// Name of the present event.
    event: Short<NAME_LIMIT>,
    /// The present event has data; its first bytes, as many as tell `[DONE]`.
    has_data: bool,
    data: Short<{ DONE.len() }>,
}

impl Sse {
    pub(crate) fn new(tree: &'static Want, needles: Option<&'static Needles>) -> Self {
        Self {
            tree,
            needles,
            template: Template::default(),
            skim: Skimmer::new(tree),
            line: Line::Start,
            after_cr: false,
            field: Short::default(),
            event: Short::default(),
            has_data: false,
            data: Short::default(),
        }
    }

    pub(crate) fn feed(&mut self, cut: &[u8], facts: &mut Facts) {
        let mut rest = cut;
        while let Some(&byte) = rest.first() {
            let used = match self.line {
                Line::Start => self.start(byte, rest, facts),
                Line::Name => self.name(rest, facts),
                Line::Space(field) => {
                    self.line = Line::Value(field);
                    self.begin_value(field, facts);
                    usize::from(byte == b' ')
                }
                Line::Value(field) => self.value(field, rest, facts),
            };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// The body has ended. Gives whether it ended inside the JSON of an event.
    pub(crate) fn finish(&mut self, facts: &mut Facts) -> bool {
        match self.line {
            Line::Value(Field::Error) => self.end_error(facts),
            Line::Space(_) | Line::Value(_) | Line::Name | Line::Start => {}
        }
        if self.has_data && self.skim.end() == End::Cut && !self.data.is(DONE) {
            facts.settle_error();
            return true;
        }
        self.dispatch(facts);
        false
    }

    fn start(&mut self, byte: u8, rest: &[u8], facts: &mut Facts) -> usize {
        if std::mem::take(&mut self.after_cr) && byte == b'\n' {
            return 1;
        }
        match byte {
            b'\n' | b'\r' => {
                self.after_cr = byte == b'\r';
                self.dispatch(facts);
                1
            }
            _ => {
                if let Some(used) = self.skip(rest, facts) {
                    return used;
                }
                self.field.clear();
                self.line = Line::Name;
                0
            }
        }
    }

    /// Passes over an event that lies whole in this cut and has nothing new to say; gives its length. It changes
    /// nothing that reading it would not: output has been seen, and no needle of the family is in it, or it repeats
    /// such an event but for its text.
    fn skip(&mut self, rest: &[u8], facts: &Facts) -> Option<usize> {
        let needles = self.needles?;
        if self.has_data || !facts.token || facts.whole == 0 || self.event.is(ERROR) {
            return None;
        }
        if let Some(used) = self.template.matches(rest) {
            self.event.clear();
            return Some(used);
        }
        let (name, data) = match rest.strip_prefix(b"event:") {
            Some(name) => line(name)?,
            None => (b"".as_slice(), rest),
        };
        let value = data.strip_prefix(b"data:")?;
        if name.trim_ascii() == ERROR || !value.strip_prefix(b" ").unwrap_or(value).starts_with(b"{") {
            return None;
        }
        let (json, blank) = line(value)?;
        let (b"", after) = line(blank)? else { return None };
        if needles.hit(json, facts) {
            return None;
        }
        let used = rest.len() - after.len();
        self.template.offer(rest.get(..used)?);
        self.event.clear();
        Some(used)
    }

    fn name(&mut self, rest: &[u8], facts: &mut Facts) -> usize {
        let end = rest.iter().position(|b| matches!(b, b':' | b'\n' | b'\r'));
        self.field.push(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        let Some(end) = end else { return rest.len() };
        let known = [("data", Field::Data), ("event", Field::Event), ("error", Field::Error)];
        let field =
            known.iter().find(|(name, _)| self.field.is(name.as_bytes())).map_or(Field::Other, |(_, field)| *field);
        if rest.get(end) == Some(&b':') {
            self.line = Line::Space(field);
            return end + 1;
        }
        // A field without a value; the line end is read as that of an empty value.
        self.line = Line::Value(field);
        self.begin_value(field, facts);
        end
    }

    fn begin_value(&mut self, field: Field, facts: &mut Facts) {
        match field {
            Field::Data => {
                facts.event = true;
                if self.has_data {
                    self.read(b"\n", facts);
                } else {
                    self.has_data = true;
                    self.data.clear();
                    self.skim.begin(self.tree);
                }
            }
            Field::Event => self.event.clear(),
            Field::Error => {
                // A document of its own, whatever event it stands in.
                self.dispatch(facts);
                facts.event = true;
                self.skim.begin(&FAILED);
            }
            Field::Other => {}
        }
    }

    fn value(&mut self, field: Field, rest: &[u8], facts: &mut Facts) -> usize {
        let end = memchr2(b'\n', b'\r', rest);
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        match field {
            Field::Data => self.read(run, facts),
            Field::Event => self.event.push(run),
            Field::Error => {
                self.skim.feed(run, facts);
            }
            Field::Other => {}
        }
        let Some(end) = end else { return rest.len() };
        if field == Field::Error {
            self.end_error(facts);
        }
        self.after_cr = rest.get(end) == Some(&b'\r');
        self.line = Line::Start;
        end + 1
    }

    fn read(&mut self, run: &[u8], facts: &mut Facts) {
        self.data.push(run);
        // What follows the document inside one event is ignored.
        self.skim.feed(run, facts);
    }

    /// A blank line, or the end of the body: the event is complete.
    fn dispatch(&mut self, facts: &mut Facts) {
        if std::mem::take(&mut self.has_data) {
            let failed = self.event.is(ERROR);
            if failed {
                facts.mark(Fact::Error);
            }
            if self.data.is(DONE) {
                facts.done = true;
                facts.settle_error();
            } else {
                match self.skim.end() {
                    End::Whole => facts.end_document(true),
                    End::Empty => facts.settle_error(),
                    End::Cut | End::Failed => facts.end_document(false),
                }
            }
        }
        self.event.clear();
    }

    fn end_error(&mut self, facts: &mut Facts) {
        facts.mark(Fact::Error);
        facts.end_document(self.skim.end() == End::Whole);
    }
}

/// A line without its end, and what follows. `None` where its end, LF or CRLF, is not in sight, or where it is a lone CR.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'\n', b'\r', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n"))?;
    Some((line, rest))
}

/// The first bytes of a text, enough to compare it with a known one of at most `N` bytes.
#[derive(Clone, Copy, Debug)]
struct Short<const N: usize> {
    bytes: [u8; N],
    /// Length of the whole text, counted up to `N + 1`.
    len: usize,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Short<N> {
    fn clear(&mut self) {
        self.len = 0;
    }

    fn push(&mut self, run: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(run) {
            *slot = *byte;
        }
        self.len = self.len.saturating_add(run.len()).min(N + 1);
    }

    fn is(&self, text: &[u8]) -> bool {
        self.len == text.len() && self.bytes.get(..self.len) == Some(text)
    }
}
