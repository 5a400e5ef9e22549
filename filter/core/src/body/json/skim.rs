//! The byte-level state machine.

use memchr::memchr3;

use super::{
    bytes::{after, before_last, is_space, unescaped, until_quote},
    want::{NOTHING, Sink, Want},
};
use crate::body::fact::Fact;

/// Longest key, in bytes between its quotes, that is compared with the tree. The longest name in a tree has 33 bytes;
/// each may be written as a six-byte escape. Longer keys match nothing.
const KEY_LIMIT: usize = 256;

/// How deep a tree may lead; deeper values are skipped. The deepest path has 7 steps and arrays count.
const DEPTH_LIMIT: usize = 32;

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a value; white space and a byte order mark may come.
    Value,
    /// After `[`: an element or `]`.
    FirstElement,
    /// After `{`: a key or `}`.
    FirstKey,
    /// After `,` in an object: a key.
    NextKey,
    /// Inside a key.
    Key,
    /// After a key.
    Colon,
    /// After a value: `,` or the end of the container.
    AfterValue,
    /// Inside a number or literal.
    Scalar,
    /// Inside a string value.
    Text,
    /// Inside a container that is not looked into.
    Nest,
    /// Inside a string of such a container.
    NestText,
    /// The root value has ended.
    Done,
    /// This is no JSON on the way to what is wanted.
    Failed,
}

/// What happens to the bytes of the present value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    Skip,
    Keep(Fact),
    Pour,
}

/// How a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No byte of a value came.
    Empty,
    /// A whole value.
    Whole,
    /// Cut off inside a value.
    Cut,
    /// No JSON.
    Failed,
}

/// Reads one document at a time. Memory: the kept value (bounded by [`Fact::limit`]) and the present key.
#[derive(Debug)]
pub(crate) struct Skimmer {
    root: &'static Want,
    /// Containers that are looked into, outermost first.
    stack: Vec<Level>,
    at: At,
    take: Take,
    /// What is wanted from the value that comes next.
    want: &'static Want,
    /// A value whose emptiness shows in its next byte.
    mark: Option<Fact>,
    /// The last byte of the string so far is a backslash that escapes the next.
    escape: bool,
    /// The present key, as far as it came in earlier cuts or has escapes.
    key: Vec<u8>,
    key_overlong: bool,
    /// A backslash came in the present key (or in a string since: it is reset where a key begins).
    key_escaped: bool,
    /// The value that is kept.
    kept: Vec<u8>,
    kept_overlong: bool,
    /// Open brackets of the container that is not looked into, all of its own kind.
    depth: u32,
    brackets: (u8, u8),
}

#[derive(Clone, Copy, Debug)]
struct Level {
    want: &'static Want,
    array: bool,
}

impl Skimmer {
    pub(crate) fn new(root: &'static Want) -> Self {
        Self {
            root,
            stack: Vec::new(),
            at: At::Value,
            take: Take::Skip,
            want: root,
            mark: None,
            escape: false,
            key: Vec::new(),
            key_overlong: false,
            key_escaped: false,
            kept: Vec::new(),
            kept_overlong: false,
            depth: 0,
            brackets: (b'{', b'}'),
        }
    }

    /// Begins a new document, with another tree if need be. Buffers keep their room.
    pub(crate) fn begin(&mut self, root: &'static Want) {
        self.root = root;
        self.stack.clear();
        self.at = At::Value;
        self.want = root;
        self.mark = None;
        self.escape = false;
    }

    /// How the document stands if nothing more comes.
    pub(crate) fn end(&self) -> End {
        match self.at {
            At::Done => End::Whole,
            At::Failed => End::Failed,
            // A number at the root ends with the input.
            At::Scalar if self.stack.is_empty() => End::Whole,
            At::Value if self.stack.is_empty() => End::Empty,
            _ => End::Cut,
        }
    }

