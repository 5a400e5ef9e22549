//! Images, sound, documents and lists of documents: OpenAI's envelope with parts of its own.

use super::ERROR;
use crate::body::{
    fact::{Fact, Figure, Keep},
    json::Want,
};

/// Image generations, edits, variations: an answer, or the events of a stream. Models that are billed apiece have no
/// usage; what counts then is what was made, not what was asked for.
pub(super) static IMAGES: Want = Want::object(&[
    ("type", Want::scalar(Fact::ImageEvent)),
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("size", Want::scalar(Fact::Size)),
    ("quality", Want::scalar(Fact::Quality)),
    ("data", Want::each(&ONE_IMAGE)),
    // Pictures in the events of a stream, partial ones too.
    ("b64_json", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Usage)),
    ("svg_usage", Want::whole(Fact::SvgUsage)),
    ("error", ERROR),
]);

pub(super) static ONE_IMAGE: Want = Want::mark(Fact::One(Figure::Images));

/// Video generation: the answer is a job, which says how long and how large the video will be.
pub(super) static VIDEOS: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("seconds", Want::scalar(Fact::VideoDuration)),
    ("size", Want::scalar(Fact::Size)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

/// Transcription and translation: an answer, or the events of a stream. `duration` stands in verbose answers, and is a
/// text in older ones.
pub(super) static TRANSCRIPTION: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event(""))),
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("duration", Want::scalar(Fact::Duration)),
    // `transcript.text.delta`.
    ("delta", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

/// Speech as events; else it is binary, and the request says what is billed.
pub(super) static SPEECH: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event("speech.audio.done"))),
    ("audio", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

/// Mistral's document reading.
pub(super) static OCR: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("usage_info", Want::object(&[("pages_processed", Want::scalar(Fact::Count(Figure::Pages, Keep::Last)))])),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

/// Rerankers: Voyage, Jina, llama.cpp and NVIDIA have a `usage`, Cohere's shape behind a gateway has `meta`, DeepInfra
/// `inference_status`.
pub(super) static RERANK: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("usage", Want::whole(Fact::Usage)),
    ("meta", Want::whole(Fact::Aside)),
    ("inference_status", Want::whole(Fact::Aside)),
    ("error", ERROR),
]);
