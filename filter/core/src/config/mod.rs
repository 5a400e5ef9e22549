//! The filter's configuration: strict JSON, checked once, every error with its place.

mod environment;
mod error;
mod extra;
mod families;
mod http;
mod include_usage;
#[cfg(feature = "json-schema")]
mod json_schema;
mod object;
mod sampling;
mod scrape;
mod source;
mod strip;
mod upstream;

pub use environment::VARIABLES as ENVIRONMENT_VARIABLES;
pub use error::ConfigError;
pub(crate) use extra::Named;
pub use families::{Asks, Bounds, SchemaName, UserFamily};
pub use http::{Http, HttpRoute};
pub use include_usage::IncludeUsage;
pub use sampling::SamplingRate;
pub use scrape::Scrape;
pub use source::{LabelSource, Labels, Origin, Trust, ValueMap};
pub use strip::StripHeaders;
pub(crate) use upstream::is_id;
pub use upstream::{ApiName, Billing, Models, Rules, Upstream};

use std::rc::Rc;

use serde::{Deserialize, Deserializer};

use crate::http::HttpMap;
use crate::price::PriceBook;
use crate::price::book::{Amendment, UniqueMap};
use crate::schema::{Label, NAMESPACE, Table};

/// Most distinct attributions over the process before values fold to `other` (GenOps `max_label_cardinality`).
const DEFAULT_CARDINALITY: u32 = 10_000;
/// Most Envoy stats over the process: a histogram is 16 per label set, and Envoy keeps each forever.
const DEFAULT_MAX_STATS: u32 = 50_000;
/// As the GenOps documents set Envoy's `jwt_authn` up.
const DEFAULT_JWT_PAYLOAD: &str = "jwt_payload";
/// How long deltas wait before they are written to Envoy's stats. Prometheus scrapes every 5 to 60 s.
const DEFAULT_FLUSH_MS: u32 = 100;

