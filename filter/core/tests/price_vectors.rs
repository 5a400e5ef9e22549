//! Costs worked out by hand from published prices: boundaries of context tiers, cache lifetimes, modalities, dates.

use genops_core::price::{Charge, Context, canonical_model, pico_to_decimal, price};
use genops_core::usage::{Nano, Share};
use genops_core::{UnpricedReason, Usage};

/// 2026-11-19T12:00:00Z.
const AT: i64 = 1_795_089_600;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

fn cost_at(
    provider: &str,
    model: &str,
    at: i64,
    usage: &Usage,
    context: Context<'_>,
) -> Result<String, UnpricedReason> {
    price(&Charge { provider, model, at, usage, context }).map(|priced| pico_to_decimal(priced.pico_usd))
}

fn cost(provider: &str, model: &str, usage: &Usage) -> Result<String, UnpricedReason> {
    cost_at(provider, model, AT, usage, Context::default())
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn usd(text: &str) -> Result<String, UnpricedReason> {
    Ok(text.to_owned())
}

#[test]
fn a_tier_takes_the_whole_request_beyond_its_boundary() {
    for (provider, model, input, expected) in [
        ("openai", "gpt-5.6-sol", 272_000, "1.088"),
        ("openai", "gpt-5.6-sol", 272_001, "2.176008"),
        // xAI's limit is inclusive.
        ("xai", "grok-4.3", 199_999, "0.24999875"),
        ("xai", "grok-4.3", 200_000, "0.5"),
        ("google", "gemini-2.5-pro", 200_000, "0.25"),
        ("google", "gemini-2.5-pro", 200_001, "0.5000025"),
        ("anthropic", "claude-haiku-5-5", 100_000, "0.01"),
        ("anthropic", "claude-haiku-5-5", 100_001, "0.0500005"),
    ] {
        assert_eq!(cost(provider, model, &tokens(input, 0)), usd(expected), "{model} {input}");
    }
}

#[test]
fn cached_tokens_count_for_the_tier() {
    // 272,001 in all, one of them not cached: 1 * 8 + 272,000 * 0.80 per million.
    let usage = Usage { cache_read: Some(272_000), ..tokens(272_001, 0) };
    assert_eq!(cost("openai", "gpt-5.6-sol", &usage), usd("0.217608"));
}

#[test]
fn cache_writes_cost_by_their_lifetime() {
    // 200 * 3 + 300 * 3.75 + 500 * 6 + 10 * 15 per million.
    let usage =
        Usage { cache_write: Some(800), cache_write_5m: Some(300), cache_write_1h: Some(500), ..tokens(1_000, 10) };
    assert_eq!(cost("anthropic", "claude-sonnet-4-6", &usage), usd("0.004875"));
    // Without a lifetime the base rate holds: 200 * 3 + 800 * 3.75 + 10 * 15.
    let usage = Usage { cache_write: Some(800), ..tokens(1_000, 10) };
    assert_eq!(cost("anthropic", "claude-sonnet-4-6", &usage), usd("0.00375"));
}

#[test]
fn openai_writes_kept_for_twelve_hours_cost_twice_a_plain_write() {
    let usage =
        Usage { cache_write: Some(900), cache_write_30m: Some(400), cache_write_12h: Some(500), ..tokens(900, 0) };
    // 400 * 5 + 500 * 10 per million; beyond 272,000 twice that.
    assert_eq!(cost("openai", "gpt-5.6-sol", &usage), usd("0.007"));
    let usage = Usage { cache_write: Some(1), cache_write_12h: Some(1), ..tokens(272_001, 0) };
    // 272,000 * 8 + 20.
    assert_eq!(cost("openai", "gpt-5.6-sol", &usage), usd("2.17602"));
}

#[test]
fn searches_are_billed_beside_tokens() {
    let usage = Usage { web_searches: Some(3), ..tokens(1_000, 100) };
    assert_eq!(cost("anthropic", "claude-opus-5", &usage), usd("0.0375"));
    // Perplexity's request fee includes them: 9 + 9 tokens at 2 and 8 per million, and 14 per 1,000 requests.
    let usage = Usage { web_searches: Some(3), ..tokens(9, 9) };
    assert_eq!(cost("perplexity", "sonar-reasoning-pro", &usage), usd("0.01409"));
}

#[test]
fn a_grounded_prompt_is_billed_once_where_the_price_is_by_prompt() {
    let grounded = |queries: u64| Usage { web_searches: Some(queries), ..tokens(0, 0) };
    for (model, queries, expected) in [
        // 35 per 1,000 prompts, however many queries were made; none is billed where none was made.
        ("gemini-2.5-flash", 0, "0"),
        ("gemini-2.5-flash", 1, "0.035"),
        ("gemini-2.5-flash", 3, "0.035"),
        // 14 per 1,000 queries.
        ("gemini-3-flash-preview", 3, "0.042"),
    ] {
        assert_eq!(cost("google", model, &grounded(queries)), usd(expected), "{model} {queries}");
    }
}

#[test]
fn audio_and_cached_audio_have_their_own_rates() {
    let usage = Usage {
        input_audio: Some(800),
        cache_read: Some(300),
        cache_read_audio: Some(200),
        output_audio: Some(300),
        ..tokens(1_000, 400)
    };
    assert_eq!(cost("openai", "gpt-realtime", &usage), usd("0.04052"));
}

#[test]
fn image_tokens_have_their_own_rate() {
    assert_eq!(cost("openai", "gpt-image-1", &tokens(50, 4_160)), usd("0.16665"));
}

#[test]
fn reasoning_and_citations_have_their_own_rates() {
    // sonar-deep-research counts both beside its output: 100 * 2 + 600 * 8 + 4,000 * 3 + 50 * 2 per million + 2 * 5 per
    // thousand.
    let usage = Usage { reasoning: Some(4_000), citation: Some(50), web_searches: Some(2), ..tokens(100, 600) };
    assert_eq!(cost("perplexity", "sonar-deep-research", &usage), usd("0.0271"));
    // Elsewhere reasoning is a part of the output, and costs what output costs: 100 * 15 + 600 * 60.
    let usage = Usage { reasoning: Some(400), ..tokens(100, 600) };
    assert_eq!(cost("openai", "o1", &usage), usd("0.0375"));
}

#[test]
fn a_part_larger_than_its_whole_is_only_a_contradiction_where_it_has_a_rate() {
    let usage = Usage { cache_read: Some(200), ..tokens(100, 0) };
    assert_eq!(cost("google", "gemini-2.5-pro", &usage), Err(UnpricedReason::InconsistentUsage));
    let usage = Usage { reasoning: Some(200), ..tokens(100, 100) };
    assert_eq!(cost("openai", "o1", &usage), usd("0.0075"));
}

#[test]
fn cached_audio_of_unknown_share_is_not_guessed() {
    let usage = Usage { input_audio: Some(500), cache_read: Some(200), ..tokens(1_000, 0) };
    assert_eq!(cost("google", "gemini-2.5-flash", &usage), Err(UnpricedReason::UnsupportedUnit));
    // Told to be none of it: 300 * 0.30 + 200 * 0.03 + 500 * 1 per million.
    let usage = Usage { cache_read_audio: Some(0), ..usage };
    assert_eq!(cost("google", "gemini-2.5-flash", &usage), usd("0.000596"));
}

#[test]
fn what_is_billed_counts_where_it_differs_from_what_was_used() {
    // command-a: 2.5 and 10 per million of the billed units.
    let usage = Usage { billed_input: Some(7), billed_output: Some(88), ..tokens(69, 89) };
    assert_eq!(cost("cohere", "command-a-03-2025", &usage), usd("0.0008975"));
}

#[test]
fn prices_change_at_midnight_utc() {
    // gpt-5.6-sol fell from 5 / 30 to 4 / 20 on 2026-08-21.
    let cut = AT - 12 * HOUR - 90 * DAY;
    let usage = tokens(1_000, 100);
    assert_eq!(cost_at("openai", "gpt-5.6-sol", cut - 1, &usage, Context::default()), usd("0.008"));
    assert_eq!(cost_at("openai", "gpt-5.6-sol", cut, &usage, Context::default()), usd("0.006"));
    assert_eq!(cost_at("openai", "gpt-5.6-sol", 0, &usage, Context::default()), usd("0.008"));
    assert_eq!(cost_at("openai", "gpt-5.6-sol", i64::MIN, &usage, Context::default()), usd("0.008"));
    assert_eq!(cost_at("openai", "gpt-5.6-sol", i64::MAX, &usage, Context::default()), usd("0.006"));
}

#[test]
fn hours_of_the_day_decide() {
    // deepseek-v4-pro: 0.66, at its peak hours (01:00-04:00 and 06:00-10:00 UTC) 1.32.
    let midnight = AT - 12 * HOUR;
    for (minute, expected) in
        [(0, "0.66"), (59, "0.66"), (60, "1.32"), (239, "1.32"), (240, "0.66"), (360, "1.32"), (600, "0.66")]
    {
        let at = midnight + minute * 60;
        let found = cost_at("deepseek", "deepseek-v4-pro", at, &tokens(1_000_000, 0), Context::default());
        assert_eq!(found, usd(expected), "minute {minute}");
    }
    // deepseek-chat's cheap hours run past midnight: 16:30-00:30.
    for (minute, expected) in [(29, "0.135"), (30, "0.27"), (989, "0.27"), (990, "0.135"), (1_439, "0.135")] {
        let at = midnight + minute * 60;
        let found = cost_at("deepseek", "deepseek-chat", at, &tokens(1_000_000, 0), Context::default());
        assert_eq!(found, usd(expected), "minute {minute}");
    }
}

#[test]
fn the_served_tier_decides() {
    let tier = |service_tier| Context { service_tier: Some(service_tier), ..Context::default() };
    let usage = tokens(1_000, 500);
    let sol = |context| cost_at("openai", "gpt-5.6-sol", AT, &usage, context);
    for plain in ["default", "auto", "Standard", "on_demand", "ON_DEMAND", "", " "] {
        assert_eq!(sol(tier(plain)), usd("0.014"), "{plain:?}");
    }
    assert_eq!(sol(tier("flex")), usd("0.007"));
    assert_eq!(sol(tier("priority")), usd("0.028"));
    assert_eq!(sol(tier("fast")), usd("0.028"));
    assert_eq!(sol(tier("ultrafast")), Err(UnpricedReason::UnknownTier));
    assert_eq!(sol(tier("scale")), Err(UnpricedReason::UnknownTier));
    assert_eq!(cost_at("openai", "o1", AT, &usage, tier("flex")), Err(UnpricedReason::UnknownTier));
    // OpenAI's variants are not Azure's, which has tiers of its own.
    assert_eq!(cost_at("azure-openai", "gpt-4o", AT, &usage, tier("priority")), Err(UnpricedReason::UnknownTier));
    assert_eq!(cost_at("azure-openai", "gpt-5", AT, &usage, tier("flex")), Err(UnpricedReason::UnknownTier));
    assert_eq!(cost_at("azure-openai", "gpt-5", AT, &usage, tier("priority")), usd("0.0125"));
    assert_eq!(cost_at("azure-openai", "gpt-5", AT, &usage, tier("default")), usd("0.00625"));
    let long = tokens(300_000, 4_000);
    assert_eq!(cost_at("azure-openai", "gpt-5.4", AT, &long, tier("priority")), usd("3.18"));
    // A multiple of whatever the price is that day: 0.75 and 3.75, from 2027 on 1.5 and 7.5.
    let flash = |at, tier| cost_at("google", "gemini-3.8-flash", at, &usage, tier);
    assert_eq!(flash(AT, tier("flex")), usd("0.0013125"));
    assert_eq!(flash(AT, tier("on_demand_priority")), usd("0.004725"));
    assert_eq!(flash(AT + 60 * DAY, tier("priority")), usd("0.00945"));
}

#[test]
fn a_batch_and_a_speed_are_told_in_their_own_fields() {
    let usage = tokens(1_000, 500);
    let opus = |context| cost_at("anthropic", "claude-opus-5", AT, &usage, context);
    assert_eq!(opus(Context { processing: Some("batch"), ..Context::default() }), usd("0.00875"));
    assert_eq!(opus(Context { service_tier: Some("batch"), ..Context::default() }), usd("0.00875"));
    assert_eq!(opus(Context { speed: Some("fast"), ..Context::default() }), usd("0.035"));
    assert_eq!(
        opus(Context { geo: Some("not_available"), speed: Some("standard"), ..Context::default() }),
        usd("0.0175")
    );
    assert_eq!(opus(Context { geo: Some("mars"), ..Context::default() }), Err(UnpricedReason::UnknownTier));
    assert_eq!(
        opus(Context { service_tier: Some("priority"), ..Context::default() }),
        Err(UnpricedReason::UnknownTier)
    );
}

#[test]
fn free_is_zero_and_unknown_is_a_reason() {
    let usage = tokens(1_000, 500);
    assert_eq!(cost("openrouter", "meta-llama/llama-3.2-3b-instruct:free", &usage), usd("0"));
    assert_eq!(cost("google", "gemma-3-27b-it", &usage), usd("0"));
    assert_eq!(cost("ollama", "llama3", &usage), Err(UnpricedReason::UnknownProvider));
    assert_eq!(cost("openai", "llama3", &usage), Err(UnpricedReason::UnknownModel));
    assert_eq!(cost("openai", "", &usage), Err(UnpricedReason::UnknownModel));
    assert_eq!(cost("openai", "gpt-4o", &Usage::default()), Err(UnpricedReason::NoUsage));
    assert_eq!(cost("cerebras", "qwen-3-coder-480b", &usage), Err(UnpricedReason::MissingRate));
    // An embedding model charges nothing for what it calls output, a speech model has no rate for tokens at all.
    assert_eq!(cost("openai", "text-embedding-3-small", &usage), usd("0.00002"));
    assert_eq!(cost("openai", "whisper-1", &usage), Err(UnpricedReason::MissingRate));
    assert_eq!(cost("openai", "whisper-1", &tokens(0, 0)), Err(UnpricedReason::UnsupportedUnit));
    assert_eq!(cost("openai", "gpt-4o", &tokens(u64::MAX, 0)), Err(UnpricedReason::Overflow));
}

#[test]
fn a_free_route_of_a_known_model_is_free_and_not_that_model() {
    let usage = tokens(1_000, 500);
    assert_eq!(cost("openrouter", "openai/gpt-4o:free", &usage), usd("0"));
    assert_eq!(canonical_model("openrouter", "openai/gpt-4o:free"), None);
    assert_eq!(cost("openrouter", "openai/gpt-4o:nitro", &usage), Err(UnpricedReason::UnknownModel));
    assert_eq!(cost("openai", "gpt-4o:free", &usage), Err(UnpricedReason::UnknownModel));
}

#[test]
fn regions_multiply_tokens_exactly_and_fees_not_at_all() {
    let usage = Usage { web_searches: Some(3), ..tokens(1_000, 100) };
    let opus = |context| cost_at("anthropic", "claude-opus-5", AT, &usage, context);
    let us = Context { geo: Some("us"), ..Context::default() };
    // 0.0075 of tokens and 0.03 of searches; the tokens times 1.1 are 0.00825, in the fast mode 0.015 and 0.0165.
    assert_eq!(opus(Context::default()), usd("0.0375"));
    assert_eq!(opus(us), usd("0.03825"));
    assert_eq!(opus(Context { speed: Some("fast"), ..Context::default() }), usd("0.045"));
    assert_eq!(opus(Context { speed: Some("fast"), ..us }), usd("0.0465"));
    let region = |region| Context { region: Some(region), ..Context::default() };
    let usage = tokens(1_000, 500);
    for (provider, model, place, expected) in [
        ("openai", "gpt-5.6-sol", "eu", "0.0154"),
        ("openai", "gpt-5.6-sol", "us", "0.0154"),
        // Models from before the uplift cost the same everywhere.
        ("openai", "gpt-4o", "eu", "0.0075"),
        // The Gemini API and Vertex's global endpoint have the plain price.
        ("vertex", "gemini-3.8-flash", "global", "0.002625"),
        ("vertex", "gemini-3.8-flash", "us-central1", "0.0028875"),
        ("vertex", "claude-opus-5@default", "europe-west1", "0.01925"),
        ("vertex", "gemini-2.5-flash", "us-central1", "0.00155"),
        ("together", "moonshotai/Kimi-K3", "us", "0.013125"),
        ("together", "moonshotai/Kimi-K3", "eu", "0.0105"),
        ("aws-bedrock", "amazon.nova-pro-v1:0", "us-gov-west-1", "0.00288"),
        ("aws-bedrock", "amazon.nova-pro-v1:0", "us-east-1", "0.0024"),
        // Regional 5.5 and 27.5 per million, in us-gov 6 and 30.
        ("aws-bedrock", "anthropic.claude-opus-5", "us-east-1", "0.01925"),
        ("aws-bedrock", "anthropic.claude-opus-5", "us-gov-east-1", "0.021"),
        // A multiplier of OpenAI is none of Azure's.
        ("azure-openai", "gpt-5.6-sol", "eu", "0.014"),
    ] {
        assert_eq!(cost_at(provider, model, AT, &usage, region(place)), usd(expected), "{provider} {model} {place}");
    }
    // Cached input of gpt-5.6-luna is 0.02 per million: 7 tokens at 1.1 are 0.000000154 dollars, no float in between.
    let usage = Usage { cache_read: Some(7), ..tokens(7, 0) };
    assert_eq!(cost_at("openai", "gpt-5.6-luna", AT, &usage, region("eu")), usd("0.000000154"));
}

#[test]
fn tiers_of_google_and_bedrock_are_those_that_were_served() {
    let tier = |service_tier| Context { service_tier: Some(service_tier), ..Context::default() };
    let usage = tokens(1_000, 500);
    for (provider, model, served, expected) in [
        ("google", "gemini-2.5-flash", "flex", "0.000775"),
        ("google", "gemini-2.5-flash", "priority", "0.00279"),
        ("vertex", "gemini-2.5-flash", "ON_DEMAND_PRIORITY", "0.00279"),
        ("vertex", "gemini-2.5-flash", "ON_DEMAND_FLEX", "0.000775"),
        ("vertex", "gemini-2.5-pro", "PROVISIONED_THROUGHPUT", "0"),
        ("aws-bedrock", "amazon.nova-pro-v1:0", "flex", "0.0012"),
        ("aws-bedrock", "amazon.nova-pro-v1:0", "priority", "0.0042"),
        // 12 and 60 per million.
        ("openai", "gpt-6.1-sol", "ultrafast", "0.042"),
    ] {
        assert_eq!(cost_at(provider, model, AT, &usage, tier(served)), usd(expected), "{model} {served}");
    }
    let reserved = cost_at("aws-bedrock", "amazon.nova-pro-v1:0", AT, &usage, tier("reserved"));
    assert_eq!(reserved, Err(UnpricedReason::UnknownTier));
}

const SECOND: u64 = 1_000_000_000;

fn heard(billionths: u64) -> Usage {
    Usage { input_audio_seconds: Some(Nano(billionths)), ..Usage::default() }
}

#[test]
fn audio_costs_by_fractions_of_seconds() {
    // 0.36 per hour: 12.34 seconds.
    assert_eq!(cost("openai", "whisper-1", &heard(12_340_000_000)), usd("0.001234"));
    // A billionth of a second is a ten-millionth of a pico-dollar.
    assert_eq!(cost("openai", "whisper-1", &heard(1)), usd("0"));
    // 0.111 per hour, ten seconds at least: 308,333,333.3 pico-dollars.
    for (seconds, expected) in [(0, "0.000308333333"), (3 * SECOND + SECOND / 2, "0.000308333333")] {
        assert_eq!(cost("groq", "whisper-large-v3", &heard(seconds)), usd(expected));
    }
    assert_eq!(cost("groq", "whisper-large-v3", &heard(10 * SECOND)), usd("0.000308333333"));
    assert_eq!(cost("groq", "whisper-large-v3", &heard(10 * SECOND + 1)), usd("0.000308333333"));
    assert_eq!(cost("groq", "whisper-large-v3", &heard(11 * SECOND)), usd("0.000339166667"));
    assert_eq!(cost("groq", "whisper-large-v3", &heard(3_600 * SECOND)), usd("0.111"));
    let batch = Context { processing: Some("batch"), ..Context::default() };
    assert_eq!(cost_at("groq", "whisper-large-v3", AT, &heard(3_600 * SECOND), batch), usd("0.0555"));
    // A session: heard and spoken.
    let spoken = Usage { audio_seconds: Some(Nano(90 * SECOND)), ..Usage::default() };
    assert_eq!(cost("openai", "gpt-live-1", &spoken), usd("0.075"));
    // Tokens and seconds both have a rate at Voxtral: 100 * 0.10 + 20 * 0.40 per million, and 36 s at 0.24 per hour.
    let usage = Usage { input_audio_seconds: Some(Nano(36 * SECOND)), ..tokens(100, 20) };
    assert_eq!(cost("mistral", "voxtral-small-latest", &usage), usd("0.002418"));
    // Where tokens are what is billed, seconds beside them are not.
    let usage = Usage { input_audio_seconds: Some(Nano(36 * SECOND)), ..tokens(1_000, 500) };
    assert_eq!(cost("openai", "gpt-4o", &usage), usd("0.0075"));
    assert_eq!(cost("openai", "gpt-4o", &heard(36 * SECOND)), Err(UnpricedReason::UnsupportedUnit));
    let nothing_else = Usage { input_audio_seconds: Some(Nano(36 * SECOND)), ..tokens(0, 0) };
    assert_eq!(cost("openai", "gpt-4o", &nothing_else), Err(UnpricedReason::UnsupportedUnit));
}

#[test]
fn speech_pages_and_search_units_cost_by_count() {
    let characters = Usage { characters: Some(1_234), ..Usage::default() };
    assert_eq!(cost("openai", "tts-1", &characters), usd("0.01851"));
    assert_eq!(cost("openai", "tts-1-hd", &characters), usd("0.03702"));
    let pages = Usage { pages: Some(7), ..Usage::default() };
    assert_eq!(cost("mistral", "mistral-ocr-latest", &pages), usd("0.028"));
    assert_eq!(cost_at("mistral", "mistral-ocr-latest", 0, &pages, Context::default()), usd("0.007"));
    let units = Usage { search_units: Some(3), ..Usage::default() };
    assert_eq!(cost("cohere", "rerank-v3.5", &units), usd("0.006"));
    assert_eq!(cost("aws-bedrock", "amazon.rerank-v1:0", &units), usd("0.003"));
    // 2.5 per thousand searches in files beside the tokens, at a flex price that only knows tokens.
    let usage = Usage { storage_searches: Some(2), ..tokens(1_000, 500) };
    assert_eq!(cost("openai", "gpt-5", &usage), usd("0.01125"));
    let flex = Context { service_tier: Some("flex"), ..Context::default() };
    assert_eq!(cost_at("openai", "gpt-5", AT, &usage, flex), usd("0.008125"));
}

#[test]
fn images_and_videos_cost_by_size_and_quality() {
    let images = Usage { images: Some(2), ..Usage::default() };
    let made = |model, size, quality| {
        let context = Context { size, quality, ..Context::default() };
        cost_at("openai", model, AT, &images, context)
    };
    assert_eq!(made("dall-e-3", Some("1024x1024"), Some("standard")), usd("0.08"));
    assert_eq!(made("dall-e-3", Some("default"), Some("default")), usd("0.08"));
    assert_eq!(made("dall-e-3", Some("1792x1024"), Some("hd")), usd("0.24"));
    assert_eq!(made("dall-e-3", Some("1024x1024"), Some("HD")), usd("0.16"));
    assert_eq!(made("dall-e-2", Some("256x256"), None), usd("0.032"));
    // Not told, or told something that has no price.
    assert_eq!(made("dall-e-3", Some("1024x1024"), None), Err(UnpricedReason::UnsupportedUnit));
    assert_eq!(made("dall-e-3", Some("64x64"), Some("hd")), Err(UnpricedReason::UnknownTier));
    assert_eq!(made("dall-e-2", None, None), Err(UnpricedReason::UnsupportedUnit));
    // Where tokens are billed, number, size and quality of the images are of no matter.
    let usage = Usage { images: Some(1), ..tokens(50, 4_160) };
    let context = Context { size: Some("1024x1536"), quality: Some("high"), ..Context::default() };
    assert_eq!(cost_at("openai", "gpt-image-1", AT, &usage, context), usd("0.16665"));
    let video = Usage { video_seconds: Some(Nano(8 * SECOND + SECOND / 2)), ..Usage::default() };
    assert_eq!(cost("openai", "sora-2", &video), usd("0.85"));
    let sized = |size| Context { size: Some(size), ..Context::default() };
    assert_eq!(cost_at("openai", "sora-2-pro", AT, &video, sized("1792x1024")), usd("4.25"));
    assert_eq!(cost_at("google", "veo-3.1-generate-preview", AT, &video, sized("4k")), usd("5.1"));
}

#[test]
fn a_request_fee_depends_on_how_much_was_searched() {
    let usage = tokens(1_000, 500);
    for (searched, expected) in [("low", "0.0165"), ("medium", "0.0205"), ("HIGH", "0.0245")] {
        let context = Context { search_context: Some(searched), ..Context::default() };
        assert_eq!(cost_at("perplexity", "sonar-pro", AT, &usage, context), usd(expected), "{searched}");
    }
    assert_eq!(cost("perplexity", "sonar-pro", &usage), usd("0.0245"));
    // Elsewhere it is of no matter.
    let context = Context { search_context: Some("low"), ..Context::default() };
    assert_eq!(cost_at("openai", "gpt-4o", AT, &usage, context), usd("0.0075"));
}

#[test]
fn peak_hours_are_those_of_working_days() {
    // 02:00 UTC is 10:00 in Beijing, in the peak.
    let at = |day: &str, hour: i64| {
        let day: genops_core::price::book::Date = day.parse().expect("a day");
        i64::from(day.0) * DAY + hour * HOUR
    };
    let usage = tokens(1_000_000, 0);
    for (day, expected) in [
        // Thursday to Monday.
        ("2026-11-19", "1.32"),
        ("2026-11-20", "1.32"),
        ("2026-11-21", "0.66"),
        ("2026-11-22", "0.66"),
        ("2026-11-23", "1.32"),
        // The Mid-Autumn Festival, a Friday, and the week of the National Day.
        ("2026-09-24", "1.32"),
        ("2026-09-25", "0.66"),
        ("2026-09-30", "1.32"),
        ("2026-10-01", "0.66"),
        ("2026-10-07", "0.66"),
        ("2026-10-08", "1.32"),
        // Before there was a peak.
        ("2026-08-14", "0.435"),
        ("2026-08-17", "1.32"),
    ] {
        let found = cost_at("deepseek", "deepseek-v4-pro", at(day, 2), &usage, Context::default());
        assert_eq!(found, usd(expected), "{day}");
        let found = cost_at("deepseek", "deepseek-v4-pro", at(day, 12), &usage, Context::default());
        assert_eq!(found, usd(if day < "2026-08-17" { "0.435" } else { "0.66" }), "{day} off peak");
    }
}

#[test]
fn fine_tunes_have_their_own_prices() {
    let usage = tokens(1_000, 500);
    for (model, expected) in [
        ("ft:gpt-4o-2024-08-06:acme::abc123", "0.01125"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "0.0009"),
        ("ft:gpt-4.1-2025-04-14:acme::abc123", "0.009"),
        ("ft:o4-mini-2025-04-16:acme::abc123", "0.012"),
    ] {
        assert_eq!(cost("openai", model, &usage), usd(expected), "{model}");
    }
    assert_eq!(cost("openai", "ft:gpt-5:acme::abc123", &usage), Err(UnpricedReason::UnknownModel));
}

#[test]
fn a_bill_over_several_models_is_added_up_before_it_is_rounded() {
    let share = |model: Option<&str>, usage| Share { model: model.map(Into::into), usage };
    // An advisor beside the exchange's own model: 1,000 * 5 + 100 * 25 and 200 * 0.1 + 10 * 0.5 per million.
    let usage = Usage {
        shares: vec![share(None, tokens(1_000, 100)), share(Some("claude-haiku-5-5"), tokens(200, 10))],
        ..tokens(9, 9)
    };
    assert_eq!(cost("anthropic", "claude-opus-5", &usage), usd("0.007525"));
    let us = Context { geo: Some("us"), ..Context::default() };
    assert_eq!(cost_at("anthropic", "claude-opus-5", AT, &usage, us), usd("0.0082775"));
    // Three times a third of a pico-dollar are one, and the context tier is that of each share.
    let thirds = |n| vec![share(None, heard(10 * SECOND)); n];
    let usage = |n| Usage { shares: thirds(n), ..Usage::default() };
    assert_eq!(cost("groq", "whisper-large-v3", &usage(1)), usd("0.000308333333"));
    assert_eq!(cost("groq", "whisper-large-v3", &usage(3)), usd("0.000925"));
    let halves = Usage { shares: vec![share(None, tokens(200_000, 0)); 2], ..tokens(400_000, 0) };
    assert_eq!(cost("openai", "gpt-5.6-sol", &halves), usd("1.6"));
    // One share that nobody can price leaves the whole without a cost.
    let usage = Usage { shares: vec![share(None, tokens(1, 1)), share(Some("x"), tokens(1, 1))], ..tokens(2, 2) };
    assert_eq!(cost("anthropic", "claude-opus-5", &usage), Err(UnpricedReason::UnknownModel));
    // The fee for a request falls due once.
    let usage = Usage { shares: vec![share(None, tokens(1_000, 500)); 2], ..Usage::default() };
    assert_eq!(cost("perplexity", "sonar-pro", &usage), usd("0.035"));
}

#[test]
fn what_a_gateway_or_bought_capacity_served_costs_nothing() {
    let usage = tokens(1_000, 500);
    let priced = |context| price(&Charge { provider: "openai", model: "gpt-4o", at: AT, usage: &usage, context });
    let source = |context| priced(context).map(|p| (p.pico_usd, p.source));
    use genops_core::record::CostSource::{Cached, Computed, Provisioned};
    assert_eq!(source(Context { cached: true, ..Context::default() }), Ok((0, Cached)));
    assert_eq!(source(Context { provisioned: Some(true), ..Context::default() }), Ok((0, Provisioned)));
    assert_eq!(source(Context { provisioned: Some(false), ..Context::default() }), Ok((7_500_000_000, Computed)));
}
