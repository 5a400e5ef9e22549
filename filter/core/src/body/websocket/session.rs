//! What a session comes to: the sum of its bills.
//!
//! Each response is a bill of its own (`response.done`, `response.completed`, a turn of Gemini's), and so is what the user
//! said where another model transcribes it. Bills add up; within a Gemini turn, usage that is told again replaces.
//!
//! * OpenAI: "Usage statistics for the Response, this will correspond to billing" (realtime server events, response.done;
//!   2026-11-21); transcription is billed "according to the ASR model's pricing rather than the realtime model's"
//!   (conversation.item.input_audio_transcription.completed).
//! * Gemini: each turn is billed for all tokens of the session's context (ai.google.dev, Live API best practices, "Pricing &
//!   billing"); the sum over all `usageMetadata` is what is charged (discuss.ai.google.dev/t/173248).

use super::message::Message;
use crate::{
    OTHER, Usage,
    body::{BodyError, BodyState, Reading, error::ErrorSeen},
    detect::Api,
    price::context_class,
    usage::{Share, session},
};

/// Most bills of one session that differ in model, tier or context tier. Real sessions have two; beyond the limit
/// bills are laid on a model without a name, which has no price: their tokens count, a cost would be a guess.
pub(super) const BILLS_LIMIT: usize = 32;

/// A tier that no price is for: responses of one session were served in different ones.
pub(super) const MIXED_TIERS: &str = "mixed";

/// One session so far. Memory: [`BILLS_LIMIT`] bills.
#[derive(Debug)]
pub(super) struct Session {
    api: Api,
    model: Option<String>,
    transcriber: Option<String>,
    bills: Vec<Bill>,
    /// Gemini: usage of the present turn, which may be told again.
    turn: Option<Usage>,
    /// Responses that have begun and whose usage has not been told.
    open: u32,
    /// A response ended without its usage.
    unsaid: bool,
    /// The server has greeted: what it does not tell has not been.
    greeted: bool,
    too_large: bool,
    error: Option<BodyError>,
    tier: Option<String>,
    id: Option<String>,
    finish: Option<String>,
}

/// Responses of one model at the same rates, or what it transcribed.
#[derive(Debug)]
struct Bill {
    heard: bool,
    model: Option<String>,
    /// [`context_class`] of each.
    class: usize,
    usage: Usage,
}