    /// Whether the root value has ended; [`Skimmer::feed`] reads nothing more.
    pub(crate) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Reads on. Gives the number of bytes read: less than all once the root value has ended; what follows is the
    /// caller's business. After a failure everything is swallowed.
    pub(crate) fn feed(&mut self, cut: &[u8], sink: &mut dyn Sink) -> usize {
        let mut rest = cut;
        while let Some(&byte) = rest.first() {
            if self.mark.is_some() {
                self.decide_mark(byte, sink);
            }
            let used = match self.at {
                At::Done => break,
                At::Failed => rest.len(),
                At::Text => self.text(rest, sink),
                // White space may still stand before the byte that decides.
                At::Nest if self.mark.is_some() => {
                    self.keep(&[byte]);
                    1
                }
                At::Nest => self.nest(rest),
                At::NestText => self.nest_text(rest),
                At::Scalar => self.scalar(rest, sink),
                At::Key => self.key(rest),
                _ if is_space(byte) => 1,
                // A byte order mark, or a part of it when it is cut.
                At::Value if self.stack.is_empty() && matches!(byte, 0xEF | 0xBB | 0xBF) => 1,
                At::Value => self.value(byte, sink),
                At::FirstElement if byte == b']' => self.close(),
                At::FirstElement => self.value(byte, sink),
                At::FirstKey if byte == b'}' => self.close(),
                At::FirstKey | At::NextKey if byte == b'"' => {
                    self.key.clear();
                    self.key_overlong = false;
                    self.key_escaped = false;
                    self.at = At::Key;
                    1
                }
                At::Colon if byte == b':' => {
                    self.at = At::Value;
                    1
                }
                At::AfterValue => self.after_value(byte),
                At::FirstKey | At::NextKey | At::Colon => self.fail(),
            };
            if self.at == At::Nest && self.depth == 0 {
                // The container that was not looked into has closed.
                self.end_value(sink);
            }
            rest = after(rest, used);
        }
        cut.len() - rest.len()
    }

    fn fail(&mut self) -> usize {
        self.at = At::Failed;
        1
    }

    /// A value begins.
    fn value(&mut self, byte: u8, sink: &mut dyn Sink) -> usize {
        let want = self.want;
        let keep = |fact: Option<Fact>| fact.map_or(Take::Skip, Take::Keep);
        self.take = Take::Skip;
        self.kept.clear();
        self.kept_overlong = false;
        match byte {
            b'{' | b'[' => {
                self.mark = want.mark;
                let array = byte == b'[';
                let wanted = want.whole.is_none() && if array { want.each.is_some() } else { !want.fields.is_empty() };
                if wanted && self.stack.len() < DEPTH_LIMIT {
                    self.stack.push(Level { want, array });
                    self.want = want.each.unwrap_or(&NOTHING);
                    self.at = if array { At::FirstElement } else { At::FirstKey };
                    return 1;
                }
                self.take = keep(want.whole);
                self.brackets = if array { (b'[', b']') } else { (b'{', b'}') };
                self.depth = 1;
                self.at = At::Nest;
                self.keep(&[byte]);
                1
            }
            b'"' => {
                self.mark = want.mark;
                self.take = if want.pour { Take::Pour } else { keep(want.whole.or(want.scalar)) };
                self.keep(b"\"");
                self.at = At::Text;
                1
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                if let Some(fact) = want.mark
                    && !matches!(byte, b'f' | b'n')
                {
                    sink.mark(fact);
                }
                self.take = keep(want.whole.or(want.scalar));
                self.at = At::Scalar;
                0
            }
            _ => self.fail(),
        }
    }

    /// The byte after the opening of a string or container tells whether it is empty.
    fn decide_mark(&mut self, byte: u8, sink: &mut dyn Sink) {
        let container = self.at != At::Text;
        if container && is_space(byte) {
            return;
        }
        let empty = if container { matches!(byte, b'}' | b']') } else { byte == b'"' };
        if let Some(fact) = self.mark.take()
            && !empty
        {
            sink.mark(fact);
        }
    }

    /// Inside a string value.
    fn text(&mut self, rest: &[u8], sink: &mut dyn Sink) -> usize {
        let (used, closed) = self.until_quote(rest);
        let run = rest.get(..used).unwrap_or_default();
        match self.take {
            Take::Pour => sink.pour(if closed { before_last(run) } else { run }),
            _ => self.keep(run),
        }
        if closed {
            self.end_value(sink);
        }
        used
    }

