//! The one edit of a request body: `stream_options.include_usage` becomes true. All other bytes stay as they are.

use super::walk::{Event, Kind, Walk};

/// A member of the request.
const MEMBER: &str = r#","stream_options":{"include_usage":true}"#;
/// The same as a value, in place of `null`.
const OPTIONS: &str = r#"{"include_usage":true}"#;
/// A member of `stream_options`; the comma falls away where it is the first.
const OPTION: &str = r#","include_usage":true"#;

/// Most bytes of a body that wait while it is open whether they are to be edited: half of the smallest buffer limit
/// that is advised for Envoy (32 KiB, "Configuring Envoy as an edge proxy"); above the limit Envoy answers 413.
pub(super) const HOLD_LIMIT: u64 = 16 * 1024;

/// What is to be done with the body so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All of it goes on as it is.
    Pass,
    /// It waits, with all that waits already.
    Hold,
    /// It goes on with this edit.
    Edit(Splice),
}

/// An edit: `remove` bytes from `at` on give way to `insert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Offset from the first byte that waits, or from the cut's first where none does.
    pub at: u64,
    /// Bytes.
    pub remove: u64,
    /// JSON text.
    pub insert: &'static str,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Edited,
    /// The client asks itself.
    Present,
    /// No stream is asked for.
    NotStreamed,
    /// No JSON object, or not all of one.
    NotJson,
    /// `stream` or what is to be edited stands twice or is of no known shape: parsers would differ.
    Unclear,
    TooLarge,
}

/// What `stream_options` holds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Options {
    /// It has not come.
    Absent,
    /// Its value is being read.
    Open { members: u32 },
    /// It asks.
    Asked,
    /// It does not; this is the edit, offsets from the body's start.
    Lacking(Splice),
}

/// A key that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Stream,
    StreamOptions,
    IncludeUsage,
    Other,
}

/// What the body has said.
#[derive(Debug)]
struct Said {
    stream: Option<bool>,
    options: Options,
    /// The present member of the request, and of `stream_options`.
    member: Key,
    option: Key,
    /// Bits of the keys seen.
    seen: u8,
    verdict: Option<Verdict>,
    splice: Option<Splice>,
}

/// Reads a request body and finds where to edit it. Memory: a key.
#[derive(Debug)]
pub(super) struct RequestEdit {
    walk: Walk,
    said: Said,
    /// Offset of the first byte that waits.
    held_from: u64,
    /// Everything waits until the verdict: most bytes.
    hold_all: Option<u64>,
}

impl RequestEdit {
    /// `hold_all`: nothing goes on before the verdict, for at most so many bytes.
    pub(super) fn new(hold_all: Option<u64>) -> Self {
        let said = Said {
            stream: None,
            options: Options::Absent,
            member: Key::Other,
            option: Key::Other,
            seen: 0,
            verdict: None,
            splice: None,
        };
        Self { walk: Walk::new(), said, held_from: 0, hold_all }
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.said.verdict
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> u64 {
        self.walk.offset().saturating_sub(self.held_from)
    }

    /// The next bytes; `end`: no more will come.
    pub(super) fn feed(&mut self, cut: &[u8], end: bool) -> Step {
        if self.said.verdict.is_some() {
            return Step::Pass;
        }
        let Self { walk, said, .. } = self;
        walk.feed(cut, &mut |level, at, event| said.take(level, at, event));
        if walk.failed() || (end && said.verdict.is_none()) {
            // A verdict that came before the fault in the same cut does not hold either.
            said.verdict = Some(Verdict::NotJson);
        }
        let step = match (self.said.verdict, self.hold_all) {
            (Some(_), _) => self.decided(),
            (None, Some(most)) if self.held() > most => self.give_up(Verdict::TooLarge),
            (None, Some(_)) => return Step::Hold,
            (None, None) if !self.said.waits() => Step::Pass,
            (None, None) if self.held() <= HOLD_LIMIT => return Step::Hold,
            (None, None) => match (self.said.stream, self.said.options) {
                // Enough is known; what follows could only say the same again.
                (Some(true), Options::Lacking(splice)) => {
                    (self.said.verdict, self.said.splice) = (Some(Verdict::Edited), Some(splice));
                    self.decided()
                }
                _ => self.give_up(Verdict::TooLarge),
            },
        };
        self.held_from = self.walk.offset();
        step
    }

    fn give_up(&mut self, verdict: Verdict) -> Step {
        self.said.verdict = Some(verdict);
        Step::Pass
    }

    fn decided(&self) -> Step {
        match (self.said.verdict, self.said.splice) {
            (Some(Verdict::Edited), Some(splice)) => {
                Step::Edit(Splice { at: splice.at.saturating_sub(self.held_from), ..splice })
            }
            _ => Step::Pass,
        }
    }
}

impl Said {
    /// Whether bytes must wait: those of `stream_options` itself, and of its edit until `stream` is known.
    fn waits(&self) -> bool {
        self.stream != Some(false) && matches!(self.options, Options::Open { .. } | Options::Lacking(_))
    }