impl Session {
    pub(super) fn new(api: Api) -> Self {
        Self {
            api,
            model: None,
            transcriber: None,
            bills: Vec::new(),
            turn: None,
            open: 0,
            unsaid: false,
            greeted: false,
            too_large: false,
            error: None,
            tier: None,
            id: None,
            finish: None,
        }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether a response is on its way.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// A message of the client: Gemini's first.
    pub(super) fn take_client(&mut self, message: &mut Message) {
        if self.model.is_none() {
            self.model = message.session_model.take();
        }
    }

    /// A message of the server.
    pub(super) fn take(&mut self, message: &mut Message) {
        self.too_large |= message.too_large;
        match message.kind.take() {
            _ if self.api == Api::GeminiLive => self.live(message),
            Some(kind) => self.event(&kind, message),
            None => {}
        }
    }

    fn event(&mut self, kind: &str, message: &mut Message) {
        match kind {
            "session.created"
            | "session.updated"
            | "transcription_session.created"
            | "transcription_session.updated" => {
                self.greeted = true;
                self.model = message.session_model.take().or_else(|| self.model.take());
                self.transcriber = message.transcriber.take().or_else(|| self.transcriber.take());
            }
            "response.created" => self.open = self.open.saturating_add(1),
            "response.done" | "response.completed" | "response.incomplete" | "response.failed" => {
                self.response(message)
            }
            "conversation.item.input_audio_transcription.completed" => {
                if message.heard.is_empty() {
                    self.unsaid = true;
                } else {
                    let usage = session::transcription(&message.heard);
                    self.bill(true, self.transcriber.clone(), usage);
                }
            }
            "error" => {
                message.error.present = true;
                self.fail(message);
            }
            _ => {}
        }
    }

    /// A response has ended.
    fn response(&mut self, message: &mut Message) {
        self.open = self.open.saturating_sub(1);
        if message.error.present {
            self.fail(message);
        }
        let status = message.status.take();
        // What failed or was cancelled before it began need not have used anything.
        let ran = !matches!(status.as_deref(), Some("failed" | "cancelled"));
        self.finish = message.reason.take().or(status);
        self.id = message.id.take().or_else(|| self.id.take());
        if message.usage.is_empty() {
            self.unsaid |= ran;
            return;
        }
        if let Some(tier) = message.tier.take().map(|tier| tier.to_ascii_lowercase()) {
            let same = self.tier.as_ref().is_none_or(|before| *before == tier);
            self.tier = Some(if same { tier } else { MIXED_TIERS.to_owned() });
        }
        let usage = session::response(&message.usage);
        self.bill(false, message.model.take(), usage);
    }

    /// The first error of a session is kept; it counts only where nothing else came of the session.
    fn fail(&mut self, message: &mut Message) {
        if self.error.is_none() {
            self.error = std::mem::take::<ErrorSeen>(&mut message.error).judge();
        }
    }

    fn live(&mut self, message: &mut Message) {
        self.greeted |= message.setup;
        if message.error.present {
            self.fail(message);
        }
        if message.content {
            self.open = 1;
        }
        if !message.usage.is_empty() {
            self.open = 0;
            let usage = session::turn(&message.usage);
            // Told again: the same prompt, and not less said to it.
            let again = self.turn.as_ref().is_some_and(|t| t.input == usage.input && t.output <= usage.output);
            if !again {
                self.end_turn();
            }
            self.turn = Some(usage);
        }
        if message.turn_over {
            self.end_turn();
        }
    }

    fn end_turn(&mut self) {
        if let Some(usage) = self.turn.take() {
            self.bill(false, None, usage);
        }
    }

    fn bill(&mut self, heard: bool, model: Option<String>, usage: Usage) {
        let class = context_class(usage.input.unwrap_or(0));
        let same = |bill: &&mut Bill| bill.heard == heard && bill.class == class && bill.model == model;
        if let Some(bill) = self.bills.iter_mut().find(same) {
            // The context of any of them tells the tier of all.
            let context = bill.usage.context.or(bill.usage.input);
            bill.usage.add(&usage);
            bill.usage.context = context;
        } else if self.bills.len() < BILLS_LIMIT {
            self.bills.push(Bill { heard, model, class, usage });
        } else if let Some(last) = self.bills.last_mut() {
            last.heard = false;
            last.model = Some(OTHER.to_owned());
            last.usage.add(&usage);
        }
    }

    /// The sum of all bills; `None` where there is none.
    pub(super) fn usage(&self) -> Option<Usage> {
        (!self.bills.is_empty()).then(|| total(&self.bills, self.billed_model().as_deref(), self.speaks()))
    }

    /// Whether a model answered; where not, it only transcribed.
    fn speaks(&self) -> bool {
        self.bills.iter().any(|bill| !bill.heard)
    }

    /// The model that the figures are of. A session that only transcribes names no other one.
    fn billed_model(&self) -> Option<String> {
        if !self.bills.is_empty() && !self.speaks() {
            return self.transcriber.clone().or_else(|| self.model.clone());
        }
        let answered = || self.bills.iter().find(|bill| !bill.heard)?.model.clone();
        self.model.clone().or_else(answered)
    }

    /// The session is over.
    pub(super) fn finish(&mut self, state: BodyState) -> Reading {
        self.end_turn();
        let billed = !self.bills.is_empty();
        let quiet = !billed && !self.unsaid && self.greeted && self.error.is_none() && state == BodyState::Complete;
        let nothing = || quiet.then(|| Usage { input: Some(0), output: Some(0), ..Usage::default() });
        Reading {
            usage: self.usage().or_else(nothing),
            model: self.billed_model(),
            service_tier: self.tier.clone(),
            response_id: self.id.clone(),
            finish_reason: self.finish.clone(),
            error: self.error.clone().filter(|_| !billed),
            // Figures are missing, as they are of a session that was cut off.
            state: if self.unsaid && state == BodyState::Complete { BodyState::Truncated } else { state },
            streamed: true,
            ..Reading::default()
        }
    }
}

/// All bills as one usage: the figures are those of the model that answers (where none does, of the one that
/// transcribes); the bill is one share for each model and context tier, unless there is but one.
fn total(bills: &[Bill], model: Option<&str>, speaks: bool) -> Usage {
    let share = |bill: &Bill| match &bill.model {
        // Not the session's own model, and nobody said which.
        None if bill.heard && speaks => Some(OTHER.to_owned()),
        name => name.clone().filter(|name| Some(name.as_str()) != model),
    };
    if let [only] = bills
        && share(only).is_none()
    {
        return only.usage.clone();
    }
    let mut sum = Usage::default();
    for bill in bills.iter().filter(|bill| bill.heard != speaks) {
        sum.add(&bill.usage);
    }
    sum.shares = bills.iter().map(|bill| Share { model: share(bill), usage: bill.usage.clone() }).collect();
    sum
}
