//! Content encodings, from the outside: every coding, whole and flushed, stacked, cut, damaged and swollen.

mod build;

use build::{Coding, cut_everywhere, gzip, read, read_cut};
use genops_core::{
    Usage,
    body::{BodyState, Reader, Reading},
    detect::Api,
    head::Head,
};
use proptest::prelude::*;

const USAGE: &str =
    r#"{"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

/// A token stream of `len` chunks whose last says its usage.
fn stream(len: usize) -> Vec<String> {
    let delta = |n: usize| {
        let text = ["Hi", " there", ",", " you", " say", "?"][n % 6];
        format!(
            "data: {{\"id\":\"c-{}\",\"model\":\"m\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n",
            n * 7919
        )
    };
    (0..len).map(delta).chain([format!("data: {USAGE}\n\ndata: [DONE]\n\n")]).collect()
}

fn head(encoding: &str) -> [(&str, &str); 2] {
    [("content-type", "application/json"), ("content-encoding", encoding)]
}

/// Reads under every cut, and tells what matters here.
#[track_caller]
fn told(encoding: &str, body: &[u8]) -> (Option<u64>, BodyState) {
    let reading = cut_everywhere(Api::ChatCompletions, 200, &head(encoding), body);
    (reading.usage.and_then(|u| u.output), reading.state)
}

fn output(reading: &Reading) -> Option<u64> {
    reading.usage.as_ref().and_then(|u: &Usage| u.output)
}

const WHOLE: (Option<u64>, BodyState) = (Some(4), BodyState::Complete);

#[test]
fn every_coding_is_read_under_all_cuts() {
    let events = stream(4);
    let parts: Vec<&[u8]> = events.iter().map(|e| e.as_bytes()).collect();
    for coding in Coding::ALL {
        assert_eq!(told(coding.name(), &coding.encode(USAGE.as_bytes())), WHOLE, "{coding:?}");
        assert_eq!(told(coding.name(), &coding.encode(events.concat().as_bytes())), WHOLE, "{coding:?}");
        assert_eq!(told(coding.name(), &coding.flushed(&parts).concat()), WHOLE, "{coding:?}");
        let nothing = told(coding.name(), &coding.encode(b""));
        assert_eq!(nothing, (None, BodyState::Complete), "{coding:?}");
    }
}

#[test]
fn two_codings_on_top_of_each_other() {
    for inner in Coding::ALL {
        for outer in Coding::ALL {
            let body = outer.encode(&inner.encode(USAGE.as_bytes()));
            let encoding = format!("{}, {}", inner.name(), outer.name());
            assert_eq!(told(&encoding, &body), WHOLE, "{encoding}");
            // The inner one had been undone without a word.
            let body = outer.encode(USAGE.as_bytes());
            assert_eq!(told(&encoding, &body), WHOLE, "{encoding}");
        }
    }
    let inner = gzip(USAGE.as_bytes());
    let cut = Coding::Br.encode(&inner[..inner.len() - 4]);
    assert_eq!(told("gzip, br", &cut).1, BodyState::Complete, "the document is whole");
    let cut = Coding::Br.encode(&inner[..inner.len() / 2]);
    assert_eq!(told("gzip, br", &cut).1, BodyState::Truncated);
}

#[test]
fn other_encodings_are_unsupported() {
    for encoding in ["gzip, gzip, br", "x-unknown", "compress", "dcb", "gzip, dcz", "\u{e9}"] {
        for body in [&b"\x0b\x02\x80{}\x03"[..], USAGE.as_bytes(), &gzip(USAGE.as_bytes())] {
            let reading = cut_everywhere(Api::Responses, 200, &head(encoding), body);
            assert_eq!((reading.state, reading.usage), (BodyState::Unsupported, None), "{encoding}");
        }
    }
}

