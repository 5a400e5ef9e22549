//! Asking streams for their usage: what is edited, and that nothing else is, wherever the bytes are cut.

use std::rc::Rc;

use genops_core::inject::{HeadStep, InjectOutcome, Injection, Splice, Step};
use genops_core::{Config, Exchange, Head};
use proptest::prelude::*;
use serde_json::Value;

const CONFIG: &str = r#"{"include_usage": {"providers": ["openai"], "authorities": ["llm.internal"]}}"#;
const HOLDING: &str = r#"{"include_usage": {"providers": ["openai"], "hold_request_bytes": 1000}}"#;

fn injection_of(config: &str, extra: &[(&str, &str)]) -> Option<Injection> {
    let config = Rc::new(Config::parse(config.as_bytes()).expect("a configuration"));
    let mut head = vec![(":method", "POST"), (":path", "/v1/chat/completions")];
    if !extra.iter().any(|(name, _)| *name == ":authority") {
        head.push((":authority", "api.openai.com"));
    }
    head.retain(|(name, _)| !extra.iter().any(|(other, _)| name == other));
    let head: Head<'_> = head.iter().chain(extra).copied().collect();
    Exchange::new(config, &head, 0).injection(&head)
}

fn injection() -> Injection {
    injection_of(CONFIG, &[]).expect("covered")
}

fn apply(bytes: &[u8], splice: Splice) -> Vec<u8> {
    let (at, remove) = (usize::try_from(splice.at).expect("small"), usize::try_from(splice.remove).expect("small"));
    [&bytes[..at], splice.insert.as_bytes(), &bytes[at + remove..]].concat()
}

/// Cuts at these places, in any order and number.
fn cut<'a>(body: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|c| c % (body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|w| &body[w[0]..w[1]]).collect()
}

/// What goes upstream, as a proxy would send it on.
fn edited(injection: &mut Injection, body: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut out, mut waiting) = (Vec::new(), Vec::new());
    let pieces = cut(body, cuts);
    for (at, piece) in pieces.iter().enumerate() {
        assert_eq!(injection.held(), waiting.len() as u64);
        let step = injection.request_body(piece, at + 1 == pieces.len());
        waiting.extend_from_slice(piece);
        match step {
            Step::Hold => continue,
            Step::Pass => {}
            Step::Edit(splice) => waiting = apply(&waiting, splice),
        }
        out.append(&mut waiting);
    }
    assert!(waiting.is_empty(), "bytes wait for ever");
    out
}

#[track_caller]
fn check(body: &str, expected: &str, outcome: InjectOutcome) {
    for cuts in [vec![], (0..body.len()).collect()] {
        let mut injection = injection();
        let out = edited(&mut injection, body.as_bytes(), &cuts);
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(injection.outcome(), outcome, "{body}");
    }
}

#[test]
fn a_stream_that_does_not_ask_is_made_to_ask() {
    let injected = InjectOutcome::Injected;
    check(
        r#"{"model":"m", "messages":[ ] ,"n":1.50e0,"stream" : true }"#,
        r#"{"model":"m", "messages":[ ] ,"n":1.50e0,"stream" : true ,"stream_options":{"include_usage":true}}"#,
        injected,
    );
    check(
        r#"{"stream":true,"stream_options":{ }, "z":"\u00e9"}"#,
        r#"{"stream":true,"stream_options":{ "include_usage":true}, "z":"\u00e9"}"#,
        injected,
    );
    check(
        r#"{"stream_options":{"include_obfuscation":false},"stream":true}"#,
        r#"{"stream_options":{"include_obfuscation":false,"include_usage":true},"stream":true}"#,
        injected,
    );
    check(
        r#"{"stream_options":{"include_usage": false},"stream":true}"#,
        r#"{"stream_options":{"include_usage": true},"stream":true}"#,
        injected,
    );
    check(
        r#"{"stream":true,"stream_options":{"include_usage":null,"x":{"include_usage":true}}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true,"x":{"include_usage":true}}}"#,
        injected,
    );
    check(
        r#"{"stream_options":null,"stream":true}"#,
        r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        injected,
    );
    // Escapes in keys are keys all the same.
    check(
        r#"{"str\u0065am":true,"stream_option\u0073":{"include_usage":false}}"#,
        r#"{"str\u0065am":true,"stream_option\u0073":{"include_usage":true}}"#,
        injected,
    );
    // White space behind it.
    check("{\"stream\":true}\r\n", "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}\r\n", injected);
}

