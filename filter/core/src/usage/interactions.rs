//! Gemini interactions.

use super::{
    Convention, Usage,
    figures::{Figures, sum},
};

/// Reads `usage` of an interaction: the convention is Gemini's under other names.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    let reasoning = usage.any(&["total_thought_tokens", "total_reasoning_tokens"]);
    let input_tool = usage.count("total_tool_use_tokens");
    let cache_read = usage.count("total_cached_tokens");
    let by = |key: &'static str, modality: &'static str| {
        sum(usage.each(key).filter(|e| e.word("modality").as_deref() == Some(modality)).map(|e| e.count("tokens")))
    };
    let searched = sum(usage
        .each("grounding_tool_count")
        .filter(|tool| tool.word("type").as_deref() == Some("google_search"))
        .map(|tool| tool.count("count")));
    Usage {
        input: Convention::GEMINI.input(usage.count("total_input_tokens"), [cache_read, None], input_tool),
        output: Convention::GEMINI.output(usage.count("total_output_tokens"), reasoning),
        total: usage.count("total_tokens"),
        cache_read,
        input_audio: by("input_tokens_by_modality", "audio"),
        input_image: by("input_tokens_by_modality", "image"),
        input_video: by("input_tokens_by_modality", "video"),
        input_tool,
        cache_read_audio: by("cached_tokens_by_modality", "audio"),
        cache_read_image: by("cached_tokens_by_modality", "image"),
        cache_read_video: by("cached_tokens_by_modality", "video"),
        reasoning,
        output_audio: by("output_tokens_by_modality", "audio"),
        output_image: by("output_tokens_by_modality", "image"),
        output_video: by("output_tokens_by_modality", "video"),
        web_searches: searched,
        ..Usage::default()
    }
}
