//! Streams that break off before they say their usage, or never do: the last figures count as partial, and a rule of
//! thumb goes where it cannot be taken for a figure.

use std::rc::Rc;

use genops_core::schema::{Table, observations};
use genops_core::{Config, End, Exchange, Head, Outcome, Record};

const ESTIMATE: &str = r#"{"estimate": true}"#;
const CHAT: (&str, &str) = ("api.openai.com", "/v1/chat/completions");
const PROMPT: &str = r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"twelve bytes"}]}"#;

/// An exchange whose response stops behind `body`.
fn run(config: &str, (host, path): (&str, &str), kind: &str, body: &str, end: Option<End>) -> Record {
    let config = Rc::new(Config::parse(config.as_bytes()).expect("a configuration"));
    let head = [(":method", "POST"), (":authority", host), (":path", path)];
    let mut exchange = Exchange::new(config, &head.into_iter().collect::<Head<'_>>(), 1_767_225_600_000_000_000);
    exchange.request_body(PROMPT.as_bytes());
    exchange.response_head(&[(":status", "200"), ("content-type", kind)].into_iter().collect());
    for cut in body.as_bytes().chunks(7) {
        exchange.response_body(cut, || 1_767_225_600_000_000_001);
    }
    if end.is_none() {
        exchange.response_end();
    }
    exchange.finish(end.unwrap_or(End::Client), 1_767_225_600_000_000_002)
}

fn figures(record: &Record) -> (Outcome, Option<u64>, Option<u64>) {
    (record.outcome, record.input_tokens, record.output_tokens)
}

fn sse(events: &[&str]) -> String {
    events.iter().map(|e| format!("data: {e}\n\n")).collect()
}

/// What it adds to families whose names hold `part`.
fn counted(record: &Record, part: &str) -> Vec<(String, usize, u64)> {
    let (mut all, table) = (Vec::new(), Table::default());
    observations(&table, record, |o| {
        let name = &table.fed()[o.family].name;
        if name.contains(part) {
            all.push((name.to_string(), o.variant, o.value));
        }
    });
    all
}

#[test]
fn the_last_cumulative_figures_of_an_aborted_stream_are_partial() {
    // vLLM's continuous_usage_stats: every chunk has the figures so far.
    let vllm = sse(&[
        r#"{"model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#,
        r#"{"model":"m","choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":10,"completion_tokens":2}}"#,
    ]) + r#"data: {"model":"m","choices":[{"delta":{"content":"c"}}],"usage":{"prompt_tokens":10,"completion_to"#;
    for end in [End::Client, End::Reset, End::Timeout] {
        let record = run("{}", ("vllm", "/v1/chat/completions"), "text/event-stream", &vllm, Some(end));
        assert_eq!(figures(&record), (Outcome::Partial, Some(10), Some(2)), "{end:?}");
        assert_eq!(record.error_type.is_some(), end != End::Client);
    }
    // Anthropic says the input first, with the first tokens of the output.
    let start = r#"{"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":25,"output_tokens":1}}}"#;
    let delta = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#;
    let body = format!("event: message_start\ndata: {start}\n\nevent: content_block_delta\ndata: {delta}\n\n");
    let claude = ("api.anthropic.com", "/v1/messages");
    let record = run("{}", claude, "text/event-stream", &body, Some(End::Client));
    assert_eq!(figures(&record), (Outcome::Partial, Some(25), Some(1)));
    assert!(record.cost_usd.is_some() && record.error_type.is_none());
    // Gemini repeats its figures in each chunk.
    let chunk = |n: u32| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"x"}}]}}}}],
            "usageMetadata":{{"promptTokenCount":8,"candidatesTokenCount":{n}}},"modelVersion":"gemini-2.5-flash"}}"#
        )
        .replace('\n', " ")
    };
    let body = sse(&[&chunk(3), &chunk(6)]) + "data: {\"candidates\":[";
    let gemini = ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    let record = run("{}", gemini, "text/event-stream", &body, Some(End::Client));
    assert_eq!(figures(&record), (Outcome::Partial, Some(8), Some(6)));
    let array = format!("[{},\n{},\n{{\"candidates\"", chunk(3), chunk(6));
    let gemini = ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:streamGenerateContent");
    let record = run("{}", gemini, "application/json", &array, Some(End::Reset));
    assert_eq!(figures(&record), (Outcome::Partial, Some(8), Some(6)));
}

