//! The records of the corpus.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// One recorded exchange.
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) api: String,
    pub(crate) request: Message,
    pub(crate) response: Message,
    pub(crate) status: u16,
    pub(crate) has_usage: bool,
    pub(crate) request_model: Option<String>,
    pub(crate) expected: Expected,
}

/// A head as Envoy shows it, and the body's bytes.
pub(crate) struct Message {
    pub(crate) head: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What the corpus' README says that the response states, in this project's terms: totals with cache and reasoning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) model: Option<String>,
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cache_read: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) reasoning: Option<u64>,
    pub(crate) input_audio: Option<u64>,
    pub(crate) input_image: Option<u64>,
    pub(crate) input_tool: Option<u64>,
    pub(crate) output_audio: Option<u64>,
    pub(crate) output_image: Option<u64>,
    pub(crate) billed_input: Option<u64>,
    pub(crate) billed_output: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) response_id: Option<String>,
    /// The last of the recorded ones.
    pub(crate) finish_reason: Option<String>,
}

/// All exchanges, or `None` (with a line that says so) where the corpus is absent.
///
/// # Panics
/// When the corpus is absent in CI, or is not what its README describes.
pub(crate) fn load() -> Option<Vec<Exchange>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        assert!(std::env::var_os("CI").is_none(), "{} is absent, and in CI it must not be", dir.display());
        // Not by `eprintln!`: the harness keeps what a test prints that passes.
        let _nobody_listens = writeln!(std::io::stderr(), "NOT RUN: {} is absent", dir.display());
        return None;
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    let lines = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    Some(lines.map(|line| Exchange::parse(&serde_json::from_str(&line).expect("a record is JSON"))).collect())
}

impl Exchange {
    fn parse(record: &Value) -> Self {
        let (request, response, expected) = (&record["request"], &record["response"], &record["expected"]);
        let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let count = |key: &str| expected[key].as_u64();
        let status = u16::try_from(response["status"].as_u64().expect("a status")).expect("a status");
        Self {
            id: text(&record["id"]).expect("an id"),
            provider: text(&record["provider"]).expect("a provider"),
            api: text(&record["api"]).expect("an api"),
            request: Message { head: request_head(request), body: body(request) },
            response: Message { head: headers(response), body: body(response) },
            status,
            has_usage: expected["has_usage"].as_bool().expect("has_usage"),
            request_model: text(&expected["request_model"]),
            expected: Expected {
                model: text(&expected["model"]),
                input: count("total_input_tokens"),
                output: count("total_output_tokens"),
                cache_read: count("cache_read_tokens"),
                cache_write: count("cache_write_tokens"),
                reasoning: count("reasoning_tokens"),
                input_audio: count("audio_input_tokens"),
                input_image: count("image_input_tokens"),
                input_tool: count("tool_use_prompt_tokens"),
                output_audio: count("audio_output_tokens"),
                output_image: count("image_output_tokens"),
                billed_input: count("billed_input_tokens"),
                billed_output: count("billed_output_tokens"),
                total: count("total_tokens"),
                response_id: text(&expected["response_id"]),
                finish_reason: expected["finish_reasons"].as_array().and_then(|all| text(all.last()?)),
            },
        }
    }
}

fn request_head(request: &Value) -> Vec<(String, String)> {
    let url = request["url"].as_str().expect("a url");
    let (_, rest) = url.split_once("://").expect("a scheme");
    let (authority, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
    let method = request["method"].as_str().expect("a method");
    let pseudo = [(":method", method), (":authority", authority), (":path", path)];
    let mut head: Vec<_> = pseudo.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    head.extend(headers(request));
    head
}

fn headers(message: &Value) -> Vec<(String, String)> {
    let headers = message["headers"].as_object().expect("headers");
    headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.as_str().unwrap_or_default().to_owned())).collect()
}

fn body(message: &Value) -> Vec<u8> {
    let text = message["body"].as_str().unwrap_or_default();
    match message["body_encoding"].as_str() {
        Some("base64") => STANDARD.decode(text).expect("base64"),
        Some(other) => panic!("unknown body encoding {other}"),
        None => text.as_bytes().to_vec(),
    }
}
