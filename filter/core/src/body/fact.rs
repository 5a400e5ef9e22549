//! The facts that trees name.

/// Longest usage object that is kept, bytes. The longest seen is 1.1 kB; Gemini with all details and Groq's compound
/// systems stay below 4 kB.
pub(crate) const USAGE_LIMIT: usize = 16 * 1024;

/// Longest name that is kept (model, id), bytes with quotes and escapes: twice the longest model name, since each `/`
/// of a name may be written as `\/`.
pub(crate) const NAME_LIMIT: usize = 2 * crate::detect::MODEL_LIMIT;

/// Longest word that is kept (finish reason, error code, tier), bytes with quotes and escapes.
pub(crate) const WORD_LIMIT: usize = 128;

/// Something that a body may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Model that answered; the first that is not empty counts.
    Model,
    /// Provider that a gateway asked, in its own words (OpenRouter, Vercel); the first counts.
    Upstream,
    /// Model of a session over a web socket.
    SessionModel,
    /// Model that transcribes what the user of a session says.
    Transcriber,
    /// A session has begun.
    Setup,
    /// Id of the response; the first counts.
    Id,
    /// Version of the system that answered (OpenAI `system_fingerprint`): only whether there is one.
    Fingerprint,
    /// Service tier; the last counts (the responses API says the requested one first).
    Tier,
    /// Service tier where every chunk repeats it; the first counts.
    TierOnce,
    /// Finish reason; the last counts.
    Finish,
    /// Status of a stored response: its finish reason unless [`Fact::Incomplete`] says more.
    Status,
    /// Why a response is incomplete.
    Incomplete,
    /// Why a prompt was blocked.
    Block,
    /// Type of an event; this one says that the stream is at its end (none where empty).
    Event(&'static str),

    /// The usage object. Which of several counts is a matter of the API family.
    Usage,
    /// A usage object that counts only where no [`Fact::Usage`] came.
    Aside,
    /// Bedrock's own figures at the end of an invoke stream; count only where the model said none.
    Metrics,
    /// A bare count outside any usage object.
    Count(Figure, Keep),
    /// One element of a list of which the length counts. Lists are repeated cumulatively: the longest counts.
    One(Figure),
    /// A part of a body that may repeat the lists of the part before begins.
    Part,
    /// Type of an event of an image stream: the completed ones are counted.
    ImageEvent,
    /// What each model of a compound system used (Groq `usage_breakdown`).
    Breakdown,
    /// What tools used, beside the usage object (OpenAI responses `tool_usage`).
    ToolUsage,
    /// What vector images used, beside the usage object and at a model of their own (OpenAI `svg_usage`).
    SvgUsage,
    /// The model behind a tool (OpenAI responses, the image tool).
    ToolModel,
    /// An element of the list of output items begins.
    Item,
    /// The item of a single event begins.
    EventItem,
    /// Type of the present item.
    ItemType,
    /// Status of the present item.
    ItemStatus,
    /// What the present item does: a web search may also open a page.
    ItemAction,
    /// Seconds of audio heard, outside any usage object.
    Duration,
    /// Seconds of video, made or asked for.
    VideoDuration,

    /// An error is there.
    Error,
    /// Its code: a word or a number.
    ErrorCode,
    /// Its type.
    ErrorType,
    /// Its status word (Google) or number.
    ErrorStatus,
    /// `base_resp.status_code` of MiniMax: an error where it is not 0.
    BaseStatus,

    /// Generated output is there.
    Token,
    /// The stream says that it is at its end.
    Done,
    /// The list of choices (the usage event of a stream has an empty one).
    Choices,

    /// Request: whether the response shall be streamed.
    Stream,
    /// Request: whether the stream shall state its usage.
    IncludeUsage,
    /// Inside a kept usage object: a cost that the provider states.
    Cost,
    /// Inside a kept usage object: a cost in ticks of 10^-10 USD (xAI).
    CostTicks,
    /// A cost in GitHub's nano AI credits, beside the usage object (`copilot_usage.total_nano_aiu`); the last counts.
    NanoCredits,
    /// Inside a kept usage object: the customer's own key was used, so the cost is not the whole bill (OpenRouter).
    OwnKey,
    /// Inside a kept usage object: seconds of audio.
    Seconds,

    /// How a response, or a request, describes an image or video: its size in pixels, as `1024x1024`.
    Size,
    /// Its quality.
    Quality,
    /// Answer: the speed class that served it (Bedrock `performanceConfig.latency`).
    Speed,
    /// Request: how many images or candidates are asked for.
    Number,
    /// Request: the document shall be annotated too.
    Annotated,
}

/// What a bare count counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Input,
    Output,
    /// Part of the input.
    CacheRead,
    Images,
    Pages,
    WebSearches,
    StorageSearches,
    /// Calls of a tool that makes images.
    ImageCalls,
}

impl Figure {
    pub(crate) const COUNT: usize = Self::ImageCalls as usize + 1;
}

/// Which of several values of a bare count holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Cumulative: the last.
    Last,
    /// Cumulative but repeated out of order: the largest.
    Max,
    /// One per result: all together.
    Sum,
}

impl Fact {
    /// Most bytes of JSON text that are kept for this fact.
    pub(crate) const fn limit(self) -> usize {
        match self {
            Self::Usage | Self::Aside | Self::Metrics | Self::Breakdown | Self::ToolUsage | Self::SvgUsage => {
                USAGE_LIMIT
            }
            Self::Model | Self::SessionModel | Self::Transcriber | Self::Id | Self::ToolModel => NAME_LIMIT,
            _ => WORD_LIMIT,
        }
    }
}
