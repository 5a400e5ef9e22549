//! Prices of the user's own: what they replace, add, extend, rename and take away, and what is wrong with them.

use genops_core::price::{BOOK_VERSION, Charge, Context, PriceBook, pico_to_decimal};
use genops_core::record::CostSource;
use genops_core::{Config, UnpricedReason, Usage};

/// 2026-11-19T12:00:00Z.
const AT: i64 = 1_795_089_600;

fn book(prices: &str) -> PriceBook {
    let json = format!(r#"{{"prices": {prices}}}"#);
    Config::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{error}")).price_book
}

fn message(prices: &str) -> String {
    let json = format!(r#"{{"prices": {prices}}}"#);
    Config::parse(json.as_bytes()).expect_err("must be refused").to_string()
}

fn priced(
    book: &PriceBook,
    provider: &str,
    model: &str,
    context: Context<'_>,
) -> Result<(String, CostSource), UnpricedReason> {
    let usage = Usage { input: Some(1_000), output: Some(500), ..Usage::default() };
    let priced = book.price(&Charge { provider, model, at: AT, usage: &usage, context })?;
    Ok((pico_to_decimal(priced.pico_usd), priced.source))
}

fn cost(book: &PriceBook, provider: &str, model: &str) -> Result<String, UnpricedReason> {
    priced(book, provider, model, Context::default()).map(|(usd, _)| usd)
}

fn usd(text: &str) -> Result<String, UnpricedReason> {
    Ok(text.to_owned())
}

#[test]
fn without_prices_of_their_own_the_shipped_book_holds() {
    for json in ["", "{}", r#"{"prices": {}}"#] {
        let book = Config::parse(json.as_bytes()).expect("valid").price_book;
        assert_eq!(book, PriceBook::SHIPPED);
        assert_eq!(book.version(), BOOK_VERSION);
    }
}

#[test]
fn a_model_is_replaced_under_all_its_names() {
    let book = book(r#"{"openai": {"models": {"gpt-4o": {"prices": [{"rates": {"input": "1", "output": "2"}}]}}}}"#);
    assert_eq!(book.version(), format!("{BOOK_VERSION}+user"));
    for name in ["gpt-4o", "GPT-4o", "gpt-4o-2024-08-06", "openai/gpt-4o"] {
        assert_eq!(cost(&book, "openai", name), usd("0.002"), "{name}");
        assert_eq!(book.canonical_model("openai", name).as_deref(), Some("gpt-4o"), "{name}");
    }
    // A snapshot with a price of its own keeps it, and so does everybody else.
    assert_eq!(cost(&book, "openai", "gpt-4o-2024-05-13"), usd("0.0125"));
    assert_eq!(cost(&book, "openai", "gpt-5"), usd("0.00625"));
    assert_eq!(cost(&book, "azure-openai", "gpt-4o"), usd("0.0075"));
    // Its variants are gone with it.
    let batch = Context { processing: Some("batch"), ..Context::default() };
    assert_eq!(priced(&book, "openai", "gpt-4o", batch), Err(UnpricedReason::UnknownTier));
}

#[test]
fn models_and_providers_are_added() {
    let book = book(
        r#"{"openai": {"models": {"gpt-9": {"alias": ["gpt-nine"], "dated": "any",
            "prices": [{"rates": {"input": "1", "output": "2"}}, {"from": "2027-01-01", "rates": {"input": "9"}}]}}},
        "vllm": {"unlisted": "parent", "models": {"llama": {"prices": [{"rates": {"input": "0.1", "output": "0.2"}}]}}}}"#,
    );
    for name in ["gpt-9", "gpt-nine", "gpt-9-2026-11-01", "ft:gpt-9:acme::x"] {
        let expected = if name.starts_with("ft:") { Err(UnpricedReason::UnknownModel) } else { usd("0.002") };
        assert_eq!(cost(&book, "openai", name), expected, "{name}");
    }
    assert_eq!(cost(&book, "vllm", "llama"), usd("0.0002"));
    assert_eq!(cost(&book, "vllm", "mistral"), Err(UnpricedReason::UnknownModel));
    assert_eq!(cost(&book, "ollama", "llama"), Err(UnpricedReason::UnknownProvider));
    let usage = Usage { input: Some(1_000_000), cache_read: Some(500_000), ..Usage::default() };
    let charge = Charge { provider: "vllm", model: "llama", at: AT, usage: &usage, context: Context::default() };
    assert_eq!(book.price(&charge).map(|p| p.pico_usd), Ok(100_000_000_000), "cached input costs what input costs");
}

