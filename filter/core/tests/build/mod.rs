//! Bodies to read, and ways to read them.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses its part of it")]

mod encode;

use genops_core::{
    body::{Reader, Reading},
    detect::Api,
    head::Head,
};

pub use encode::Coding;

pub fn sse_head() -> [(&'static str, &'static str); 1] {
    [("content-type", "text/event-stream; charset=utf-8")]
}

/// Reads a body cut at the given places.
pub fn read_cut(api: Api, status: u16, head: &[(&str, &str)], body: &[u8], cuts: &[usize], ended: bool) -> Reading {
    let mut reader = Reader::new(api, status, &head.iter().copied().collect::<Head<'_>>());
    let mut from = 0;
    for at in cuts.iter().copied().chain([body.len()]) {
        let at = at.clamp(from, body.len());
        reader.feed(&body[from..at]);
        from = at;
    }
    reader.finish(ended)
}

/// Reads a body in one piece to its end.
pub fn read(api: Api, status: u16, head: &[(&str, &str)], body: &[u8]) -> Reading {
    read_cut(api, status, head, body, &[], true)
}

/// Reads a body in one piece, in two at every place, and byte by byte: all must agree.
#[track_caller]
pub fn cut_everywhere(api: Api, status: u16, head: &[(&str, &str)], body: &[u8]) -> Reading {
    let whole = read(api, status, head, body);
    for at in 0..body.len() {
        assert_eq!(read_cut(api, status, head, body, &[at], true), whole, "cut at {at}");
    }
    let every: Vec<usize> = (0..body.len()).collect();
    assert_eq!(read_cut(api, status, head, body, &every, true), whole, "cut at every byte");
    whole
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    Coding::Gzip.encode(plain)
}

/// One message of an AWS event stream, with string headers.
pub fn event_message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).unwrap());
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(7);
        encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(16 + encoded.len() + payload.len()).unwrap();
    let mut message = total.to_be_bytes().to_vec();
    message.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&encoded);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}
