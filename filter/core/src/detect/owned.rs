//! Paths that mean something of their own on one owner's hosts.

use super::{
    Api,
    path::{Place, after},
    provider,
};

/// What a path says on the hosts of `owner`; `None` where it says what it says everywhere.
pub(super) fn read(segments: &[&str], owner: &str) -> Option<Place> {
    let api = match (owner, segments) {
        (provider::WRITER, [.., "chat"]) => Api::ChatCompletions,
        // Its own shape names the usage as OpenAI's responses do.
        (provider::REKA, [.., "v1", "chat"]) => Api::ChatCompletions,
        (provider::COHERE, [.., "rerank"]) => Api::CohereRerank,
        (provider::COHERE, [.., "audio", "transcriptions"]) => Api::CohereTranscriptions,
        (provider::ALEPH_ALPHA, [.., "complete"]) => Api::AlephAlphaComplete,
        (provider::WATSONX, [.., "text", "chat" | "chat_stream"]) => Api::ChatCompletions,
        (_, [.., "generation", "text" | "text_stream"] | [.., "text", "generation" | "generation_stream"]) => {
            Api::WatsonxGeneration
        }
        (provider::ALIBABA, _) => dashscope(segments)?,
        (provider::MINIMAX, _) => minimax(segments)?,
        (provider::BAIDU, [.., "wenxinworkshop", kind, model]) => return baidu(kind, model),
        (provider::ZAI, [.., "videos", "generations"]) => Api::Videos,
        (provider::OCI, [.., "actions", action]) => oci(action)?,
        (provider::AWS_BEDROCK, [.., "async-invoke"]) => Api::Videos,
        (provider::ELEVENLABS, _) => elevenlabs(segments)?,
        (provider::DEEPGRAM, [.., "listen"]) => Api::AudioTranscriptions,
        (provider::DEEPGRAM, [.., "speak"]) => Api::AudioSpeech,
        (provider::ASSEMBLYAI, [.., "transcript"]) => Api::AudioTranscriptions,
        (provider::PREDIBASE, [.., "llms", model, "generate" | "generate_stream"]) => {
            return Some(Place::from(Api::HfInference).model(model));
        }
        (provider::GITHUB_COPILOT, [.., "engines", model, "completions"]) => {
            return Some(Place::from(Api::Completions).model(model));
        }
        (provider::REPLICATE, _) => return replicate(segments),
        (provider::HUGGINGFACE, [.., "models", owner, name]) => {
            return Some(Place::from(Api::HfInference).model(&format!("{owner}/{name}")));
        }
        (provider::HUGGINGFACE, []) => Api::HfInference,
        _ => return workers_ai(segments),
    };
    Some(api.into())
}

/// Cloudflare's `ai/run/@cf/{author}/{model}`, and its gateway's `workers-ai/@cf/...`.
fn workers_ai(segments: &[&str]) -> Option<Place> {
    let model = after(segments, &["ai", "run"]).or_else(|| after(segments, &["workers-ai"]))?;
    model.first().filter(|m| m.starts_with('@'))?;
    Some(Place::from(Api::CloudflareRun).model(&model.join("/")))
}

/// `/api/v1/services/...` of DashScope; its `compatible-mode` is OpenAI's.
fn dashscope(segments: &[&str]) -> Option<Api> {
    Some(match segments {
        [.., "aigc", "video-generation", "video-synthesis"] | [.., "aigc", "image2video", "video-synthesis"] => {
            Api::Videos
        }
        [.., "aigc", _, "image-synthesis"] => Api::Images,
        [.., "aigc", _, "generation"] => Api::DashscopeGeneration,
        [.., "services", "embeddings", _, _] => Api::Embeddings,
        [.., "services", "rerank", _, _] => Api::Rerank,
        _ => return None,
    })
}

/// MiniMax beside OpenAI's and Anthropic's paths.
fn minimax(segments: &[&str]) -> Option<Api> {
    Some(match segments {
        [.., "text", "chatcompletion_v2"] => Api::ChatCompletions,
        [.., "t2a_v2"] => Api::AudioSpeech,
        [.., "image_generation"] => Api::Images,
        [.., "video_generation"] => Api::Videos,
        _ => return None,
    })
}

/// Baidu's first API: `/rpc/2.0/ai_custom/v1/wenxinworkshop/{kind}/{model}`, with OpenAI's usage.
fn baidu(kind: &str, model: &str) -> Option<Place> {
    let api = match kind {
        "chat" => Api::ChatCompletions,
        "completions" => Api::Completions,
        "embeddings" => Api::Embeddings,
        "reranker" => Api::Rerank,
        "text2image" => Api::Images,
        _ => return None,
    };
    Some(Place::from(api).model(model))
}

/// `/20231130/actions/{action}` of Oracle Cloud.
fn oci(action: &str) -> Option<Api> {
    Some(match action {
        "chat" | "generateText" | "summarizeText" => Api::OciChat,
        "embedText" => Api::Embeddings,
        "rerankText" => Api::Rerank,
        _ => return None,
    })
}

fn elevenlabs(segments: &[&str]) -> Option<Api> {
    Some(match segments {
        [.., "text-to-speech", _]
        | [.., "text-to-speech", _, "stream" | "with-timestamps"]
        | [.., "stream", "with-timestamps"]
        | [.., "text-to-dialogue" | "sound-generation" | "music"]
        | [.., "text-to-dialogue" | "music", "stream"]
        | [.., "speech-to-speech", _]
        | [.., "speech-to-speech", _, "stream"] => Api::AudioSpeech,
        [.., "speech-to-text"] => Api::AudioTranscriptions,
        _ => return None,
    })
}

fn replicate(segments: &[&str]) -> Option<Place> {
    let api = match segments {
        [.., "models", owner, name, "predictions"] => {
            return Some(Place::from(Api::ReplicatePredictions).model(&format!("{owner}/{name}")));
        }
        [.., "predictions"] => Api::ReplicatePredictions,
        [.., "predictions", _] | [.., "predictions", _, "cancel"] => Api::ReplicateObjects,
        _ => return None,
    };
    Some(api.into())
}
