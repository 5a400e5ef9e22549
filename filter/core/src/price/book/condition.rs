//! What makes a variant or a multiplier apply: how the exchange was served, and what was asked for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::UniqueMap;

/// A thing that is told of an exchange and that a price can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Key {
    /// The tier that the response was served in.
    ServiceTier,
    /// Anthropic's fast mode.
    Speed,
    /// Where the model ran, as the response says (Anthropic `inference_geo`).
    Geo,
    /// Synchronous or in a batch.
    Processing,
    /// The upstream that a router chose.
    Route,
    /// Kind of web search.
    SearchType,
    /// How much of the web a search read: `low`, `medium`, `high`.
    SearchContext,
    /// The region that the host or the path names: `eu`, `us-gov-west-1`, `global`.
    Region,
    /// Size of an image or a video: `1024x1536`, `720p`.
    Size,
    /// Quality of an image: `hd`; whether a video has sound: `true`.
    Quality,
}

impl Key {
    /// All keys.
    pub const ALL: [Self; 10] = [
        Self::ServiceTier,
        Self::Speed,
        Self::Geo,
        Self::Processing,
        Self::Route,
        Self::SearchType,
        Self::SearchContext,
        Self::Region,
        Self::Size,
        Self::Quality,
    ];

    /// Number of keys.
    pub const COUNT: usize = Self::ALL.len();

    /// The key in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceTier => "service_tier",
            Self::Speed => "speed",
            Self::Geo => "geo",
            Self::Processing => "processing",
            Self::Route => "route",
            Self::SearchType => "search_type",
            Self::SearchContext => "search_context",
            Self::Region => "region",
            Self::Size => "size",
            Self::Quality => "quality",
        }
    }

    /// Values that mean the plain rate, by what they answer. Sources: the providers' API references (OpenAI and Azure
    /// `default`, `auto`; Anthropic and Mistral `standard`; Groq `on_demand`; Vertex `ON_DEMAND`; Gemini `unspecified`
    /// forms; Anthropic `inference_geo` `not_available` and `global`; Vertex location `global`).
    pub const fn plain(self) -> &'static [&'static str] {
        match self {
            Self::ServiceTier => &[
                "default",
                "standard",
                "auto",
                "on_demand",
                "traffic_type_unspecified",
                "service_tier_unspecified",
                "unspecified",
            ],
            Self::Speed => &["standard", "default"],
            Self::Geo => &["not_available", "global"],
            Self::Processing => &["standard", "sync"],
            Self::Region => &["global"],
            _ => &[],
        }
    }

    /// Whether a value means the plain rate, in any case.
    pub fn is_plain(self, value: &str) -> bool {
        self.plain().iter().any(|plain| plain.eq_ignore_ascii_case(value))
    }

    /// Whether `value`, as it was told, is meant by `pattern`, as the book writes it: itself, everything that begins
    /// like it (`us-gov-*`), or everything but the plain values (`*`).
    pub fn matches(self, pattern: &str, value: &str) -> bool {
        match pattern.strip_suffix('*') {
            None => pattern.eq_ignore_ascii_case(value),
            Some("") => !self.is_plain(value),
            Some(start) => value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        }
    }
}

/// Conditions that must all hold: each a key and the values (lower case, see [`Key::matches`]) of which one was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UniqueMap<Vec<String>>", into = "UniqueMap<Vec<String>>")]
pub struct When(pub Vec<(Key, Vec<String>)>);

/// A condition on something that the book does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownKey(String);

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = Key::ALL.map(Key::as_str).join(", ");
        write!(f, "{:?} is none of {keys}", self.0)
    }
}

impl TryFrom<UniqueMap<Vec<String>>> for When {
    type Error = UnknownKey;

    fn try_from(map: UniqueMap<Vec<String>>) -> Result<Self, UnknownKey> {
        let known = |name: &str| Key::ALL.into_iter().find(|key| key.as_str() == name);
        let condition = |(name, values): (String, _)| known(&name).map(|key| (key, values)).ok_or(UnknownKey(name));
        map.0.into_iter().map(condition).collect::<Result<_, _>>().map(Self)
    }
}

impl From<When> for UniqueMap<Vec<String>> {
    fn from(when: When) -> Self {
        when.0.into_iter().map(|(key, values)| (key.as_str().to_owned(), values)).collect()
    }
}

impl When {
    /// One condition.
    pub fn one(key: Key, values: Vec<String>) -> Self {
        Self(vec![(key, values)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_go_there_and_back() -> serde_json::Result<()> {
        let text = r#"{"size":["1024x1024","default"],"quality":["hd"]}"#;
        let when: When = serde_json::from_str(text)?;
        assert_eq!(when.0.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [Key::Size, Key::Quality]);
        assert_eq!(serde_json::to_string(&when)?, text);
        for text in [r#"{"tier":["flex"]}"#, r#"{"speed":["a"],"speed":["b"]}"#, r#"{"speed":"fast"}"#] {
            assert!(serde_json::from_str::<When>(text).is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn patterns_match_values() {
        for (pattern, value, expected) in [
            ("eu", "EU", true),
            ("eu", "eu-west-1", false),
            ("us-gov-*", "us-gov-west-1", true),
            ("us-gov-*", "us-east-1", false),
            ("us-gov-*", "us", false),
            ("*", "europe-west1", true),
            ("*", "Global", false),
            ("é*", "e\u{301}", false),
        ] {
            assert_eq!(Key::Region.matches(pattern, value), expected, "{pattern} {value}");
        }
    }
}
