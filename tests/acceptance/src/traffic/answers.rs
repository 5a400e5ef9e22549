//! Answers of providers, written by hand in their published shapes.

use genops_tests::upstream::Answer;
use hyper::StatusCode;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const STREAM: [(&str, &str); 2] = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")];

fn whole(status: u16, body: &Value) -> Answer {
    Answer::new(StatusCode::from_u16(status).unwrap_or_default(), [JSON], body.to_string())
}

fn stream(events: &[(Option<&str>, Value)], end: &str) -> Answer {
    let line = |(name, data): &(Option<&str>, Value)| {
        let name = name.map(|n| format!("event: {n}\n")).unwrap_or_default();
        format!("{name}data: {data}\n\n")
    };
    let body: String = events.iter().map(line).chain([end.to_owned()]).collect();
    Answer::new(StatusCode::OK, STREAM, body)
}

/// Plain JSON.
pub(super) fn plain(status: u16, body: &Value) -> Answer {
    whole(status, body)
}

/// OpenAI's usage of a chat completion, `cached` of `input` served by a cache.
fn openai_usage(input: u64, cached: u64, output: u64) -> Value {
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}

/// A chat completion of OpenAI and of those who speak as it does; `more` is merged into its usage.
pub(super) fn chat(model: &str, (input, cached, output): (u64, u64, u64), more: &Value) -> Answer {
    let mut usage = openai_usage(input, cached, output);
    if let (Some(usage), Some(more)) = (usage.as_object_mut(), more.as_object()) {
        usage.extend(more.clone());
    }
    whole(
        200,
        &json!({
            "id": "chatcmpl-a", "object": "chat.completion", "created": 1_763_000_000, "model": model,
            "system_fingerprint": "fp_44709d6fcb", "usage": usage,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Done."}}],
        }),
    )
}

/// The same as a stream; without `usage` it is cut off before its end would come.
pub(super) fn chat_stream(model: &str, usage: Option<(u64, u64, u64)>) -> Answer {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-b", "object": "chat.completion.chunk", "created": 1_763_000_000, "model": model,
            "choices": choices, "usage": usage,
        });
        (None, chunk)
    };
    let delta = |text: &str| json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
    let mut events = vec![chunk(delta("Do"), Value::Null), chunk(delta("ne."), Value::Null)];
    let Some((input, cached, output)) = usage else { return stream(&events, "") };
    events.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null));
    events.push(chunk(json!([]), openai_usage(input, cached, output)));
    stream(&events, "data: [DONE]\n\n")
}

/// Embeddings.
pub(super) fn embedding(model: &str, input: u64) -> Answer {
    let usage = json!({"prompt_tokens": input, "total_tokens": input});
    let data = json!([{"object": "embedding", "index": 0, "embedding": [0.1, -0.2]}]);
    whole(200, &json!({"object": "list", "data": data, "model": model, "usage": usage}))
}

/// A stream of Anthropic's messages: fresh, written and cached prompt tokens stand apart there.
pub(super) fn messages_stream(model: &str, (fresh, written, cached): (u64, u64, u64), output: u64) -> Answer {
    let usage = json!({
        "input_tokens": fresh, "cache_creation_input_tokens": written, "cache_read_input_tokens": cached,
        "output_tokens": 1,
    });
    let message = json!({
        "id": "msg_01", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "usage": usage,
    });
    let text =
        |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let end = json!({"stop_reason": "end_turn", "stop_sequence": null});
    stream(
        &[
            (Some("message_start"), json!({"type": "message_start", "message": message})),
            (Some("content_block_start"), block),
            (Some("content_block_delta"), text("Do")),
            (Some("content_block_delta"), text("ne.")),
            (Some("content_block_stop"), json!({"type": "content_block_stop", "index": 0})),
            (Some("message_delta"), json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": output}})),
            (Some("message_stop"), json!({"type": "message_stop"})),
        ],
        "",
    )
}

/// One message of Anthropic.
pub(super) fn message(model: &str, input: u64, output: u64) -> Answer {
    whole(
        200,
        &json!({
            "id": "msg_02", "type": "message", "role": "assistant", "model": model,
            "content": [{"type": "text", "text": "Done."}], "stop_reason": "end_turn",
            "usage": {"input_tokens": input, "output_tokens": output},
        }),
    )
}

/// Google's answer; thoughts are billed as output and stand apart from it.
pub(super) fn generate_content(model: &str, input: u64, output: u64, thoughts: u64) -> Answer {
    let content = json!({"role": "model", "parts": [{"text": "Done."}]});
    whole(
        200,
        &json!({
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {
                "promptTokenCount": input, "candidatesTokenCount": output, "thoughtsTokenCount": thoughts,
                "totalTokenCount": input + output + thoughts,
            },
            "modelVersion": model, "responseId": "r1",
        }),
    )
}

/// OpenAI's error.
pub(super) fn openai_error(status: u16, kind: &str) -> Answer {
    whole(status, &json!({"error": {"message": "no", "type": kind, "param": null, "code": kind}}))
}

/// Anthropic's error.
pub(super) fn anthropic_error(status: u16, kind: &str) -> Answer {
    whole(status, &json!({"type": "error", "error": {"type": kind, "message": "no"}}))
}

/// Google's error.
pub(super) fn google_error(status: u16, kind: &str) -> Answer {
    whole(status, &json!({"error": {"code": status, "message": "no", "status": kind}}))
}
