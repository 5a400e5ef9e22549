//! Label values come from clients: bounded and checked (reference/schema.md 2.3, DESIGN 12).

use crate::schema::Label;

/// Longest label value, bytes. A stat name carries up to eight of them, is kept forever by Envoy and costs time by its
/// length when it is defined; 64 holds a UUID, an e-mail-like id or a DNS label.
pub const MAX_LABEL_BYTES: usize = 64;

/// Why a value was not taken (a closed set, the `reason` of `genops_label_rejected_total`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Not UTF-8.
    InvalidUtf8,
    /// Longer than [`MAX_LABEL_BYTES`].
    TooLong,
    /// Not of the label's form, or no single value.
    InvalidFormat,
    /// From a client that its source does not believe.
    Untrusted,
}

impl Rejection {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooLong => "too_long",
            Self::InvalidFormat => "invalid_format",
            Self::Untrusted => "untrusted",
        }
    }
}

/// The value as the label takes it.
pub(crate) fn validate(label: Label, value: &str) -> Result<String, Rejection> {
    if value.len() > MAX_LABEL_BYTES {
        return Err(Rejection::TooLong);
    }
    let text = value.trim();
    let taken = match label {
        // ^[a-z0-9]+(-[a-z0-9]+)*$ after lower-casing, as the sources' collector does.
        Label::Team => {
            let lower = text.to_ascii_lowercase();
            let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            lower.split('-').all(word).then_some(lower)
        }
        // ^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$
        Label::CustomerId => {
            let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
            let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            (inner && edge(text.bytes().next()) && edge(text.bytes().next_back())).then(|| text.to_owned())
        }
        Label::Feature => (2..=50).contains(&text.chars().count()).then(|| text.to_owned()),
        // Project and environment are free: an environment outside the known set only warns (DESIGN 12).
        _ => (!text.is_empty()).then(|| text.to_owned()),
    };
    taken.ok_or(Rejection::InvalidFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_as_the_sources_document_them() {
        let v = validate;
        assert_eq!(v(Label::Team, "Platform-ML2").as_deref(), Ok("platform-ml2"));
        assert_eq!(v(Label::Team, "platform--ml"), Err(Rejection::InvalidFormat));
        assert_eq!(v(Label::Team, "pl;.;model=.=x"), Err(Rejection::InvalidFormat));
        assert_eq!(v(Label::CustomerId, "Acme_42").as_deref(), Ok("Acme_42"));
        assert_eq!(v(Label::CustomerId, "-acme"), Err(Rejection::InvalidFormat));
        assert_eq!(v(Label::Feature, "x"), Err(Rejection::InvalidFormat));
        assert_eq!(v(Label::Environment, "prod eu").as_deref(), Ok("prod eu"));
        assert_eq!(v(Label::Project, &"p".repeat(65)), Err(Rejection::TooLong));
    }
}
