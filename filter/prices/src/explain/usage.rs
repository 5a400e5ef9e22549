//! A usage as a user writes it: in our field names, or as a provider's response does.

use anyhow::{Context, Result, bail, ensure};
use genops_core::detect::Api;
use genops_core::usage::{Nano, Reading, Usage, read};
use serde_json::{Map, Value};

/// Billionths of a second.
const DECIMALS: usize = 9;

/// Reads a usage for a provider.
///
/// # Errors
/// No JSON object, a field that nothing knows, a figure that is none.
pub(super) fn parse(provider: &str, json: &str) -> Result<Reading> {
    let value: Value = serde_json::from_str(json).context("--usage is no JSON")?;
    let object = value.as_object().context("--usage is no JSON object")?;
    // A whole response holds it inside.
    let inner = ["usage", "usageMetadata", "meta"].iter().find_map(|key| object.get(*key)?.as_object());
    let fields = inner.unwrap_or(object);
    if fields.keys().any(|key| ours(&mut Usage::default(), key).is_some()) && fields.keys().all(|key| is_ours(key)) {
        return Ok(Reading { usage: own(fields)?, ..Reading::default() });
    }
    let api = api(provider, fields);
    let reading = read(api, &serde_json::to_string(fields)?);
    let unknown = || {
        let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
        format!("--usage has no figure that is known: found {}; our fields are {}", keys.join(", "), FIELDS.join(", "))
    };
    let mut reading = reading.with_context(unknown)?;
    let outer = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_lowercase);
    reading.service_tier = reading.service_tier.or_else(|| outer("service_tier"));
    Ok(reading)
}

/// Which API counts so.
fn api(provider: &str, fields: &Map<String, Value>) -> Api {
    let has = |key: &str| fields.contains_key(key);
    match () {
        () if has("promptTokenCount") || has("totalTokenCount") => Api::GenerateContent,
        () if has("inputTokens") || has("outputTokens") => Api::Converse,
        () if has("billed_units") => Api::CohereChatV2,
        () if has("prompt_tokens") => Api::ChatCompletions,
        () if provider == "anthropic" || has("cache_creation_input_tokens") || has("cache_read_input_tokens") => {
            Api::Messages
        }
        () if has("input_tokens") => Api::Responses,
        () => Api::ChatCompletions,
    }
}

/// Where a figure goes.
enum Field<'u> {
    Count(&'u mut Option<u64>),
    Seconds(&'u mut Option<Nano>),
}

macro_rules! fields {
    ($($count:ident)*; $($seconds:ident)*) => {
        /// Our fields.
        const FIELDS: &[&str] = &[$(stringify!($count),)* $(stringify!($seconds),)*];

        fn ours<'u>(usage: &'u mut Usage, key: &str) -> Option<Field<'u>> {
            Some(match key {
                $(stringify!($count) => Field::Count(&mut usage.$count),)*
                $(stringify!($seconds) => Field::Seconds(&mut usage.$seconds),)*
                _ => return None,
            })
        }
    };
}

fields! {
    input output total cache_read cache_write cache_write_5m cache_write_30m cache_write_1h cache_write_12h
    input_audio input_image input_video input_tool cache_read_audio cache_read_image cache_read_video
    reasoning output_audio output_image output_video citation billed_input billed_output
    web_searches storage_searches search_units characters pages images image_pixels video_pixels;
    input_audio_seconds audio_seconds video_seconds
}

fn is_ours(key: &str) -> bool {
    FIELDS.contains(&key)
}

fn own(fields: &Map<String, Value>) -> Result<Usage> {
    let mut usage = Usage::default();
    for (key, value) in fields {
        match ours(&mut usage, key) {
            None => bail!("--usage: {key} is none of {}", FIELDS.join(", ")),
            Some(Field::Count(slot)) => {
                let count = value.as_u64().with_context(|| format!("--usage: {key}: {value} is no whole number"))?;
                *slot = Some(count);
            }
            Some(Field::Seconds(slot)) => {
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                *slot = Some(seconds(&text).with_context(|| format!("--usage: {key}: {value} are no seconds"))?);
            }
        }
    }
    Ok(usage)
}

/// `12.34` as billionths.
fn seconds(text: &str) -> Result<Nano> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    ensure!(fraction.len() <= DECIMALS && whole.chars().chain(fraction.chars()).all(|ch| ch.is_ascii_digit()));
    Ok(Nano(format!("{whole}{fraction:0<DECIMALS$}").parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart() -> Result<()> {
        for (provider, json) in [
            ("openai", r#"{"input": 15, "cache_read": 5, "output": 2}"#),
            (
                "openai",
                r#"{"prompt_tokens": 15, "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens": 2}"#,
            ),
            ("openai", r#"{"input_tokens": 15, "input_tokens_details": {"cached_tokens": 5}, "output_tokens": 2}"#),
            ("anthropic", r#"{"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 2}"#),
            ("anthropic", r#"{"usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 2}}"#),
            ("google", r#"{"promptTokenCount": 15, "cachedContentTokenCount": 5, "candidatesTokenCount": 2}"#),
            ("aws-bedrock", r#"{"inputTokens": 10, "cacheReadInputTokens": 5, "outputTokens": 2}"#),
        ] {
            let usage = parse(provider, json)?.usage;
            assert_eq!((usage.input, usage.cache_read, usage.output), (Some(15), Some(5), Some(2)), "{json}");
        }
        assert_eq!(
            parse("openai", r#"{"input_audio_seconds": 12.34}"#)?.usage.input_audio_seconds,
            Some(Nano(12_340_000_000))
        );
        for json in
            ["", "[]", r#"{"inptu": 5}"#, r#"{"input": -1}"#, r#"{"input": 1.5}"#, r#"{"audio_seconds": "1e3"}"#]
        {
            assert!(parse("openai", json).is_err(), "{json}");
        }
        Ok(())
    }
}
