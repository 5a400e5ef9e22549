//! A cost that the provider states counts; the computed one beside it tells how good the price book is.

use std::rc::Rc;

use genops_core::{Config, End, Exchange, Head, Record, outcome::Outcome, price::Drift, record::CostSource};

fn exchange(authority: &str, status: &str, body: &str) -> Record {
    let config = Rc::new(Config::parse(b"").expect("the default"));
    let head: Head<'_> =
        [(":method", "POST"), (":authority", authority), (":path", "/api/v1/chat/completions")].into_iter().collect();
    let mut exchange = Exchange::new(config, &head, 1_763_700_000_000_000_000);
    exchange.response_head(&[(":status", status), ("content-type", "application/json")].into_iter().collect());
    exchange.response_body(body.as_bytes(), || 0);
    exchange.response_end();
    exchange.finish(End::Client, 1_763_700_001_000_000_000)
}

#[test]
fn what_the_provider_states_is_the_cost() {
    let body = r#"{"model":"openai/gpt-4o-mini","choices":[{"finish_reason":"stop"}],
        "usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost":0.0099}}"#;
    let record = exchange("openrouter.ai", "200", body);
    assert_eq!(record.outcome, Outcome::Complete);
    assert_eq!((record.cost_usd.map(|c| c.0), record.cost_source), (Some(9_900_000_000), Some(CostSource::Reported)));
    // 1,000 x 0.15 + 100 x 0.60 per million (openrouter.ai, gpt-4o-mini).
    assert_eq!(record.computed_cost_usd.map(|c| c.0), Some(210_000_000));
    assert_eq!(record.drift, Some(Drift::Under));
    assert_eq!(record.unpriced_reason, None);
}

#[test]
fn a_statement_stands_in_where_the_book_knows_nothing() {
    let body =
        r#"{"model":"nobody/knows","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"cost":1e-3}}"#;
    let record = exchange("openrouter.ai", "200", body);
    assert_eq!((record.cost_usd.map(|c| c.0), record.drift), (Some(1_000_000_000), Some(Drift::Unpriced)));
    assert_eq!((record.computed_cost_usd, record.unpriced_reason), (None, None));
}

#[test]
fn without_a_statement_the_book_counts_and_nothing_drifts() {
    let body = r#"{"model":"openai/gpt-4o-mini","usage":{"prompt_tokens":1000,"completion_tokens":100}}"#;
    let record = exchange("openrouter.ai", "200", body);
    assert_eq!((record.cost_source, record.drift), (Some(CostSource::Computed), None));
    let failed = exchange("openrouter.ai", "500", r#"{"error":{"message":"x"},"usage":{"cost":1}}"#);
    assert_eq!((failed.cost_usd, failed.drift), (None, None));
}
