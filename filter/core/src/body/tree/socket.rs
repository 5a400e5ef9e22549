//! Sessions over web sockets. One tree reads all server events of OpenAI's kinds: which of its values count is a matter
//! of the event's type, which may stand behind them.

use super::ERROR;
use crate::body::{fact::Fact, json::Want};

/// Events of a realtime session (OpenAI, Azure, xAI) and of responses over a web socket.
/// platform.openai.com/docs/api-reference/realtime-server-events, 2026-11-21.
pub(crate) static SERVER_EVENT: Want = Want::object(&[
    ("type", Want::scalar(Fact::Event(""))),
    ("response", Want::object(RESPONSE)),
    ("session", Want::object(SESSION)),
    // Of `conversation.item.input_audio_transcription.completed`.
    ("usage", Want::whole(Fact::Aside)),
    ("error", ERROR),
    // `{"type": "error", "code": ...}` of the responses API.
    ("code", Want::scalar(Fact::ErrorCode)),
]);

const RESPONSE: &[(&str, Want)] = &[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::Tier)),
    ("status", Want::scalar(Fact::Status)),
    ("status_details", Want::object(&[("reason", Want::scalar(Fact::Incomplete)), ("error", ERROR)])),
    ("incomplete_details", Want::object(&[("reason", Want::scalar(Fact::Incomplete))])),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
];

const SESSION: &[(&str, Want)] = &[
    ("model", Want::scalar(Fact::SessionModel)),
    (
        "audio",
        Want::object(&[(
            "input",
            Want::object(&[("transcription", Want::object(&[("model", Want::scalar(Fact::Transcriber))]))]),
        )]),
    ),
    // Before general availability, and Azure's preview.
    ("input_audio_transcription", Want::object(&[("model", Want::scalar(Fact::Transcriber))])),
];

/// Server messages of the Live API; `usageMetadata` may stand in any.
/// ai.google.dev/api/live, BidiGenerateContentServerMessage, 2026-11-21.
pub(crate) static LIVE_SERVER: Want = Want::object(&[
    ("setupComplete", Want::whole(Fact::Setup)),
    (
        "serverContent",
        Want::object(&[("modelTurn", Want::mark(Fact::Token)), ("turnComplete", Want::mark(Fact::Done))]),
    ),
    ("toolCall", Want::mark(Fact::Token)),
    ("usageMetadata", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

/// The first message of a Live client names the model; no message of the server does.
pub(crate) static LIVE_CLIENT: Want =
    Want::object(&[("setup", Want::object(&[("model", Want::scalar(Fact::SessionModel))]))]);
