//! The filter's configuration: strict JSON, checked once, every error with its place.

mod error;
mod include_usage;
mod source;

pub use error::ConfigError;
pub use include_usage::IncludeUsage;
pub use source::{LabelSource, Labels};

use serde::Deserialize;

use crate::price::PriceBook;
use crate::price::book::{Amendment, UniqueMap};

/// Most distinct attributions over the process before values fold to `other` (GenOps `max_label_cardinality`).
const DEFAULT_CARDINALITY: u32 = 10_000;
/// Most Envoy stats over the process: a histogram is 16 per label set, and Envoy keeps each forever.
const DEFAULT_MAX_STATS: u32 = 50_000;
/// How long deltas wait before they are written to Envoy's stats. Prometheus scrapes every 5 to 60 s.
const DEFAULT_FLUSH_MS: u32 = 100;

/// The whole configuration, as `configuration` of the wasm filter (a JSON object). Every key is optional.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The schemas to emit.
    pub schemas: Vec<SchemaName>,
    /// The provider of all traffic that nothing else names: the upstream behind a gateway's own host name.
    pub provider: Option<String>,
    /// Provider by request authority, for host names of the user's own.
    pub authorities: std::collections::BTreeMap<String, String>,
    /// Where each attribution label comes from. Client headers are believed only where listed here.
    #[serde(deserialize_with = "source::object")]
    pub labels: Labels,
    /// What the `model` label shows.
    pub model_label: ModelLabel,
    /// Distinct attributions over the process, 1 to 1,000,000.
    pub max_label_cardinality: u32,
    /// Envoy stats over the process, 100 to 10,000,000.
    pub max_stats: u32,
    /// Milliseconds that deltas wait before they reach Envoy's stats, 1 to 60,000.
    pub flush_interval_ms: u32,
    /// Which `wasm.genops.*` filter state keys to set for access logs.
    pub filter_state: Vec<FilterStateKey>,
    /// Asks streams for their usage. `None`: no byte of any exchange is ever changed.
    #[serde(deserialize_with = "source::some_object")]
    pub include_usage: Option<IncludeUsage>,
    /// Prices of the user's own, by provider id: in the price book's format (`filter/prices/README.md`). Empty once
    /// they are part of the price book.
    pub prices: UniqueMap<Amendment>,
    /// The prices that hold.
    #[serde(skip)]
    pub price_book: PriceBook,
}

/// A schema that can be emitted.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaName {
    /// The GenOps schema.
    Genops,
}

/// What the `model` label shows. Records keep the names as seen.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ModelLabel {
    /// The price book's id; else the response's name.
    #[default]
    Canonical,
    /// The response's name.
    Response,
    /// The requested name.
    Request,
}

/// A filter state key, `wasm.genops.<key>`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum FilterStateKey {
    /// The whole record as JSON.
    Record,
    /// Provider id.
    Provider,
    /// Value of the `model` label.
    Model,
    /// All prompt tokens.
    InputTokens,
    /// All generated tokens.
    OutputTokens,
    /// Input and output together.
    TotalTokens,
    /// Exact decimal US dollars.
    CostUsd,
    /// How the exchange ended.
    Outcome,
}

impl FilterStateKey {
    /// The key behind `wasm.`; one path segment, or Envoy keeps a NUL in it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Record => "genops.record",
            Self::Provider => "genops.provider",
            Self::Model => "genops.model",
            Self::InputTokens => "genops.input_tokens",
            Self::OutputTokens => "genops.output_tokens",
            Self::TotalTokens => "genops.total_tokens",
            Self::CostUsd => "genops.cost_usd",
            Self::Outcome => "genops.outcome",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            schemas: vec![SchemaName::Genops],
            provider: None,
            authorities: std::collections::BTreeMap::new(),
            labels: Labels::default(),
            model_label: ModelLabel::Canonical,
            max_label_cardinality: DEFAULT_CARDINALITY,
            max_stats: DEFAULT_MAX_STATS,
            flush_interval_ms: DEFAULT_FLUSH_MS,
            filter_state: vec![
                FilterStateKey::Record,
                FilterStateKey::Provider,
                FilterStateKey::Model,
                FilterStateKey::InputTokens,
                FilterStateKey::OutputTokens,
                FilterStateKey::TotalTokens,
                FilterStateKey::CostUsd,
                FilterStateKey::Outcome,
            ],
            include_usage: None,
            prices: UniqueMap::default(),
            price_book: PriceBook::SHIPPED,
        }
    }
}