#[test]
fn a_listed_model_is_extended() {
    let book = book(
        r#"{"openai": {"extend": [{"models": ["gpt-5.6-sol"], "with": {"alias": ["prod"],
            "variants": [{"when": {"service_tier": ["scale"]}, "rates": {"input": "3", "output": "15"}}],
            "multipliers": [{"when": {"region": ["in"]}, "by": "1.25"}]}}]}}"#,
    );
    let with = |context| priced(&book, "openai", "gpt-5.6-sol-2026-08-21", context).map(|(usd, _)| usd);
    assert_eq!(with(Context::default()), usd("0.014"));
    assert_eq!(with(Context { service_tier: Some("scale"), ..Context::default() }), usd("0.0105"));
    assert_eq!(with(Context { service_tier: Some("flex"), ..Context::default() }), usd("0.007"));
    assert_eq!(with(Context { region: Some("in"), ..Context::default() }), usd("0.0175"));
    assert_eq!(with(Context { region: Some("eu"), ..Context::default() }), usd("0.0154"));
    assert_eq!(cost(&book, "openai", "prod"), usd("0.014"));
    assert_eq!(book.canonical_model("openai", "prod").as_deref(), Some("gpt-5.6-sol"));
    // A contract's discount on batches of everything.
    let book = self::book(
        r#"{"anthropic": {"extend": [{"models": ["*"], "with": {
            "multipliers": [{"when": {"processing": ["*"]}, "by": "0.8"}]}}]}}"#,
    );
    let batch = Context { processing: Some("batch"), ..Context::default() };
    assert_eq!(priced(&book, "anthropic", "claude-opus-5", batch).map(|(usd, _)| usd), usd("0.007"));
    assert_eq!(cost(&book, "anthropic", "claude-haiku-4-5"), usd("0.0035"));
}

#[test]
fn names_stand_for_models_and_models_go_away() {
    let book = book(
        r#"{"azure-openai": {"alias": {"Prod-Chat": "gpt-4o-2024-08-06"}},
            "aws-bedrock": {"alias": {"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc":
                "us.anthropic.claude-opus-5"}},
            "openai": {"models": {"gpt-4o": null, "gpt-5-codex": null}}}"#,
    );
    assert_eq!(cost(&book, "azure-openai", "prod-chat"), usd("0.0075"));
    assert_eq!(book.canonical_model("azure-openai", "prod-chat").as_deref(), Some("gpt-4o"));
    let profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc";
    assert_eq!(cost(&book, "aws-bedrock", profile), usd("0.01925"));
    assert_eq!(cost(&book, "aws-bedrock", &profile.replace("abc", "xyz")), Err(UnpricedReason::OpaqueModel));
    for name in ["gpt-4o", "gpt-4o-2024-08-06", "gpt-5-codex"] {
        assert_eq!(cost(&book, "openai", name), Err(UnpricedReason::UnknownModel), "{name}");
        assert_eq!(book.canonical_model("openai", name), None, "{name}");
    }
    assert_eq!(cost(&book, "openai", "gpt-5"), usd("0.00625"));
    assert_eq!(cost(&book, "azure-openai", "gpt-4o"), usd("0.0075"));
}