#[test]
fn who_hangs_up_after_the_event_that_ends_a_stream_has_had_all_of_it() {
    let usage = r#"{"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2}}"#;
    let chat = ("vllm", "/v1/chat/completions");
    let ended = sse(&[usage, "[DONE]"]);
    let outcome = |body: &str, end| run("{}", chat, "text/event-stream", body, Some(end)).outcome;
    assert_eq!(outcome(&ended, End::Client), Outcome::Complete);
    // `[DONE]` needs no blank line: nothing comes after it.
    assert_eq!(outcome(ended.strip_suffix("\n\n").expect("an event"), End::Client), Outcome::Complete);
    assert_eq!(outcome(&sse(&[usage]), End::Client), Outcome::Partial);
    assert_eq!(outcome(ended.strip_suffix("]\n\n").expect("an event"), End::Client), Outcome::Partial);
    let claude = ("api.anthropic.com", "/v1/messages");
    let start = r#"{"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":25,"output_tokens":1}}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    let left = |events: &[&str]| run("{}", claude, "text/event-stream", &sse(events), Some(End::Client)).outcome;
    assert_eq!((left(&[start, stop]), left(&[start])), (Outcome::Complete, Outcome::Partial));
    let responses = ("api.openai.com", "/v1/responses");
    let item = r#"{"type":"response.output_item.done","item":{"type":"message","status":"completed"}}"#;
    let whole = |status: &str| {
        format!(
            r#"{{"type":"response.x","response":{{"model":"gpt-4o","status":"{status}","usage":{{"input_tokens":3,"output_tokens":1}}}}}}"#
        )
    };
    let left = |last: &str| run("{}", responses, "text/event-stream", &sse(&[last, item]), Some(End::Client)).outcome;
    // A finished item is not a finished response.
    assert_eq!((left(&whole("completed")), left(&whole("in_progress"))), (Outcome::Complete, Outcome::Partial));
    // An upstream that breaks off after it has still broken off.
    assert_eq!(outcome(&ended, End::Reset), Outcome::Partial);
}

/// Three bytes of text, and no usage.
fn silent() -> String {
    let chunk =
        |text: &str| format!(r#"{{"model":"gpt-4o","choices":[{{"delta":{{"content":"{text}"}}}}],"usage":null}}"#);
    sse(&[&chunk("a"), &chunk("bc"), "[DONE]"])
}

#[test]
fn an_estimate_is_told_apart_from_figures() {
    for end in [None, Some(End::Client), Some(End::Reset)] {
        let record = run(ESTIMATE, CHAT, "text/event-stream", &silent(), end);
        assert_eq!(figures(&record), (Outcome::Estimated, None, None), "{end:?}");
        assert_eq!((record.estimated_input_tokens, record.estimated_output_tokens), (Some(3), Some(1)));
        assert_eq!(record.error_type.is_some(), end == Some(End::Reset));
        assert!(record.cost_usd.is_none() && record.unpriced_reason.is_some());
        let family = "genops_tokens_estimated_total".to_owned();
        assert_eq!(counted(&record, "tokens"), [(family.clone(), 0, 3), (family, 1, 1)]);
        assert_eq!(counted(&record, "usd"), []);
        let json = record.to_json();
        assert!(json.contains(r#""estimated_input_tokens":3,"estimated_output_tokens":1"#), "{json}");
        assert!(json.contains(r#""input_tokens":null"#), "{json}");
    }
}

#[test]
fn what_is_said_or_never_generated_is_not_estimated() {
    // Off.
    let record = run("{}", CHAT, "text/event-stream", &silent(), None);
    assert_eq!(record.outcome, Outcome::Missing);
    assert!(!record.to_json().contains("estimated_") && counted(&record, "estimated").is_empty());
    // The provider said it.
    let said = sse(&[r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#]);
    let record = run(ESTIMATE, CHAT, "text/event-stream", &said, None);
    assert_eq!(figures(&record), (Outcome::Complete, Some(1), Some(2)));
    assert!(record.estimated_output_tokens.is_none());
    // Nothing was generated.
    let record = run(ESTIMATE, CHAT, "text/event-stream", "data: [DONE]\n\n", None);
    assert_eq!((record.outcome, record.estimated_input_tokens), (Outcome::Missing, None));
    let record = run(ESTIMATE, CHAT, "text/event-stream", "", Some(End::Reset));
    assert_eq!(record.outcome, Outcome::Error);
    // A failure inside the stream stays one.
    let failed = silent().replace("[DONE]", r#"{"error":{"code":"server_error"}}"#);
    let record = run(ESTIMATE, CHAT, "text/event-stream", &failed, None);
    assert_eq!((record.outcome, record.estimated_output_tokens), (Outcome::Error, None));
}

#[test]
fn the_length_of_a_prompt_is_told_where_filter_state_asks_for_it() {
    let asked = r#"{"filter_state": ["prompt_length"]}"#;
    let answer = r#"{"model":"gpt-4o","choices":[{"message":{"content":"hi"}}]}"#;
    let record = run(asked, CHAT, "application/json", answer, None);
    assert_eq!(record.prompt_length, Some(12));
    assert!(record.to_json().contains(r#""prompt_length":12"#));
    // It is no estimate: that has a switch of its own.
    assert_eq!((record.outcome, record.estimated_input_tokens), (Outcome::Missing, None));
    for config in ["{}", ESTIMATE] {
        let record = run(config, CHAT, "application/json", answer, None);
        assert_eq!(record.prompt_length, None);
        assert!(!record.to_json().contains("prompt_length"));
    }
}
