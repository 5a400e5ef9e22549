//! What one message says.

use crate::body::{error::ErrorSeen, fact::Fact, facts::word, json::Sink};

/// The wanted values of one message; each bounded by [`Fact::limit`].
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Type of the event; Gemini's messages have none.
    pub(super) kind: Option<String>,
    /// The usage object of a response or turn, as JSON text; empty: not said.
    pub(super) usage: Vec<u8>,
    /// The same of a transcribed item.
    pub(super) heard: Vec<u8>,
    /// Model of the response.
    pub(super) model: Option<String>,
    pub(super) session_model: Option<String>,
    pub(super) transcriber: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) id: Option<String>,
    pub(super) status: Option<String>,
    /// Why a response is incomplete.
    pub(super) reason: Option<String>,
    pub(super) error: ErrorSeen,
    /// A Gemini session has begun; its model said something; its turn is over.
    pub(super) setup: bool,
    pub(super) content: bool,
    pub(super) turn_over: bool,
    /// A usage object was too long.
    pub(super) too_large: bool,
    silent: bool,
}

impl Message {
    pub(super) fn is_typed(&self) -> bool {
        self.kind.is_some()
    }

    /// Whether it is of a type that says nothing: pieces of sound, text and arguments.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }
}

impl Sink for Message {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        match fact {
            Fact::Usage => return keep(&mut self.usage, raw),
            Fact::Aside => return keep(&mut self.heard, raw),
            Fact::Setup => self.setup = raw.first() == Some(&b'{'),
            _ => {}
        }
        let Some(word) = word(raw) else { return };
        let slot = match fact {
            // The first of duplicate keys holds: a silent message is not read on.
            Fact::Event(_) if self.kind.is_none() => {
                self.silent = word.ends_with(".delta");
                &mut self.kind
            }
            Fact::Model => &mut self.model,
            Fact::SessionModel => &mut self.session_model,
            Fact::Transcriber => &mut self.transcriber,
            Fact::Tier => &mut self.tier,
            Fact::Id => &mut self.id,
            Fact::Status => &mut self.status,
            Fact::Incomplete => &mut self.reason,
            Fact::ErrorCode => &mut self.error.code,
            Fact::ErrorType if word != "error" => &mut self.error.kind,
            Fact::ErrorStatus => &mut self.error.status,
            _ => return,
        };
        *slot = Some(word);
    }

    fn too_large(&mut self, fact: Fact) {
        self.too_large |= matches!(fact, Fact::Usage | Fact::Aside);
    }

    fn mark(&mut self, fact: Fact) {
        match fact {
            Fact::Error => self.error.present = true,
            Fact::Token => self.content = true,
            Fact::Done => self.turn_over = true,
            _ => {}
        }
    }
}

/// Keeps an object that is not empty.
fn keep(slot: &mut Vec<u8>, raw: &[u8]) {
    let inside = raw.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    if inside.is_some_and(|inside| !inside.starts_with(b"}")) {
        slot.clear();
        slot.extend_from_slice(raw);
    }
}
