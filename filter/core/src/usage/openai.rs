//! OpenAI chat, completions, embeddings, and everyone who speaks them.

use super::{
    Convention, Usage, cohere,
    figures::{Figures, sum},
    responses,
};

/// Reads `usage` of a chat completion, with the spellings of all providers that were met:
/// * cached tokens: `prompt_tokens_details.cached_tokens`, DeepSeek's `prompt_cache_hit_tokens`, Moonshot's
///   `cached_tokens`, Mistral's `num_cached_tokens`, Databricks' `cache_read_input_tokens`;
/// * details spelled `prompt_token_details` and `completion_token_details` (Writer, OpenAI assistants);
/// * reasoning beside the output (xAI chat) and audio beside the input (Mistral Voxtral), told by `total_tokens`.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    if !usage.has("prompt_tokens") && !usage.has("completion_tokens") && usage.has("input_tokens") {
        // Images, transcriptions and DashScope count in the names of the responses API.
        return responses::read(usage);
    }
    if usage.has("billed_units") {
        // A Cohere reranker behind a gateway.
        return cohere::read(usage);
    }
    let prompt = usage.at_any(&["prompt_tokens_details", "prompt_token_details"]);
    let completion = usage.at_any(&["completion_tokens_details", "completion_token_details"]);
    // The second place is DashScope's.
    let written = [usage, prompt].map(|part| part.at("cache_creation"));
    let kept = prompt.at("cache_write_tokens_details");
    let cached = prompt.at("cached_tokens_details");
    let total = usage.count("total_tokens");
    // The second names are DeepInfra's (`inference_status`).
    let mut input = usage.any(&["prompt_tokens", "tokens_input"]);
    let mut output = usage.any(&["completion_tokens", "tokens_generated"]);
    let reasoning = completion.count("reasoning_tokens").or_else(|| usage.count("reasoning_tokens"));
    let input_audio = prompt.count("audio_tokens").or_else(|| usage.any(&["audio_tokens", "prompt_audio_tokens"]));

    if let (Some(p), Some(c), Some(t)) = (input, output, total) {
        let parts = p.saturating_add(c);
        let beside = t.checked_sub(parts).filter(|b| *b > 0);
        if beside.is_some() && beside == reasoning {
            output = Convention { reasoning: super::Part::Beside, ..Convention::OPENAI }.output(output, reasoning);
        } else if beside.is_some() && beside == input_audio {
            input = Some(t.saturating_sub(c));
        }
    } else if input.is_none() && output.is_none() {
        // Voyage, Jina and rerankers only say a total, and nothing is generated there.
        input = total;
    }
    let [mut image_pixels, mut video_pixels] = ["image_pixels", "video_pixels"].map(|key| usage.count(key));
    if image_pixels.is_some() || video_pixels.is_some() {
        // Voyage's multimodal embeddings: the total counts 560 pixels as a token, but text is billed by token and pixels
        // by pixel. docs.voyageai.com/reference/multimodal-embeddings-api-1, docs.voyageai.com/docs/pricing, 2026-11-21.
        input = usage.count("text_tokens");
        if input.is_none() {
            // A part that would look like the whole.
            (image_pixels, video_pixels) = (None, None);
        }
    }
    Usage {
        input,
        output,
        total,
        cache_read: prompt.count("cached_tokens").or_else(|| {
            usage.any(&["prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"])
        }),
        cache_write: prompt
            .any(&["cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"])
            .or_else(|| usage.count("cache_creation_input_tokens")),
        cache_write_5m: written.iter().find_map(|w| w.count("ephemeral_5m_input_tokens")),
        cache_write_30m: kept.count("ttl_30m_tokens"),
        cache_write_1h: written.iter().find_map(|w| w.count("ephemeral_1h_input_tokens")),
        cache_write_12h: kept.count("ttl_12h_tokens"),
        cache_read_audio: cached.count("audio_tokens"),
        cache_read_image: cached.count("image_tokens"),
        input_audio,
        // The second place is Cerebras'.
        input_image: prompt.count("image_tokens").or_else(|| usage.count("image_tokens")),
        input_video: prompt.count("video_tokens"),
        reasoning,
        output_audio: completion.count("audio_tokens"),
        output_image: completion.count("image_tokens"),
        citation: usage.count("citation_tokens"),
        web_searches: web_searches(usage),
        storage_searches: storage_searches(usage),
        search_units: usage.count("search_units"),
        image_pixels,
        video_pixels,
        ..Usage::default()
    }
}

/// Web searches: Perplexity (chat, then agent), OpenRouter, xAI (of web and of X, at one price).
pub(super) fn web_searches(usage: Figures<'_>) -> Option<u64> {
    let xai = usage.at("server_side_tool_usage_details");
    usage
        .count("num_search_queries")
        .or_else(|| usage.at("tool_calls_details").at("search_web").count("invocation"))
        .or_else(|| usage.at("server_tool_use").count("web_search_requests"))
        .or_else(|| sum(["web_search_calls", "x_search_calls"].map(|key| xai.count(key))))
}

/// Searches in the caller's own files: xAI.
pub(super) fn storage_searches(usage: Figures<'_>) -> Option<u64> {
    let xai = usage.at("server_side_tool_usage_details");
    sum(["file_search_calls", "document_search_calls"].map(|key| xai.count(key)))
}
