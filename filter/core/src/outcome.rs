//! How an exchange ended, and why a cost could not be told. Closed sets: each is a label value.

/// How an exchange ended. Exactly one per exchange, so that the sum over all is the number of exchanges seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The response ended, or its stream said that it does, and said its usage.
    Complete,
    /// Cut short (client gone, reset) after some usage had been seen; the last cumulative figures count.
    Partial,
    /// Tokens were estimated, not reported (opt-in).
    Estimated,
    /// A successful generating call whose response did not say its usage.
    Missing,
    /// The body is not what its content type or framing promises.
    Unparsable,
    /// A content encoding or an API that the filter does not read.
    Unsupported,
    /// A part that had to be kept was larger than the filter's bound for it.
    TooLarge,
    /// Not a generating call: model list, token count, health check, or no LLM traffic at all.
    NotLlm,
    /// The filter itself refused the request (governance).
    Refused,
    /// The provider answered with an error, in the status or inside the body.
    Error,
}

impl Outcome {
    /// All outcomes, in the order in which docs list them.
    pub const ALL: [Self; 10] = [
        Self::Complete,
        Self::Partial,
        Self::Estimated,
        Self::Missing,
        Self::Unparsable,
        Self::Unsupported,
        Self::TooLarge,
        Self::NotLlm,
        Self::Refused,
        Self::Error,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Estimated => "estimated",
            Self::Missing => "missing",
            Self::Unparsable => "unparsable",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::NotLlm => "not_llm",
            Self::Refused => "refused",
            Self::Error => "error",
        }
    }
}

/// Kind of a failed exchange (DESIGN 12, a closed set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorType {
    /// 429 or a provider's own rate-limit error.
    RateLimited,
    /// 401, 403.
    Auth,
    /// Any other 4xx.
    InvalidRequest,
    /// 404.
    NotFound,
    /// 503, 529 or a provider's own overload error.
    Overloaded,
    /// Any other 5xx.
    ServerError,
    /// 408, 504.
    Timeout,
    /// The upstream ended the stream before its end.
    Reset,
    /// An error event inside a stream that began well.
    StreamError,
    /// Refused by the filter.
    Refused,
    /// None of the above.
    Other,
}

impl ErrorType {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::RateLimited,
        Self::Auth,
        Self::InvalidRequest,
        Self::NotFound,
        Self::Overloaded,
        Self::ServerError,
        Self::Timeout,
        Self::Reset,
        Self::StreamError,
        Self::Refused,
        Self::Other,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Auth => "auth",
            Self::InvalidRequest => "invalid_request",
            Self::NotFound => "not_found",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::StreamError => "stream_error",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    /// The kind that an HTTP status of 400 and more names by itself.
    pub const fn from_status(status: u16) -> Option<Self> {
        Some(match status {
            0..=399 => return None,
            401 | 403 => Self::Auth,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::ServerError,
        })
    }
}

/// Why an exchange with usage has no cost. Never 0 and never a guess: a reason (a closed set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnpricedReason {
    /// No price-book entry for the provider.
    UnknownProvider,
    /// The provider is known, the model is not.
    UnknownModel,
    /// The name cannot tell the model (an inference profile's ARN, a deployment).
    OpaqueModel,
    /// The model is known, but not the rate of a kind of unit that was used.
    MissingRate,
    /// Served in a tier whose rate is not known.
    UnknownTier,
    /// The response did not say its usage.
    NoUsage,
    /// Cut short: only a part of the usage was seen.
    TruncatedStream,
    /// The provider's figures contradict each other (a part larger than its whole).
    InconsistentUsage,
    /// Billed by a unit that the response does not tell.
    UnsupportedUnit,
    /// A figure beyond what the arithmetic accepts.
    Overflow,
}

impl UnpricedReason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::UnknownProvider,
        Self::UnknownModel,
        Self::OpaqueModel,
        Self::MissingRate,
        Self::UnknownTier,
        Self::NoUsage,
        Self::TruncatedStream,
        Self::InconsistentUsage,
        Self::UnsupportedUnit,
        Self::Overflow,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::UnknownModel => "unknown_model",
            Self::OpaqueModel => "opaque_model",
            Self::MissingRate => "missing_rate",
            Self::UnknownTier => "unknown_tier",
            Self::NoUsage => "no_usage",
            Self::TruncatedStream => "truncated_stream",
            Self::InconsistentUsage => "inconsistent_usage",
            Self::UnsupportedUnit => "unsupported_unit",
            Self::Overflow => "overflow",
        }
    }
}