/// A configuration that is an object: a derived struct would take a list of its fields, too.
#[derive(Deserialize)]
#[serde(transparent)]
struct Root(#[serde(deserialize_with = "source::object")] Config);

impl Config {
    /// Reads a configuration. Nothing at all (no bytes, or only white space) is the default one.
    ///
    /// # Errors
    /// [`ConfigError`] names the JSON path, what was found there and what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        if json.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let mut reader = serde_json::Deserializer::from_slice(json);
        let Root(mut config) = serde_path_to_error::deserialize(&mut reader).map_err(ConfigError::from_json)?;
        reader.end().map_err(ConfigError::trailing)?;
        config.check()?;
        Ok(config)
    }

    fn check(&mut self) -> Result<(), ConfigError> {
        let range = |path: &str, value: u32, min: u32, max: u32| {
            (min..=max)
                .contains(&value)
                .then_some(())
                .ok_or_else(|| ConfigError::new(path, value, format!("a whole number from {min} to {max}")))
        };
        range("max_label_cardinality", self.max_label_cardinality, 1, 1_000_000)?;
        range("max_stats", self.max_stats, 100, 10_000_000)?;
        range("flush_interval_ms", self.flush_interval_ms, 1, 60_000)?;
        if self.schemas.is_empty() {
            return Err(ConfigError::new("schemas", "[]", "a list of at least one schema: `genops`"));
        }
        let named = self.provider.iter().map(|p| ("provider".to_owned(), p));
        for (path, id) in named.chain(self.authorities.iter().map(|(host, p)| (format!("authorities.{host}"), p))) {
            let ok = !id.is_empty()
                && id.len() <= crate::label::MAX_LABEL_BYTES
                && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !ok {
                let allowed = "a provider id of a-z, 0-9 and -, such as `openai` or `aws-bedrock`";
                return Err(ConfigError::new(path, format!("{id:?}"), allowed));
            }
        }
        self.include_usage.iter().try_for_each(IncludeUsage::check)?;
        // The book keeps them as tables: the text form is not needed any more.
        let prices = std::mem::take(&mut self.prices);
        self.price_book = PriceBook::amended(&prices)
            .map_err(|error| ConfigError { path: format!("prices.{}", error.path), problem: error.problem })?;
        self.labels.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> String {
        Config::parse(json.as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(Config::parse(b"").expect("default"), Config::default());
        assert_eq!(Config::parse(b" \n").expect("default"), Config::default());
        assert_eq!(Config::parse(b"{}").expect("default"), Config::default());
    }

    #[test]
    fn errors_name_path_found_and_allowed() {
        let unknown = message(r#"{"label": {}}"#);
        assert!(unknown.starts_with("label: unknown field `label`") && unknown.contains("`labels`"), "{unknown}");
        let range = message(r#"{"flush_interval_ms": 0}"#);
        assert_eq!(range, "flush_interval_ms: found 0, allowed is a whole number from 1 to 60000");
        let source = message(r#"{"labels": {"team": [{"headr": "x-team"}]}}"#);
        assert!(source.starts_with("labels.team[0]") && source.contains("`header`"), "{source}");
        let number = message(r#"{"labels": {"team": 3}}"#);
        assert!(number.starts_with("labels.team: ") && number.contains('3'), "{number}");
        let label = message(r#"{"labels": {"teem": "a"}}"#);
        assert!(label.contains("labels.teem") && label.contains("`team`"), "{label}");
        let constant = message(r#"{"labels": {"team": "No Spaces"}}"#);
        assert!(constant.starts_with("labels.team") && constant.contains("No Spaces"), "{constant}");
        let header = message(r#"{"labels": {"team": {"header": "X Team"}}}"#);
        assert!(header.starts_with("labels.team"), "{header}");
        let schema = message(r#"{"schemas": ["genop"]}"#);
        assert!(schema.starts_with("schemas[0]") && schema.contains("`genops`"), "{schema}");
        assert!(message("{").contains("line 1"), "{}", message("{"));
        assert!(message("{} x").contains("line 1"), "{}", message("{} x"));
        assert!(message(r#"{"provider": "Open AI"}"#).starts_with("provider: found \"Open AI\""));
    }

    #[test]
    fn a_full_configuration() {
        let json = r#"{
            "schemas": ["genops"], "provider": "openai", "authorities": {"llm.internal": "mistral"},
            "labels": {"team": [{"header": "X-GenOps-Team"}, {"constant": "platform"}], "environment": "production"},
            "model_label": "response", "max_label_cardinality": 50, "max_stats": 1000, "flush_interval_ms": 10,
            "filter_state": ["record", "cost_usd"]
        }"#;
        let config = Config::parse(json.as_bytes()).expect("valid");
        let team = config.labels.sources(crate::schema::Label::Team);
        assert_eq!(team, [LabelSource::Header("x-genops-team".into()), LabelSource::Constant("platform".into())]);
        assert_eq!(config.filter_state, [FilterStateKey::Record, FilterStateKey::CostUsd]);
    }
}
