//! Paths: API and model.
//!
//! Gateways put prefixes before a provider's own path (`/router/v2/openai/v1/chat/completions`), so the last segments
//! decide. Where two owners use the same path for different shapes, the host tells them apart.

use super::{Api, MODEL_LIMIT, host::Host, provider};

/// Most segments that are looked at; the longest real path (Vertex) has 10.
const SEGMENTS: usize = 32;

/// Longest path that is looked at, bytes. Everything of interest stands before the query.
const PATH_LIMIT: usize = 2048;

/// What a path says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) api: Api,
    pub(super) model: Option<String>,
    pub(super) region: Option<String>,
    /// Owner, where the path names it beyond doubt.
    pub(super) provider: Option<&'static str>,
}

impl From<Api> for Place {
    fn from(api: Api) -> Self {
        Self { api, model: None, region: None, provider: None }
    }
}

impl Place {
    fn model(mut self, model: &str) -> Self {
        self.model = (!model.is_empty() && model.len() <= MODEL_LIMIT).then(|| model.to_owned());
        self
    }

    fn provider(mut self, id: &'static str) -> Self {
        self.provider = Some(id);
        self
    }
}

/// Reads `:path` (with its query).
pub(super) fn read(method: &str, target: &str, host: &Host, websocket: bool) -> Place {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if path.len() > PATH_LIMIT {
        return Api::Other.into();
    }
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).take(SEGMENTS).map(percent_decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if websocket {
        return socket(&segments, target);
    }
    let mut place = named_by_segments(method, &segments, host);
    if host.is_cloudflare_gateway() {
        place.provider = segments
            .get(3)
            .and_then(|s| provider::CLOUDFLARE_GATEWAY.iter().find(|(segment, _)| segment == s))
            .map(|(_, id)| *id);
    }
    // Looking up, listing and deleting use no model, whatever stands at the end of the path.
    if method != "POST" && place.api.generates() {
        place.api = Api::Other;
    }
    place
}

/// Sessions over a web socket. OpenAI, Azure and xAI name the model in the query (Azure: a deployment), Gemini in its
/// first message.
fn socket(segments: &[&str], target: &str) -> Place {
    let api = match segments {
        [.., "realtime"] | [.., "realtime", "translations"] => Api::Realtime,
        [.., "responses"] => Api::ResponsesSocket,
        // `...v1beta.GenerativeService.BidiGenerateContent`; `...Constrained` with a token for browsers; on Vertex a
        // segment of its own.
        [.., last] if last.rsplit('.').next().is_some_and(|rpc| rpc.starts_with("BidiGenerateContent")) => {
            Api::GeminiLive
        }
        _ => return Api::Other.into(),
    };
    let query = target.split_once('?').map_or("", |(_, query)| query).split('#').next().unwrap_or_default();
    let query = query.get(..PATH_LIMIT).unwrap_or(query);
    let named = |key: &str| {
        let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
        pair.map(|(_, value)| percent_decoded(value))
    };
    let model = named("model").or_else(|| named("deployment")).unwrap_or_default();
    Place::from(api).model(&model)
}

fn named_by_segments(method: &str, segments: &[&str], host: &Host) -> Place {
    if let Some(place) = google(segments) {
        return place;
    }
    if let Some(place) = aws(segments) {
        return place;
    }
    if let Some([deployment, rest @ ..]) = after(segments, &["openai", "deployments"]) {
        let mut place = openai(method, rest, host).model(deployment).provider(provider::AZURE_OPENAI);
        // A known owner that only imitates Azure's paths keeps its own name.
        place.provider = host.provider.or(place.provider);
        return place;
    }
    if let Some(place) = hosted(segments, host) {
        return place;
    }
    openai(method, segments, host)
}

