//! OpenAI chat and all that speak it; the responses API.

use super::{COPILOT_USAGE, ERROR, ESCAPED_LETTER, ID, MODEL, Needle, When};
use crate::body::{fact::Fact, json::Want};

/// Chat, completions, embeddings, moderations, assistants: one shape with parts left out.
pub(super) static CHAT: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::TierOnce)),
    ("system_fingerprint", Want::scalar(Fact::Fingerprint)),
    ("usage", Want::whole(Fact::Usage)),
    ("copilot_usage", COPILOT_USAGE),
    // OpenRouter.
    ("provider", Want::scalar(Fact::Upstream)),
    // Groq: the last chunk of older streams has its usage only here.
    ("x_groq", Want::object(&[("usage", Want::whole(Fact::Aside)), ("usage_breakdown", Want::whole(Fact::Breakdown))])),
    ("usage_breakdown", Want::whole(Fact::Breakdown)),
    ("choices", Want::each(&CHOICE)),
    ("type", Want::scalar(Fact::Event(""))),
    ("error", ERROR),
    ("base_resp", Want::object(&[("status_code", Want::scalar(Fact::BaseStatus))])),
    // Baidu: with HTTP 200, in place of an answer.
    ("error_code", Want::scalar(Fact::BaseStatus)),
]);

pub(super) static CHOICE: Want = Want::object(&[
    ("finish_reason", Want::scalar(Fact::Finish)),
    ("message", Want::object(&[("executed_tools", Want::each(&EXECUTED_TOOL)), ("provider_metadata", VERCEL)])),
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
            ("executed_tools", Want::each(&STREAMED_TOOL)),
            ("provider_metadata", VERCEL),
        ]),
    ),
]);

/// Vercel's gateway says whom it asked last, in the event that has the usage.
const VERCEL: Want = Want::object(&[(
    "gateway",
    Want::object(&[("routing", Want::object(&[("finalProvider", Want::scalar(Fact::Upstream))]))]),
)]);

/// What Groq's compound systems did on their own.
static EXECUTED_TOOL: Want = Want::object(&[("type", Want::scalar(Fact::ItemType))]).and_mark(Fact::Item);

/// In a stream it comes twice: with its arguments, then with its output.
static STREAMED_TOOL: Want =
    Want::object(&[("type", Want::scalar(Fact::ItemType)), ("output", Want::mark(Fact::ItemStatus))])
        .and_mark(Fact::EventItem);

pub(super) const CHAT_NEEDLES: &[Needle] = &[
    Needle { text: "\"usage\"", when: When::NotNull },
    Needle { text: "\"finish_reason\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    Needle { text: "\"executed_tools\"", when: When::NotNull },
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
    ("copilot_usage", COPILOT_USAGE),
    ("tool_usage", Want::whole(Fact::ToolUsage)),
    ("tools", Want::each(&TOOL)),
    ("output", Want::each(&LISTED_ITEM)),
    ("error", ERROR),
];

/// The image tool names its model.
static TOOL: Want = Want::object(&[("model", Want::scalar(Fact::ToolModel))]);

const ITEM: &[(&str, Want)] = &[
    ("type", Want::scalar(Fact::ItemType)),
    ("status", Want::scalar(Fact::ItemStatus)),
    ("action", Want::object(&[("type", Want::scalar(Fact::ItemAction))])),
];

static LISTED_ITEM: Want = Want::object(ITEM).and_mark(Fact::Item);

/// Events, which wrap the response object; deltas have none.
pub(super) static RESPONSE_EVENT: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event(""))),
    ("response", Want::object(RESPONSE_FIELDS)),
    ("copilot_usage", COPILOT_USAGE),
    // `response.output_item.added` and `.done`.
    ("item", Want::object(ITEM).and_mark(Fact::EventItem)),
    // Text of `response.output_text.delta` and its like.
    ("delta", Want::mark(Fact::Token)),
    ("error", ERROR),
    // `{"type": "error", "code": ...}`: counts only in an event that is an error.
    ("code", Want::scalar(Fact::ErrorCode)),
]);

pub(super) const RESPONSE_NEEDLES: &[Needle] = &[
    // Every event that carries the response object, and no delta.
    Needle { text: "\"response\"", when: When::NotNull },
    // A whole item, twice per item; deltas have an `item_id`.
    Needle { text: "\"item\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    ESCAPED_LETTER,
];