#[test]
fn headers_are_not_believed_against_the_bytes() {
    let plain = [USAGE.to_owned(), stream(1).concat(), format!(": hello\n\n{}", stream(1).concat())];
    let named = format!("event: x\n{}", stream(1).concat());
    for encoding in ["gzip", "deflate", "br", "zstd", "", "identity"] {
        for body in plain.iter().chain([&named]) {
            assert_eq!(told(encoding, body.as_bytes()), WHOLE, "{encoding}: {body}");
        }
    }
    for encoding in ["", "gzip", "deflate", "zstd"] {
        assert_eq!(told(encoding, &gzip(USAGE.as_bytes())), WHOLE, "gzip as {encoding:?}");
    }
    for encoding in ["", "gzip", "zstd"] {
        assert_eq!(told(encoding, &Coding::Zstd.encode(USAGE.as_bytes())), WHOLE, "zstd as {encoding:?}");
    }
    // An array could be br, and is not.
    assert_eq!(told("br", format!("[{USAGE}]").as_bytes()), (None, BodyState::Unparsable));
}

/// A server that flushes each event is heard when the event comes, not later.
#[test]
fn flushed_events_are_seen_when_they_come() {
    for coding in Coding::ALL {
        let events = stream(3);
        let flushed = coding.flushed(&events.iter().map(|e| e.as_bytes()).collect::<Vec<_>>());
        let head = [("content-type", "text/event-stream"), ("content-encoding", coding.name())];
        let mut reader = Reader::new(Api::ChatCompletions, 200, &head.into_iter().collect::<Head<'_>>());
        assert!(!reader.seen_event(), "{coding:?}");
        reader.feed(&flushed[0]);
        assert!(reader.seen_event() && reader.seen_token(), "{coding:?} waits with the first event");
        for event in &flushed[1..3] {
            reader.feed(event);
        }
        assert!(!reader.seen_usage(), "{coding:?}");
        reader.feed(&flushed[3]);
        assert!(reader.seen_usage(), "{coding:?} waits with the last event");
        // A client that leaves before the coding's own end has had all of it.
        let reading = reader.finish(false);
        assert_eq!((output(&reading), reading.state), WHOLE, "{coding:?}");
    }
}

#[test]
fn what_came_before_a_cut_counts() {
    let anthropic = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"model\":\"c\",\
                     \"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"x\"}}\n\n";
    for coding in Coding::ALL {
        let flushed = coding.flushed(&[anthropic.as_bytes(), delta.as_bytes(), delta.as_bytes()]);
        let body = flushed[..3].concat();
        for end in [body.len(), body.len() - 3, flushed[0].len()] {
            let reading = cut_everywhere(Api::Messages, 200, &head(coding.name()), &body[..end]);
            assert_eq!(reading.state, BodyState::Truncated, "{coding:?}");
            assert_eq!(reading.usage.and_then(|u| u.input), Some(9), "{coding:?}");
        }
        // So short that nothing can come out, or that nothing can be told.
        for end in 1..4 {
            assert_eq!(told(coding.name(), &body[..end]), (None, BodyState::Truncated), "{coding:?} {end}");
        }
    }
}

/// A checksum at the end covers all of the body; br and bare deflate have none.
#[test]
fn damage_is_unparsable() {
    // gzip has a CRC and a length, of four bytes each.
    for (coding, checksum) in [(Coding::Gzip, 5..9), (Coding::Zlib, 1..5), (Coding::Zstd, 1..5)] {
        let body = coding.flushed(&[USAGE.as_bytes()]).concat();
        for from_end in checksum {
            let mut damaged = body.clone();
            let at = damaged.len() - from_end;
            damaged[at] ^= 0x40;
            assert_eq!(told(coding.name(), &damaged), (None, BodyState::Unparsable), "{coding:?} {from_end}");
        }
    }
    for coding in Coding::ALL {
        let mut body = coding.encode(stream(400).concat().as_bytes());
        let half = body.len() / 2;
        body[half..].fill(0xFF);
        let reading = read(Api::ChatCompletions, 200, &head(coding.name()), &body);
        // Ones can be a long literal that never ends, where there is no checksum to tell.
        assert_ne!(reading.state, BodyState::Complete, "{coding:?}");
        assert_eq!(reading.usage, None, "{coding:?}");
    }
    assert_eq!(told("zstd", b"\x28\xB5\x2F\xFD\x00\x08\xFF\xFF\xFF"), (None, BodyState::Unparsable));
}

#[test]
fn members_and_frames_one_after_the_other() {
    let (a, b) = USAGE.split_at(50);
    let skipped = |len: u8| [&[0x5A, 0x2A, 0x4D, 0x18, len, 0, 0, 0][..], &vec![0x28; usize::from(len)]].concat();
    for coding in [Coding::Gzip, Coding::Zstd] {
        let (one, two) = (coding.encode(a.as_bytes()), coding.flushed(&[b.as_bytes()]).concat());
        let both = [one.as_slice(), &two].concat();
        assert_eq!(told(coding.name(), &both), WHOLE, "{coding:?}");
        assert_eq!(told(coding.name(), &[&both, &b"\0\0\0padding"[..]].concat()), WHOLE, "{coding:?}");
        assert_eq!(told(coding.name(), &both[..one.len()]).1, BodyState::Truncated, "{coding:?}");
        if coding == Coding::Zstd {
            let body = [skipped(0), skipped(9), one.clone(), skipped(200), two.clone(), skipped(1)].concat();
            assert_eq!(told("zstd", &body), WHOLE);
        }
    }
    // One stream is all that the others have; what follows is passed over.
    for coding in [Coding::Zlib, Coding::RawDeflate, Coding::Br] {
        let body = [coding.encode(USAGE.as_bytes()), b"more".to_vec()].concat();
        assert_eq!(told(coding.name(), &body), WHOLE, "{coding:?}");
    }
}

/// One whole and streamed with a checksum, one of known size without, one with sequences.
const REFERENCE: [&str; 3] = [
    "28b52ffd04589d02004205121880a92d0692a2e0d0d2e230701b039290570f6169aa681246c7314064753741d2b388546ad9\
     02f74a98d035ac4a55a88d1b0f642db602e15e588e22ca767e23349adb806f7336020200340b2759cc3321f4994d",
    "28b52ffd20667d020042051112903d0612b18323e133b3bb0296aace7f2e017b939830c50763d28759ac92aa03517e278314\
     235c25b5f5ba9cb574f3c131e597a9479d3ab87c79648bca838797af771d0200340b2759cc33",
    "28b52ffd0460bd030022c8191c8027d5188b828cc784c49ca20835cb523c11b06ffd49d3240cacc00284bc77c01b4b43b750\
     66752f06a669531d4bcfa5803796866eb1c752826387a780690517a2bcc655225d9709e32811f288f74e00e3cb72999e1d6e\
     5625da05e02d4fd281b31ba05983020300c8590a9cb371a1eaf9ab3dec62316c",
];

/// From the reference implementation (`zstd` 1.5), so that not only our encoder is understood.
#[test]
fn frames_of_the_reference_encoder() {
    for frame in REFERENCE {
        let bytes: Vec<u8> =
            (0..frame.len() / 2).map(|i| u8::from_str_radix(&frame[2 * i..2 * i + 2], 16).unwrap()).collect();
        assert_eq!(told("zstd", &bytes), WHOLE, "{frame}");
    }
}

/// A header that asks for a window of `log` or a dictionary, with one raw block of `{}`.
fn frame(descriptor: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x28, 0xB5, 0x2F, 0xFD, descriptor][..], rest, &[0x11, 0, 0], b"{}"].concat()
}

