//! Takes the event that only our own question brought out of a stream again.

use memchr::memchr2;

use crate::body::{
    fact::Fact,
    json::{End, Sink, Skimmer, Want},
};

/// Most bytes of one event that wait for its end. The longest usage object that is read has 16 KiB; the event that
/// holds it has a few names besides. Longer ones pass.
pub(super) const HOLD_LIMIT: usize = 20 * 1024;

/// Longest field name that is compared; longer ones are unknown.
const NAME_LIMIT: usize = 5;

/// What tells the event: `"choices":[]` and a usage object (OpenAI's OpenAPI description,
/// `ChatCompletionStreamOptions`, checked 2026-11-21). All other chunks have choices, or no usage.
static CHUNK: Want =
    Want::object(&[("choices", Want::whole(Fact::Choices).and_mark(Fact::Token)), ("usage", Want::whole(Fact::Usage))]);

/// What the JSON of the present event has said.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    no_choices: bool,
    usage: bool,
    /// It cannot be the event.
    other: bool,
}

impl Sink for Said {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        match (fact, raw.first()) {
            // An element would have been marked.
            (Fact::Choices, Some(b'[')) => self.no_choices = true,
            (Fact::Usage, Some(b'{')) => self.usage = true,
            _ => self.other = true,
        }
    }

    fn too_large(&mut self, _: Fact) {
        self.other = true;
    }

    fn mark(&mut self, _: Fact) {
        self.other = true;
    }
}

/// Where the machine stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Start,
    Name,
    /// After the colon of `data`: one space is no part of the value.
    Space,
    Data,
    /// Another field's value, or a comment.
    Rest,
}

/// What is known of the present event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// No field of it has come: comments pass.
    Fresh,
    /// It may be the event: it waits.
    Candidate,
    /// It is not: it passes.
    Other,
}

/// Reads a stream of server-sent events (WHATWG HTML: LF, CR and CRLF) and leaves the usage event out. Every other byte
/// passes, as soon as it cannot belong to that event.
#[derive(Debug)]
pub(super) struct UsageFilter {
    line: Line,
    event: Event,
    /// The last line ended with CR: an LF that follows belongs to it; and whether that line was left out.
    after_cr: bool,
    left_out: bool,
    name: Vec<u8>,
    skim: Skimmer,
    said: Said,
    has_data: bool,
    /// Bytes of a candidate from earlier cuts.
    held: Vec<u8>,
    removed: u32,
}

/// What becomes of one cut.
struct Out<'a> {
    cut: &'a [u8],
    /// So many of the cut's first bytes pass, as long as there is no `built`.
    passed: usize,
    /// The bytes that go on, once they are not the cut's own.
    built: Option<Vec<u8>>,
}

impl<'a> Out<'a> {
    fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        self.cut.get(from..to).unwrap_or_default()
    }

    fn build(&mut self) -> &mut Vec<u8> {
        let passed = self.cut.get(..self.passed).unwrap_or_default();
        self.built.get_or_insert_with(|| passed.to_vec())
    }

    fn pass(&mut self, from: usize, to: usize) {
        if self.built.is_none() && from == self.passed {
            self.passed = to;
        } else if from < to {
            let run = self.bytes(from, to);
            self.build().extend_from_slice(run);
        }
    }

    fn release(&mut self, held: &mut Vec<u8>) {
        if !held.is_empty() {
            self.build().append(held);
        }
    }

    /// `None`: the cut goes on as it is.
    fn finish(mut self) -> Option<Vec<u8>> {
        if self.built.is_none() && self.passed == self.cut.len() {
            return None;
        }
        Some(std::mem::take(self.build()))
    }
}

impl UsageFilter {
    pub(super) fn new() -> Self {
        Self {
            line: Line::Start,
            event: Event::Fresh,
            after_cr: false,
            left_out: false,
            name: Vec::new(),
            skim: Skimmer::new(&CHUNK),
            said: Said::default(),
            has_data: false,
            held: Vec::new(),
            removed: 0,
        }
    }

    /// Events left out so far.
    pub(super) fn removed(&self) -> u32 {
        self.removed
    }

