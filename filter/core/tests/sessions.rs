//! Sessions over web sockets, from heads and frames to records.

use std::rc::Rc;

use genops_core::{Config, End, Exchange, Head, Outcome, Record};

/// Nanoseconds since 1970 of 2026-11-21.
const AT: u64 = 1_795_219_200_000_000_000;

fn frame(message: &str) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a short message");
    [&[0x81, 126][..], &length.to_be_bytes(), message.as_bytes()].concat()
}

const CREATED: &str = r#"{"type":"session.created","event_id":"e1","session":{"type":"realtime","id":"sess_1",
    "model":"gpt-realtime-2025-08-28","audio":{"input":{"transcription":null}}}}"#;
const BEGUN: &str = r#"{"type":"response.created","event_id":"e2","response":{"id":"r","status":"in_progress"}}"#;
/// The figures of `reference/prices.md` 6.3, which cost 0.04052 USD.
const DONE: &str = r#"{"type":"response.done","event_id":"e3","response":{"id":"r","status":"completed","usage":{
    "total_tokens":1400,"input_tokens":1000,"output_tokens":400,
    "input_token_details":{"text_tokens":200,"audio_tokens":800,"image_tokens":0,"cached_tokens":300,
        "cached_tokens_details":{"text_tokens":100,"audio_tokens":200,"image_tokens":0}},
    "output_token_details":{"text_tokens":100,"audio_tokens":300}}}}"#;
const CLOSE: &[u8] = &[0x88, 2, 3, 0xE8];

fn session(path: &str, status: &str, server: &[u8], end: Option<End>) -> Record {
    let head = [
        (":method", "GET"),
        (":authority", "api.openai.com"),
        (":path", path),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
    ];
    let mut exchange = Exchange::new(Rc::new(Config::default()), &Head::from_iter(head), AT);
    exchange.response_head(&Head::from_iter([(":status", status), ("upgrade", "websocket")]));
    assert!(exchange.wants_response_body() && !exchange.wants_request_body());
    server.chunks(11).for_each(|cut| exchange.response_body(cut, || AT + 5));
    if end.is_none() {
        exchange.response_end();
    }
    exchange.finish(end.unwrap_or(End::Client), AT + 60_000_000_000)
}

fn messages(all: &[&str]) -> Vec<u8> {
    all.iter().flat_map(|m| frame(m)).collect()
}

fn cost(record: &Record) -> Option<String> {
    record.cost_usd.map(|c| genops_core::price::pico_to_decimal(c.0))
}

const PATH: &str = "/v1/realtime?model=gpt-realtime";

#[test]
fn two_responses_are_one_exchange_and_one_bill() {
    let mut server = messages(&[CREATED, BEGUN, DONE, BEGUN, DONE]);
    server.extend_from_slice(CLOSE);
    let record = session(PATH, "101", &server, None);
    assert_eq!((record.outcome, record.error_type, record.status), (Outcome::Complete, None, Some(101)));
    assert_eq!((record.api, record.streamed), ("realtime", true));
    assert_eq!((record.input_tokens, record.output_tokens), (Some(2000), Some(800)));
    assert_eq!(record.cache_read_tokens, Some(600));
    assert_eq!(cost(&record).as_deref(), Some("0.08104"));
    assert_eq!(record.request_model.as_deref(), Some("gpt-realtime"));
    assert_eq!(record.model.as_deref(), Some("gpt-realtime-2025-08-28"));
    assert_eq!(record.canonical_model.as_deref(), Some("gpt-realtime"));
    // Its first word waits for its user, not for the model.
    assert_eq!((record.time_to_first_token_ms, record.timing.first_event), (None, None));
    assert_eq!(record.timing.total, 60_000_000_000);
}

#[test]
fn it_is_complete_whoever_leaves_between_responses() {
    let server = messages(&[CREATED, BEGUN, DONE]);
    for end in [None, Some(End::Client)] {
        let record = session(PATH, "101", &server, end);
        assert_eq!((record.outcome, record.error_type), (Outcome::Complete, None), "{end:?}");
        assert_eq!(cost(&record).as_deref(), Some("0.04052"));
    }
    // The provider's connection broke without a close frame; behind one it may.
    let broken = session(PATH, "101", &server, Some(End::Reset));
    assert_eq!(broken.outcome, Outcome::Partial);
    let closed = session(PATH, "101", &[&server, CLOSE].concat(), Some(End::Reset));
    assert_eq!((closed.outcome, closed.error_type), (Outcome::Complete, None));
}

#[test]
fn it_is_partial_where_a_response_was_on_its_way() {
    let server = messages(&[CREATED, BEGUN, DONE, BEGUN]);
    for end in [None, Some(End::Client)] {
        let record = session(PATH, "101", &server, end);
        assert_eq!(record.outcome, Outcome::Partial, "{end:?}");
        assert_eq!(cost(&record).as_deref(), Some("0.04052"));
    }
    let first = session(PATH, "101", &messages(&[CREATED, BEGUN]), Some(End::Client));
    assert_eq!((first.outcome, first.cost_usd), (Outcome::Missing, None));
    assert!(first.unpriced_reason.is_some());
}

