//! The one thing that the filter ever edits, and only where it is told to: a stream that would not say its usage is
//! asked for it (`stream_options.include_usage`), and the event that only this question brings is taken out of the
//! answer again.
//!
//! ```text
//! request:  {"stream":true, ...}         -> {"stream":true, ...,"stream_options":{"include_usage":true}}
//! response: chunk, chunk, usage, [DONE]  -> chunk, chunk, [DONE]
//! ```
//!
//! Everything else passes byte for byte. What stays visible to a client is `"usage":null` in the other chunks, which
//! OpenAI adds to them beside the event: taking it out would mean to rewrite every chunk, and clients of the API know
//! the field.

mod provider;
mod request;
mod response;
mod walk;

pub use provider::not_asked;
#[cfg(feature = "json-schema")]
pub use provider::not_asked_providers;
pub use request::{Splice, Step};

use request::{RequestEdit, Verdict};
use response::UsageFilter;

use crate::detect::{Api, RequestBody};
use crate::head::Head;

/// What came of one exchange that was to be asked for its usage (a closed set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InjectOutcome {
    /// Asked, and the answer's event taken out (or none came).
    Injected,
    /// Asked, but the answer is encoded or no event stream, or the host does not let it be changed: the event, if there is
    /// one, was left in.
    LeftIn,
    /// Asked, and the provider answered 400 or 422: it may not know the field.
    Refused,
    /// The client asks itself.
    Present,
    /// No stream is asked for.
    NotStreamed,
    /// The request body is encoded, or no JSON by its type.
    SkippedEncoded,
    /// The request body is no JSON object, or broke off.
    SkippedNotJson,
    /// `stream` or `stream_options` stands twice in it, or is of no known shape.
    SkippedUnclear,
    /// More would have to wait than may.
    SkippedTooLarge,
    /// The provider sends usage unasked, or refuses the question.
    SkippedProvider,
    /// The host does not let the request be edited.
    SkippedHost,
}

impl InjectOutcome {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Injected,
        Self::LeftIn,
        Self::Refused,
        Self::Present,
        Self::NotStreamed,
        Self::SkippedEncoded,
        Self::SkippedNotJson,
        Self::SkippedUnclear,
        Self::SkippedTooLarge,
        Self::SkippedProvider,
        Self::SkippedHost,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::LeftIn => "injected_left_in",
            Self::Refused => "injected_refused",
            Self::Present => "present",
            Self::NotStreamed => "not_streamed",
            Self::SkippedEncoded => "skipped_encoded",
            Self::SkippedNotJson => "skipped_not_json",
            Self::SkippedUnclear => "skipped_unclear",
            Self::SkippedTooLarge => "skipped_too_large",
            Self::SkippedProvider => "skipped_provider",
            Self::SkippedHost => "skipped_host",
        }
    }
}

/// What is to be done with the request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadStep {
    /// It goes on as it is.
    Pass,
    /// Its `content-length` may come to be wrong: it goes on without. HTTP/1.1 then sends the body in chunks.
    DropLength,
    /// It waits for the body's [`Step`]. After an edit its `content-length` is the one given then.
    Hold,
}

/// One exchange that is to be asked for its usage. Feed it all bytes in order.
#[derive(Debug)]
pub struct Injection {
    edit: RequestEdit,
    /// `content-length` of a request that waits.
    length: Option<u64>,
    head: HeadStep,
    filter: Option<UsageFilter>,
    outcome: Option<InjectOutcome>,
}

