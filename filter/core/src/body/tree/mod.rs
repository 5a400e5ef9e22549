//! Where each API family says what: the paths that are followed in a body. One file per group of families.

mod anthropic;
mod aws;
mod cohere;
mod google;
mod media;
mod native;
mod openai;
pub(crate) mod request;
mod socket;

use super::{fact::Fact, json::Want};
use crate::{detect::Api, usage::Family};

pub(crate) use aws::BYTES;
pub(crate) use socket::{LIVE_CLIENT, LIVE_SERVER, SERVER_EVENT};

/// The error object of OpenAI, Anthropic, Google and most others. Elsewhere it is a bare text (Ollama, Venice), whose
/// presence is all that is told: a message may quote the request.
const ERROR: Want = Want::object(&[
    ("code", Want::scalar(Fact::ErrorCode)),
    ("type", Want::scalar(Fact::ErrorType)),
    ("status", Want::scalar(Fact::ErrorStatus)),
])
.and_mark(Fact::Error);

/// What GitHub Copilot charged, beside the usage of every shape that it speaks: in a chat's last chunk, in the event that
/// ends a response or a message. github.com/microsoft/vscode, `claudeProxyService.ts`, and recorded answers; 2026-11-21.
const COPILOT_USAGE: Want = Want::object(&[("total_nano_aiu", Want::scalar(Fact::NanoCredits))]);

/// Bodies of failed requests: nothing but the error is looked for. `code`, `type` and `__type` stand at the top where
/// there is no error object (AWS, Cohere, Mistral).
pub(crate) static FAILED: Want = Want::object(&[
    ("error", ERROR),
    ("code", Want::scalar(Fact::ErrorCode)),
    ("type", Want::scalar(Fact::ErrorType)),
    ("__type", Want::scalar(Fact::ErrorType)),
    ("message", Want::mark(Fact::Error)),
    ("detail", Want::mark(Fact::Error)),
])
.and_each(&FAILED_ELEMENT);

/// Google answers a failed stream with an array of one error.
static FAILED_ELEMENT: Want = Want::object(&[("error", ERROR)]);

/// The tree of an API's responses, or of the events of its streams.
pub(crate) fn of(api: Api, events: bool) -> &'static Want {
    match Family::of(api) {
        Family::Responses if events => &openai::RESPONSE_EVENT,
        Family::Responses => &openai::RESPONSE,
        Family::Anthropic => &anthropic::MESSAGES,
        Family::Gemini => &google::GEMINI,
        Family::Interactions => &google::INTERACTIONS,
        Family::Converse => &aws::CONVERSE,
        Family::Invoke => &aws::INVOKE,
        Family::Cohere => &cohere::COHERE,
        Family::OpenAi => match api {
            Api::Images => &media::IMAGES,
            Api::Videos => &media::VIDEOS,
            Api::AudioTranscriptions => &media::TRANSCRIPTION,
            Api::AudioSpeech => &media::SPEECH,
            Api::Ocr => &media::OCR,
            Api::Rerank => &media::RERANK,
            Api::CloudflareRun => &native::WORKERS_AI,
            Api::DashscopeGeneration => &native::DASHSCOPE,
            _ => &openai::CHAT,
        },
        Family::Bare => match api {
            Api::Predict => &google::PREDICT,
            Api::HfInference | Api::SagemakerInvocations => &native::TGI,
            Api::WatsonxGeneration => &native::WATSONX,
            Api::AlephAlphaComplete => &native::ALEPH_ALPHA,
            Api::ReplicatePredictions | Api::ReplicateObjects => &native::REPLICATE,
            _ => &native::OLLAMA,
        },
    }
}

/// An event that holds none of these (as JSON text, each under its condition) says nothing new, once output has been
/// seen. Families without a list have no events worth skipping: each carries usage.
pub(crate) fn needles(family: Family) -> Option<&'static [Needle]> {
    match family {
        Family::OpenAi => Some(openai::CHAT_NEEDLES),
        Family::Responses => Some(openai::RESPONSE_NEEDLES),
        Family::Anthropic => Some(anthropic::NEEDLES),
        Family::Cohere => Some(cohere::NEEDLES),
        _ => None,
    }
}

/// A text whose presence makes a frame worth reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle {
    /// As it stands in the frame.
    pub(crate) text: &'static str,
    /// When it counts.
    pub(crate) when: When,
}

/// When a needle counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// Unless `:null` follows: a key without a value.
    NotNull,
    /// Not null, and as long as the first such value has not been seen.
    Until(Fact),
}

/// A letter of a key may hide behind an escape; such frames are read.
const ESCAPED_LETTER: Needle = Needle { text: "\\u00", when: When::Always };

const MODEL: Needle = Needle { text: "\"model\"", when: When::Until(Fact::Model) };

/// `id`, `response_id`, `generation_id`.
const ID: Needle = Needle { text: "id\"", when: When::Until(Fact::Id) };
