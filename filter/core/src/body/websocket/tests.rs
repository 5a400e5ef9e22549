use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::frames::tests::Frame;
use super::*;
use crate::{
    Usage,
    usage::{Nano, Share},
};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

fn text(event: &Value) -> Vec<u8> {
    Frame::new(TEXT, event.to_string().as_bytes()).bytes()
}

fn frames(events: &[Value]) -> Vec<u8> {
    events.iter().flat_map(text).collect()
}

/// A reader of a session whose `101` has these headers.
fn session(api: Api, head: &[(&str, &str)]) -> Websocket {
    Websocket::new(api, &head.iter().copied().collect())
}

/// Reads whole, byte by byte and in pieces, which must say the same.
#[track_caller]
fn read(api: Api, head: &[(&str, &str)], bytes: &[u8]) -> Reading {
    let cut = |size: usize| {
        let mut socket = session(api, head);
        bytes.chunks(size).for_each(|cut| socket.feed(cut));
        socket.finish()
    };
    let whole = cut(bytes.len().max(1));
    for size in [1, 7, 100] {
        assert_eq!(cut(size), whole, "in cuts of {size}");
    }
    whole
}

fn created(model: &str, transcriber: &str) -> Value {
    json!({"type": "session.created", "event_id": "event_1", "session": {
        "type": "realtime", "id": "sess_1", "object": "realtime.session", "model": model,
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": transcriber, "language": "en"}}, "output": {"voice": "marin"}}}})
}

fn begun(id: &str) -> Value {
    json!({"type": "response.created", "event_id": "e", "response": {"id": id, "status": "in_progress", "usage": null}})
}

/// Tokens of a response: text, audio and cached (text, audio) input, text and audio output.
fn done(id: &str, [t, a, ct, ca, ot, oa]: [u64; 6]) -> Value {
    json!({"type": "response.done", "event_id": "e", "response": {
        "object": "realtime.response", "id": id, "status": "completed", "status_details": null,
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "usage"}]}],
        "usage": {
            "total_tokens": t + a + ot + oa, "input_tokens": t + a, "output_tokens": ot + oa,
            "input_token_details": {"text_tokens": t, "audio_tokens": a, "image_tokens": 0, "cached_tokens": ct + ca,
                "cached_tokens_details": {"text_tokens": ct, "audio_tokens": ca, "image_tokens": 0}},
            "output_token_details": {"text_tokens": ot, "audio_tokens": oa}}}})
}

fn delta() -> Value {
    json!({"type": "response.output_audio.delta", "event_id": "e", "response_id": "r", "delta": "A".repeat(3000)})
}

fn figures(reading: &Reading) -> Option<[Option<u64>; 8]> {
    let u = reading.usage.as_ref()?;
    Some([
        u.input,
        u.input_audio,
        u.cache_read,
        u.cache_read_audio,
        u.output,
        u.output_audio,
        u.total,
        Some(u.shares.len() as u64),
    ])
}

#[test]
fn responses_add_up() {
    let events = [
        created("gpt-realtime", "whisper-1"),
        begun("r1"),
        delta(),
        done("r1", [100, 50, 0, 0, 20, 30]),
        json!({"type": "rate_limits.updated", "rate_limits": [{"name": "requests", "limit": 1000}]}),
        begun("r2"),
        delta(),
        done("r2", [150, 100, 64, 40, 10, 60]),
    ];
    let reading = read(Api::Realtime, &[], &frames(&events));
    assert_eq!(figures(&reading), Some([400, 150, 104, 40, 120, 90, 520, 0].map(Some)));
    assert_eq!(reading.model.as_deref(), Some("gpt-realtime"));
    assert_eq!((reading.state, reading.finish_reason.as_deref()), (BodyState::Complete, Some("completed")));
    assert_eq!((reading.streamed, reading.error), (true, None));
}

