//! What a response has said so far.

use super::{
    error::{BodyError, ErrorSeen},
    fact::Fact,
    json::Sink,
};
use crate::usage::{Family, Tally};

/// Everything that is known about a response; bounded by [`Fact::limit`] of each fact.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) model: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) speed: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) quality: Option<String>,
    pub(crate) upstream: Option<String>,
    /// The version of the system that answered is named.
    pub(crate) fingerprint: bool,
    pub(crate) tally: Tally,
    pub(crate) error: Option<BodyError>,
    finish: Option<String>,
    status: Option<String>,
    incomplete: Option<String>,
    block: Option<String>,
    /// An event, or the first byte of a body that is none, has been seen.
    pub(crate) event: bool,
    /// Generated output has been seen.
    pub(crate) token: bool,
    /// The response itself said that it is at its end.
    pub(crate) done: bool,
    /// A value that should be kept was too long.
    pub(crate) too_large: bool,
    /// Whole documents (bodies, events, lines) read, and ones that were no JSON.
    pub(crate) whole: u64,
    pub(crate) broken: u64,
    /// The present document's error, if it is one.
    failing: ErrorSeen,
}

impl Facts {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            tally: Tally::new(family),
            model: None,
            id: None,
            tier: None,
            speed: None,
            size: None,
            quality: None,
            upstream: None,
            fingerprint: false,
            error: None,
            finish: None,
            status: None,
            incomplete: None,
            block: None,
            event: false,
            token: false,
            done: false,
            too_large: false,
            whole: 0,
            broken: 0,
            failing: ErrorSeen::default(),
        }
    }

    /// Forgets all that was said; what has been seen stays seen.
    pub(crate) fn forget(&mut self, family: Family) {
        *self = Self { event: self.event, token: self.token, ..Self::new(family) };
    }

    /// Why the response ended, in the provider's words.
    pub(crate) fn finish_reason(&self) -> Option<&str> {
        self.incomplete.as_deref().or(self.finish.as_deref()).or(self.block.as_deref()).or(self.status.as_deref())
    }

    /// Whether a fact of which the first counts is settled.
    pub(crate) fn knows(&self, fact: Fact) -> bool {
        match fact {
            Fact::Model => self.model.is_some(),
            Fact::Id => self.id.is_some(),
            Fact::Upstream => self.upstream.is_some(),
            Fact::Tier | Fact::TierOnce => self.tier.is_some(),
            Fact::Token => self.token,
            Fact::Fingerprint => self.fingerprint,
            _ => false,
        }
    }

    /// A document has ended.
    pub(crate) fn end_document(&mut self, whole: bool) {
        if whole {
            self.whole += 1;
        } else {
            self.broken += 1;
        }
        self.tally.mark(Fact::Part);
        self.settle_error();
    }

    /// The first error of a response counts.
    pub(crate) fn settle_error(&mut self) {
        let seen = std::mem::take(&mut self.failing);
        if self.error.is_none() {
            self.error = seen.judge();
        }
    }

    /// An error told by the framing (an exception frame, an `error` event).
    pub(crate) fn fail(&mut self, code: Option<&str>) {
        self.failing.present = true;
        if let Some(code) = code {
            self.failing.code = Some(code.to_owned());
        }
    }
}

impl Sink for Facts {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        match fact {
            Fact::Usage | Fact::Aside | Fact::Metrics | Fact::Breakdown | Fact::ToolUsage | Fact::SvgUsage => {
                self.tally.object(fact, raw);
            }
            Fact::Count(figure, keep) => self.tally.count(figure, keep, raw),
            Fact::Duration | Fact::VideoDuration => self.tally.duration(fact, raw),
            Fact::NanoCredits => self.tally.credits(raw),
            _ if self.knows(fact) && fact != Fact::Tier => {}
            _ => {
                if let Some(word) = word(raw) {
                    self.word(fact, word);
                }
            }
        }
    }

    fn too_large(&mut self, fact: Fact) {
        // An overlong name or word is dropped (a part of a name would be another name); figures are what must not be
        // lost without a word.
        self.too_large |= matches!(
            fact,
            Fact::Usage | Fact::Aside | Fact::Metrics | Fact::Breakdown | Fact::ToolUsage | Fact::SvgUsage
        );
    }

    fn mark(&mut self, fact: Fact) {
        match fact {
            Fact::Token => self.token = true,
            Fact::Done => self.done = true,
            Fact::Error => self.failing.present = true,
            _ => self.tally.mark(fact),
        }
    }
}

