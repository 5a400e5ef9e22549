//! API families: the shapes of bodies.

macro_rules! apis {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $operation:literal, $generates:literal;)*) => {
        /// One API: it tells how requests and responses are shaped, and what kind of operation a call is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Api { $($(#[$doc])* $name,)* }

        impl Api {
            /// All APIs.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in records. Not unique: a retrieval is named like the call that it looks up.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The `operation_type`: `completion`, `embedding`, `image`, `audio`, `moderation`, `rerank` or `other`.
            pub const fn operation(self) -> &'static str {
                match self { $(Self::$name => $operation,)* }
            }

            /// Whether a call makes a model work. Where not (lists, token counts, files, batches, retrieval of stored
            /// objects, health checks) the exchange is `not_llm`.
            pub const fn generates(self) -> bool {
                match self { $(Self::$name => $generates,)* }
            }
        }
    };
}

apis! {
    /// OpenAI chat completions, and all that speak it.
    ChatCompletions = "chat.completions", "completion", true;
    /// OpenAI legacy completions; fill-in-the-middle of Mistral and DeepSeek.
    Completions = "completions", "completion", true;
    /// OpenAI responses.
    Responses = "responses", "completion", true;
    /// Lookup of a stored response: its usage was counted when it was made, or by the poller that asked first.
    ResponsesRetrieve = "responses.retrieve", "completion", false;
    /// Compaction of a conversation by a model.
    ResponsesCompact = "responses.compact", "completion", true;
    /// OpenAI-shaped embeddings, Voyage and Jina too.
    Embeddings = "embeddings", "embedding", true;
    /// OpenAI moderations.
    Moderations = "moderations", "moderation", true;
    /// Image generation, edit, variation.
    Images = "images", "image", true;
    /// Video generation. The answer is a job; its length and size are what is billed.
    Videos = "videos", "other", true;
    /// Text to speech.
    AudioSpeech = "audio.speech", "audio", true;
    /// Transcription and translation of speech.
    AudioTranscriptions = "audio.transcriptions", "audio", true;
    /// A voice or transcription session over a web socket (OpenAI, Azure, xAI): many responses, one exchange.
    Realtime = "realtime", "audio", true;
    /// OpenAI responses over a web socket: many responses, one exchange.
    ResponsesSocket = "responses", "completion", true;
    /// A Gemini or Vertex Live session over a web socket.
    GeminiLive = "bidiGenerateContent", "audio", true;
    /// A run of an OpenAI assistant.
    Assistants = "assistants", "completion", true;
    /// Threads, messages, lookups of runs.
    AssistantsObjects = "assistants", "other", false;
    /// Reranking in the shape of Voyage, Jina, llama.cpp.
    Rerank = "rerank", "rerank", true;
    /// Document reading (Mistral OCR).
    Ocr = "ocr", "other", true;
    /// Anthropic messages, on Vertex too.
    Messages = "messages", "completion", true;
    /// Anthropic legacy completions.
    Complete = "complete", "completion", true;
    /// Gemini and Vertex.
    GenerateContent = "generateContent", "completion", true;
    /// Gemini and Vertex, streamed: SSE with `alt=sse`, else a JSON array.
    StreamGenerateContent = "streamGenerateContent", "completion", true;
    /// Gemini embeddings.
    EmbedContent = "embedContent", "embedding", true;
    /// Gemini embeddings, several at once.
    BatchEmbedContents = "batchEmbedContents", "embedding", true;
    /// Vertex predict: embeddings, older models.
    Predict = "predict", "other", true;
    /// Gemini interactions.
    Interactions = "interactions", "completion", true;
    /// Bedrock converse.
    Converse = "converse", "completion", true;
    /// Bedrock converse, streamed.
    ConverseStream = "converse-stream", "completion", true;
    /// Bedrock invoke: the body of the model's own family.
    Invoke = "invoke", "completion", true;
    /// Bedrock invoke, streamed.
    InvokeStream = "invoke-stream", "completion", true;
    /// Cohere chat, version 1.
    CohereChatV1 = "cohere.chat.v1", "completion", true;
    /// Cohere chat, version 2.
    CohereChatV2 = "cohere.chat.v2", "completion", true;
    /// Cohere legacy generate.
    CohereGenerate = "cohere.generate", "completion", true;
    /// Cohere embeddings.
    CohereEmbed = "cohere.embed", "embedding", true;
    /// Cohere rerank.
    CohereRerank = "cohere.rerank", "rerank", true;
    /// Cohere transcription.
    CohereTranscriptions = "cohere.audio.transcriptions", "audio", true;
    /// Ollama native chat.
    OllamaChat = "ollama.chat", "completion", true;
    /// Ollama native generate.
    OllamaGenerate = "ollama.generate", "completion", true;
    /// Ollama native embeddings.
    OllamaEmbed = "ollama.embed", "embedding", true;
    /// Hugging Face text generation (TGI native).
    HfInference = "hf.inference", "completion", true;
    /// Replicate predictions, asynchronous.
    ReplicatePredictions = "replicate.predictions", "other", true;
    /// Lookup of a prediction.
    ReplicateObjects = "replicate.predictions", "other", false;
    /// SageMaker endpoints: whatever the container says.
    SagemakerInvocations = "sagemaker.invocations", "other", true;
    /// IBM watsonx text generation.
    WatsonxGeneration = "watsonx.generation", "completion", true;
    /// Aleph Alpha complete.
    AlephAlphaComplete = "alephalpha.complete", "completion", true;
    /// Cloudflare Workers AI native run.
    CloudflareRun = "cloudflare.run", "completion", true;
    /// Alibaba DashScope native generation.
    DashscopeGeneration = "dashscope.generation", "completion", true;
    /// Oracle Cloud's own chat.
    OciChat = "oci.chat", "completion", true;
    /// Counts tokens without using a model.
    CountTokens = "count_tokens", "other", false;
    /// Gemini's count of tokens.
    GeminiCountTokens = "countTokens", "other", false;
    /// Batch jobs: their usage is not in these answers.
    Batches = "batches", "other", false;
    /// Model lists and descriptions.
    Models = "models", "other", false;
    /// Anything else: files, fine-tuning, health checks, no LLM traffic at all.
    Other = "other", "other", false;
}

impl Api {
    /// Whether an exchange is a session over a web socket: frames both ways, many responses.
    pub const fn is_socket(self) -> bool {
        matches!(self, Self::Realtime | Self::ResponsesSocket | Self::GeminiLive)
    }
}