#[test]
fn what_is_transcribed_is_a_share_of_its_own() {
    let heard = |usage: Value| {
        json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "content_index": 0,
            "transcript": "hello", "usage": usage})
    };
    let tokens = |t: u64| {
        heard(json!({"type": "tokens", "total_tokens": t + 5, "input_tokens": t, "output_tokens": 5,
            "input_token_details": {"text_tokens": 2, "audio_tokens": t - 2}}))
    };
    let events = [
        created("gpt-realtime", "gpt-4o-transcribe"),
        tokens(20),
        done("r1", [10, 20, 0, 0, 1, 2]),
        json!({"type": "session.updated", "session": {"type": "realtime", "audio": {"input": {"transcription": null}}}}),
        tokens(30),
        done("r2", [30, 40, 0, 0, 3, 4]),
    ];
    let reading = read(Api::Realtime, &[], &frames(&events));
    let usage = reading.usage.as_ref().expect("usage");
    // The figures are those of the model that answers.
    assert_eq!((usage.input, usage.output, usage.context), (Some(100), Some(10), None));
    let names: Vec<_> = usage.shares.iter().map(|s| s.model.as_deref()).collect();
    assert_eq!(names, [Some("gpt-4o-transcribe"), None]);
    let sums: Vec<_> = usage.shares.iter().map(|s| (s.usage.input, s.usage.input_audio, s.usage.output)).collect();
    assert_eq!(sums, [(Some(50), Some(46), Some(10)), (Some(100), Some(60), Some(10))]);

    // By the second, and the name in the place of the preview.
    let whisper = json!({"type": "session.created", "session": {"model": "m",
        "input_audio_transcription": {"model": "whisper-1"}}});
    let seconds = |s: f64| heard(json!({"type": "duration", "seconds": s}));
    let reading = read(Api::Realtime, &[], &frames(&[whisper, seconds(1.5), seconds(2.25), done("r", [1; 6])]));
    let shares = reading.usage.expect("usage").shares;
    let duration = Usage { input_audio_seconds: Some(Nano(3_750_000_000)), ..Usage::default() };
    assert_eq!(shares.first(), Some(&Share { model: Some("whisper-1".into()), usage: duration.clone() }));

    // A session that does nothing else.
    let only = json!({"type": "transcription_session.created", "session": {
        "input_audio_transcription": {"model": "whisper-1"}}});
    let reading = read(Api::Realtime, &[], &frames(&[only, seconds(3.75)]));
    assert_eq!((reading.model.as_deref(), reading.usage), (Some("whisper-1"), Some(duration)));

    // Nobody said by which model: not by the one that answers.
    let unnamed = json!({"type": "session.created", "session": {"model": "m"}});
    let reading = read(Api::Realtime, &[], &frames(&[unnamed, seconds(1.0), done("r", [1; 6])]));
    let shares = reading.usage.expect("usage").shares;
    assert_eq!(shares.first().and_then(|s| s.model.as_deref()), Some("other"));
}

#[test]
fn a_session_in_which_nothing_happened_used_nothing() {
    let quiet = read(Api::Realtime, &[], &frames(&[created("gpt-realtime", "whisper-1")]));
    assert_eq!(quiet.usage.map(|u| (u.input, u.output)), Some((Some(0), Some(0))));
    // Without a greeting nobody knows.
    assert_eq!(read(Api::Realtime, &[], b"").usage, None);
    assert_eq!(read(Api::Realtime, &[], &frames(&[json!({"type": "hello"})])).usage, None);
    let cut = frames(&[created("m", "w"), begun("r")]);
    let reading = read(Api::Realtime, &[], &cut);
    assert_eq!((reading.usage, reading.state), (None, BodyState::Truncated));
}

#[test]
fn a_response_on_its_way_makes_the_session_partial() {
    let events = [created("m", "w"), begun("r1"), done("r1", [1, 1, 0, 0, 1, 1]), begun("r2"), delta()];
    let reading = read(Api::Realtime, &[], &frames(&events));
    assert_eq!(reading.state, BodyState::Truncated);
    assert_eq!(reading.usage.and_then(|u| u.input), Some(2));
    // Its usage was not told, though it ended.
    let silent = json!({"type": "response.done", "response": {"id": "r2", "status": "completed"}});
    let reading = read(Api::Realtime, &[], &frames(&[done("r1", [1; 6]), silent]));
    assert_eq!((reading.state, reading.usage.is_some()), (BodyState::Truncated, true));
    // What was cancelled before it began used nothing.
    let cancelled = json!({"type": "response.done", "response": {"id": "r2", "status": "cancelled",
        "status_details": {"type": "cancelled", "reason": "turn_detected"}, "usage": null}});
    let reading = read(Api::Realtime, &[], &frames(&[done("r1", [1; 6]), begun("r2"), cancelled]));
    assert_eq!((reading.state, reading.finish_reason.as_deref()), (BodyState::Complete, Some("turn_detected")));
}

