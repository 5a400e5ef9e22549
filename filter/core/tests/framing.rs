//! Framings, from the outside: bodies in all dialects, under all cuts, whole and damaged.

mod build;

use build::{cut_everywhere, event_message, gzip, read, read_cut, sse_head};
use genops_core::{
    ErrorType,
    body::{BodyState, Reader},
    detect::Api,
    head::Head,
};
use proptest::prelude::*;

const DELTA: &str =
    r#"{"id":"1","model":"m","choices":[{"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}"#;
const USAGE: &str =
    r#"{"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

/// Tokens that a chat response in SSE says.
#[track_caller]
fn sse_tokens(body: &str) -> Option<(u64, u64)> {
    let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), body.as_bytes());
    reading.usage.and_then(|u| Some((u.input?, u.output?)))
}

#[test]
fn sse_line_ends_comments_and_marks() {
    for end in ["\n", "\r\n", "\r"] {
        for body in [
            format!("data: {DELTA}{end}{end}data: {USAGE}{end}{end}data: [DONE]{end}{end}"),
            format!("\u{feff}data:{USAGE}{end}{end}"),
            format!(": comment{end}{end}:{end}event: x{end}id: 1{end}data: {USAGE}{end}retry: 5{end}{end}"),
            format!("data{end}data: {USAGE}{end}{end}"),
            format!("{end}{end}data: {USAGE}{end}{end}: trailing"),
            // A field that only begins like data.
            format!("database: x{end}data: {USAGE}{end}{end}dat: {{{end}{end}"),
        ] {
            assert_eq!(sse_tokens(&body), Some((3, 4)), "{body:?}");
        }
    }
}

#[test]
fn data_in_several_lines_is_one_document() {
    let body = "data: {\"model\":\"m\",\ndata: \"usage\":{\"prompt_tokens\":3,\ndata:\"completion_tokens\":4}}\n\n";
    assert_eq!(sse_tokens(body), Some((3, 4)));
    // After output has been seen, a first line that could be skipped alone must not be.
    let rest = r#"data: "usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    assert_eq!(sse_tokens(&format!("data: {DELTA}\n\ndata: {{\"x\":1,\n{rest}\n\n")), Some((3, 4)));
}

#[test]
fn the_last_event_counts_without_a_blank_line() {
    for end in ["", "\n", "\r"] {
        assert_eq!(sse_tokens(&format!("data: {DELTA}\n\ndata: {USAGE}{end}")), Some((3, 4)));
    }
    let cut = format!("data: {DELTA}\n\ndata: {}", &USAGE[..USAGE.len() - 9]);
    let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), cut.as_bytes());
    assert_eq!((reading.usage, reading.state), (None, BodyState::Truncated));
}

#[test]
fn data_that_is_no_json_is_tolerated_among_json() {
    let body = format!("data: hello\n\ndata: {USAGE}\n\ndata: \n\nevent: done\ndata: [DONE]\n\n");
    let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), body.as_bytes());
    assert_eq!(reading.state, BodyState::Complete);
    assert!(reading.usage.is_some());
    let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), b"data: hello\n\ndata: you\n\n");
    assert_eq!(reading.state, BodyState::Unparsable);
}

#[test]
fn errors_inside_a_stream_are_told() {
    let error = r#"{"error":{"message":"busy","type":"overloaded_error"}}"#;
    for body in [
        format!("data: {DELTA}\n\ndata: {error}\n\n"),
        format!("data: {DELTA}\n\nevent: error\ndata: {error}\n\n"),
        format!("data: {DELTA}\n\nerror: {error}\n\n"),
        format!("data: {DELTA}\n\nerror: {error}"),
    ] {
        let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), body.as_bytes());
        let error = reading.error.expect(&body);
        assert_eq!((error.kind, error.code.as_deref()), (ErrorType::Overloaded, Some("overloaded_error")), "{body}");
        assert_eq!(reading.usage, None);
    }
    for body in ["event: error\ndata: oops\n\n", "error: oops", "error: {\"error\":{\"message\":\"x\"}}\n\n"] {
        let body = format!("data: {DELTA}\n\n{body}");
        let reading = cut_everywhere(Api::ChatCompletions, 200, &sse_head(), body.as_bytes());
        assert_eq!(reading.error.map(|e| e.kind), Some(ErrorType::StreamError), "{body}");
    }
    let anthropic = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}}\n\n";
    let reading = cut_everywhere(Api::Messages, 200, &sse_head(), anthropic.as_bytes());
    assert_eq!(reading.error.map(|e| e.kind), Some(ErrorType::RateLimited));
}

