//! OpenAI responses; images and transcriptions share its names.

use super::{Usage, figures::Figures};

/// Reads `usage` of a response: everything stands inside the totals.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    // Transcriptions spell it `input_token_details`.
    let input = usage.at_any(&["input_tokens_details", "input_token_details"]);
    let output = usage.at_any(&["output_tokens_details", "output_token_details"]);
    let written = input.at("cache_write_tokens_details");
    Usage {
        input: usage.count("input_tokens"),
        output: usage.count("output_tokens"),
        total: usage.count("total_tokens"),
        // The second names are Perplexity's (agent API).
        cache_read: input.any(&["cached_tokens", "cache_read_input_tokens"]),
        cache_write: input.any(&["cache_write_tokens", "cache_creation_input_tokens"]),
        cache_write_30m: written.count("ttl_30m_tokens"),
        cache_write_12h: written.count("ttl_12h_tokens"),
        input_audio: input.count("audio_tokens"),
        input_image: input.count("image_tokens"),
        reasoning: output.count("reasoning_tokens"),
        output_audio: output.count("audio_tokens"),
        output_image: output.count("image_tokens"),
        ..Usage::default()
    }
}