#[test]
fn errors_count_where_nothing_else_came() {
    let error = json!({"type": "error", "event_id": "e", "error": {"type": "invalid_request_error",
        "code": "invalid_value", "message": "private", "param": null}});
    let reading = read(Api::Realtime, &[], &frames(&[created("m", "w"), error.clone()]));
    let told = reading.error.expect("an error");
    assert_eq!((told.kind, told.code.as_deref()), (crate::ErrorType::InvalidRequest, Some("invalid_value")));
    assert_eq!(reading.usage, None);
    let reading = read(Api::Realtime, &[], &frames(&[created("m", "w"), error, done("r", [1; 6])]));
    assert_eq!((reading.error, reading.state), (None, BodyState::Complete));
    let failed = json!({"type": "response.done", "response": {"status": "failed",
        "status_details": {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}}});
    let reading = read(Api::Realtime, &[], &frames(&[created("m", "w"), begun("r"), failed]));
    assert_eq!(reading.error.map(|e| e.kind), Some(crate::ErrorType::RateLimited));
}

#[test]
fn types_may_stand_last_and_names_inside_texts_mean_nothing() {
    let late = br#"{"response":{"id":"r","usage":{"input_tokens":3,"output_tokens":4}},"type":"response.done"}"#;
    let reading = read(Api::Realtime, &[], &Frame::new(TEXT, late).bytes());
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(3), Some(4))));
    let said = json!({"type": "response.output_text.done", "response_id": "r",
        "text": "{\"type\":\"response.done\",\"response\":{\"usage\":{\"input_tokens\":9}}}"});
    assert_eq!(read(Api::Realtime, &[], &text(&said)).usage, None);
    let inside_delta = br#"{"type":"x.delta","response":{"usage":{"input_tokens":3}},"type":"response.done"}"#;
    assert_eq!(read(Api::Realtime, &[], &Frame::new(TEXT, inside_delta).bytes()).usage, None);
}

#[test]
fn responses_over_a_socket_keep_their_context_tiers() {
    let completed = |model: &str, tier: &str, input: u64| {
        json!({"type": "response.completed", "sequence_number": 9, "response": {"id": "resp", "status": "completed",
            "model": model, "service_tier": tier, "usage": {"input_tokens": input, "output_tokens": 10,
            "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": input + 10}}})
    };
    let small = [completed("gpt-5.4", "default", 200_000), completed("gpt-5.4", "default", 200_001)];
    let usage = read(Api::ResponsesSocket, &[], &frames(&small)).usage.expect("usage");
    // Between 200,000 and 272,000 lies no tier of this model, but of others: two shares, at the right rates each.
    assert_eq!((usage.input, usage.shares.len()), (Some(400_001), 2));
    let same = [1, 2, 3].map(|n| completed("gpt-5.4", "default", 99_990 + n));
    let reading = read(Api::ResponsesSocket, &[], &frames(&same));
    let usage = reading.usage.expect("usage");
    assert_eq!((usage.input, usage.context, usage.shares.len()), (Some(299_976), Some(99_991), 0));
    assert_eq!((usage.cache_read, usage.reasoning), (Some(3), Some(6)));
    assert_eq!((reading.model.as_deref(), reading.service_tier.as_deref()), (Some("gpt-5.4"), Some("default")));
    let models = [completed("gpt-5.4", "default", 10), completed("gpt-5.4-mini", "flex", 20)];
    let reading = read(Api::ResponsesSocket, &[], &frames(&models));
    let names: Vec<_> = reading.usage.expect("usage").shares.into_iter().map(|s| s.model).collect();
    assert_eq!(names, [None, Some("gpt-5.4-mini".to_owned())]);
    assert_eq!(reading.service_tier.as_deref(), Some(session::MIXED_TIERS));
}

#[test]
fn more_models_than_a_session_has_leave_no_price() {
    let completed = |n: usize| {
        json!({"type": "response.completed", "response": {"model": format!("m{n}"),
            "usage": {"input_tokens": 1, "output_tokens": 1}}})
    };
    let events: Vec<Value> = (0..100).map(completed).collect();
    let usage = read(Api::ResponsesSocket, &[], &frames(&events)).usage.expect("usage");
    assert_eq!((usage.input, usage.shares.len()), (Some(100), session::BILLS_LIMIT));
    let last = usage.shares.last().expect("a share");
    assert_eq!((last.model.as_deref(), last.usage.input), (Some("other"), Some(69)));
}

