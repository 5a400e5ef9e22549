//! Gemini and Vertex `usageMetadata`.

use super::{
    Convention, Part, Usage,
    figures::{Figures, sum},
    value::Value,
};

/// A modality of a detail entry: its name, or the number that stands for it with `enum-encoding=int`
/// (`google/cloud/aiplatform/v1/content.proto`, enum Modality).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Modality {
    Image = 2,
    Video = 3,
    Audio = 4,
}

impl Modality {
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    fn is(self, value: &Value<'_>) -> bool {
        value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(self.name())) || value.as_u64() == Some(self as u64)
    }
}

/// Reads `usageMetadata`: cached tokens stand inside the prompt, thoughts and tool results beside; unless the total says
/// that the candidates hold the thoughts.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    let reasoning = usage.count("thoughtsTokenCount");
    let input_tool = usage.count("toolUsePromptTokenCount");
    let cache_read = usage.count("cachedContentTokenCount");
    // `response...` are the Live API's names for `candidates...`.
    let candidates = usage.any(&["candidatesTokenCount", "responseTokenCount"]);
    let prompt = |modality| detail(usage, &["promptTokensDetails", "promptTokenDetails"], modality);
    let cached = |modality| detail(usage, &["cacheTokensDetails"], modality);
    let output = |modality| detail(usage, &["candidatesTokensDetails", "responseTokensDetails"], modality);
    let total = usage.count("totalTokenCount");
    let parts = [usage.count("promptTokenCount"), candidates, input_tool];
    let inside = candidates >= reasoning && total.is_some() && total == sum(parts);
    let convention =
        if inside { Convention { reasoning: Part::Inside, ..Convention::GEMINI } } else { Convention::GEMINI };
    Usage {
        input: Convention::GEMINI.input(usage.count("promptTokenCount"), [cache_read, None], input_tool),
        output: convention.output(candidates, reasoning),
        total,
        cache_read,
        input_audio: prompt(Modality::Audio),
        input_image: prompt(Modality::Image),
        input_video: prompt(Modality::Video),
        input_tool,
        cache_read_audio: cached(Modality::Audio),
        cache_read_image: cached(Modality::Image),
        cache_read_video: cached(Modality::Video),
        reasoning,
        output_audio: output(Modality::Audio),
        output_image: output(Modality::Image),
        output_video: output(Modality::Video),
        ..Usage::default()
    }
}

/// Tokens of one modality; `None` where no entry has it.
fn detail(usage: Figures<'_>, keys: &[&str], modality: Modality) -> Option<u64> {
    sum(keys
        .iter()
        .flat_map(|key| usage.each(key))
        .filter(|entry| entry.get("modality").is_some_and(|m| modality.is(m)))
        .map(|entry| entry.count("tokenCount")))
}

/// The tier in the words of `serviceTier` (Gemini) or `trafficType` (Vertex, where on demand is the standard tier).
pub(super) fn tier(usage: Figures<'_>) -> Option<String> {
    usage.word("serviceTier").or_else(|| {
        Some(match usage.word("trafficType")?.as_str() {
            "on_demand" => "standard".to_owned(),
            other => other.strip_prefix("on_demand_").unwrap_or(other).to_owned(),
        })
    })
}
