//! Costs worked out by hand from published prices: boundaries of context tiers, cache lifetimes, modalities, dates.

use genops_core::price::{Charge, Context, canonical_model, pico_to_decimal, price};
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
fn searches_are_billed_beside_tokens() {
    let usage = Usage { web_searches: Some(3), ..tokens(1_000, 100) };
    assert_eq!(cost("anthropic", "claude-opus-5", &usage), usd("0.0375"));
    // Perplexity's request fee includes them: 9 + 9 tokens at 2 and 8 per million, and 14 per 1,000 requests.
    let usage = Usage { web_searches: Some(3), ..tokens(9, 9) };
    assert_eq!(cost("perplexity", "sonar-reasoning-pro", &usage), usd("0.01409"));
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
    // OpenAI's variants are not Azure's.
    assert_eq!(cost_at("azure-openai", "gpt-5", AT, &usage, tier("priority")), Err(UnpricedReason::UnknownTier));
    assert_eq!(cost_at("azure-openai", "gpt-5", AT, &usage, tier("default")), usd("0.00625"));
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
    assert_eq!(opus(Context { geo: Some("us"), ..Context::default() }), Err(UnpricedReason::UnknownTier));
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