#[test]
fn gemini_turns_add_up_and_the_client_names_the_model() {
    let binary = |message: Value| Frame::new(BINARY, message.to_string().as_bytes()).bytes();
    let says = || json!({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AA"}}]}}});
    let usage = |prompt: u64, response: u64| {
        json!({"promptTokenCount": prompt, "responseTokenCount": response, "totalTokenCount": prompt + response,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": prompt - 5}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": response}]})
    };
    let server = [
        binary(json!({"setupComplete": {}})),
        binary(says()),
        // Told again within the turn.
        binary(json!({"usageMetadata": usage(100, 4), "serverContent": {"modelTurn": {"parts": [{"text": "a"}]}}})),
        binary(json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage(100, 20)})),
        binary(says()),
        binary(json!({"serverContent": {"turnComplete": true}})),
        // Behind its turn.
        binary(json!({"usageMetadata": usage(150, 30)})),
        binary(json!({"toolCall": {"functionCalls": [{"name": "f"}]}, "usageMetadata": usage(200, 1)})),
    ]
    .concat();
    let reading = read(Api::GeminiLive, &[], &server);
    let got = reading.usage.as_ref().map(|u| (u.input, u.input_audio, u.output, u.output_audio, u.shares.len()));
    assert_eq!(got, Some((Some(450), Some(435), Some(51), Some(51), 0)));
    assert_eq!((reading.state, reading.model), (BodyState::Complete, None));

    let setup = json!({"setup": {"model": "models/gemini-live-2.5-flash", "generationConfig": {"model": "no"}}});
    let key = Some([0xA5, 0, 7, 0xFF]);
    let client = [
        Frame { key, ..Frame::new(TEXT, setup.to_string().as_bytes()) }.bytes(),
        Frame { key, ..Frame::new(TEXT, br#"{"setup":{"model":"models/other"}}"#) }.bytes(),
    ]
    .concat();
    for size in [1, 5, client.len()] {
        let mut socket = session(Api::GeminiLive, &[]);
        assert!(socket.wants_client());
        client.chunks(size).for_each(|cut| socket.feed_client(cut));
        assert!(!socket.wants_client());
        socket.feed(&server);
        assert_eq!(socket.client_model(), Some("models/gemini-live-2.5-flash"));
        assert_eq!(socket.finish().model.as_deref(), Some("models/gemini-live-2.5-flash"));
    }
    // A turn whose usage did not come.
    let cut = [binary(json!({"setupComplete": {}})), binary(says())].concat();
    assert_eq!(read(Api::GeminiLive, &[], &cut).state, BodyState::Truncated);
    assert!(!session(Api::Realtime, &[]).wants_client(), "OpenAI's server names the model");
}

#[test]
fn what_cannot_be_read_ends_the_reading_and_keeps_what_was_counted() {
    let good = frames(&[created("m", "w"), done("r", [1; 6])]);
    let broken = [good.clone(), Frame::new(0x83, b"?").bytes(), frames(&[done("r", [1; 6])])].concat();
    let reading = read(Api::Realtime, &[], &broken);
    assert_eq!((reading.state, reading.usage.and_then(|u| u.input)), (BodyState::Unparsable, Some(2)));
    let words = Frame::new(TEXT, b"<html>").bytes();
    assert_eq!(read(Api::Realtime, &[], &words).state, BodyState::Unparsable);
    assert_eq!(read(Api::Realtime, &[], &[good.clone(), words].concat()).state, BodyState::Complete);
    let unknown = read(Api::Realtime, &[("sec-websocket-extensions", "x-own")], &good);
    assert_eq!((unknown.state, unknown.usage), (BodyState::Unsupported, None));
    let long = json!({"type": "response.done", "response": {"usage": {"input_tokens": 1, "x": "y".repeat(20_000)}}});
    let reading = read(Api::Realtime, &[], &frames(&[created("m", "w"), long]));
    assert_eq!((reading.state, reading.usage), (BodyState::TooLarge, None));
    // In the middle of a frame.
    let reading = read(Api::Realtime, &[], good.get(..good.len() - 1).expect("bytes"));
    assert_eq!((reading.state, reading.usage), (BodyState::Truncated, None));
}

/// Messages compressed as RFC 7692 says, each in one frame.
fn deflated(events: &[Value], takeover: bool) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut bytes = Vec::new();
    for event in events {
        if !takeover {
            compress.reset();
        }
        let plain = event.to_string();
        let mut out = Vec::with_capacity(plain.len() + 100);
        compress.compress_vec(plain.as_bytes(), &mut out, FlushCompress::Sync).expect("compresses");
        assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
        out.truncate(out.len() - 4);
        bytes.extend(Frame::new(0xC1, &out).bytes());
    }
    bytes
}

