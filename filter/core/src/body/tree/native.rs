//! Providers with shapes of their own: counts stand bare, outside any usage object.

use super::{ERROR, openai::CHOICE};
use crate::body::{
    fact::{Fact, Figure, Keep},
    json::Want,
};

const fn count(figure: Figure, keep: Keep) -> Want {
    Want::scalar(Fact::Count(figure, keep))
}

/// Ollama chat, generate, embed: the line with `done: true` has the counts.
pub(super) static OLLAMA: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("prompt_eval_count", count(Figure::Input, Keep::Last)),
    ("prompt_eval_cached_count", count(Figure::CacheRead, Keep::Last)),
    ("eval_count", count(Figure::Output, Keep::Last)),
    ("done", Want::mark(Fact::Done)),
    ("done_reason", Want::scalar(Fact::Finish)),
    ("response", Want::mark(Fact::Token)),
    ("thinking", Want::mark(Fact::Token)),
    (
        "message",
        Want::object(&[
            ("content", Want::mark(Fact::Token)),
            ("thinking", Want::mark(Fact::Token)),
            ("tool_calls", Want::mark(Fact::Token)),
        ]),
    ),
    ("error", ERROR),
]);

/// Text generation inference: an object, or an array of one; streamed, `details` come with the last token.
pub(super) static TGI: Want = Want::object(TGI_RESULT).and_each(&TGI_ELEMENT);

static TGI_ELEMENT: Want = Want::object(TGI_RESULT);

const TGI_RESULT: &[(&str, Want)] = &[
    ("details", Want::object(TGI_DETAILS)),
    ("token", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
    ("error_type", Want::scalar(Fact::ErrorType)),
];

const TGI_DETAILS: &[(&str, Want)] = &[
    ("generated_tokens", count(Figure::Output, Keep::Sum)),
    ("input_length", count(Figure::Input, Keep::Last)),
    // Empty unless the request asks for it: one entry per token of the prompt.
    ("prefill", Want::each(&PREFILL)),
    ("finish_reason", Want::scalar(Fact::Finish)),
];

static PREFILL: Want = Want::mark(Fact::One(Figure::Input));

/// Workers AI native: everything stands one level deeper; streams have only the text and, of some models, the usage.
pub(super) static WORKERS_AI: Want = Want::object(&[
    ("result", Want::object(&[("usage", Want::whole(Fact::Usage))])),
    ("response", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Aside)),
    // Empty where all is well.
    ("errors", Want::each(&WORKERS_AI_ERROR).and_mark(Fact::Error)),
    ("error", ERROR),
]);

static WORKERS_AI_ERROR: Want = Want::object(&[("code", Want::scalar(Fact::ErrorCode))]);

/// DashScope native: an answer, or the events of a stream, of which each has the usage so far. Errors in a stream stand
/// at the top; the name of their event tells that they are errors.
pub(super) static DASHSCOPE: Want = Want::object(&[
    ("request_id", Want::scalar(Fact::Id)),
    (
        "output",
        Want::object(&[
            ("text", Want::mark(Fact::Token)),
            ("finish_reason", Want::scalar(Fact::Finish)),
            ("choices", Want::each(&CHOICE).and_mark(Fact::Token)),
        ]),
    ),
    ("usage", Want::whole(Fact::Usage)),
    ("code", Want::scalar(Fact::ErrorCode)),
    ("error", ERROR),
]);

/// watsonx text generation: the input count stands in the first event only, the generated one grows.
pub(super) static WATSONX: Want = Want::object(&[
    ("model_id", Want::scalar(Fact::Model)),
    ("results", Want::each(&WATSONX_RESULT)),
    ("errors", Want::mark(Fact::Error)),
]);

static WATSONX_RESULT: Want = Want::object(&[
    ("input_token_count", count(Figure::Input, Keep::Max)),
    ("generated_token_count", count(Figure::Output, Keep::Max)),
    ("generated_text", Want::mark(Fact::Token)),
    ("stop_reason", Want::scalar(Fact::Finish)),
]);

/// Aleph Alpha complete.
pub(super) static ALEPH_ALPHA: Want = Want::object(&[
    ("model_version", Want::scalar(Fact::Model)),
    ("num_tokens_prompt_total", count(Figure::Input, Keep::Last)),
    ("num_tokens_generated", count(Figure::Output, Keep::Last)),
    ("completions", Want::each(&ALEPH_COMPLETION)),
    ("error", ERROR),
]);

static ALEPH_COMPLETION: Want = Want::object(&[("finish_reason", Want::scalar(Fact::Finish))]);

/// Replicate predictions: language models count tokens in `metrics`.
pub(super) static REPLICATE: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("status", Want::scalar(Fact::Finish)),
    (
        "metrics",
        Want::object(&[
            ("input_token_count", count(Figure::Input, Keep::Last)),
            ("output_token_count", count(Figure::Output, Keep::Last)),
        ]),
    ),
    ("error", ERROR),
]);