#[test]
fn decoys_do_not_count() {
    let text = r#"{"choices":[{"delta":{"content":"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9}"}}]}"#;
    assert_eq!(sse_tokens(&format!("data: {text}\n\n")), None);
    let tool = r#"{"object":"response","model":"m","tool_usage":{"image_gen":{"input_tokens":9,"output_tokens":9}},
        "output":[{"usage":{"input_tokens":9,"output_tokens":9}}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let reading = cut_everywhere(Api::Responses, 200, &[("content-type", "application/json")], tool.as_bytes());
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(1), Some(2))));
}

#[test]
fn a_lying_content_type_is_corrected() {
    let sse = format!("data: {USAGE}\n\n");
    for (kind, body) in [
        ("application/json", sse.as_str()),
        ("text/plain", &sse),
        ("", &sse),
        ("text/event-stream", USAGE),
        ("application/octet-stream", USAGE),
        ("text/html", USAGE),
        ("", &format!(" \r\n\n{USAGE}")),
    ] {
        let reading = cut_everywhere(Api::ChatCompletions, 200, &[("content-type", kind)], body.as_bytes());
        assert_eq!(reading.usage.and_then(|u| u.output), Some(4), "{kind}: {body}");
    }
    let html = cut_everywhere(Api::ChatCompletions, 200, &[("content-type", "application/json")], b"<html>no</html>");
    assert_eq!((html.state, html.usage), (BodyState::Unparsable, None));
    let audio = cut_everywhere(Api::AudioSpeech, 200, &[("content-type", "audio/mpeg")], b"{\xff\xfb data: {}");
    assert_eq!((audio.state, audio.usage), (BodyState::Complete, None));
    for text in [b"Hello there".as_slice(), b"dear reader: data\n\nis here"] {
        let text = cut_everywhere(Api::AudioTranscriptions, 200, &[("content-type", "text/plain")], text);
        assert_eq!((text.state, text.usage, text.streamed), (BodyState::Complete, None, false));
    }
}

#[test]
fn lines_and_arrays_of_json() {
    let lines = [("content-type", "application/x-ndjson")];
    let body =
        b"{\"response\":\"a\",\"done\":false}\n{broken\n{\"done\":true,\"prompt_eval_count\":3,\"eval_count\":4}\n";
    let reading = cut_everywhere(Api::OllamaGenerate, 200, &lines, body);
    assert_eq!((reading.state, reading.streamed), (BodyState::Complete, true));
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(3), Some(4))));
    let cut = cut_everywhere(Api::OllamaGenerate, 200, &lines, b"{\"done\":false}\n{\"done\":");
    assert_eq!(cut.state, BodyState::Truncated);

    let array = br#"[{"usageMetadata":{"promptTokenCount":9}},
        {"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4},"modelVersion":"g"}]"#;
    let json = [("content-type", "application/json; charset=UTF-8")];
    let reading = cut_everywhere(Api::StreamGenerateContent, 200, &json, array);
    assert_eq!((reading.model.as_deref(), reading.streamed), (Some("g"), true));
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(3), Some(4))));
    let cut = cut_everywhere(Api::StreamGenerateContent, 200, &json, &array[..array.len() - 1]);
    assert_eq!(cut.state, BodyState::Truncated);
}