    fn take(&mut self, level: u32, at: u64, event: Event<'_>) {
        if self.verdict.is_some() {
            return;
        }
        let inside = level == 2 && self.member == Key::StreamOptions;
        match (level, event) {
            (0, Event::Begin(kind)) if kind != Kind::Object => self.verdict = Some(Verdict::NotJson),
            (0, Event::End) => self.end(at),
            (1, Event::Key(key)) => self.member = self.key(key, &[Key::Stream, Key::StreamOptions]),
            (1, Event::Begin(kind)) => self.begin_member(kind, at),
            (1, Event::End) => self.end_member(at),
            (2, Event::Key(key)) if inside => {
                self.option = self.key(key, &[Key::IncludeUsage]);
                if let Options::Open { members } = &mut self.options {
                    *members = members.saturating_add(1);
                }
            }
            (2, Event::Begin(kind)) if inside && self.option == Key::IncludeUsage => self.include_usage(kind, at),
            _ => {}
        }
    }

    /// Which of `wanted` a key is. A second one of the same name makes the request unclear.
    fn key(&mut self, raw: Option<&[u8]>, wanted: &[Key]) -> Key {
        let Some(raw) = raw else { return Key::Other };
        let unescaped = raw.contains(&b'\\').then(|| [b"\"", raw, b"\""].concat());
        let unescaped = unescaped.and_then(|quoted| serde_json::from_slice::<String>(&quoted).ok());
        let name = unescaped.as_ref().map_or(raw, |name| name.as_bytes());
        let key = wanted.iter().copied().find(|key| key.name().as_bytes() == name).unwrap_or(Key::Other);
        let bit = 1 << key as u8;
        if key != Key::Other && self.seen & bit != 0 {
            self.verdict = Some(Verdict::Unclear);
        }
        self.seen |= bit;
        key
    }

    fn begin_member(&mut self, kind: Kind, at: u64) {
        match (self.member, kind) {
            (Key::Stream, Kind::True) => self.stream = Some(true),
            (Key::Stream, Kind::False | Kind::Null) => self.stream = Some(false),
            (Key::StreamOptions, Kind::Object) => self.options = Options::Open { members: 0 },
            (Key::StreamOptions, Kind::Null) => {
                self.options = Options::Lacking(Splice { at, remove: "null".len() as u64, insert: OPTIONS });
            }
            (Key::Stream | Key::StreamOptions, _) => self.verdict = Some(Verdict::Unclear),
            _ => {}
        }
    }

    fn include_usage(&mut self, kind: Kind, at: u64) {
        let instead_of = |literal: &str| Options::Lacking(Splice { at, remove: literal.len() as u64, insert: "true" });
        match kind {
            Kind::True => self.options = Options::Asked,
            Kind::False => self.options = instead_of("false"),
            Kind::Null => self.options = instead_of("null"),
            _ => self.verdict = Some(Verdict::Unclear),
        }
    }

    fn end_member(&mut self, at: u64) {
        if let (Key::StreamOptions, Options::Open { members }) = (self.member, self.options) {
            let insert = if members == 0 { OPTION.trim_start_matches(',') } else { OPTION };
            // Before its closing brace.
            self.options = Options::Lacking(Splice { at: at.saturating_sub(1), remove: 0, insert });
        }
        self.member = Key::Other;
    }

    /// The request's closing brace stands before `at`.
    fn end(&mut self, at: u64) {
        let splice = match self.options {
            _ if self.stream != Some(true) => return self.verdict = Some(Verdict::NotStreamed),
            Options::Asked => return self.verdict = Some(Verdict::Present),
            Options::Lacking(splice) => splice,
            // `stream` stands before it, so a comma is right.
            Options::Absent | Options::Open { .. } => Splice { at: at.saturating_sub(1), remove: 0, insert: MEMBER },
        };
        (self.verdict, self.splice) = (Some(Verdict::Edited), Some(splice));
    }
}

impl Key {
    const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::IncludeUsage => "include_usage",
            Self::Other => "",
        }
    }
}