#[test]
fn windows_are_bounded_and_dictionaries_refused() {
    let window = |log: u8| frame(0, &[(log - 10) << 3]);
    assert_eq!(told("zstd", &window(23)), (None, BodyState::Complete), "8 MB");
    assert_eq!(told("zstd", &window(24)), (None, BodyState::TooLarge), "16 MB");
    assert_eq!(told("zstd", &window(40)), (None, BodyState::TooLarge));
    // A single segment is its own window.
    assert_eq!(told("zstd", &frame(0xA0, &(9u32 << 20).to_le_bytes())), (None, BodyState::TooLarge));
    assert_eq!(told("zstd", &frame(0x01, &[0, 7])), (None, BodyState::Unsupported));
    assert_eq!(told("deflate", &[0x78, 0xBB, 1, 2, 3, 4]), (None, BodyState::Unsupported));
    // RFC 7932 9.1: the first byte of br's large windows.
    assert_eq!(told("br", &[0x11, 0x1E, 0, 0, 0]), (None, BodyState::Unparsable));
}

#[test]
fn bombs_stop_at_the_bound() {
    let blank = vec![b' '; 6 << 20];
    for coding in Coding::ALL {
        let bomb = coding.encode(&blank);
        assert!(bomb.len() < 8 << 10, "{coding:?}: {}", bomb.len());
        let every: Vec<usize> = (0..bomb.len()).step_by(1 + bomb.len() / 1000).collect();
        for cuts in [&[][..], &every] {
            let reading = read_cut(Api::ChatCompletions, 200, &head(coding.name()), &bomb, cuts, true);
            assert_eq!(reading.state, BodyState::TooLarge, "{coding:?}");
        }
        // Wrapped twice it is some hundred bytes, each layer alone within its ratio for long.
        let twice = gzip(&bomb);
        let encoding = format!("{}, gzip", coding.name());
        let reading = read(Api::ChatCompletions, 200, &head(&encoding), &twice);
        assert_eq!(reading.state, BodyState::TooLarge, "{coding:?} in gzip of {}", twice.len());
    }
}