/// The configuration of the GenOps filter, as `configuration` of Envoy's wasm filter or `pluginConfig` of Istio's WasmPlugin.
/// A JSON object; every key is optional.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where an editor finds the JSON Schema of this file. The filter does not read it.
    #[serde(rename = "$schema")]
    pub editor: Editor,
    /// The schemas to emit: any set of the built-in ones.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1)))]
    pub schemas: Vec<SchemaName>,
    /// What takes the place of `genops` in the names of metrics.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::namespace"))]
    pub namespace: String,
    // Here and below: what is taken into `table`, `limits`, `http_map` or `price_book` is empty once that is done.
    /// Upper bounds of histograms by family, in place of the schema's own.
    pub buckets: UniqueMap<Bounds>,
    /// Metrics of your own, by name, fed by a fact of an exchange.
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = json_schema::name())))]
    pub families: UniqueMap<UserFamily>,
    /// What requests are called in the schemas of services (`tta`, `prompter`, `kosmos`), by method and path.
    #[serde(deserialize_with = "object::object")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Http"))]
    pub http: Http,
    /// The provider of all traffic that nothing else names: the upstream behind a gateway's own host name.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::id"))]
    pub provider: Option<String>,
    /// Upstream by the name of the route that the proxy chose; `*` in a name stands for one or more characters.
    #[serde(deserialize_with = "object::object")]
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = {"minLength": 1})))]
    pub routes: Rules,
    /// Upstream by the name of the cluster that the proxy chose; `*` in a name stands for one or more characters.
    #[serde(deserialize_with = "object::object")]
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = {"minLength": 1})))]
    pub clusters: Rules,
    /// Upstream by the beginning of the client's path.
    #[serde(deserialize_with = "object::object")]
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = {"pattern": "^/"})))]
    pub paths: Rules,
    /// Upstream by request authority, for host names of your own.
    #[serde(deserialize_with = "object::object")]
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = {"minLength": 1})))]
    pub authorities: Rules,
    /// Models by the names that are seen for them: deployments, ARNs, endpoints. Letter case does not count.
    #[serde(deserialize_with = "object::object")]
    pub models: Models,
    /// Namespace of route and cluster metadata that names the upstream, and is read before the authority; empty: none is
    /// read. Unset: `genops`, and only where neither rules nor authority nor path nor `provider` name the owner.
    pub metadata: Option<String>,
    /// Believe request headers by which clients tell a gateway where to go (`x-portkey-provider`).
    pub trust_gateway_headers: bool,
    /// Where each attribution label comes from: sources, asked in order; plain text is a constant. Client headers are
    /// believed only where listed here.
    pub labels: Labels,
    /// Key under which `jwt_authn` leaves a token's claims (its `payload_in_metadata`), for sources `jwt`.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1)))]
    pub jwt_payload: String,
    /// By label: values, and what they are shown as. `*` in a value stands for one or more characters.
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = json_schema::name())))]
    pub value_maps: UniqueMap<ValueMap>,
    /// Labels of your own, up to 16: each with the families that show it, by name or pattern; records show it in any case.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::extra_labels"))]
    pub extra_labels: UniqueMap<Vec<String>>,
    /// The only labels of exchanges that families show; empty: all.
    #[cfg_attr(feature = "json-schema", schemars(inner(regex(pattern = json_schema::NAME))))]
    pub include_labels: Vec<String>,
    /// Labels of exchanges that no family shows.
    #[cfg_attr(feature = "json-schema", schemars(inner(regex(pattern = json_schema::NAME))))]
    pub exclude_labels: Vec<String>,
    /// Most values of a label over the process; others fold to `other`.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::limits"))]
    pub label_limits: UniqueMap<u32>,
    /// Most values of labels.
    #[serde(skip)]
    pub limits: Vec<(Label, u32)>,
    /// The share of exchanges that histograms and the record of the access log show. No count, token or cost is thinned.
    pub sampling_rate: SamplingRate,
    /// Request headers that do not go on to the provider; `*` at the end stands for anything.
    pub strip_headers: StripHeaders,
    /// What the `model` label shows.
    pub model_label: ModelLabel,
    /// Distinct label combinations over all workers; from nine tenths of it on new ones fold to `other`.
    #[cfg_attr(feature = "json-schema", schemars(range(min = 1, max = 1_000_000)))]
    pub max_label_cardinality: u32,
    /// Envoy stats of the filter over all workers; a histogram is 16 of them.
    #[cfg_attr(feature = "json-schema", schemars(range(min = 100, max = 10_000_000)))]
    pub max_stats: u32,
    /// Milliseconds that counts wait before they reach Envoy's stats.
    #[cfg_attr(feature = "json-schema", schemars(range(min = 1, max = 60_000)))]
    pub flush_interval_ms: u32,
    /// Which `wasm.genops.*` filter state keys to set, for access logs and spans. `labels` sets `wasm.genops.labels.team` and so on,
    /// for each label that is known; `prompt_length` is the number of characters of text in the request.
    pub filter_state: Vec<FilterStateKey>,
    /// Asks streams for their usage. Where it is not set, no byte of any body is ever changed.
    #[serde(deserialize_with = "object::some_object")]
    pub include_usage: Option<IncludeUsage>,
    /// Estimates the tokens of exchanges that never say theirs, into a counter of their own.
    pub estimate: bool,
    /// Answers scrapes, on the listener or route that this configuration stands on.
    #[serde(deserialize_with = "object::some_object")]
    pub scrape: Option<Scrape>,
    /// Prices of your own, by provider id: models replaced, added, extended, renamed, taken away. In the price book's
    /// format (`filter/prices/README.md`).
    pub prices: UniqueMap<Amendment>,
    /// The prices that hold.
    #[serde(skip)]
    pub price_book: PriceBook,
    /// The families in use.
    #[serde(skip)]
    pub table: Rc<Table>,
    /// What the families in use ask of an exchange beyond its record.
    #[serde(skip)]
    pub asks: Asks,
    /// The route map; `None` where no family in use asks for it.
    #[serde(skip)]
    pub http_map: Option<Rc<HttpMap>>,
}

/// A text that is for editors alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Editor;

impl<'de> Deserialize<'de> for Editor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Self)
    }
}

/// What the `model` label shows. Records keep the names as seen.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
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
    /// The same in whole pico-USD, for what reads whole numbers only. Opt-in: each key is a hostcall.
    CostPicoUsd,
    /// Each label that is known, by itself: `wasm.genops.labels.<label>`. Opt-in.
    Labels,
    /// Characters of text in the request. Opt-in: the whole request body is read for it.
    PromptLength,
}