#[test]
fn what_asks_or_is_no_stream_or_unclear_stays() {
    use InjectOutcome::{NotStreamed, Present, SkippedNotJson, SkippedUnclear};
    for (body, outcome) in [
        (r#"{"stream":true,"stream_options":{"include_usage":true}}"#, Present),
        (r#"{"stream_options":{"include_usage":true,"x":1},"stream":true}"#, Present),
        (r#"{"stream":false}"#, NotStreamed),
        (r#"{"stream":null,"stream_options":null}"#, NotStreamed),
        (r#"{"model":"m"}"#, NotStreamed),
        ("{}", NotStreamed),
        (r#"{"messages":[{"stream":true}],"x":{"stream":true}}"#, NotStreamed),
        (r#"{"stream_options":{"include_usage":false},"stream":false}"#, NotStreamed),
        (r#"{"stream":true,"stream":true}"#, SkippedUnclear),
        (r#"{"stream":true,"str\u0065am":false}"#, SkippedUnclear),
        (r#"{"stream":true,"stream_options":{},"stream_options":{"include_usage":true}}"#, SkippedUnclear),
        (r#"{"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}"#, SkippedUnclear),
        (r#"{"stream":1}"#, SkippedUnclear),
        (r#"{"stream":true,"stream_options":[]}"#, SkippedUnclear),
        (r#"{"stream":true,"stream_options":{"include_usage":"yes"}}"#, SkippedUnclear),
        ("", SkippedNotJson),
        ("[]", SkippedNotJson),
        ("null", SkippedNotJson),
        (r#"{"stream":true"#, SkippedNotJson),
        (r#"{"stream":true,"stream_options":{"x":1"#, SkippedNotJson),
        (r#"{"stream":true,}"#, SkippedNotJson),
        (r#"{"stream":true "x":1}"#, SkippedNotJson),
        (r#"{"stream":true,"x":[1,,2]}"#, SkippedNotJson),
        (r#"{"stream":true,"x":01}"#, SkippedNotJson),
        (r#"{"stream":true,"x":1.}"#, SkippedNotJson),
        (r#"{"stream":true,"x":"\x"}"#, SkippedNotJson),
        (r#"{"stream":true,"x":"\u12g4"}"#, SkippedNotJson),
        ("{\"stream\":true,\"x\":\"\n\"}", SkippedNotJson),
        (r#"{"stream":tru}"#, SkippedNotJson),
        (r#"{'stream':true}"#, SkippedNotJson),
        ("model=m&stream=true", SkippedNotJson),
    ] {
        check(body, body, outcome);
    }
    // Nested deeper than parsers go.
    let deep = format!(r#"{{"stream":true,"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    check(&deep, &deep, SkippedNotJson);
}

#[test]
fn little_waits_and_nothing_for_ever() {
    let text = "x".repeat(100_000);
    // The usual order: nothing waits at all, whatever the size.
    let body = format!(r#"{{"messages":"{text}","stream":true}}"#);
    let mut usual = injection();
    for piece in body.as_bytes().chunks(1000) {
        assert_ne!(usual.request_body(piece, false), Step::Hold);
        assert_eq!(usual.held(), 0);
    }
    assert_eq!(usual.outcome(), InjectOutcome::Injected);
    // An edit that has to wait for `stream` behind a long text is given up.
    let body = format!(r#"{{"stream_options":{{}},"messages":"{text}","stream":true}}"#);
    let mut late = injection();
    let out = edited(&mut late, body.as_bytes(), &(0..100).map(|n| n * 1000).collect::<Vec<_>>());
    assert_eq!((out.as_slice(), late.outcome()), (body.as_bytes(), InjectOutcome::SkippedTooLarge));
    // It is made as soon as too much would wait, where `stream` is known.
    let body = format!(r#"{{"stream":true,"stream_options":{{}},"messages":"{text}"}}"#);
    let mut early = injection();
    let out = edited(&mut early, body.as_bytes(), &(0..100).map(|n| n * 1000).collect::<Vec<_>>());
    assert_eq!(out, body.replacen("{}", r#"{"include_usage":true}"#, 1).as_bytes());
}

#[test]
fn heads_say_who_is_covered_and_what_becomes_of_the_length() {
    let step = |config: &str, extra: &[(&str, &str)]| injection_of(config, extra).map(|i| i.request_head());
    assert_eq!(step(CONFIG, &[]), Some(HeadStep::Pass));
    assert_eq!(step(CONFIG, &[("content-length", "10")]), Some(HeadStep::DropLength));
    assert_eq!(step(CONFIG, &[(":authority", "llm.internal:8080")]), Some(HeadStep::Pass));
    assert_eq!(step(CONFIG, &[(":authority", "api.anthropic.com")]), None);
    assert_eq!(step(CONFIG, &[(":path", "/v1/responses")]), None);
    assert_eq!(step(CONFIG, &[(":path", "/v1/models")]), None);
    assert_eq!(step("{}", &[("content-length", "10")]), None);
    assert_eq!(step(CONFIG, &[("content-length", "10"), ("content-encoding", "gzip")]), Some(HeadStep::Pass));
    assert_eq!(step(HOLDING, &[("content-length", "1000")]), Some(HeadStep::Hold));
    assert_eq!(step(HOLDING, &[("content-length", "1001")]), Some(HeadStep::Pass));
    // Nobody announced a length: there is none to keep.
    assert_eq!(step(HOLDING, &[]), Some(HeadStep::Pass));
    let outcome = |extra: &[(&str, &str)]| injection_of(HOLDING, extra).map(|i| i.outcome());
    assert_eq!(outcome(&[("content-length", "1001")]), Some(InjectOutcome::SkippedTooLarge));
    assert_eq!(outcome(&[("content-encoding", "br")]), Some(InjectOutcome::SkippedEncoded));
    let known = r#"{"provider": "mistral", "include_usage": {"authorities": ["gw"]}}"#;
    let skipped = injection_of(known, &[(":authority", "gw")]).map(|i| i.outcome());
    assert_eq!(skipped, Some(InjectOutcome::SkippedProvider));
}

#[test]
fn a_request_that_waits_gets_its_length() {
    let body = br#"{"stream":true,"messages":[]}"#;
    let length = body.len().to_string();
    let mut held = injection_of(HOLDING, &[("content-length", &length)]).expect("covered");
    assert_eq!(held.request_body(&body[..10], false), Step::Hold);
    assert_eq!(held.held(), 10);
    let Step::Edit(splice) = held.request_body(&body[10..], true) else { panic!("no edit") };
    assert_eq!(held.length_after(splice), Some(apply(body, splice).len() as u64));
}

fn config_error(json: &str) -> String {
    Config::parse(json.as_bytes()).expect_err("refused").to_string()
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let none = config_error(r#"{"include_usage": {}}"#);
    assert!(none.starts_with("include_usage: found neither") && none.contains("`authorities`"), "{none}");
    let refuses = config_error(r#"{"include_usage": {"providers": ["openai", "mistral"]}}"#);
    assert!(refuses.starts_with("include_usage.providers[1]: found \"mistral\""), "{refuses}");
    assert!(config_error(r#"{"include_usage": true}"#).contains("an object"));
    assert!(config_error(r#"{"include_usage": []}"#).contains("an object"));
    assert!(config_error(r#"{"include_usage": {"provider": "openai"}}"#).contains("`providers`"));
    let large = config_error(r#"{"include_usage": {"providers": ["a"], "hold_request_bytes": 99999999}}"#);
    assert!(large.starts_with("include_usage.hold_request_bytes: found 99999999"), "{large}");
}

const USAGE: &str =
    r#"{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":9,"x":{"y":1}}}"#;

/// An injection whose request has been edited and whose response is a stream.
fn answering(extra: &[(&str, &str)]) -> Injection {
    let mut injection = injection();
    let Step::Edit(_) = injection.request_body(br#"{"stream":true}"#, true) else { panic!("no edit") };
    let mut head = vec![(":status", "200"), ("content-type", "text/event-stream; charset=utf-8")];
    head.retain(|(name, _)| !extra.iter().any(|(other, _)| name == other));
    injection.response_head(&head.iter().chain(extra).copied().collect());
    injection
}

fn filtered(body: &[u8], cuts: &[usize]) -> (Vec<u8>, u32) {
    let mut injection = answering(&[]);
    assert!(injection.filters());
    let mut out = Vec::new();
    let pieces = cut(body, cuts);
    for (at, piece) in pieces.iter().enumerate() {
        let end = at + 1 == pieces.len();
        out.extend(injection.response_body(piece, end).unwrap_or_else(|| piece.to_vec()));
    }
    (out, injection.removed())
}

#[track_caller]
fn leaves(body: &str, expected: &str) {
    for cuts in [vec![], (0..body.len()).collect()] {
        let (out, _) = filtered(body.as_bytes(), &cuts);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{body:?}");
    }
}

#[test]
fn only_the_usage_event_is_taken_out() {
    let chunk = r#"data: {"choices":[{"delta":{"content":"a"}}],"usage":null}"#;
    for end in ["\n", "\r\n", "\r"] {
        let e = |text: &str| format!("{text}{end}{end}");
        let rest = e(chunk) + &e("data: [DONE]");
        leaves(&(e(chunk) + &e(&format!("data: {USAGE}")) + &e("data: [DONE]")), &rest);
        leaves(&(e(&format!("event: x{end}id: 7{end}data:{USAGE}")) + &rest), &rest);
        let comment = format!(": keep{end}");
        leaves(&(comment.clone() + &e(&format!("data: {USAGE}")) + &rest), &(comment + &rest));
    }
    // Several lines of data are one text.
    let lines = USAGE.replace(r#","choices""#, "\ndata: ,\"choices\"");
    leaves(&format!("data: {lines}\n\ndata: [DONE]\n\n"), "data: [DONE]\n\n");
}

#[test]
fn everything_else_passes() {
    for body in [
        "",
        "\n\n\r\n",
        ": OPENROUTER PROCESSING\n\n",
        "data: [DONE]\n\n",
        "data: [DONE]",
        // Not closed by a blank line.
        &format!("data: {USAGE}"),
        &format!("data: {USAGE}\n"),
        // Usage with choices, or none; choices without usage (Azure's first chunk).
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":9}}\n\n",
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":9}}\n\n",
        "data: {\"choices\":null,\"usage\":{\"prompt_tokens\":9}}\n\n",
        "data: {\"x\":{\"choices\":[],\"usage\":{\"a\":1}}}\n\n",
        "data: {\"choices\":[],\"usage\":{\"a\":1},\"choices\":[1]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"a\":1}\n\n",
        "data: {\"choices\":[],\"usage\":{\"a\":1}}x\n\n",
        "data: <html>\n\ndatas: x\n\nerror: {\"a\":1}\n\n",
        "\u{feff}data: {}\n\n",
        "data\ndata\n\n",
    ] {
        leaves(body, body);
    }
    let long = format!("data: {{\"id\":\"{}\",\"choices\":[],\"usage\":{{\"a\":1}}}}\n\n", "x".repeat(30_000));
    leaves(&long, &long);
}

#[test]
fn what_cannot_be_the_event_passes_at_once() {
    let mut injection = answering(&[]);
    // Decided by the first choice, in the middle of the event.
    assert_eq!(injection.response_body(br#"data: {"id":"c","choices":["#, false), Some(Vec::new()));
    let first = injection.response_body(br#"{"delta""#, false).expect("what waited");
    assert_eq!(first, br#"data: {"id":"c","choices":[{"delta""#);
    assert_eq!(injection.response_body(b":{}}]}\n\n", false), None);
    // Whole cuts are not copied.
    assert_eq!(injection.response_body(b"data: {\"choices\":[{}]}\n\ndata: [DONE]\n\n", false), None);
    // At the end nothing is kept back.
    assert_eq!(injection.response_body(b"data: {\"id\"", true), None);
}

#[test]
fn answers_that_cannot_be_filtered_are_told() {
    let outcome = |extra: &[(&str, &str)]| {
        let injection = answering(extra);
        (injection.filters(), injection.outcome())
    };
    assert_eq!(outcome(&[]), (true, InjectOutcome::Injected));
    assert_eq!(outcome(&[("content-encoding", "identity")]), (true, InjectOutcome::Injected));
    assert_eq!(outcome(&[("content-encoding", "gzip")]), (false, InjectOutcome::LeftIn));
    assert_eq!(outcome(&[("content-type", "application/json")]), (false, InjectOutcome::LeftIn));
    assert_eq!(outcome(&[(":status", "400")]), (false, InjectOutcome::Refused));
    assert_eq!(outcome(&[(":status", "503")]), (false, InjectOutcome::Injected));
}

fn json_tail() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![Just("null".to_owned()), Just("-1.5E+3".to_owned()), "\"[a-z{}\\[\\],: é]{0,12}\""];
    scalar.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof![Just("stream".to_owned()), Just("include_usage".to_owned()), "[a-z]{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(" , "))),
            prop::collection::vec((key, inner), 0..4).prop_map(|m| {
                let members: Vec<String> = m.into_iter().map(|(k, v)| format!("\"{k}\" :{v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn event() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(r#"data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}"#.to_owned()),
        2 => Just(format!("data: {USAGE}")),
        1 => Just(": comment".to_owned()),
        1 => Just("event: x".to_owned()),
        1 => Just("data: [DONE]".to_owned()),
        1 => Just(r#"data: {"choices":[],"usage":null}"#.to_owned()),
        1 => "[a-z:{} ]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_request(
        members in prop::collection::vec(json_tail(), 0..4),
        options in prop_oneof![
            Just(None), Just(Some("{}")), Just(Some("null")), Just(Some("{\"include_usage\":false}")),
            Just(Some("{\"include_usage\":true}")), Just(Some("{ \"a\" : [1] }")),
        ],
        stream in prop_oneof![Just("true"), Just("false")],
        first in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let mut all: Vec<String> = members.iter().enumerate().map(|(n, v)| format!("\"m{n}\": {v}")).collect();
        let asks = [Some(format!("\"stream\":{stream}")), options.map(|o| format!("\"stream_options\":{o}"))];
        let asks: Vec<String> = asks.into_iter().flatten().collect();
        let place = if first { 0 } else { all.len() };
        for ask in asks { all.insert(place, ask); }
        let body = format!("{{{}}}", all.join(" ,"));
        let (mut whole, mut parts) = (injection(), injection());
        let expected = edited(&mut whole, body.as_bytes(), &[]);
        prop_assert_eq!(&edited(&mut parts, body.as_bytes(), &cuts), &expected);
        prop_assert_eq!(whole.outcome(), parts.outcome());
        // The result says what the body said, and asks.
        let before: Value = serde_json::from_slice(body.as_bytes()).expect("JSON");
        let mut after: Value = serde_json::from_slice(&expected).expect("still JSON");
        if stream == "true" {
            prop_assert_eq!(&after["stream_options"]["include_usage"], &Value::Bool(true));
            let options = after["stream_options"].as_object_mut().expect("an object");
            match &before["stream_options"] {
                Value::Object(b) => {
                    prop_assert!(b.iter().all(|(k, v)| k == "include_usage" || options.get(k) == Some(v)));
                    after["stream_options"] = before["stream_options"].clone();
                }
                Value::Null if before.get("stream_options").is_some() => after["stream_options"] = Value::Null,
                _ => { after.as_object_mut().expect("an object").remove("stream_options"); }
            }
            prop_assert_eq!(before, after);
        } else {
            prop_assert_eq!(body.as_bytes(), expected.as_slice());
        }
    }

    #[test]
    fn no_request_loses_a_byte(
        body in prop::collection::vec(prop::sample::select(br#"{}[]:,"\ strueam_opin01-.eE"#.to_vec()), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let mut injection = injection();
        let out = edited(&mut injection, &body, &cuts);
        if injection.outcome() == InjectOutcome::Injected {
            prop_assert!(serde_json::from_slice::<Value>(&out).is_ok());
        } else {
            prop_assert_eq!(out, body);
        }
    }

    #[test]
    fn any_cuts_take_out_the_same_events(
        events in prop::collection::vec((event(), prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], any::<bool>()), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let body: String = events.iter().map(|(e, end, closed)| format!("{e}{end}{}", if *closed { end } else { "" })).collect();
        let (whole, removed) = filtered(body.as_bytes(), &[]);
        let (parts, also) = filtered(body.as_bytes(), &cuts);
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(removed, also);
        if removed == 0 {
            prop_assert_eq!(whole, body.as_bytes());
        }
    }

    #[test]
    fn well_formed_streams_lose_exactly_the_usage_events(
        events in prop::collection::vec(event().prop_filter("one line", |e| !e.is_empty()), 0..10),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let text = |keep: &dyn Fn(&String) -> bool| -> String {
            events.iter().filter(|e| keep(e)).map(|e| format!("{e}{end}{end}")).collect()
        };
        let usage = format!("data: {USAGE}");
        let (out, removed) = filtered(text(&|_| true).as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), text(&|e| *e != usage));
        prop_assert_eq!(removed as usize, events.iter().filter(|e| **e == usage).count());
    }
}
