//! Which APIs count alike.

use crate::detect::Api;

/// APIs that share one way to state usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    OpenAi,
    Responses,
    Anthropic,
    Gemini,
    Interactions,
    Converse,
    Invoke,
    Cohere,
    /// Bare counts outside any usage object.
    Bare,
}

impl Family {
    /// The family of an API. APIs without usage read as OpenAI's, which finds nothing in them.
    pub(crate) const fn of(api: Api) -> Self {
        match api {
            Api::ChatCompletions
            | Api::Completions
            | Api::Embeddings
            | Api::Rerank
            | Api::Images
            | Api::Videos
            | Api::AudioSpeech
            | Api::AudioTranscriptions
            | Api::Moderations
            | Api::Ocr
            | Api::Assistants
            | Api::AssistantsObjects
            | Api::CloudflareRun
            | Api::DashscopeGeneration
            | Api::OciChat
            | Api::Realtime
            | Api::CountTokens
            | Api::GeminiCountTokens
            | Api::Batches
            | Api::Models
            | Api::Other => Self::OpenAi,
            Api::Responses | Api::ResponsesRetrieve | Api::ResponsesCompact | Api::ResponsesSocket => Self::Responses,
            Api::Messages | Api::Complete => Self::Anthropic,
            Api::GenerateContent
            | Api::StreamGenerateContent
            | Api::EmbedContent
            | Api::BatchEmbedContents
            | Api::GeminiLive => Self::Gemini,
            Api::Interactions => Self::Interactions,
            Api::Converse | Api::ConverseStream => Self::Converse,
            Api::Invoke | Api::InvokeStream => Self::Invoke,
            Api::CohereChatV1
            | Api::CohereChatV2
            | Api::CohereGenerate
            | Api::CohereEmbed
            | Api::CohereRerank
            | Api::CohereTranscriptions => Self::Cohere,
            Api::OllamaChat
            | Api::OllamaGenerate
            | Api::OllamaEmbed
            | Api::HfInference
            | Api::ReplicatePredictions
            | Api::ReplicateObjects
            | Api::SagemakerInvocations
            | Api::WatsonxGeneration
            | Api::AlephAlphaComplete
            | Api::Predict => Self::Bare,
        }
    }

    /// Whether usage objects of a stream replace each other field by field. Elsewhere the last one counts as a whole.
    pub(crate) const fn merges(self) -> bool {
        matches!(self, Self::Anthropic | Self::Invoke)
    }
}
