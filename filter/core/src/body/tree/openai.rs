//! OpenAI chat and all that speak it; the responses API.

use super::{ERROR, ESCAPED_LETTER, ID, MODEL, Needle, When};
use crate::body::{fact::Fact, json::Want};

/// Chat, completions, embeddings, images, audio, moderations, rerank, assistants: one shape with parts left out.
pub(super) static CHAT: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::TierOnce)),
    ("usage", Want::whole(Fact::Usage)),
    // Groq: the last chunk of older streams has its usage only here.
    ("x_groq", Want::object(&[("usage", Want::whole(Fact::Aside))])),
    ("choices", Want::each(&CHOICE)),
    ("type", Want::scalar(Fact::Event(""))),
    // Transcription streams (`transcript.text.delta`).
    ("delta", Want::mark(Fact::Token)),
    ("error", ERROR),
    ("base_resp", Want::object(&[("status_code", Want::scalar(Fact::BaseStatus))])),
    // Workers AI native: everything stands one level deeper.
    ("result", Want::object(&[("usage", Want::whole(Fact::Aside))])),
    // DashScope native.
    ("output", Want::object(&[("finish_reason", Want::scalar(Fact::Finish)), ("choices", Want::each(&CHOICE))])),
]);

static CHOICE: Want = Want::object(&[
    ("finish_reason", Want::scalar(Fact::Finish)),
    // Moonshot puts the usage of a stream here.
    ("usage", Want::whole(Fact::Aside)),
    ("text", Want::mark(Fact::Token)),
    (
        "delta",
        Want::object(&[
            ("content", Want::mark(Fact::Token)),
            ("reasoning_content", Want::mark(Fact::Token)),
            ("reasoning", Want::mark(Fact::Token)),
            ("refusal", Want::mark(Fact::Token)),
            ("tool_calls", Want::mark(Fact::Token)),
            ("function_call", Want::mark(Fact::Token)),
            ("audio", Want::mark(Fact::Token)),
        ]),
    ),
]);

pub(super) const CHAT_NEEDLES: &[Needle] = &[
    Needle { text: "\"usage\"", when: When::NotNull },
    Needle { text: "\"finish_reason\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    ESCAPED_LETTER,
    MODEL,
    ID,
    Needle { text: "\"service_tier\"", when: When::Until(Fact::TierOnce) },
];

/// A response object, as a unary body has it.
pub(super) static RESPONSE: Want = Want::object(RESPONSE_FIELDS);

const RESPONSE_FIELDS: &[(&str, Want)] = &[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::Tier)),
    ("status", Want::scalar(Fact::Status)),
    ("incomplete_details", Want::object(&[("reason", Want::scalar(Fact::Incomplete))])),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
];

/// Events, which wrap the response object; deltas have none.
pub(super) static RESPONSE_EVENT: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event(""))),
    ("response", Want::object(RESPONSE_FIELDS)),
    // Text of `response.output_text.delta` and its like.
    ("delta", Want::mark(Fact::Token)),
    ("error", ERROR),
    // `{"type": "error", "code": ...}`: counts only in an event that is an error.
    ("code", Want::scalar(Fact::ErrorCode)),
]);

pub(super) const RESPONSE_NEEDLES: &[Needle] = &[
    // Every event that carries the response object, and no delta.
    Needle { text: "\"response\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    ESCAPED_LETTER,
];
