//! The client's identity as its certificate names it: a SPIFFE id, whose path holds names and values in turn, as
//! Istio's `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT` (SPIFFE-ID 2.1, 2.2).

use serde::Deserialize;

/// A part of the identity.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PeerPart {
    /// The whole URI.
    Id,
    /// Behind `spiffe://`.
    TrustDomain,
    /// Behind `/ns/`.
    Namespace,
    /// Behind `/sa/`.
    ServiceAccount,
    /// Behind a name of the user's own.
    Segment(String),
}

impl PeerPart {
    /// This part of `id`; `None` where it has none.
    pub(super) fn of<'a>(&self, id: &'a str) -> Option<&'a str> {
        let (domain, path) = match id.strip_prefix("spiffe://") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => ("", ""),
        };
        let part = match self {
            Self::Id => id,
            Self::TrustDomain => domain,
            Self::Namespace => segment(path, "ns")?,
            Self::ServiceAccount => segment(path, "sa")?,
            Self::Segment(name) => segment(path, name)?,
        };
        (!part.is_empty()).then_some(part)
    }
}

/// The value behind a name. A name that stands where values stand is none: a namespace may be called `sa`.
fn segment<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let mut segments = path.split('/');
    loop {
        let (key, value) = (segments.next()?, segments.next()?);
        if key == name {
            return Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_spiffe_id() {
        let id = "spiffe://cluster.local/ns/sa/sa/checkout";
        assert_eq!(PeerPart::Id.of(id), Some(id));
        assert_eq!(PeerPart::TrustDomain.of(id), Some("cluster.local"));
        assert_eq!(PeerPart::Namespace.of(id), Some("sa"));
        assert_eq!(PeerPart::ServiceAccount.of(id), Some("checkout"));
        assert_eq!(PeerPart::Segment("team".into()).of("spiffe://acme/team/search/job/x"), Some("search"));
        assert_eq!(PeerPart::Segment("team".into()).of(id), None);
        assert_eq!(PeerPart::Namespace.of("spiffe://acme/ns"), None);
        assert_eq!(PeerPart::Namespace.of("spiffe://acme/ns/"), None);
        assert_eq!(PeerPart::TrustDomain.of("https://acme/ns/x"), None);
        assert_eq!(PeerPart::Namespace.of("https://acme/ns/x"), None);
        assert_eq!(PeerPart::Id.of(""), None);
    }
}
