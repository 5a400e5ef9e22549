//! Anthropic messages and the older complete.

use super::{COPILOT_USAGE, ERROR, ESCAPED_LETTER, ID, MODEL, Needle, When};
use crate::body::{fact::Fact, json::Want};

/// The message itself, or events: `message_start` wraps it in `message`, `message_delta` has usage at the top.
pub(super) static MESSAGES: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event("message_stop"))),
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("stop_reason", Want::scalar(Fact::Finish)),
    ("usage", Want::whole(Fact::Usage)),
    ("copilot_usage", COPILOT_USAGE),
    ("message", MESSAGE),
    ("delta", DELTA),
    // The name of a tool is generated too.
    ("content_block", Want::object(&[("text", Want::mark(Fact::Token)), ("name", Want::mark(Fact::Token))])),
    ("error", ERROR),
    // The older complete.
    ("completion", Want::mark(Fact::Token)),
    ("base_resp", Want::object(&[("status_code", Want::scalar(Fact::BaseStatus))])),
]);

pub(super) const MESSAGE: Want = Want::object(&[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("stop_reason", Want::scalar(Fact::Finish)),
    ("usage", Want::whole(Fact::Usage)),
]);

pub(super) const DELTA: Want = Want::object(&[
    ("stop_reason", Want::scalar(Fact::Finish)),
    ("text", Want::mark(Fact::Token)),
    ("thinking", Want::mark(Fact::Token)),
    ("partial_json", Want::mark(Fact::Token)),
]);

pub(super) const NEEDLES: &[Needle] = &[
    // `"message"`, `"message_start"`, `"message_delta"`, `"message_stop"`: all but the content deltas.
    Needle { text: "\"message", when: When::Always },
    Needle { text: "\"usage\"", when: When::NotNull },
    Needle { text: "\"stop_reason\"", when: When::NotNull },
    Needle { text: "\"error\"", when: When::NotNull },
    ESCAPED_LETTER,
    MODEL,
    ID,
];
