//! OpenAI responses; images, transcriptions, realtime and DashScope share its names.

use super::{
    Usage,
    figures::Figures,
    openai::{storage_searches, web_searches},
};

/// Reads `usage` of a response: everything stands inside the totals.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    // Transcriptions and realtime spell it `input_token_details`, DashScope `prompt_tokens_details`.
    let input = usage.at_any(&["input_tokens_details", "input_token_details", "prompt_tokens_details"]);
    let output = usage.at_any(&["output_tokens_details", "output_token_details"]);
    let written = input.at("cache_write_tokens_details");
    let cached = input.at("cached_tokens_details");
    // DashScope puts them beside the totals.
    let modality = |key| input.count(key).or_else(|| usage.count(key));
    Usage {
        input: usage.count("input_tokens"),
        output: usage.count("output_tokens"),
        total: usage.count("total_tokens"),
        // The second names are Perplexity's (agent API), the last place is image tools' and DashScope's.
        cache_read: input.any(&["cached_tokens", "cache_read_input_tokens"]).or_else(|| usage.count("cached_tokens")),
        cache_write: input.any(&["cache_write_tokens", "cache_creation_input_tokens"]),
        cache_write_5m: input.at("cache_creation").count("ephemeral_5m_input_tokens"),
        cache_write_30m: written.count("ttl_30m_tokens"),
        cache_write_12h: written.count("ttl_12h_tokens"),
        cache_read_audio: cached.count("audio_tokens"),
        cache_read_image: cached.count("image_tokens"),
        input_audio: modality("audio_tokens"),
        input_image: modality("image_tokens"),
        input_video: modality("video_tokens"),
        reasoning: output.count("reasoning_tokens"),
        output_audio: output.count("audio_tokens"),
        output_image: output.count("image_tokens"),
        web_searches: web_searches(usage),
        storage_searches: storage_searches(usage),
        ..Usage::default()
    }
}
