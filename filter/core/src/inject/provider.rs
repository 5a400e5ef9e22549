//! Providers whose streams need no question, or refuse it.

use crate::detect::provider;

/// Provider and why it is not asked. Recordings: streams of requests without `stream_options` that end with their
/// usage all the same. Checked 2026-11-21.
const NOT_ASKED: &[(&str, &str)] = &[
    // 422 `extra_forbidden` at `stream_options.include_usage` (openai/openai-agents-python issue 442, avante.nvim issue
    // 2347); 29 recordings.
    (provider::MISTRAL, "refuses the field, and sends usage unasked"),
    // openrouter.ai/docs, "Usage Accounting": the field has no effect, usage is always sent; 11 recordings.
    (provider::OPENROUTER, "sends usage unasked"),
    // `x_groq.usage` of the last chunk; a recording.
    (provider::GROQ, "sends usage unasked"),
    // Every chunk has it; 2 recordings.
    (provider::PERPLEXITY, "sends usage unasked"),
    // 10 recordings of serving endpoints.
    (provider::DATABRICKS, "sends usage unasked"),
    // The chunk with the finish reason has it; a recording.
    (provider::DEEPSEEK, "sends usage unasked"),
];

/// The providers that are not asked.
#[cfg(feature = "json-schema")]
pub fn not_asked_providers() -> impl Iterator<Item = &'static str> {
    NOT_ASKED.iter().map(|(id, _)| *id)
}

/// Why a provider is not asked for its usage; `None` where it may be. Azure takes the field from API version
/// 2024-09-01-preview on (2024-10-21 of the stable ones) and answers 400 before (griptape issue 1640, Azure
/// rest-api-specs issue 29157): it may be listed where all clients call a newer one.
pub fn not_asked(provider: &str) -> Option<&'static str> {
    NOT_ASKED.iter().find(|(id, _)| *id == provider).map(|(_, why)| *why)
}
