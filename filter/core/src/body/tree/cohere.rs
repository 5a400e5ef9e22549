//! Cohere, both versions: chat, generate, embed, rerank.

use super::{ERROR, ESCAPED_LETTER, ID, Needle, When};
use crate::body::{fact::Fact, json::Want};

/// Version 1 keeps its counts in `meta` and wraps the end of a stream in `response`; version 2 has `usage`, and in a
/// stream `delta.usage`.
pub(super) static COHERE: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("generation_id", Want::scalar(Fact::Id)),
    ("meta", Want::whole(Fact::Usage)),
    ("usage", Want::whole(Fact::Usage)),
    ("finish_reason", Want::scalar(Fact::Finish)),
    ("is_finished", Want::mark(Fact::Done)),
    ("text", Want::mark(Fact::Token)),
    ("type", Want::scalar(Fact::Event("message-end"))),
    ("response", Want::object(&[("meta", Want::whole(Fact::Usage)), ("id", Want::scalar(Fact::Id))])),
    ("generations", Want::each(&GENERATION)),
    ("delta", DELTA),
    ("error", ERROR),
]);

static GENERATION: Want = Want::object(&[("finish_reason", Want::scalar(Fact::Finish))]);

const DELTA: Want = Want::object(&[
    ("finish_reason", Want::scalar(Fact::Finish)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
    ("error_type", Want::scalar(Fact::ErrorType)),
    (
        "message",
        Want::object(&[
            ("content", Want::object(&[("text", Want::mark(Fact::Token)), ("thinking", Want::mark(Fact::Token))])),
            ("tool_plan", Want::mark(Fact::Token)),
            ("tool_calls", Want::mark(Fact::Token)),
        ]),
    ),
]);

pub(super) const NEEDLES: &[Needle] = &[
    // `message-start`, `message-end`.
    Needle { text: "\"message-", when: When::Always },
    Needle { text: "\"usage\"", when: When::NotNull },
    Needle { text: "\"finish_reason\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    Needle { text: "\"meta\"", when: When::NotNull },
    Needle { text: "\"is_finished\"", when: When::NotNull },
    ESCAPED_LETTER,
    ID,
];
