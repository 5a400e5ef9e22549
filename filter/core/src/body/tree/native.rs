//! Providers with shapes of their own: counts stand bare, outside any usage object.

use super::ERROR;
use crate::body::{
    fact::{Fact, Keep, Side},
    json::Want,
};

const fn count(side: Side, keep: Keep) -> Want {
    Want::scalar(Fact::Count(side, keep))
}

/// Ollama chat, generate, embed: the line with `done: true` has the counts.
pub(super) static OLLAMA: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("prompt_eval_count", count(Side::Input, Keep::Last)),
    ("prompt_eval_cached_count", count(Side::CacheRead, Keep::Last)),
    ("eval_count", count(Side::Output, Keep::Last)),
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
    (
        "details",
        Want::object(&[
            ("generated_tokens", count(Side::Output, Keep::Sum)),
            ("input_length", count(Side::Input, Keep::Last)),
            ("finish_reason", Want::scalar(Fact::Finish)),
        ]),
    ),
    ("token", Want::mark(Fact::Token)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
    ("error_type", Want::scalar(Fact::ErrorType)),
];

/// watsonx text generation: the input count stands in the first event only, the generated one grows.
pub(super) static WATSONX: Want = Want::object(&[
    ("model_id", Want::scalar(Fact::Model)),
    ("results", Want::each(&WATSONX_RESULT)),
    ("errors", Want::mark(Fact::Error)),
]);

static WATSONX_RESULT: Want = Want::object(&[
    ("input_token_count", count(Side::Input, Keep::Max)),
    ("generated_token_count", count(Side::Output, Keep::Max)),
    ("generated_text", Want::mark(Fact::Token)),
    ("stop_reason", Want::scalar(Fact::Finish)),
]);

/// Aleph Alpha complete.
pub(super) static ALEPH_ALPHA: Want = Want::object(&[
    ("model_version", Want::scalar(Fact::Model)),
    ("num_tokens_prompt_total", count(Side::Input, Keep::Last)),
    ("num_tokens_generated", count(Side::Output, Keep::Last)),
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
            ("input_token_count", count(Side::Input, Keep::Last)),
            ("output_token_count", count(Side::Output, Keep::Last)),
        ]),
    ),
    ("error", ERROR),
]);
