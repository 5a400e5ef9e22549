//! What the core costs per piece of traffic. `cargo bench -p genops-core`; ratios against bare Envoy: `cargo xtask bench`.

#[path = "../tests/build/encode.rs"]
mod encode;

use std::hint::black_box;
use std::io::Read;
use std::rc::Rc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use encode::Coding;
use genops_core::{Config, End, Exchange, Head, Record};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn exchange() -> Exchange {
    let pairs = [
        (":method", "POST"),
        (":authority", "api.openai.com"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
    ];
    Exchange::new(Rc::new(Config::default()), &Head::from_iter(pairs), 1_790_000_000_000_000_000)
}

fn answer(mut exchange: Exchange, content_type: &str, body: &[u8]) -> Record {
    exchange.response_head(&Head::from_iter([(":status", "200"), ("content-type", content_type)]));
    exchange.response_body(body, || 1_790_000_000_100_000_000);
    exchange.response_end();
    exchange.finish(End::Client, 1_790_000_001_000_000_000)
}

/// A delta as OpenAI streams it, about 300 bytes.
fn delta(text: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
         \"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_50906f2aac\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":null}}],\
         \"usage\":null,\"obfuscation\":\"aZ3kQ9\"}}\n\n"
    )
}

/// Frames of a stream after its first token: each should be skipped, not parsed.
#[divan::bench]
fn skipped_sse_frame(bencher: Bencher<'_, '_>) {
    let frame = delta(" token");
    let mut open = exchange();
    open.response_head(&Head::from_iter([(":status", "200"), ("content-type", "text/event-stream")]));
    open.response_body(frame.as_bytes(), || 1);
    bencher
        .counter(ItemsCount::new(1_u32))
        .counter(BytesCount::of_str(&frame))
        .bench_local(|| open.response_body(black_box(frame.as_bytes()), || 1));
}

const USAGE: &str = "{\"id\":\"chatcmpl-A1\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"gpt-4o-mini-2024-07-18\",\
    \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello.\"},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":1200,\"completion_tokens\":300,\"total_tokens\":1500,\"prompt_tokens_details\":\
    {\"cached_tokens\":1024,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":64,\"audio_tokens\":0}},\
    \"service_tier\":\"default\"}";

/// A whole unary exchange: head, body, usage, price, record.
#[divan::bench(args = [500, 4_000, 64_000])]
fn unary_exchange(bencher: Bencher<'_, '_>, size: usize) {
    let body = USAGE.replace("Hello.", &"lorem ipsum ".repeat(size.saturating_sub(USAGE.len()) / 12));
    bencher
        .counter(BytesCount::of_str(&body))
        .bench_local(|| answer(exchange(), "application/json", black_box(body.as_bytes())));
}

/// The record's line of JSON.
#[divan::bench]
fn record_line(bencher: Bencher<'_, '_>) {
    let record = answer(exchange(), "application/json", USAGE.as_bytes());
    bencher.bench_local(|| black_box(&record).to_json());
}

/// Usage to money, the model already known.
#[divan::bench]
fn cost(bencher: Bencher<'_, '_>) {
    use genops_core::price::{Charge, Context, price};
    let usage = answer(exchange(), "application/json", USAGE.as_bytes()).usage.expect("the body has usage");
    bencher.bench_local(|| {
        price(&Charge {
            provider: "openai",
            model: "gpt-4o-mini",
            at: 1_790_000_000,
            usage: black_box(&usage),
            context: Context::default(),
        })
    });
}

/// A token stream of some 300 kB.
fn stream() -> String {
    (0..1000).map(|n| delta(&format!(" token {}", n * 7919 % 997))).collect()
}

/// Decoding alone, per decoded byte: a body of this type is decoded and not looked into.
#[divan::bench(args = Coding::ALL)]
fn decoded(bencher: Bencher<'_, '_>, coding: Coding) {
    use genops_core::{body::Reader, detect::Api};
    let plain = stream();
    let encoded = coding.encode(plain.as_bytes());
    let head = Head::from_iter([("content-type", "audio/mpeg"), ("content-encoding", coding.name())]);
    bencher.counter(BytesCount::of_str(&plain)).bench_local(|| {
        let mut reader = Reader::new(Api::AudioSpeech, 200, &head);
        reader.feed(black_box(&encoded));
        reader.finish(true)
    });
}

/// What `decoded` of gzip is measured against: flate2 itself, into a buffer of 8 kB.
#[divan::bench]
fn decoded_natively(bencher: Bencher<'_, '_>) {
    let plain = stream();
    let encoded = Coding::Gzip.encode(plain.as_bytes());
    bencher.counter(BytesCount::of_str(&plain)).bench_local(|| {
        let mut decoder = flate2::bufread::GzDecoder::new(black_box(encoded.as_slice()));
        let (mut buffer, mut all) = (vec![0; 8192], 0);
        while let Ok(len @ 1..) = decoder.read(&mut buffer) {
            all += len;
        }
        assert_eq!(all, plain.len());
    });
}