/// `models/{model}:{method}` of Gemini and Vertex.
fn google(segments: &[&str]) -> Option<Place> {
    let (last, before) = segments.split_last()?;
    let (model, method) = last.rsplit_once(':')?;
    let publisher = before.windows(2).find(|w| w.first() == Some(&"publishers")).and_then(|w| w.get(1).copied());
    let api = match method {
        "generateContent" => Api::GenerateContent,
        "streamGenerateContent" => Api::StreamGenerateContent,
        "embedContent" => Api::EmbedContent,
        "batchEmbedContents" => Api::BatchEmbedContents,
        "countTokens" | "computeTokens" => Api::GeminiCountTokens,
        "batchGenerateContent" | "asyncBatchEmbedContent" => Api::Batches,
        "rawPredict" if model == "count-tokens" => Api::CountTokens,
        "rawPredict" | "streamRawPredict" => match publisher {
            Some("anthropic") => Api::Messages,
            Some("mistralai") => Api::ChatCompletions,
            _ => Api::Predict,
        },
        "predict" => Api::Predict,
        // Snowflake Cortex: `/api/v2/cortex/inference:complete`, an OpenAI shape.
        "complete" if model == "inference" => return Some(Api::ChatCompletions.into()),
        _ => return None,
    };
    let mut place = Place::from(api).model(model);
    place.region = before
        .windows(2)
        .find(|w| w.first() == Some(&"locations"))
        .and_then(|w| w.get(1))
        .filter(|r| r.len() <= MODEL_LIMIT)
        .map(|r| (*r).to_owned());
    Some(place)
}

/// `model/{id}/{action}` of Bedrock, `endpoints/{name}/invocations` of SageMaker.
fn aws(segments: &[&str]) -> Option<Place> {
    let (action, before) = segments.split_last()?;
    let api = match *action {
        "converse" => Api::Converse,
        "converse-stream" => Api::ConverseStream,
        "invoke" => Api::Invoke,
        "invoke-with-response-stream" => Api::InvokeStream,
        "count-tokens" => Api::CountTokens,
        "invocations" | "invocations-response-stream" => {
            let (name, before) = before.split_last()?;
            return match before.last() {
                Some(&"endpoints") => Some(Place::from(Api::SagemakerInvocations).model(name)),
                // Databricks: one OpenAI-shaped endpoint per model.
                Some(&"serving-endpoints") => Some(Place::from(Api::ChatCompletions).model(name)),
                _ => None,
            };
        }
        _ => return None,
    };
    // An ARN may hold slashes that a client did not encode.
    let at = before.iter().position(|s| *s == "model")?;
    Some(Place::from(api).model(&before.get(at + 1..)?.join("/")))
}

/// Paths that mean something of their own on one owner's hosts.
fn hosted(segments: &[&str], host: &Host) -> Option<Place> {
    let owner = host.provider.unwrap_or_default();
    let api = match (owner, segments) {
        (provider::WRITER, [.., "chat"]) => Api::ChatCompletions,
        (provider::COHERE, [.., "rerank"]) => Api::CohereRerank,
        (provider::COHERE, [.., "audio", "transcriptions"]) => Api::CohereTranscriptions,
        (provider::ALEPH_ALPHA, [.., "complete"]) => Api::AlephAlphaComplete,
        (provider::WATSONX, [.., "text", "chat" | "chat_stream"]) => Api::ChatCompletions,
        (_, [.., "generation", "text" | "text_stream"] | [.., "text", "generation" | "generation_stream"]) => {
            Api::WatsonxGeneration
        }
        (provider::ALIBABA, [.., "aigc", _, "generation"]) => Api::DashscopeGeneration,
        (provider::REPLICATE, [.., "models", owner, name, "predictions"]) => {
            return Some(Place::from(Api::ReplicatePredictions).model(&format!("{owner}/{name}")));
        }
        (provider::REPLICATE, [.., "predictions"]) => Api::ReplicatePredictions,
        (provider::REPLICATE, [.., "predictions", _] | [.., "predictions", _, "cancel"]) => Api::ReplicateObjects,
        (provider::HUGGINGFACE, [.., "models", owner, name]) => {
            return Some(Place::from(Api::HfInference).model(&format!("{owner}/{name}")));
        }
        (provider::HUGGINGFACE, []) => Api::HfInference,
        _ => {
            let model = after(segments, &["ai", "run"]).or_else(|| after(segments, &["workers-ai"]))?;
            return model
                .first()
                .is_some_and(|m| m.starts_with('@'))
                .then(|| Place::from(Api::CloudflareRun).model(&model.join("/")));
        }
    };
    Some(api.into())
}