#[test]
fn a_fallback_rate_is_labelled_and_only_for_what_no_list_knows() {
    let book = book(r#"{"openai": {"fallback": {"rates": {"input": "1", "output": "2"}}}, "aws-bedrock": {}}"#);
    let of = |provider, name| priced(&book, provider, name, Context::default());
    assert_eq!(of("openai", "gpt-99"), Ok(("0.002".to_owned(), CostSource::Fallback)));
    assert_eq!(book.canonical_model("openai", "gpt-99"), None);
    assert_eq!(of("openai", "gpt-4o"), Ok(("0.0075".to_owned(), CostSource::Computed)));
    assert_eq!(of("openai", "fallback"), Ok(("0.002".to_owned(), CostSource::Fallback)));
    assert_eq!(of("openai fallback", "fallback"), Err(UnpricedReason::UnknownProvider));
    assert_eq!(of("aws-bedrock", "arn:"), Err(UnpricedReason::OpaqueModel));
    // A tier that has no rate is not one of them.
    let flex = Context { service_tier: Some("flex"), ..Context::default() };
    assert_eq!(priced(&book, "openai", "o1", flex), Err(UnpricedReason::UnknownTier));
}

#[test]
fn bought_capacity_costs_nothing_unless_it_spilled_over() {
    let book = book(
        r#"{"azure-openai": {"models": {"prod-ptu": {"billing": "provisioned"}}},
            "databricks": {"billing": "provisioned"}}"#,
    );
    let free = Ok(("0".to_owned(), CostSource::Provisioned));
    let on = |deployment, provisioned| Context { deployment: Some(deployment), provisioned, ..Context::default() };
    assert_eq!(priced(&book, "azure-openai", "gpt-4o-2024-08-06", on("prod-ptu", None)), free);
    let computed = Ok(("0.0075".to_owned(), CostSource::Computed));
    assert_eq!(priced(&book, "azure-openai", "gpt-4o-2024-08-06", on("prod-ptu", Some(false))), computed);
    assert_eq!(priced(&book, "azure-openai", "gpt-4o-2024-08-06", on("other", None)), computed);
    assert_eq!(priced(&book, "databricks", "whatever", Context::default()), free);
}

#[test]
fn errors_name_the_place() {
    for (prices, expected) in [
        ("[]", "prices: invalid type: sequence, expected an object"),
        (r#"{"openai": {"model": {}}}"#, "prices.openai.model: unknown field `model`"),
        (
            r#"{"openai": {"models": {"a": {"prices": [{"rates": {"input": 2}}]}}}}"#,
            "prices.openai.models.a.prices[0].rates.input: invalid type: integer `2`, expected a string",
        ),
        (
            r#"{"openai": {"models": {"a": {"prices": [{"rates": {"inptu": "2"}}]}}}}"#,
            "prices.openai.models.a.prices[0].rates.inptu: is no dimension of the book",
        ),
        (
            r#"{"openai": {"models": {"a": {"prices": [{"rates": {"cache_read": "2"}}]}}}}"#,
            "prices.openai.models.a.prices[0].rates.cache_read: needs a rate of input too",
        ),
        (r#"{"openai": {"models": {"gpt-99": null}}}"#, "prices.openai.models.gpt-99: openai lists no such model"),
        (
            r#"{"openai": {"extend": [{"models": ["gpt-4o", "gpt-99"], "with": {}}]}}"#,
            "prices.openai.extend[0].models[1]: openai lists no \"gpt-99\"",
        ),
        (
            r#"{"openai": {"extend": [{"models": ["o1"], "with": {"variants": [{"when": {}, "rates": {"input": "1"}}]}}]}}"#,
            "prices.openai.extend[0].with: with it o1 has variants[",
        ),
        (r#"{"openai": {"alias": {"a": "gpt-99"}}}"#, "prices.openai.alias.a: \"gpt-99\" names no model of openai"),
        (
            r#"{"openai": {"fallback": {"rates": {"reasoning": "1"}}}}"#,
            "prices.openai.fallback.rates.reasoning: needs a rate of output too",
        ),
        (
            r#"{"openai": {"models": {"a": {}, "b": {"alias": ["A"]}}}}"#,
            "prices.openai.models.b.alias: \"A\" already names \"a\"",
        ),
    ] {
        let found = message(prices);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn names_from_the_wire_never_reach_the_fallback_by_its_name() {
    let book = book(r#"{"openai": {"fallback": {"rates": {"input": "1", "output": "2"}}}}"#);
    for name in ["", " ", "models/ :51k", "fallback", "openai fallback", "openai/", "ft:"] {
        assert_eq!(book.canonical_model("openai", name), None, "{name:?}");
    }
}
