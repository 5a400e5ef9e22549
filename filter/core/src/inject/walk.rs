//! A strict walk over one JSON document (RFC 8259), cut anywhere, that tells where the values of its two outermost
//! levels begin and end. Strict, because what is told here is edited: a body that any parser might read otherwise must
//! not be touched. The reading half of the filter is lenient and keeps no offsets, so it is another machine.

use memchr::memchr2;

/// Deepest nest that is followed. serde_json stops at 128 too; no request that a provider takes comes near it.
const DEPTH_LIMIT: u32 = 128;

/// Longest key that is told, bytes between its quotes. The longest that is looked for, `stream_options`, has 84 when
/// each letter is written as a six-byte escape.
const KEY_LIMIT: usize = 96;

/// Deepest level that is told: 0 is the document, 1 its members, 2 theirs.
const TOLD: u32 = 2;

/// What a value is, as its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Number,
    True,
    False,
    Null,
}

/// Something at one of the told levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A key, as it stands between its quotes; `None` where it is too long to be one that is looked for.
    Key(Option<&'a [u8]>),
    /// A value begins here.
    Begin(Kind),
    /// The value ended before here.
    End,
}

/// Takes what a [`Walk`] finds: the level, the offset in the document, the event.
pub(super) type Tell<'a> = &'a mut dyn FnMut(u32, u64, Event<'_>);

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Value,
    FirstElement,
    FirstKey,
    NextKey,
    Colon,
    AfterValue,
    Text,
    /// After a backslash.
    Escape,
    /// This many hexadecimal digits are still to come.
    Hex(u8),
    Number(Digits),
    /// What is still to come of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Done,
    Failed,
}

