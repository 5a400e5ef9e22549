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

fn copilot(path: &str, kind: &str, body: &str) -> Record {
    let head = [(":method", "POST"), (":authority", "api.githubcopilot.com"), (":path", path)];
    let run = |size: usize| {
        let config = Rc::new(Config::parse(b"").expect("the default"));
        let mut exchange = Exchange::new(config, &head.into_iter().collect(), 1_795_089_600_000_000_000);
        exchange.response_head(&[(":status", "200"), ("content-type", kind)].into_iter().collect());
        body.as_bytes().chunks(size).for_each(|cut| exchange.response_body(cut, || 0));
        exchange.response_end();
        exchange.finish(End::Client, 1_795_089_601_000_000_000)
    };
    let (whole, bytes) = (run(body.len()), run(1));
    assert_eq!(
        (whole.cost_usd, whole.computed_cost_usd, whole.drift),
        (bytes.cost_usd, bytes.computed_cost_usd, bytes.drift)
    );
    whole
}

/// GitHub bills credits of a cent and states them in billionths: docs.github.com, "Usage-based billing for organizations
/// and enterprises"; where it states them: github.com/microsoft/vscode, `claudeProxyService.ts`; 2026-11-21.
#[test]
fn copilot_states_nano_credits() {
    let credits = |nano: &str| {
        format!(r#""copilot_usage":{{"token_details":[{{"cost_per_batch":175000000000}}],"total_nano_aiu":{nano}}}"#)
    };
    let told = |record: &Record| (record.cost_usd.map(|c| c.0), record.cost_source, record.drift);
    // 148 tokens in at 1.75 and 65 out at 14 USD per million: 0.1169 credits.
    let usage = r#""usage":{"input_tokens":148,"input_tokens_details":{"cached_tokens":0},"output_tokens":65,"total_tokens":213}"#;
    let response = format!(r#""id":"r","model":"gpt-5.3-codex","status":"completed",{usage}"#);
    let exact = (Some(1_169_000_000), Some(CostSource::Reported), Some(Drift::None));
    let unary = format!("{{{},{response}}}", credits("116900000"));
    assert_eq!(told(&copilot("/responses", "application/json", &unary)), exact);
    let event = format!(
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{{response}}},{}}}\n\n",
        credits("116900000")
    );
    assert_eq!(told(&copilot("/responses", "text/event-stream", &event)), exact);
    // Models that a subscription includes are stated as 0, which the book says too.
    let chunks = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}],\"model\":\"gpt-4o\"}}\n\ndata: {{\"choices\":[{{\"delta\":{{}},\
         \"finish_reason\":\"stop\"}}],{},\"model\":\"gpt-4o\",\"usage\":{{\"prompt_tokens\":28,\"completion_tokens\":49}}}}\n\n\
         data: [DONE]\n\n",
        credits("0")
    );
    let free = copilot("/chat/completions", "text/event-stream", &chunks);
    assert_eq!(told(&free), (Some(0), Some(CostSource::Reported), Some(Drift::None)));
    // A model that no list has: half a credit.
    let message = format!(
        r#"{{"type":"message","model":"claude-next","usage":{{"input_tokens":9,"output_tokens":9}},{}}}"#,
        credits("500000000")
    );
    let new = copilot("/v1/messages", "application/json", &message);
    assert_eq!(told(&new), (Some(5_000_000_000), Some(CostSource::Reported), Some(Drift::Unpriced)));
    let delta = format!(
        "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"model\":\"claude-next\",\"usage\":{{\"input_tokens\":9}}}}}}\n\n\
         event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{}},\"usage\":{{\"output_tokens\":9}},{}}}\n\n",
        credits("500000000")
    );
    assert_eq!(told(&copilot("/v1/messages", "text/event-stream", &delta)), told(&new));
    for hostile in ["-1", "null", "\"7\"", "1e999", "{}"] {
        let body = format!(
            r#"{{"model":"gpt-5-mini","usage":{{"prompt_tokens":4,"completion_tokens":1}},{}}}"#,
            credits(hostile)
        );
        let record = copilot("/chat/completions", "application/json", &body);
        // 4 tokens at 0.25 and one at 2 USD per million.
        assert_eq!(told(&record), (Some(3_000_000), Some(CostSource::Computed), None), "{hostile}");
    }
}