#[test]
fn compressed_messages_are_read() {
    let events =
        [created("m", "w"), begun("r1"), delta(), done("r1", [1; 6]), delta(), done("r2", [2; 6]), done("r3", [3; 6])];
    let plain = read(Api::Realtime, &[], &frames(&events));
    for (header, takeover) in [("permessage-deflate", true), ("permessage-deflate; server_no_context_takeover", false)]
    {
        let head = [("sec-websocket-extensions", header)];
        assert_eq!(read(Api::Realtime, &head, &deflated(&events, takeover)), plain, "{header}");
        // A peer may leave a message as it is.
        assert_eq!(read(Api::Realtime, &head, &frames(&events)), plain, "{header}");
    }
    let head = [("sec-websocket-extensions", "permessage-deflate")];
    let mut corrupt = deflated(&events[..4], true);
    corrupt.extend(Frame::new(0xC1, &[0xFF; 40]).bytes());
    corrupt.extend(frames(&events[5..]));
    let reading = read(Api::Realtime, &head, &corrupt);
    assert_eq!((reading.state, reading.usage.and_then(|u| u.input)), (BodyState::Unparsable, Some(2)));
}

#[test]
fn a_message_that_swells_is_not_read_on() {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(100_000);
    let zeros = vec![b' '; 16 * 1024 * 1024];
    compress.compress_vec(&zeros, &mut out, FlushCompress::Sync).expect("compresses");
    let mut socket = session(Api::Realtime, &[("sec-websocket-extensions", "permessage-deflate")]);
    socket.feed(&frames(&[created("m", "w"), done("r", [1; 6])]));
    socket.feed(&Frame::new(0xC1, &out).bytes());
    let reading = socket.finish();
    assert_eq!((reading.state, reading.usage.and_then(|u| u.input)), (BodyState::TooLarge, Some(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn fragments_cuts_and_compression_change_nothing(
        shape in proptest::collection::vec((any::<bool>(), any::<[u8; 6]>(), 1..40_usize), 0..6),
        compressed: bool,
        cuts in proptest::collection::vec(1..90_usize, 1..200),
    ) {
        let mut events = vec![created("gpt-realtime", "whisper-1")];
        let mut expected = (0, 0);
        for (noise, figures, _) in &shape {
            if *noise {
                events.push(delta());
            }
            let [t, a, _, _, ot, oa] = figures.map(u64::from);
            events.push(done("r", [t, a, 0, 0, ot, oa]));
            expected = (expected.0 + t + a, expected.1 + ot + oa);
        }
        let bytes = if compressed {
            deflated(&events, true)
        } else {
            // In fragments with a ping between them.
            let sizes = shape.iter().map(|(.., size)| *size).chain([1000]).cycle();
            events.iter().zip(sizes).flat_map(|(event, size)| {
                let plain = event.to_string().into_bytes();
                let last = plain.chunks(size).count() - 1;
                let fragment = move |(at, chunk): (usize, &[u8])| {
                    let first = if at == 0 { 1 } else { 0 } | if at == last { 0x80 } else { 0 };
                    [Frame::new(0x89, b"ping").bytes(), Frame::new(first, chunk).bytes()].concat()
                };
                plain.chunks(size).enumerate().flat_map(fragment).collect::<Vec<u8>>()
            }).collect()
        };
        let head = [("sec-websocket-extensions", "permessage-deflate")];
        let mut socket = session(Api::Realtime, if compressed { &head } else { &[] });
        let mut rest = bytes.as_slice();
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (cut, tail) = rest.split_at((*size).min(rest.len()));
            socket.feed(cut);
            rest = tail;
        }
        let reading = socket.finish();
        prop_assert_eq!(reading.state, BodyState::Complete);
        let usage = reading.usage.expect("usage");
        prop_assert_eq!((usage.input, usage.output), (Some(expected.0), Some(expected.1)));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), live: bool, deflate: bool) {
        let api = if live { Api::GeminiLive } else { Api::Realtime };
        let head = [("sec-websocket-extensions", "permessage-deflate")];
        let mut socket = session(api, if deflate { &head } else { &[] });
        let mut cut = session(api, if deflate { &head } else { &[] });
        socket.feed(&bytes);
        socket.feed_client(&bytes);
        bytes.chunks(3).for_each(|bytes| cut.feed(bytes));
        bytes.chunks(3).for_each(|bytes| cut.feed_client(bytes));
        prop_assert_eq!(socket.finish(), cut.finish());
    }
}