impl Facts {
    fn word(&mut self, fact: Fact, word: String) {
        let first = |slot: &mut Option<String>, word| {
            slot.get_or_insert(word);
        };
        match fact {
            Fact::Model => first(&mut self.model, word),
            Fact::Id => first(&mut self.id, word),
            Fact::Upstream => first(&mut self.upstream, word),
            Fact::Fingerprint => self.fingerprint = true,
            Fact::TierOnce => first(&mut self.tier, word.to_ascii_lowercase()),
            Fact::Tier => self.tier = Some(word.to_ascii_lowercase()),
            Fact::Finish => self.finish = Some(named_finish(word)),
            Fact::Incomplete => self.incomplete = Some(word),
            Fact::Block => self.block = Some(word),
            Fact::Status => {
                self.done |= is_final(&word);
                self.status = Some(word);
            }
            Fact::Event(_) | Fact::ImageEvent if word == "error" => self.failing.present = true,
            Fact::Event(end) => self.done |= word == end,
            Fact::ErrorCode => self.failing.code = Some(word),
            // `"type": "error"` beside the error object says nothing (Anthropic).
            Fact::ErrorType if word != "error" => self.failing.kind = Some(word),
            Fact::ErrorStatus => self.failing.status = Some(word),
            // Only before any output, so that events after it may be skipped unread.
            Fact::BaseStatus if word != "0" && !self.token => self.fail(Some(&word)),
            // The last counts: `auto` may come before what was chosen.
            Fact::Size => self.size = Some(word.to_ascii_lowercase()),
            Fact::Quality => self.quality = Some(word.to_ascii_lowercase()),
            Fact::Speed => self.speed = Some(word.to_ascii_lowercase()),
            _ => self.tally.word(fact, &word),
        }
    }
}

/// Statuses of a response object after which nothing changes (OpenAI responses, Gemini interactions).
fn is_final(status: &str) -> bool {
    matches!(status, "completed" | "incomplete" | "failed" | "cancelled")
}

/// Google's finish reasons where enums are written as numbers (`enum-encoding=int`). Numbers above 5 mean different
/// things to Gemini and Vertex and stay as they are (`generative_service.proto`, `content.proto`: FinishReason).
fn named_finish(word: String) -> String {
    let name = match word.as_str() {
        "1" => "STOP",
        "2" => "MAX_TOKENS",
        "3" => "SAFETY",
        "4" => "RECITATION",
        "5" => "OTHER",
        _ => return word,
    };
    name.to_owned()
}

/// A string's text or a number as it stands; `None` for null, an empty string and what is no JSON scalar.
pub(crate) fn word(raw: &[u8]) -> Option<String> {
    match raw.first()? {
        b'"' => {
            let plain = raw.get(1..raw.len().checked_sub(1)?)?;
            let text = if plain.contains(&b'\\') {
                serde_json::from_slice(raw).ok()?
            } else {
                str::from_utf8(plain).ok()?.to_owned()
            };
            (!text.is_empty()).then_some(text)
        }
        b'-' | b'0'..=b'9' => {
            let number: serde_json::Number = serde_json::from_slice(raw).ok()?;
            Some(number.to_string())
        }
        b't' => (raw == b"true").then(|| "true".to_owned()),
        b'f' => (raw == b"false").then(|| "false".to_owned()),
        _ => None,
    }
}