/// OpenAI's paths and all others that need no host to be told apart.
fn openai(method: &str, segments: &[&str], host: &Host) -> Place {
    let ollama = |api: Api| {
        let place = Place::from(api);
        // The path is Ollama's own invention; a known owner still keeps its name.
        if host.provider.is_none() { place.provider(provider::OLLAMA) } else { place }
    };
    if let Some(rest) = after(segments, &["threads"]) {
        return match rest {
            ["runs"] | [_, "runs"] | [_, "runs", _, "submit_tool_outputs"] if method == "POST" => {
                Api::Assistants.into()
            }
            _ => Api::AssistantsObjects.into(),
        };
    }
    let api = match segments {
        s if s.iter().any(|s| matches!(*s, "batches" | "file_batches")) => Api::Batches,
        s if after(s, &["batch", "jobs"]).is_some() => Api::Batches,
        [.., "assistants"] | [.., "assistants", _] => Api::AssistantsObjects,
        [.., "chat", "completions"] => Api::ChatCompletions,
        [.., "completions"] => Api::Completions,
        [.., "api", "embeddings" | "embed"] => return ollama(Api::OllamaEmbed),
        [.., "embeddings" | "multimodalembeddings" | "contextualizedembeddings"] => Api::Embeddings,
        [.., "responses", "input_tokens"] => Api::CountTokens,
        [.., "responses", "compact"] => Api::ResponsesCompact,
        [.., "responses"] => Api::Responses,
        [.., "responses", _] if method == "GET" => Api::ResponsesRetrieve,
        [.., "messages", "count_tokens"] | [.., "tokenize"] => Api::CountTokens,
        [.., "messages"] => Api::Messages,
        [.., "complete"] => Api::Complete,
        [.., "v2", "chat"] => Api::CohereChatV2,
        [.., "v1", "chat"] => Api::CohereChatV1,
        [.., "api", "chat"] => return ollama(Api::OllamaChat),
        [.., "api", "generate"] => return ollama(Api::OllamaGenerate),
        [.., "v1", "generate"] => Api::CohereGenerate,
        [.., "generate" | "generate_stream"] => Api::HfInference,
        [.., "v1" | "v2", "embed"] => Api::CohereEmbed,
        [.., "rerank" | "reranking"] => Api::Rerank,
        [.., "images", "generations" | "edits" | "variations"] => Api::Images,
        [.., "audio", "speech"] => Api::AudioSpeech,
        [.., "audio", "transcriptions" | "translations"] => Api::AudioTranscriptions,
        [.., "moderations"] => Api::Moderations,
        [.., "ocr"] => Api::Ocr,
        [.., "interactions"] => Api::Interactions,
        [.., "models"] | [.., "models", _] | [.., "api", "tags" | "show" | "ps"] => Api::Models,
        _ => Api::Other,
    };
    api.into()
}

/// What follows the first place where `names` stand in a row.
fn after<'s, 'p>(segments: &'s [&'p str], names: &[&str]) -> Option<&'s [&'p str]> {
    let at = segments.windows(names.len()).position(|w| w == names)?;
    segments.get(at + names.len()..)
}

/// `%XX` decoded; what is no valid escape or no UTF-8 stays as it stands.
fn percent_decoded(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape =
            tail.get(..2).and_then(|h| str::from_utf8(h).ok()).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match escape.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_owned())
}