    /// The next bytes; `end`: no more will come. Gives what goes on in place of the cut, `None` where that is the cut
    /// itself.
    pub(super) fn feed(&mut self, cut: &[u8], end: bool) -> Option<Vec<u8>> {
        let mut out = Out { cut, passed: 0, built: None };
        // The first byte whose way is open, and the one that is being read.
        let (mut from, mut at) = (0, 0);
        while let Some(&byte) = cut.get(at) {
            let rest = cut.get(at..).unwrap_or_default();
            match self.line {
                Line::Start => {
                    at += 1;
                    let crlf = std::mem::take(&mut self.after_cr) && byte == b'\n';
                    if crlf {
                        if std::mem::take(&mut self.left_out) {
                            from = at;
                        }
                        continue;
                    }
                    self.left_out = false;
                    if matches!(byte, b'\n' | b'\r') {
                        self.after_cr = byte == b'\r';
                        self.end_event(&mut out, from, at);
                        from = at;
                    } else if byte == b':' {
                        self.line = Line::Rest;
                    } else {
                        if self.event == Event::Fresh {
                            out.pass(from, at - 1);
                            from = at - 1;
                            self.event = Event::Candidate;
                        }
                        self.name.clear();
                        self.line = Line::Name;
                        at -= 1;
                    }
                }
                Line::Name => at += self.name(rest),
                Line::Space => {
                    self.line = Line::Data;
                    at += usize::from(byte == b' ');
                }
                Line::Data | Line::Rest => at += self.value(rest),
            }
            if self.event == Event::Candidate && self.said.other {
                self.event = Event::Other;
                out.release(&mut self.held);
                out.pass(from, at);
                from = at;
            }
        }
        let waits = self.event == Event::Candidate && self.held.len() + (at - from) <= HOLD_LIMIT && !end;
        if waits {
            self.held.extend_from_slice(out.bytes(from, at));
        } else {
            if self.event == Event::Candidate {
                self.event = Event::Other;
            }
            out.release(&mut self.held);
            out.pass(from, at);
        }
        out.finish()
    }

    /// A blank line: the event that began is whole.
    fn end_event(&mut self, out: &mut Out<'_>, from: usize, at: usize) {
        let Said { no_choices, usage, other } = self.said;
        // However it was cut, the same events pass for being too long.
        let fits = self.held.len() + (at - from) <= HOLD_LIMIT;
        let whole = self.skim.end() == End::Whole;
        if self.event == Event::Candidate && no_choices && usage && !other && whole && fits {
            self.held.clear();
            self.removed = self.removed.saturating_add(1);
            self.left_out = true;
        } else {
            out.release(&mut self.held);
            out.pass(from, at);
        }
        self.event = Event::Fresh;
        self.said = Said::default();
        self.has_data = false;
    }

    fn name(&mut self, rest: &[u8]) -> usize {
        let end = rest.iter().position(|b| matches!(b, b':' | b'\n' | b'\r'));
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let room = (NAME_LIMIT + 1).saturating_sub(self.name.len());
        self.name.extend(run.iter().take(room));
        let Some(end) = end else { return rest.len() };
        let colon = rest.get(end) == Some(&b':');
        match self.name.as_slice() {
            b"data" => {
                if self.has_data {
                    self.read(b"\n");
                } else {
                    self.has_data = true;
                    self.skim.begin(&CHUNK);
                }
                self.line = if colon { Line::Space } else { Line::Data };
            }
            b"event" | b"id" | b"retry" => self.line = Line::Rest,
            // Not a field of the standard, and so not of that event.
            _ => {
                self.said.other = true;
                self.line = Line::Rest;
            }
        }
        end + usize::from(colon)
    }

    fn value(&mut self, rest: &[u8]) -> usize {
        let end = memchr2(b'\n', b'\r', rest);
        if self.line == Line::Data {
            self.read(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        }
        let Some(end) = end else { return rest.len() };
        self.after_cr = rest.get(end) == Some(&b'\r');
        self.line = Line::Start;
        end + 1
    }

    fn read(&mut self, run: &[u8]) {
        if self.event != Event::Candidate || self.said.other {
            return;
        }
        let used = self.skim.feed(run, &mut self.said);
        let more = run.get(used..).unwrap_or_default().iter().any(|b| !b.is_ascii_whitespace());
        let whole = self.skim.end() == End::Whole;
        let usage = self.said.no_choices && self.said.usage;
        // `[DONE]` is no JSON either; a document that is whole has said all.
        self.said.other |= more || self.skim.end() == End::Failed || (whole && !usage);
    }
}
