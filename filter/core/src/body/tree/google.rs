//! Gemini and Vertex.

use super::ERROR;
use crate::body::{
    fact::{Fact, Figure, Keep},
    json::Want,
};

/// A response, a chunk of an SSE stream, or an array of chunks.
pub(super) static GEMINI: Want = Want::object(CHUNK).and_each(&GEMINI_ELEMENT);

static GEMINI_ELEMENT: Want = Want::object(CHUNK).and_mark(Fact::Part);

const CHUNK: &[(&str, Want)] = &[
    ("modelVersion", Want::scalar(Fact::Model)),
    ("responseId", Want::scalar(Fact::Id)),
    ("usageMetadata", Want::whole(Fact::Usage)),
    ("candidates", Want::each(&CANDIDATE)),
    ("promptFeedback", Want::object(&[("blockReason", Want::scalar(Fact::Block))])),
    ("error", ERROR),
];

static CANDIDATE: Want = Want::object(&[
    ("finishReason", Want::scalar(Fact::Finish)),
    ("content", Want::object(&[("parts", Want::each(&PART))])),
    ("groundingMetadata", Want::object(&[("webSearchQueries", Want::each(&QUERY))])),
]);

static QUERY: Want = Want::mark(Fact::One(Figure::WebSearches));

static PART: Want = Want::object(&[
    ("text", Want::mark(Fact::Token)),
    ("functionCall", Want::mark(Fact::Token)),
    ("inlineData", Want::mark(Fact::Token)),
    ("executableCode", Want::mark(Fact::Token)),
]);

/// An interaction, or events that wrap it.
pub(super) static INTERACTIONS: Want = Want::object(&[
    ("event_type", Want::scalar(Fact::Event("interaction.completed"))),
    ("interaction", Want::object(INTERACTION)),
    ("delta", Want::object(&[("text", Want::mark(Fact::Token)), ("arguments", Want::mark(Fact::Token))])),
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::Tier)),
    ("status", Want::scalar(Fact::Status)),
    ("usage", Want::whole(Fact::Usage)),
    ("error", ERROR),
]);

const INTERACTION: &[(&str, Want)] = &[
    ("id", Want::scalar(Fact::Id)),
    ("model", Want::scalar(Fact::Model)),
    ("service_tier", Want::scalar(Fact::Tier)),
    ("status", Want::scalar(Fact::Status)),
    ("usage", Want::whole(Fact::Usage)),
];

/// Vertex predict: embeddings say their tokens per text; pictures (Imagen) are counted.
pub(super) static PREDICT: Want = Want::object(&[("predictions", Want::each(&PREDICTION)), ("error", ERROR)]);

static PREDICTION: Want = Want::object(&[
    (
        "embeddings",
        Want::object(&[(
            "statistics",
            Want::object(&[("token_count", Want::scalar(Fact::Count(Figure::Input, Keep::Sum)))]),
        )]),
    ),
    ("bytesBase64Encoded", Want::mark(Fact::One(Figure::Images))),
]);
