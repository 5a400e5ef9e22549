//! Bedrock converse and invoke.

use super::{ERROR, anthropic, media};
use crate::body::{
    fact::{Fact, Figure, Keep},
    json::Want,
};

/// A converse response, or the payload of one event of its stream.
pub(super) static CONVERSE: Want = Want::object(&[
    ("usage", Want::whole(Fact::Usage)),
    ("stopReason", Want::scalar(Fact::Finish)),
    ("serviceTier", SERVICE_TIER),
    ("performanceConfig", Want::object(&[("latency", Want::scalar(Fact::Speed))])),
    // The name of a tool is generated too.
    ("start", Want::object(&[("toolUse", Want::mark(Fact::Token))])),
    (
        "delta",
        Want::object(&[
            ("text", Want::mark(Fact::Token)),
            ("toolUse", Want::mark(Fact::Token)),
            ("reasoningContent", Want::mark(Fact::Token)),
        ]),
    ),
]);

const SERVICE_TIER: Want = Want::object(&[("type", Want::scalar(Fact::Tier))]);

/// The payload of an invoke stream's event: the model's own chunk in base64.
pub(crate) static BYTES: Want = Want::object(&[("bytes", Want::pour())]);

/// An invoke body, or one chunk of its stream: the union of all model families, whose paths do not collide. The model
/// id in the path cannot choose, since an ARN does not tell the family.
pub(super) static INVOKE: Want = Want::object(&[
    // Anthropic; `usage` is Nova's and OpenAI's as well, `stop_reason` Llama's, `model` and `id` those of many.
    ("type", Want::scalar(Fact::Event("message_stop"))),
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("stop_reason", Want::scalar(Fact::Finish)),
    ("usage", Want::whole(Fact::Usage)),
    ("message", anthropic::MESSAGE),
    ("delta", anthropic::DELTA),
    ("completion", Want::mark(Fact::Token)),
    ("error", ERROR),
    // OpenAI, Mistral, Jamba, DeepSeek.
    ("choices", Want::each(&CHOICE)),
    ("outputs", Want::each(&OUTPUT)),
    // Nova: unary at the top, streamed one event object per chunk.
    ("stopReason", Want::scalar(Fact::Finish)),
    ("metadata", Want::object(&[("usage", Want::whole(Fact::Usage))])),
    ("messageStop", Want::object(&[("stopReason", Want::scalar(Fact::Finish))])),
    ("contentBlockDelta", Want::object(&[("delta", Want::object(&[("text", Want::mark(Fact::Token))]))])),
    // Titan: unary per result, streamed a running total; embeddings have the input alone.
    ("inputTextTokenCount", INPUT),
    ("totalOutputTextTokenCount", OUTPUT_TOTAL),
    ("results", Want::each(&TITAN_RESULT)),
    ("outputText", Want::mark(Fact::Token)),
    ("completionReason", Want::scalar(Fact::Finish)),
    // Llama.
    ("prompt_token_count", INPUT),
    ("generation_token_count", OUTPUT_TOTAL),
    ("generation", Want::mark(Fact::Token)),
    // Cohere.
    ("generation_id", Want::scalar(Fact::Id)),
    ("finish_reason", Want::scalar(Fact::Finish)),
    ("generations", Want::each(&CHOICE)),
    ("text", Want::mark(Fact::Token)),
    // Images, billed apiece: Nova, Titan and newer Stability models; older ones.
    ("images", Want::each(&media::ONE_IMAGE)),
    ("artifacts", Want::each(&media::ONE_IMAGE)),
    // Bedrock's own, in the last chunk.
    ("amazon-bedrock-invocationMetrics", Want::whole(Fact::Metrics)),
]);

const INPUT: Want = Want::scalar(Fact::Count(Figure::Input, Keep::Last));
const OUTPUT_TOTAL: Want = Want::scalar(Fact::Count(Figure::Output, Keep::Last));

static TITAN_RESULT: Want = Want::object(&[
    ("tokenCount", Want::scalar(Fact::Count(Figure::Output, Keep::Sum))),
    ("completionReason", Want::scalar(Fact::Finish)),
]);

static CHOICE: Want = Want::object(&[
    ("finish_reason", Want::scalar(Fact::Finish)),
    ("stop_reason", Want::scalar(Fact::Finish)),
    ("delta", Want::object(&[("content", Want::mark(Fact::Token))])),
]);

static OUTPUT: Want = Want::object(&[("stop_reason", Want::scalar(Fact::Finish)), ("text", Want::mark(Fact::Token))]);