#[test]
fn large_bodies_that_swell_little_are_whole() {
    // Numbers, past the floor of the ratio (4 MB) and past the windows.
    let mut seed = 1u64;
    let mut body = String::from("{\"data\":[");
    while body.len() < 9 << 19 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        body.push_str(&format!("0.{},", seed >> 33));
    }
    body.push_str("0],\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}");
    for coding in Coding::ALL {
        let encoded = coding.encode(body.as_bytes());
        let every: Vec<usize> = (0..encoded.len()).step_by(1500).collect();
        let reading = read_cut(Api::Embeddings, 200, &head(coding.name()), &encoded, &every, true);
        assert_eq!((reading.state, reading.usage.and_then(|u| u.input)), (BodyState::Complete, Some(3)), "{coding:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Damaged, cut off, glued together, in the right coding or a wrong one: never a panic, and what is read does not
    /// depend on the cuts.
    #[test]
    fn damage_never_panics_nor_depends_on_cuts(
        coding in prop::sample::select(Coding::ALL.to_vec()),
        named in prop::sample::select(vec!["", "gzip", "deflate", "br", "zstd", "br, zstd", "zstd, br", "deflate, gzip"]),
        right in any::<bool>(),
        events in 0usize..40,
        flushed in any::<bool>(),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ended in any::<bool>(),
    ) {
        let events = stream(events);
        let mut body = if flushed {
            coding.flushed(&events.iter().map(|e| e.as_bytes()).collect::<Vec<_>>()).concat()
        } else {
            coding.encode(events.concat().as_bytes())
        };
        for (at, byte) in noise {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(end) = end {
            body.truncate(end.index(body.len()));
        }
        body.extend_from_slice(&tail);
        let head = head(if right { coding.name() } else { named });
        let whole = read_cut(Api::ChatCompletions, 200, &head, &body, &[], ended);
        let every: Vec<usize> = (0..body.len()).collect();
        prop_assert_eq!(&read_cut(Api::ChatCompletions, 200, &head, &body, &every, ended), &whole);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(&read_cut(Api::ChatCompletions, 200, &head, &body, &cuts, ended), &whole);
    }

    /// Sound bodies are what they were, whatever they hold and however they are flushed.
    #[test]
    fn sound_bodies_read_as_plain_ones(
        coding in prop::sample::select(Coding::ALL.to_vec()),
        inner in prop::option::of(prop::sample::select(Coding::ALL.to_vec())),
        events in 0usize..60,
        fill in prop::collection::vec(any::<char>(), 0..200),
        step in 1usize..700,
    ) {
        let fill: String = fill.into_iter().collect();
        let mut plain = stream(events).concat();
        plain.insert_str(0, &format!("data: {}\n\n", serde_json::json!({ "x": fill, "model": "n" })));
        let parts: Vec<&[u8]> = plain.as_bytes().chunks(step).collect();
        let mut encoding = coding.name().to_owned();
        let mut body = coding.flushed(&parts).concat();
        if let Some(inner) = inner {
            encoding = format!("{}, {}", inner.name(), coding.name());
            body = coding.flushed(&[&inner.flushed(&parts).concat()]).concat();
        }
        let expected = read(Api::ChatCompletions, 200, &head(""), plain.as_bytes());
        prop_assert_eq!(&read(Api::ChatCompletions, 200, &head(&encoding), &body), &expected);
        let cuts: Vec<usize> = (0..body.len()).step_by(step).collect();
        prop_assert_eq!(&read_cut(Api::ChatCompletions, 200, &head(&encoding), &body, &cuts, true), &expected);
    }
}