impl FilterStateKey {
    /// The key behind `wasm.`; one path segment, or Envoy keeps a NUL in it. Of the labels: what stands before their names.
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
            Self::CostPicoUsd => "genops.cost_pico_usd",
            Self::Labels => "genops.labels.",
            Self::PromptLength => "genops.prompt_length",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            editor: Editor,
            schemas: vec![SchemaName::default()],
            namespace: NAMESPACE.to_owned(),
            buckets: UniqueMap::default(),
            families: UniqueMap::default(),
            http: Http::default(),
            provider: None,
            routes: Rules::default(),
            clusters: Rules::default(),
            paths: Rules::default(),
            authorities: Rules::default(),
            models: Models::default(),
            metadata: None,
            trust_gateway_headers: false,
            labels: Labels::default(),
            jwt_payload: DEFAULT_JWT_PAYLOAD.to_owned(),
            value_maps: UniqueMap::default(),
            extra_labels: UniqueMap::default(),
            include_labels: Vec::new(),
            exclude_labels: Vec::new(),
            label_limits: UniqueMap::default(),
            limits: Vec::new(),
            sampling_rate: SamplingRate::default(),
            strip_headers: StripHeaders::default(),
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
            estimate: false,
            scrape: None,
            prices: UniqueMap::default(),
            price_book: PriceBook::SHIPPED,
            table: Rc::default(),
            asks: Asks::default(),
            http_map: None,
        }
    }
}

/// A configuration that is an object: a derived struct would take a list of its fields, too.
#[derive(Deserialize)]
#[serde(transparent)]
struct Root(#[serde(deserialize_with = "object::object")] Config);

impl Config {
    /// Reads a configuration. Nothing at all (no bytes, or only white space) is the default one.
    ///
    /// # Errors
    /// [`ConfigError`] names the JSON path, what was found there and what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        Self::parse_in(json, |_| None)
    }

    /// The same, where variables of the VM's environment say what the configuration does not
    /// ([`ENVIRONMENT_VARIABLES`]).
    ///
    /// # Errors
    /// As [`Config::parse`]; a variable is named instead of a path.
    pub fn parse_in(json: &[u8], variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if !json.trim_ascii().is_empty() {
            let mut reader = serde_json::Deserializer::from_slice(json);
            Root(config) = serde_path_to_error::deserialize(&mut reader).map_err(ConfigError::from_json)?;
            reader.end().map_err(ConfigError::trailing)?;
        }
        let filled_in = config.fill_in(json, variable)?;
        config.check().map_err(|error| {
            // `labels.environment[0]` is of `labels.environment`.
            let of =
                filled_in.iter().find(|(key, _)| error.path.strip_prefix(**key).is_some_and(|r| !r.starts_with('.')));
            let path = of.map_or(error.path.clone(), |(_, variable)| environment::in_environment(variable));
            ConfigError { path, ..error }
        })?;
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
            return Err(ConfigError::new("schemas", "[]", "a list of at least one schema, such as `genops`"));
        }
        let (buckets, families) = (std::mem::take(&mut self.buckets), std::mem::take(&mut self.families));
        let mut table = families::schemas(&self.schemas, &self.namespace)?;
        let extra = extra::add(&mut table, &self.extra_labels)?;
        families::change(&mut table, &buckets, &families)?;
        extra::choose(&mut table, &self.include_labels, &self.exclude_labels)?;
        self.limits = extra::limits(&table, &std::mem::take(&mut self.label_limits))?;
        self.table = Rc::new(table);
        self.asks = Asks::of(&self.table);
        let map = std::mem::take(&mut self.http).map()?;
        self.http_map = self.table.asks_http().then(|| Rc::new(map));
        if let Some(id) = &self.provider {
            upstream::check_id("provider", id)?;
        }
        self.include_usage.iter().try_for_each(IncludeUsage::check)?;
        self.scrape.iter_mut().try_for_each(Scrape::check)?;
        // The book keeps them as tables: the text form is not needed any more.
        let prices = std::mem::take(&mut self.prices);
        self.price_book = PriceBook::amended(&prices)
            .map_err(|error| ConfigError { path: format!("prices.{}", error.path), problem: error.problem })?;
        let name = |name: &str| if name.is_empty() { Err("a name") } else { Ok(name.to_owned()) };
        self.routes.check("routes", name)?;
        self.clusters.check("clusters", name)?;
        self.paths.check("paths", |path| match path.starts_with('/') {
            true => Ok(path.to_owned()),
            false => Err("the beginning of a path, from its `/` on"),
        })?;
        self.authorities.check("authorities", |host| name(host).map(|host| host.to_ascii_lowercase()))?;
        self.models.check("models")?;
        if self.jwt_payload.is_empty() || self.jwt_payload.contains('\0') {
            return Err(ConfigError::new("jwt_payload", format!("{:?}", self.jwt_payload), "a name"));
        }
        self.strip_headers.check()?;
        self.labels.check(&self.jwt_payload, &std::mem::take(&mut self.value_maps), &extra)
    }
}

#[cfg(test)]
mod tests;