    /// Inside a container that is not looked into: strings and brackets of its own kind are all that counts, since
    /// well-formed containers nest.
    fn nest(&mut self, rest: &[u8]) -> usize {
        let (open, close) = self.brackets;
        let mut used = 0;
        while self.depth > 0 && self.at == At::Nest {
            let Some(at) = memchr3(b'"', open, close, after(rest, used)) else {
                used = rest.len();
                break;
            };
            used += at + 1;
            match rest.get(used - 1) {
                Some(b'"') => {
                    let (len, closed) = self.until_quote(after(rest, used));
                    used += len;
                    self.at = if closed { At::Nest } else { At::NestText };
                }
                Some(b) if *b == close => self.depth -= 1,
                _ => self.depth = self.depth.saturating_add(1),
            }
        }
        self.keep(rest.get(..used).unwrap_or_default());
        used
    }

    fn nest_text(&mut self, rest: &[u8]) -> usize {
        let (used, closed) = self.until_quote(rest);
        self.keep(rest.get(..used).unwrap_or_default());
        if closed {
            self.at = At::Nest;
        }
        used
    }

    /// Inside a number or literal: it ends where something else begins.
    fn scalar(&mut self, rest: &[u8], sink: &mut dyn Sink) -> usize {
        let used = rest.iter().position(|b| is_space(*b) || matches!(b, b',' | b'}' | b']'));
        self.keep(rest.get(..used.unwrap_or(rest.len())).unwrap_or_default());
        if used.is_some() {
            self.end_value(sink);
        }
        used.unwrap_or(rest.len())
    }

    /// Inside a key.
    fn key(&mut self, rest: &[u8]) -> usize {
        let (used, closed) = self.until_quote(rest);
        let run = rest.get(..used).unwrap_or_default();
        let run = if closed { before_last(run) } else { run };
        let here = closed && self.key.is_empty();
        if !here {
            if self.key.len() + run.len() > KEY_LIMIT {
                self.key_overlong = true;
            } else {
                self.key.extend_from_slice(run);
            }
        }
        if closed {
            let level = self.stack.last().map_or(&NOTHING, |level| level.want);
            let key = if here { run } else { self.key.as_slice() };
            self.want = if self.key_overlong {
                &NOTHING
            } else if self.key_escaped {
                unescaped(key).map_or(&NOTHING, |key| level.field(key.as_bytes()))
            } else {
                level.field(key)
            };
            self.at = At::Colon;
        }
        used
    }

    fn after_value(&mut self, byte: u8) -> usize {
        let Some(level) = self.stack.last() else { return self.fail() };
        match byte {
            b',' if level.array => {
                self.want = level.want.each.unwrap_or(&NOTHING);
                self.at = At::Value;
                1
            }
            b',' => {
                self.at = At::NextKey;
                1
            }
            b']' if level.array => self.close(),
            b'}' if !level.array => self.close(),
            _ => self.fail(),
        }
    }

    /// A container that was looked into has closed.
    fn close(&mut self) -> usize {
        self.stack.pop();
        self.at = if self.stack.is_empty() { At::Done } else { At::AfterValue };
        1
    }

    /// A value that was not looked into has ended: hand it over if it was kept.
    fn end_value(&mut self, sink: &mut dyn Sink) {
        match self.take {
            Take::Keep(fact) if self.kept_overlong => sink.too_large(fact),
            Take::Keep(fact) => sink.value(fact, &self.kept),
            Take::Pour => sink.poured(),
            Take::Skip => {}
        }
        self.take = Take::Skip;
        self.at = if self.stack.is_empty() { At::Done } else { At::AfterValue };
    }

    fn keep(&mut self, run: &[u8]) {
        if let Take::Keep(fact) = self.take
            && !self.kept_overlong
        {
            if self.kept.len() + run.len() > fact.limit() {
                self.kept_overlong = true;
            } else {
                self.kept.extend_from_slice(run);
            }
        }
    }

    /// Reads up to and with the quote that closes a string: bytes read, and whether it closed.
    fn until_quote(&mut self, rest: &[u8]) -> (usize, bool) {
        let run = until_quote(rest, usize::from(self.escape));
        self.key_escaped |= run.escaped;
        self.escape = run.pending;
        (run.used, run.closed)
    }
}

#[cfg(test)]
#[path = "skim_tests.rs"]
mod tests;
