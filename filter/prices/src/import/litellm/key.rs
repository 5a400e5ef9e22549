//! The grammar of litellm's price keys: what is bought, then for how long, at which context, and how it is served:
//! `cache_creation_input_token_cost` `_above_1hr` `_above_200k_tokens` `_priority`.

use genops_core::price::book::{Dimension, Key};

use super::sheet::Condition;

/// What a price key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PriceKey {
    pub(super) dimension: Dimension,
    /// Tokens that the input must exceed.
    pub(super) over: Option<u64>,
    /// How it is served.
    pub(super) when: Option<Condition>,
}

/// Endings that tell how a request is served, and the book's condition for it.
const SERVED: [(&str, Key, &str); 5] = [
    ("_flex", Key::ServiceTier, "flex"),
    ("_priority", Key::ServiceTier, "priority"),
    ("_balanced", Key::ServiceTier, "balanced"),
    ("_ultrafast", Key::ServiceTier, "ultrafast"),
    ("_batches", Key::Processing, "batch"),
];

/// Whether a field of an entry is about money.
pub(super) fn is_price(field: &str) -> bool {
    ["cost", "pric", "uplift", "provider_specific_entry"].iter().any(|part| field.contains(part))
}

/// Reads a key of an entry of this mode (`chat`, `image_generation`, ...).
///
/// # Errors
/// What the book has no place for.
pub(super) fn parse(key: &str, mode: &str) -> Result<PriceKey, String> {
    let served = SERVED.iter().find_map(|(end, key_of, value)| Some((key.strip_suffix(end)?, *key_of, *value)));
    let (rest, mut when) = match served {
        Some((rest, key, value)) => (rest, Some((key, value.to_owned()))),
        None => (key, None),
    };
    let (rest, over) = match rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once("_above_")) {
        Some((rest, thousands)) => {
            let thousands: u64 = thousands.parse().map_err(|_| "is a context that this program cannot read")?;
            (rest, Some(thousands.saturating_mul(1000)))
        }
        None => (rest, None),
    };
    let (base, size) = split_size(rest);
    if let Some(size) = size {
        if when.is_some() {
            return Err("is a size and a tier in one key".to_owned());
        }
        when = Some((Key::Size, size.to_ascii_lowercase()));
    }
    let dimension = dimension(base, mode).ok_or("has no dimension in the book")?;
    Ok(PriceKey { dimension, over, when })
}

/// `output_cost_per_second_1080p`, `output_cost_per_image_2K`.
fn split_size(key: &str) -> (&str, Option<&str>) {
    ["output_cost_per_second", "output_cost_per_image"]
        .iter()
        .find_map(|base| {
            let size = key.strip_prefix(base)?.strip_prefix('_')?;
            size.starts_with(|ch: char| ch.is_ascii_digit()).then_some((*base, Some(size)))
        })
        .unwrap_or((key, None))
}

fn dimension(base: &str, mode: &str) -> Option<Dimension> {
    use Dimension as D;
    let image = matches!(mode, "image_generation" | "image_edit");
    let audio = matches!(mode, "audio_transcription" | "audio_speech" | "realtime");
    Some(match base {
        "input_cost_per_token" => D::Input,
        "output_cost_per_token" => D::Output,
        "output_cost_per_reasoning_token" => D::Reasoning,
        "cache_read_input_token_cost" | "input_cost_per_token_cache_hit" => D::CacheRead,
        "cache_creation_input_token_cost" => D::CacheWrite,
        "cache_creation_input_token_cost_above_1hr" => D::CacheWrite1h,
        "cache_creation_input_token_cost_above_12hr" => D::CacheWrite12h,
        "input_cost_per_audio_token" => D::InputAudio,
        "input_cost_per_image_token" => D::InputImage,
        "input_cost_per_video_token" => D::InputVideo,
        "cache_read_input_audio_token_cost" => D::CacheReadAudio,
        "cache_read_input_image_token_cost" => D::CacheReadImage,
        "output_cost_per_audio_token" => D::OutputAudio,
        "output_cost_per_image_token" => D::OutputImage,
        "output_cost_per_video_token" => D::OutputVideo,
        "citation_cost_per_token" => D::Citation,
        "input_cost_per_request" => D::Request,
        "input_cost_per_text_message" => D::TextMessage,
        "input_cost_per_query" if mode == "rerank" => D::SearchUnit,
        "input_cost_per_query" if mode == "search" => D::WebSearch,
        "input_cost_per_character" if mode == "audio_speech" => D::Character,
        "input_cost_per_second" if audio => D::AudioSecond,
        "ocr_cost_per_page" => D::Page,
        "annotation_cost_per_page" => D::AnnotatedPage,
        "output_cost_per_image" | "input_cost_per_image" if image => D::Image,
        "output_cost_per_second" | "output_cost_per_video_per_second" if mode == "video_generation" => D::VideoSecond,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_apart() {
        let parsed = |key, mode| {
            let PriceKey { dimension, over, when } = parse(key, mode).ok()?;
            let when = when.map(|(key, value)| format!("{}={value}", key.as_str())).unwrap_or_default();
            Some(format!("{} {} {when}", dimension.as_str(), over.unwrap_or(0)))
        };
        for (key, mode, expected) in [
            ("input_cost_per_token", "chat", "input 0 "),
            ("output_cost_per_token_above_272k_tokens", "chat", "output 272000 "),
            ("cache_read_input_token_cost_flex", "chat", "cache_read 0 service_tier=flex"),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens_priority",
                "chat",
                "cache_write_1h 200000 service_tier=priority",
            ),
            ("cache_creation_input_token_cost_above_12hr_batches", "chat", "cache_write_12h 0 processing=batch"),
            ("input_cost_per_second", "audio_transcription", "audio_second 0 "),
            ("input_cost_per_query", "rerank", "search_unit 0 "),
        ] {
            assert_eq!(parsed(key, mode).as_deref(), Some(expected), "{key}");
        }
        assert_eq!(split_size("output_cost_per_second_1080p"), ("output_cost_per_second", Some("1080p")));
        assert_eq!(split_size("output_cost_per_image_token"), ("output_cost_per_image_token", None));
    }

    #[test]
    fn what_the_book_cannot_say_is_told() {
        for (key, mode) in [
            ("input_cost_per_token_decisions", "chat"),
            ("input_cost_per_query", "vector_store"),
            ("input_cost_per_second", "chat"),
            ("input_cost_per_video_per_second_above_8s_interval", "embedding"),
            ("input_cost_per_token_above_manyk_tokens", "chat"),
        ] {
            assert!(parse(key, mode).is_err(), "{key}");
        }
        assert!(is_price("off_peak_pricing") && is_price("regional_endpoint_uplift_multiplier"));
        assert!(!is_price("max_input_tokens") && !is_price("supports_prompt_caching"));
    }
}
