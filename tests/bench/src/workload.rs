//! What is sent: chat completions of a given size, and streams of a given number of frames.

use std::fmt::Write as _;

use bytes::Bytes;
use clap::ValueEnum;

/// Frames of a streamed answer. A short chat answer is a few hundred tokens, and a provider writes about one a frame.
const FRAMES: usize = 200;

/// Prompt tokens that every answer states.
pub(crate) const PROMPT_TOKENS: u64 = 1_234;

/// Completion tokens that every answer states.
pub(crate) const COMPLETION_TOKENS: u64 = 567;

/// Model that every exchange names: one that the price book knows, so that ours pays for pricing too.
pub(crate) const MODEL: &str = "gpt-4o-mini";

/// Filler of the bodies: JSON string content with the escapes and multi-byte characters that real text has.
const TEXT: &str = "The quick brown fox said \\\"hello\\\" to the caf\u{e9}\\n and counted: 1, 2, 3 {of} [them]. ";

/// A kind of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// JSON, 4 kB each way
    Unary4k,
    /// JSON, 64 kB each way
    Unary64k,
    /// Server-sent events, each frame written and flushed alone, one after the other
    Sse,
    /// Server-sent events, each frame written when the client has read the one before
    SseLockStep,
}

/// The bytes of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Request body.
    pub(crate) request: Bytes,
    /// Response body as the upstream writes it: one write per element.
    pub(crate) response: Vec<Bytes>,
    /// Response `content-type`.
    pub(crate) content_type: &'static str,
    /// How the writes follow each other.
    pub(crate) pace: Pace,
}

/// How an upstream writes the parts of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Flushed one by one, with nothing in between. A proxy that is busy may read several at once.
    Flushed,
    /// The next only when the client has read the last: what a proxy sees of a model that takes longer per token than
    /// the network does, so that it never reads two frames at once.
    LockStep,
}

impl Workload {
    pub(crate) const ALL: [Self; 4] = [Self::Unary4k, Self::Unary64k, Self::Sse, Self::SseLockStep];

    /// Name in tables and in the header that tells the upstream what to answer.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unary4k => "unary 4 kB",
            Self::Unary64k => "unary 64 kB",
            Self::Sse => "sse 200 frames",
            Self::SseLockStep => "sse 200 frames, in lock step",
        }
    }

    /// Exchanges per round: about a quarter of a second of Envoy's CPU, so that a round outlasts scheduling noise and
    /// all rounds of all variants stay under four minutes.
    pub(crate) const fn per_round(self) -> usize {
        match self {
            Self::Unary4k => 3_000,
            Self::Unary64k => 1_000,
            Self::Sse => 120,
            Self::SseLockStep => 60,
        }
    }

    pub(crate) fn exchange(self) -> Exchange {
        match self {
            Self::Unary4k => unary(4 * 1024),
            Self::Unary64k => unary(64 * 1024),
            Self::Sse => sse(Pace::Flushed),
            Self::SseLockStep => sse(Pace::LockStep),
        }
    }
}

fn unary(size: usize) -> Exchange {
    Exchange {
        request: request(size, ""),
        response: vec![padded(
            size,
            &format!(
                "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1763700000,\"model\":\"{MODEL}\",\
                 \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\""
            ),
            &format!("\"}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\"usage\":{}}}", usage()),
        )],
        content_type: "application/json",
        pace: Pace::Flushed,
    }
}

fn sse(pace: Pace) -> Exchange {
    let chunk = |choices: &str, usage: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1763700000,\
             \"model\":\"{MODEL}\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\",\
             \"choices\":[{choices}],\"usage\":{usage},\"obfuscation\":\"x7Qz\"}}\n\n"
        ))
    };
    let delta = |delta: &str, finish: &str| {
        format!("{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}")
    };
    // The last three frames are the finish, the usage and the end mark.
    let mut response: Vec<Bytes> = (0..FRAMES.saturating_sub(3))
        .map(|i| chunk(&delta(&format!("{{\"content\":\" token{i}\"}}"), "null"), "null"))
        .collect();
    response.push(chunk(&delta("{}", "\"stop\""), "null"));
    response.push(chunk("", &usage()));
    response.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Exchange {
        request: request(4 * 1024, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"),
        response,
        content_type: "text/event-stream; charset=utf-8",
        pace,
    }
}

/// A request body of about `size` bytes, with `options` behind the messages.
fn request(size: usize, options: &str) -> Bytes {
    padded(
        size,
        &format!("{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\"content\":\""),
        &format!("\"}}]{options}}}"),
    )
}

fn usage() -> String {
    format!(
        "{{\"prompt_tokens\":{PROMPT_TOKENS},\"completion_tokens\":{COMPLETION_TOKENS},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0,\"audio_tokens\":0}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":0,\"audio_tokens\":0}}}}",
        PROMPT_TOKENS + COMPLETION_TOKENS
    )
}

/// `before`, text, `after`: about `size` bytes, never cut inside an escape.
fn padded(size: usize, before: &str, after: &str) -> Bytes {
    let mut body = before.to_owned();
    while body.len() + TEXT.len() + after.len() < size {
        // Numbered, so that no compression or caching of equal lines is possible anywhere.
        let _ = write!(body, "{} {TEXT}", body.len());
    }
    body.push_str(after);
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> serde_json::Value {
        serde_json::from_slice(bytes).expect("valid JSON")
    }

    #[test]
    fn bodies_are_what_their_names_say() {
        for (workload, size) in [(Workload::Unary4k, 4096), (Workload::Unary64k, 65536)] {
            let exchange = workload.exchange();
            let answer = exchange.response.concat();
            for body in [exchange.request.as_ref(), &answer] {
                assert!(body.len().abs_diff(size) < 256, "{workload:?}: {}", body.len());
                assert_eq!(json(body)["model"], MODEL);
            }
            assert_eq!(json(&answer)["usage"]["prompt_tokens"], PROMPT_TOKENS);
        }
    }

    #[test]
    fn a_stream_is_200_events_and_one_of_them_tells_the_usage() {
        let exchange = Workload::Sse.exchange();
        assert_eq!(exchange.response.len(), FRAMES);
        assert_eq!(json(&exchange.request)["stream"], true);
        let data: Vec<&[u8]> = exchange
            .response
            .iter()
            .map(|f| f.strip_prefix(b"data: ").and_then(|f| f.strip_suffix(b"\n\n")).expect("one event"))
            .collect();
        let (last, events) = data.split_last().expect("events");
        assert_eq!(*last, b"[DONE]");
        let usages = events.iter().filter(|e| json(e)["usage"]["completion_tokens"] == COMPLETION_TOKENS);
        assert_eq!(usages.count(), 1);
    }
}