#[test]
fn ends_are_told_apart() {
    let json = [("content-type", "application/json")];
    let state = |head: &[(&str, &str)], body: &str, ended| {
        read_cut(Api::ChatCompletions, 200, head, body.as_bytes(), &[], ended).state
    };
    assert_eq!(state(&json, USAGE, true), BodyState::Complete);
    // The document is whole: a client that hangs up right after it has lost nothing.
    assert_eq!(state(&json, USAGE, false), BodyState::Complete);
    assert_eq!(state(&json, &USAGE[..40], true), BodyState::Truncated);
    assert_eq!(state(&json, "", true), BodyState::Complete);
    assert_eq!(state(&sse_head(), &format!("data: {DELTA}\n\n"), true), BodyState::Complete);
    assert_eq!(state(&sse_head(), &format!("data: {DELTA}\n\n"), false), BodyState::Truncated);
    assert_eq!(state(&sse_head(), &format!("data: {USAGE}\n\ndata: [DONE]\n\n"), false), BodyState::Complete);
    // Whole documents, then rubbish: what was read stands.
    let reading = cut_everywhere(Api::ChatCompletions, 200, &json, format!("{USAGE} <rubbish").as_bytes());
    assert_eq!((reading.state, reading.usage.is_some()), (BodyState::Complete, true));
}

