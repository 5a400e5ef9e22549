//! Requests.

use crate::{
    body::{fact::Fact, json::Want},
    detect::Api,
};

/// What is read of a request to `api`. Only where the response does not tell what is billed, more than the model is.
pub(crate) fn of(api: Api) -> &'static Want {
    match api {
        Api::Images => &IMAGES,
        Api::Videos => &VIDEOS,
        Api::AudioSpeech => &SPEECH,
        Api::Ocr => &OCR,
        _ => &REQUEST,
    }
}

/// What a request says about itself. Replicate names its model in `version`, Aleph Alpha and others in `model`.
static REQUEST: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("stream", Want::scalar(Fact::Stream)),
    ("stream_options", Want::object(&[("include_usage", Want::scalar(Fact::IncludeUsage))])),
    // watsonx.
    ("model_id", Want::scalar(Fact::Model)),
]);

/// Prices of images go by size and quality where they are apiece.
static IMAGES: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("stream", Want::scalar(Fact::Stream)),
    ("n", Want::scalar(Fact::Number)),
    ("size", Want::scalar(Fact::Size)),
    ("quality", Want::scalar(Fact::Quality)),
]);

/// OpenAI's jobs say what they will make, those of Veo say nothing but their name. Sound is a quality of its own (`false`
/// costs less on Vertex). cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation, 2026-11-21;
/// the SDKs of Google send the same to the Gemini API.
static VIDEOS: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    (
        "parameters",
        Want::object(&[
            ("durationSeconds", Want::scalar(Fact::VideoDuration)),
            ("sampleCount", Want::scalar(Fact::Number)),
            ("resolution", Want::scalar(Fact::Size)),
            ("generateAudio", Want::scalar(Fact::Quality)),
        ]),
    ),
]);

/// The text to be spoken is counted as it passes.
static SPEECH: Want = Want::object(&[("model", Want::scalar(Fact::Model)), ("input", Want::pour())]);

/// Pages that are annotated have a price of their own (Mistral).
static OCR: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("document_annotation_format", Want::mark(Fact::Annotated)),
    ("bbox_annotation_format", Want::mark(Fact::Annotated)),
]);
