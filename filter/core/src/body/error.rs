//! Errors that a body tells: in the body of a failed request, in a 200, or in the middle of a stream.

use crate::ErrorType;

/// An error told by a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    /// What kind of error it is, as far as its words tell; [`ErrorType::Other`] where they do not. The HTTP status of
    /// a failed request knows better.
    pub kind: ErrorType,
    /// The provider's own code or type, at most 128 bytes of JSON text. Never a message: those may quote the request.
    pub code: Option<String>,
}

/// What one document says about an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorSeen {
    pub(crate) present: bool,
    pub(crate) code: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) status: Option<String>,
}

impl ErrorSeen {
    /// The error, if the document is one.
    pub(crate) fn judge(self) -> Option<BodyError> {
        if !self.present {
            return None;
        }
        // The most telling word names the error: a number only where there is no word.
        let words = [self.code, self.kind, self.status];
        let telling = words.iter().flatten().find(|w| !is_number(w)).or(words.iter().flatten().next());
        let kind = words.iter().flatten().find_map(|w| kind_of(w)).unwrap_or(ErrorType::Other);
        Some(BodyError { kind, code: telling.cloned() })
    }
}

/// Whether a word looks like a number: a status, or a code that says nothing by itself.
fn is_number(word: &str) -> bool {
    let begins = word.strip_prefix('-').unwrap_or(word).starts_with(|c: char| c.is_ascii_digit());
    begins && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'))
}

/// Stems of the words that providers use for their errors, the more telling kinds first (error pages of OpenAI,
/// Anthropic, Google, AWS, Cohere, Mistral, Groq, OpenRouter).
const STEMS: &[(ErrorType, &[&str])] = &[
    (
        ErrorType::RateLimited,
        &["rate_limit", "ratelimit", "throttl", "resource_exhausted", "quota", "too_many_requests"],
    ),
    (ErrorType::Overloaded, &["overloaded", "unavailable", "notready", "capacity"]),
    (ErrorType::Timeout, &["timeout", "timed_out", "deadline_exceeded"]),
    (ErrorType::NotFound, &["not_found", "notfound", "model_not_exist"]),
    (
        ErrorType::Auth,
        &["authentication", "unauthenticated", "permission", "api_key", "accessdenied", "unauthorized", "forbidden"],
    ),
    (
        ErrorType::InvalidRequest,
        &[
            "invalid_request",
            "invalid_argument",
            "invalid_param",
            "invalid_value",
            "validation",
            "bad_request",
            "content_filter",
            "context_length",
            "failed_precondition",
        ],
    ),
    (ErrorType::ServerError, &["server_error", "internal", "api_error", "streamerror"]),
];

/// What a provider's word or number means.
fn kind_of(word: &str) -> Option<ErrorType> {
    if let Ok(status) = word.parse::<u16>() {
        return ErrorType::from_status(status).filter(|_| status < 600);
    }
    let word = word.to_ascii_lowercase();
    STEMS.iter().find(|(_, stems)| stems.iter().any(|stem| word.contains(stem))).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: Option<&str>, kind: Option<&str>, status: Option<&str>) -> Option<(ErrorType, Option<String>)> {
        let own = |w: Option<&str>| w.map(str::to_owned);
        let seen = ErrorSeen { present: true, code: own(code), kind: own(kind), status: own(status) };
        seen.judge().map(|e| (e.kind, e.code))
    }

    #[test]
    fn words_tell_the_kind_and_the_most_telling_is_kept() {
        let code = |c: &str| Some(c.to_owned());
        let got = judged(Some("429"), None, Some("RESOURCE_EXHAUSTED"));
        assert_eq!(got, Some((ErrorType::RateLimited, code("RESOURCE_EXHAUSTED"))));
        let got = judged(None, Some("overloaded_error"), None);
        assert_eq!(got, Some((ErrorType::Overloaded, code("overloaded_error"))));
        let got = judged(Some("model_not_found"), Some("invalid_request_error"), None);
        assert_eq!(got, Some((ErrorType::NotFound, code("model_not_found"))));
        assert_eq!(judged(Some("404"), None, None), Some((ErrorType::NotFound, code("404"))));
        assert_eq!(judged(Some("throttlingException"), None, None).map(|e| e.0), Some(ErrorType::RateLimited));
        assert_eq!(judged(None, Some("INVALID_TOOL_GENERATION"), None).map(|e| e.0), Some(ErrorType::Other));
        assert_eq!(judged(None, None, Some("INVALID_ARGUMENT")).map(|e| e.0), Some(ErrorType::InvalidRequest));
        assert_eq!(judged(Some("200"), None, None).map(|e| e.0), Some(ErrorType::Other));
        assert_eq!(judged(None, None, None), Some((ErrorType::Other, None)));
        assert_eq!(ErrorSeen { code: code("x"), ..ErrorSeen::default() }.judge(), None);
    }
}