#[test]
fn flags_rise_where_the_bytes_are() {
    let head = Head::from_iter(sse_head());
    let mut reader = Reader::new(Api::ChatCompletions, 200, &head);
    reader.feed(b": OPENROUTER PROCESSING\n\n");
    assert!(!reader.seen_event() && reader.is_streamed());
    reader.feed(br#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#);
    assert!(reader.seen_event() && !reader.seen_token());
    reader.feed(b"\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"H");
    assert!(reader.seen_token() && !reader.seen_usage());
    reader.feed(b"i\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}");
    assert_eq!(reader.usage_so_far().and_then(|u| u.output), Some(1));
}

#[test]
fn gzip_in_members_cut_damaged_and_false() {
    let head = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let tokens = |body: &[u8]| {
        let reading = cut_everywhere(Api::ChatCompletions, 200, &head, body);
        (reading.usage.and_then(|u| u.output), reading.state)
    };
    let whole = gzip(USAGE.as_bytes());
    assert_eq!(tokens(&whole), (Some(4), BodyState::Complete));
    let (a, b) = USAGE.split_at(50);
    let members = [gzip(a.as_bytes()), gzip(b.as_bytes())].concat();
    assert_eq!(tokens(&members), (Some(4), BodyState::Complete));
    assert_eq!(tokens(&[whole.as_slice(), b"\0\0\0padding"].concat()), (Some(4), BodyState::Complete));
    // Not encoded in spite of the header, and encoded without one.
    assert_eq!(tokens(USAGE.as_bytes()), (Some(4), BodyState::Complete));
    let reading = cut_everywhere(Api::ChatCompletions, 200, &[], &whole);
    assert_eq!(reading.usage.and_then(|u| u.output), Some(4));
    // Cut off before the document's end, and damaged.
    assert_eq!(tokens(&whole[..whole.len() / 2]).1, BodyState::Truncated);
    assert_eq!(tokens(&[0x1F, 0x8B, 7, 0, 0, 0, 0, 0, 0, 0, 0]).1, BodyState::Unparsable);
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(tokens(&damaged).1, BodyState::Unparsable);
}

#[test]
fn gzip_header_fields_are_passed_over() {
    let plain = gzip(USAGE.as_bytes());
    let mut body = plain[..10].to_vec();
    body[3] = 2 | 4 | 8 | 16;
    body.extend_from_slice(&[3, 0, 1, 2, 3]);
    body.extend_from_slice(b"name\0comment\0\x01\x02");
    body.extend_from_slice(&plain[10..]);
    let reading = cut_everywhere(Api::ChatCompletions, 200, &[("content-encoding", "gzip")], &body);
    assert_eq!(reading.usage.and_then(|u| u.output), Some(4));
    // An extra field of no length, and no other.
    let mut body = plain[..10].to_vec();
    body[3] = 4;
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&plain[10..]);
    let reading = cut_everywhere(Api::ChatCompletions, 200, &[("content-encoding", "gzip")], &body);
    assert_eq!(reading.usage.and_then(|u| u.output), Some(4));
}

const EVENT: [(&str, &str); 1] = [("content-type", "application/vnd.amazon.eventstream")];
const METADATA: &[u8] =
    br#"{"trace":{"usage":{"inputTokens":9}},"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}"#;

fn converse() -> Vec<u8> {
    let event = |kind, payload: &[u8]| event_message(&[(":message-type", "event"), (":event-type", kind)], payload);
    [
        event("messageStart", br#"{"role":"assistant"}"#),
        event("contentBlockDelta", br#"{"delta":{"text":"x"}}"#),
        event("metadata", METADATA),
        event_message(&[], b""),
    ]
    .concat()
}

#[test]
fn event_streams_are_read_under_all_cuts() {
    let reading = cut_everywhere(Api::ConverseStream, 200, &EVENT, &converse());
    assert_eq!((reading.state, reading.streamed), (BodyState::Complete, true));
    assert_eq!(reading.usage.map(|u| (u.input, u.output, u.total)), Some((Some(3), Some(4), Some(7))));
    let cut = cut_everywhere(Api::ConverseStream, 200, &EVENT, &converse()[..converse().len() - 3]);
    assert_eq!(cut.state, BodyState::Truncated);
}

#[test]
fn a_damaged_message_says_nothing() {
    let sound = converse();
    let after = event_message(&[(":message-type", "event")], br#"{"usage":{"inputTokens":8,"outputTokens":8}}"#);
    for at in 0..sound.len() {
        let mut body = sound.clone();
        body[at] ^= 0x20;
        body.extend_from_slice(&after);
        let reading = read(Api::ConverseStream, 200, &EVENT, &body);
        assert_ne!(reading.state, BodyState::Complete, "byte {at}");
        // Either nothing or what stood before the damage, never anything else.
        let usage = reading.usage.map(|u| (u.input, u.output));
        assert!(matches!(usage, None | Some((Some(3), Some(4)))), "byte {at}: {usage:?}");
    }
}

#[test]
fn invoke_chunks_are_unwrapped_and_exceptions_told() {
    let chunk = |json: &str| {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(json);
        let payload = format!(r#"{{"p":"abc","bytes":"{}"}}"#, text.replace('/', "\\/"));
        event_message(&[(":event-type", "chunk"), (":message-type", "event")], payload.as_bytes())
    };
    let start = r#"{"type":"message_start","message":{"model":"c","usage":{"input_tokens":3,"output_tokens":1}}}"#;
    let delta = r#"{"type":"content_block_delta","delta":{"text":"??>>~~"}}"#;
    let end = r#"{"type":"message_delta","usage":{"output_tokens":4}}"#;
    let metrics = r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":8}}"#;
    let body = [chunk(start), chunk(delta), chunk(end), chunk(metrics)].concat();
    let reading = cut_everywhere(Api::InvokeStream, 200, &EVENT, &body);
    assert_eq!(reading.model.as_deref(), Some("c"));
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(3), Some(4))));

    let only_metrics = [chunk(delta), chunk(metrics)].concat();
    let reading = cut_everywhere(Api::InvokeStream, 200, &EVENT, &only_metrics);
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(8), Some(8))));

    let exception = event_message(
        &[(":exception-type", "throttlingException"), (":message-type", "exception")],
        br#"{"message":"slow down"}"#,
    );
    let reading = cut_everywhere(Api::InvokeStream, 200, &EVENT, &[chunk(start), exception].concat());
    let error = reading.error.expect("an error");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorType::RateLimited, Some("throttlingException")));
    assert_eq!(reading.usage.and_then(|u| u.input), Some(3));
}

