//! Paths: API and model.
//!
//! Gateways put prefixes before a provider's own path (`/router/v2/openai/v1/chat/completions`), so the last segments
//! decide. Where two owners use the same path for different shapes, the host tells them apart.

use super::{Api, MODEL_LIMIT, owned, provider};

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
    pub(super) fn model(mut self, model: &str) -> Self {
        self.model = (!model.is_empty() && model.len() <= MODEL_LIMIT).then(|| model.to_owned());
        self
    }

    fn provider(mut self, id: &'static str) -> Self {
        self.provider = Some(id);
        self
    }
}

/// Where a path is read: what tells equal paths apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setting<'a> {
    /// Owner of the host, where it is known.
    pub(super) owner: Option<&'a str>,
    /// The host is Cloudflare's AI Gateway, whose paths name the owner.
    pub(super) cloudflare_gateway: bool,
    /// The request opens a web socket.
    pub(super) websocket: bool,
}

/// Reads `:path` (with its query).
pub(super) fn read(method: &str, target: &str, setting: Setting<'_>) -> Place {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if path.len() > PATH_LIMIT {
        return Api::Other.into();
    }
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).take(SEGMENTS).map(percent_decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if setting.websocket {
        return socket(&segments, target);
    }
    // Behind Cloudflare's gateway paths are those of the owner that they name.
    let behind = segments.get(3).filter(|_| setting.cloudflare_gateway).and_then(|s| provider::behind_cloudflare(s));
    let owner = behind.or(setting.owner);
    let mut place = named_by_segments(method, &segments, owner);
    if setting.cloudflare_gateway {
        place.provider = behind;
    }
    if place.model.is_none() && owner == Some(provider::DEEPGRAM) {
        place = place.model(&in_query(target, "model").unwrap_or_default());
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
    let model = in_query(target, "model").or_else(|| in_query(target, "deployment")).unwrap_or_default();
    Place::from(api).model(&model)
}

/// The value of `key` in the query of a target.
fn in_query(target: &str, key: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let query = query.split('#').next()?;
    let query = query.get(..PATH_LIMIT).unwrap_or(query);
    let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key)?;
    Some(percent_decoded(value))
}

fn named_by_segments(method: &str, segments: &[&str], owner: Option<&str>) -> Place {
    if let Some(place) = google(segments) {
        return place;
    }
    if let Some(place) = aws(segments) {
        return place;
    }
    if let Some([deployment, rest @ ..]) = after(segments, &["openai", "deployments"]) {
        let place = openai(method, rest, owner).model(deployment);
        // A known owner that only imitates Azure's paths keeps its own name.
        return if owner.is_none() { place.provider(provider::AZURE_OPENAI) } else { place };
    }
    if let Some(place) = owned::read(segments, owner.unwrap_or_default()) {
        return place;
    }
    openai(method, segments, owner)
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
        // Veo; what it comes to is asked for later (`fetchPredictOperation`, operations).
        "predictLongRunning" => Api::Videos,
        // Snowflake Cortex: `/api/v2/cortex/inference:complete` and `:embed`, OpenAI's shapes.
        "complete" if model == "inference" => return Some(Api::ChatCompletions.into()),
        "embed" if model == "inference" => return Some(Api::Embeddings.into()),
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

/// OpenAI's paths and all others that need no host to be told apart.
fn openai(method: &str, segments: &[&str], owner: Option<&str>) -> Place {
    let ollama = |api: Api| {
        let place = Place::from(api);
        // The path is Ollama's own invention; a known owner still keeps its name.
        if owner.is_none() { place.provider(provider::OLLAMA) } else { place }
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
        [.., "embeddings" | "multimodalembeddings" | "contextualizedembeddings"] | [.., "embeddings", "multimodal"] => {
            Api::Embeddings
        }
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
        [.., "videos"] | [.., "videos", "generations" | "edits" | "extensions"] | [.., "videos", _, "remix"] => {
            Api::Videos
        }
        [.., "moderations"] => Api::Moderations,
        [.., "ocr"] => Api::Ocr,
        [.., "interactions"] => Api::Interactions,
        [.., "models"] | [.., "models", _] | [.., "api", "tags" | "show" | "ps"] => Api::Models,
        _ => Api::Other,
    };
    api.into()
}

/// What follows the first place where `names` stand in a row.
pub(super) fn after<'s, 'p>(segments: &'s [&'p str], names: &[&str]) -> Option<&'s [&'p str]> {
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