#[test]
fn what_another_model_transcribes_is_priced_at_its_own() {
    let created = CREATED.replace(r#""transcription":null"#, r#""transcription":{"model":"whisper-1"}"#);
    let heard = r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"hello",
        "usage":{"type":"duration","seconds":12.34}}"#;
    let record = session(PATH, "101", &messages(&[&created, heard, BEGUN, DONE]), Some(End::Client));
    // 12.34 s of whisper-1 cost 0.001234 USD.
    assert_eq!(cost(&record).as_deref(), Some("0.041754"), "{record:?}");
    assert_eq!((record.input_tokens, record.canonical_model.as_deref()), (Some(1000), Some("gpt-realtime")));
    let unknown = created.replace("whisper-1", "my-deployment");
    let record = session(PATH, "101", &messages(&[&unknown, heard, BEGUN, DONE]), Some(End::Client));
    assert_eq!((record.outcome, record.cost_usd), (Outcome::Complete, None));
    assert!(record.unpriced_reason.is_some());
}

#[test]
fn a_session_without_a_response_costs_nothing_and_says_so() {
    let record = session(PATH, "101", &messages(&[CREATED]), Some(End::Client));
    assert_eq!((record.outcome, record.input_tokens), (Outcome::Complete, Some(0)));
    assert_eq!(cost(&record).as_deref(), Some("0"));
}

#[test]
fn what_is_no_session_is_read_as_what_it_is() {
    let refused = session(PATH, "401", br#"{"error":{"code":"invalid_api_key","message":"no"}}"#, None);
    assert_eq!((refused.outcome, refused.status), (Outcome::Error, Some(401)));
    let garbage = session(PATH, "101", b"\xFF\xFF, no frame at all", None);
    assert_eq!(garbage.outcome, Outcome::Unparsable);
    let kept = session(PATH, "101", &[&messages(&[CREATED, DONE])[..], b"\xFF\xFF, no frame at all"].concat(), None);
    assert_eq!((kept.outcome, cost(&kept).as_deref()), (Outcome::Partial, Some("0.04052")));
}

#[test]
fn responses_over_a_socket_are_completions() {
    let completed = r#"{"type":"response.completed","response":{"id":"r","status":"completed","model":"gpt-4o-mini",
        "service_tier":"default","usage":{"input_tokens":1000,"output_tokens":500,"total_tokens":1500}}}"#;
    let record = session("/v1/responses", "101", &messages(&[completed, completed]), Some(End::Client));
    assert_eq!((record.outcome, record.api), (Outcome::Complete, "responses"));
    assert_eq!(
        (record.dimensions.operation_type, record.canonical_model.as_deref()),
        ("completion", Some("gpt-4o-mini"))
    );
    assert_eq!((record.input_tokens, cost(&record).as_deref()), (Some(2000), Some("0.0009")));
}

#[test]
fn a_gemini_client_names_the_model_in_its_first_frame() {
    let head = [
        (":method", "GET"),
        (":authority", "generativelanguage.googleapis.com"),
        (":path", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k"),
        ("upgrade", "websocket"),
    ];
    let mut exchange = Exchange::new(Rc::new(Config::default()), &Head::from_iter(head), AT);
    assert!(!exchange.wants_request_body());
    exchange.response_head(&Head::from_iter([(":status", "101")]));
    let setup = br#"{"setup":{"model":"models/gemini-live-2.5-flash"}}"#;
    let key = [1, 2, 3, 4];
    let masked = setup.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    let client: Vec<u8> = [0x81, 0x80 | 50].into_iter().chain(key).chain(masked).collect();
    assert_eq!(setup.len(), 50);
    assert!(exchange.wants_request_body());
    client.chunks(3).for_each(|cut| exchange.request_body(cut));
    assert!(!exchange.wants_request_body());
    let turn = r#"{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":1000,
        "responseTokenCount":100,"totalTokenCount":1100,
        "promptTokensDetails":[{"modality":"AUDIO","tokenCount":400},{"modality":"TEXT","tokenCount":600}],
        "responseTokensDetails":[{"modality":"AUDIO","tokenCount":100}]}}"#;
    exchange.response_body(&messages(&[r#"{"setupComplete":{}}"#, turn, turn]), || AT);
    let record = exchange.finish(End::Client, AT + 1);
    assert_eq!((record.provider.as_deref(), record.outcome), (Some("google"), Outcome::Complete));
    assert_eq!(record.request_model.as_deref(), Some("models/gemini-live-2.5-flash"));
    assert!(record.canonical_model.is_some(), "{record:?}");
    assert_eq!((record.input_tokens, record.output_tokens), (Some(2000), Some(200)));
    assert!(record.cost_usd.is_some(), "{record:?}");
}