impl Injection {
    /// For a request of this head. `hold_bytes`: requests of at most this `content-length` wait until they are read,
    /// and keep one; 0: nothing waits. `None`: no API that has the question.
    pub(crate) fn new(
        api: Api,
        body: RequestBody,
        provider: Option<&str>,
        hold_bytes: u64,
        head: &Head<'_>,
    ) -> Option<Self> {
        if !matches!(api, Api::ChatCompletions | Api::Completions) {
            return None;
        }
        let length = head.text("content-length").and_then(|l| l.trim().parse::<u64>().ok());
        let outcome = if provider.and_then(not_asked).is_some() {
            Some(InjectOutcome::SkippedProvider)
        } else if body != RequestBody::Json {
            Some(InjectOutcome::SkippedEncoded)
        } else if hold_bytes > 0 && length.is_some_and(|l| l > hold_bytes) {
            Some(InjectOutcome::SkippedTooLarge)
        } else {
            None
        };
        let step = match (outcome, length) {
            (None, Some(_)) if hold_bytes > 0 => HeadStep::Hold,
            (None, Some(_)) => HeadStep::DropLength,
            _ => HeadStep::Pass,
        };
        let hold = (step == HeadStep::Hold).then_some(hold_bytes);
        Some(Self { edit: RequestEdit::new(hold), length, head: step, filter: None, outcome })
    }

    /// What is to be done with the request head, if a body follows it.
    pub fn request_head(&self) -> HeadStep {
        self.head
    }

    /// Bytes of the request body that wait.
    pub fn held(&self) -> u64 {
        self.edit.held()
    }

    /// The next bytes of the request body; `end`: no more will come.
    pub fn request_body(&mut self, cut: &[u8], end: bool) -> Step {
        if self.outcome.is_some() {
            return Step::Pass;
        }
        let step = self.edit.feed(cut, end);
        self.outcome = self.edit.verdict().map(|verdict| match verdict {
            Verdict::Edited => InjectOutcome::Injected,
            Verdict::Present => InjectOutcome::Present,
            Verdict::NotStreamed => InjectOutcome::NotStreamed,
            Verdict::NotJson => InjectOutcome::SkippedNotJson,
            Verdict::Unclear => InjectOutcome::SkippedUnclear,
            Verdict::TooLarge => InjectOutcome::SkippedTooLarge,
        });
        step
    }

    /// The `content-length` after an edit, for a head that waits.
    pub fn length_after(&self, splice: Splice) -> Option<u64> {
        let length = self.length.filter(|_| self.head == HeadStep::Hold)?;
        length.checked_add(splice.insert.len() as u64)?.checked_sub(splice.remove)
    }

    /// The host refused the edit, or what must come before it: nothing is edited any more.
    pub fn refused_by_host(&mut self) {
        self.outcome = Some(InjectOutcome::SkippedHost);
    }

    /// The host refuses to change the response: it passes from here on.
    pub fn stop_filtering(&mut self) {
        self.outcome = Some(InjectOutcome::LeftIn);
        self.filter = None;
    }

    /// The response head. Whether its body will be filtered; its `content-length` must go then.
    pub fn response_head(&mut self, head: &Head<'_>) -> bool {
        if self.outcome != Some(InjectOutcome::Injected) {
            return false;
        }
        let kind = head.text("content-type").and_then(|t| t.split(';').next()).unwrap_or_default().trim();
        let encoding = head.get("content-encoding").unwrap_or_default();
        let plain = encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
        match head.status() {
            Some(400 | 422) => self.outcome = Some(InjectOutcome::Refused),
            Some(200..=299) if plain && kind.eq_ignore_ascii_case("text/event-stream") => {
                self.filter = Some(UsageFilter::new());
            }
            Some(200..=299) => self.outcome = Some(InjectOutcome::LeftIn),
            _ => {}
        }
        self.filter.is_some()
    }

    /// Whether response bytes are to be given.
    pub fn filters(&self) -> bool {
        self.filter.is_some()
    }

    /// The next bytes of the response body; `end`: no more will come. Gives what goes on in place of the cut; `None`
    /// where that is the cut itself.
    pub fn response_body(&mut self, cut: &[u8], end: bool) -> Option<Vec<u8>> {
        self.filter.as_mut()?.feed(cut, end)
    }

    /// Events taken out of the response so far.
    pub fn removed(&self) -> u32 {
        self.filter.as_ref().map_or(0, UsageFilter::removed)
    }

    /// What came of it. A request that broke off before anything could be said is no JSON.
    pub fn outcome(&self) -> InjectOutcome {
        self.outcome.unwrap_or(InjectOutcome::SkippedNotJson)
    }
}