/// Where in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// The machine. Memory: one key.
#[derive(Debug)]
pub(super) struct Walk {
    at: At,
    /// Open containers; bit `n` of `arrays` says that the n-th is an array.
    depth: u32,
    arrays: u128,
    /// The string is a key.
    in_key: bool,
    key: Vec<u8>,
    key_overlong: bool,
    /// Bytes walked.
    offset: u64,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self { at: At::Value, depth: 0, arrays: 0, in_key: false, key: Vec::new(), key_overlong: false, offset: 0 }
    }

    /// Bytes walked so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether this is no JSON.
    pub(super) fn failed(&self) -> bool {
        self.at == At::Failed
    }

    /// Walks on.
    pub(super) fn feed(&mut self, cut: &[u8], tell: Tell<'_>) {
        let mut rest = cut;
        while let Some(&byte) = rest.first() {
            let used = match self.at {
                At::Failed => rest.len(),
                At::Text => self.text(rest, tell),
                At::Number(digits) => self.number(digits, byte, tell),
                _ => {
                    self.byte(byte, tell);
                    1
                }
            };
            self.offset = self.offset.saturating_add(used as u64);
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn tell(&self, ahead: u64, event: Event<'_>, tell: Tell<'_>) {
        if self.depth <= TOLD {
            tell(self.depth, self.offset.saturating_add(ahead), event);
        }
    }

    fn byte(&mut self, byte: u8, tell: Tell<'_>) {
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        if self.in_key && matches!(self.at, At::Escape | At::Hex(_)) {
            self.keep(&[byte]);
        }
        match (self.at, byte) {
            (At::Escape, b'u') => self.at = At::Hex(4),
            (At::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at = At::Text,
            (At::Hex(left), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.at = if left > 1 { At::Hex(left - 1) } else { At::Text };
            }
            (At::Literal(left), _) => match left.split_first() {
                Some((expected, [])) if *expected == byte => self.end_value(1, tell),
                Some((expected, left)) if *expected == byte => self.at = At::Literal(left),
                _ => self.at = At::Failed,
            },
            (At::Escape | At::Hex(_), _) => self.at = At::Failed,
            _ if space => {}
            (At::FirstElement, b']') | (At::FirstKey, b'}') => self.close(tell),
            (At::Value | At::FirstElement, _) => self.begin_value(byte, tell),
            (At::FirstKey | At::NextKey, b'"') => {
                self.in_key = true;
                self.key.clear();
                self.key_overlong = false;
                self.at = At::Text;
            }
            (At::Colon, b':') => self.at = At::Value,
            (At::AfterValue, b',') => self.at = if self.in_array() { At::Value } else { At::NextKey },
            (At::AfterValue, b']') if self.in_array() => self.close(tell),
            (At::AfterValue, b'}') if !self.in_array() => self.close(tell),
            _ => self.at = At::Failed,
        }
    }

    fn in_array(&self) -> bool {
        self.depth > 0 && self.arrays >> (self.depth - 1) & 1 == 1
    }

    fn begin_value(&mut self, byte: u8, tell: Tell<'_>) {
        let (kind, at) = match byte {
            b'{' => (Kind::Object, At::FirstKey),
            b'[' => (Kind::Array, At::FirstElement),
            b'"' => (Kind::Text, At::Text),
            b'-' => (Kind::Number, At::Number(Digits::Minus)),
            b'0' => (Kind::Number, At::Number(Digits::Zero)),
            b'1'..=b'9' => (Kind::Number, At::Number(Digits::Whole)),
            b't' => (Kind::True, At::Literal(b"rue")),
            b'f' => (Kind::False, At::Literal(b"alse")),
            b'n' => (Kind::Null, At::Literal(b"ull")),
            _ => {
                self.at = At::Failed;
                return;
            }
        };
        self.in_key = false;
        self.tell(0, Event::Begin(kind), tell);
        self.at = at;
        if matches!(kind, Kind::Object | Kind::Array) {
            if self.depth == DEPTH_LIMIT {
                self.at = At::Failed;
                return;
            }
            let bit = 1_u128 << self.depth;
            self.arrays = if kind == Kind::Array { self.arrays | bit } else { self.arrays & !bit };
            self.depth += 1;
        }
    }

    fn close(&mut self, tell: Tell<'_>) {
        self.depth = self.depth.saturating_sub(1);
        self.end_value(1, tell);
    }

    /// The value ends `ahead` bytes after the byte that is being read.
    fn end_value(&mut self, ahead: u64, tell: Tell<'_>) {
        self.tell(ahead, Event::End, tell);
        self.at = if self.depth == 0 { At::Done } else { At::AfterValue };
    }

    /// Inside a string, up to and with its end or a backslash.
    fn text(&mut self, rest: &[u8], tell: Tell<'_>) -> usize {
        let found = memchr2(b'"', b'\\', rest);
        let run = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
        if self.in_key {
            self.keep(run);
        }
        // A control character must be escaped. Without a branch per byte: images in base64 come through here.
        if run.iter().fold(false, |bad, b| bad | (*b < b' ')) {
            self.at = At::Failed;
            return rest.len();
        }
        let Some(found) = found else { return rest.len() };
        if rest.get(found) == Some(&b'\\') {
            if self.in_key {
                self.keep(b"\\");
            }
            self.at = At::Escape;
        } else if self.in_key {
            self.tell(0, Event::Key(Some(self.key.as_slice()).filter(|_| !self.key_overlong)), tell);
            self.in_key = false;
            self.at = At::Colon;
        } else {
            self.end_value(found as u64 + 1, tell);
        }
        found + 1
    }

    fn keep(&mut self, run: &[u8]) {
        if self.depth > TOLD || self.key.len() + run.len() > KEY_LIMIT {
            self.key_overlong = true;
        } else {
            self.key.extend_from_slice(run);
        }
    }

    /// A byte of a number, or the first after it (which is then not used up).
    fn number(&mut self, digits: Digits, byte: u8, tell: Tell<'_>) -> usize {
        let next = match (digits, byte) {
            (Digits::Minus, b'0') => Digits::Zero,
            (Digits::Minus, b'1'..=b'9') | (Digits::Whole, b'0'..=b'9') => Digits::Whole,
            (Digits::Zero | Digits::Whole, b'.') => Digits::Point,
            (Digits::Point | Digits::Fraction, b'0'..=b'9') => Digits::Fraction,
            (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') => Digits::Exponent,
            (Digits::Exponent, b'+' | b'-') => Digits::Sign,
            (Digits::Exponent | Digits::Sign | Digits::Power, b'0'..=b'9') => Digits::Power,
            (Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Power, _) => {
                self.end_value(0, tell);
                return 0;
            }
            _ => {
                self.at = At::Failed;
                return 0;
            }
        };
        self.at = At::Number(next);
        1
    }
}
