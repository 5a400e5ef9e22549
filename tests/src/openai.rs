//! Exchanges with OpenAI, written by hand in its published shape.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::Request;
use crate::upstream::Answer;

/// A chat completion of `model` that used so many tokens, written by hand in OpenAI's published shape.
pub fn chat(model: &str, input: u64, output: u64) -> Answer {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    });
    Answer::new(StatusCode::OK, [("content-type", "application/json")], body.to_string())
}

/// The same as a stream; the usage stands in the last event before the end mark.
pub fn chat_stream(model: &str, input: u64, output: u64) -> Answer {
    let event = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |text: &str, reason: Value| json!([{"index": 0, "delta": {"content": text}, "finish_reason": reason}]);
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    let body = [
        event(delta("o", Value::Null), Value::Null),
        event(delta("k", Value::Null), Value::Null),
        event(delta("", json!("stop")), Value::Null),
        event(json!([]), usage),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let headers = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")];
    Answer::new(StatusCode::OK, headers, body)
}

/// Asks OpenAI for a chat completion.
pub fn ask(id: impl Into<String>, model: &str, headers: &[(&str, &[u8])]) -> Request {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    let headers = headers.iter().copied().chain([json]);
    Request::new(id, ("POST", "api.openai.com", "/v1/chat/completions"), headers, body)
}