/// Pieces of chat streams: ordinary, decoys, odd and broken.
fn sse_piece() -> impl Strategy<Value = String> {
    let odd = [
        r#"{"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
        r#"{"us\u0061ge":{"prompt_tokens":5,"completion_tokens":6}}"#,
        r#"{"usage" : null,"usage":{"prompt_tokens":7}}"#,
        r#"{"id":null,"choices":[{"delta":{"content":"say \"usage\": 1 or \"error\""},"finish_reason" : "stop"}]}"#,
        r#"{"service_tier":"flex","model":"other"}"#,
        r#"{"error":{"code":"rate_limit_exceeded"}}"#,
        r#"{"type":"message_stop"}"#,
        r#"{"type":"x","response":{"status":"completed","service_tier":"x","usage":{"input_tokens":1}}}"#,
        r#"{"type":"response.output_text.delta","delta":"x","code":"c","status":"s","id":"2"}"#,
        r#"{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":3}}}}"#,
        r#"{"base_resp":{"status_code":1002}}"#,
        r#"{"usage":{"prompt_tok"#,
        "{\"x\":1,\ndata: \"usage\":{\"prompt_tokens\":2}}",
        "[DONE]",
        "oops",
    ];
    let data = prop_oneof![
        5 => prop::sample::select(vec!["Hi", "", "a b", "\\\"usage\\\":", "x\\\\", "\u{e9}", "\r", "error"])
            .prop_map(|text| DELTA.replace("Hi", text)),
        1 => (0u64..99).prop_map(|n| USAGE.replace(":4,", &format!(":{n},"))),
        6 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
    ];
    let prefixes = ["data: ", "data:", "event: error\ndata: ", "event: x\ndata:", ": c\ndata: ", "error: ", "id: "];
    let ends = ["\n\n", "\r\n\r\n", "\r\r", "\n", "\r\n\n"];
    (prop::sample::select(prefixes.to_vec()), data, prop::sample::select(ends.to_vec()))
        .prop_map(|(prefix, data, end)| format!("{prefix}{data}{end}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte at a time nothing is ever skipped unread; in one piece all that can be is.
    #[test]
    fn skipping_changes_nothing(
        pieces in prop::collection::vec(sse_piece(), 0..24),
        cuts in prop::collection::vec(0usize..3000, 0..6),
        ended in any::<bool>(),
    ) {
        let token = r#"{"delta":"t","completion":"t","text":"t","choices":[{"text":"t"}]}"#;
        let token2 = r#"{"delta":{"text":"t","message":{"tool_plan":"t"}}}"#;
        let body = format!("data: {token}\n\ndata: {token2}\n\n{}", pieces.concat());
        let body = body.as_bytes();
        let mut cuts = cuts;
        cuts.sort_unstable();
        for api in [Api::ChatCompletions, Api::Messages, Api::Responses, Api::CohereChatV2] {
            let every: Vec<usize> = (0..body.len()).collect();
            let slow = read_cut(api, 200, &sse_head(), body, &every, ended);
            prop_assert_eq!(&read_cut(api, 200, &sse_head(), body, &[], ended), &slow, "{:?}", api);
            prop_assert_eq!(&read_cut(api, 200, &sse_head(), body, &cuts, ended), &slow, "{:?}", api);
        }
    }

    #[test]
    fn no_bytes_cause_a_panic_or_depend_on_cuts(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(prop::sample::select(b"data: {}[]\":,\n\rusage\\0\x1f\x8b\x08".to_vec()), 0..300),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(|tail| [converse(), tail].concat()),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(|tail| [gzip(USAGE.as_bytes()), tail].concat()),
            (prop::collection::vec(any::<u8>(), 1..4), 0usize..80).prop_map(|(noise, at)| {
                let mut body = gzip(USAGE.as_bytes());
                for (slot, byte) in body.iter_mut().skip(at).zip(noise) { *slot = byte; }
                body
            }),
        ],
        api in prop::sample::select(Api::ALL.to_vec()),
        kind in prop::sample::select(vec![
            "", "application/json", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream",
            "audio/mpeg",
        ]),
        encoding in prop::sample::select(vec!["", "gzip", "deflate", "br", "zstd", "gzip, br", "compress"]),
        status in prop::sample::select(vec![0u16, 200, 404, 500, 999]),
        ended in any::<bool>(),
    ) {
        let head = [("content-type", kind), ("content-encoding", encoding)];
        let every: Vec<usize> = (0..body.len()).collect();
        let whole = read_cut(api, status, &head, &body, &[], ended);
        prop_assert_eq!(read_cut(api, status, &head, &body, &every, ended), whole);
    }
}
