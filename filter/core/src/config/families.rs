//! Which families are emitted: schemas, their namespace, and what the user changes or adds.

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::ConfigError;
#[cfg(feature = "json-schema")]
use super::json_schema;
use crate::price::book::UniqueMap;
use crate::price::pico_to_decimal;
use crate::schema::{self, Bound, Fact, Family, Kind, Label, Schema, Table, Unit, is_name};

/// Most bounds of one histogram: each is one more Envoy stat per label set.
pub(super) const MAX_BOUNDS: usize = 40;
/// Bounds are kept in billionths.
const NANO: u64 = Unit::Ratio.scale();
const PICO: u64 = Unit::Usd.scale();
/// Between these a number is written alike by Prometheus and here (Go's shortest form is plain from 1e-4 to below 1e6).
pub(super) const LEAST_BOUND: f64 = 0.0001;
pub(super) const MOST_BOUND: f64 = 999_999.0;

/// A built-in schema.
#[derive(Clone, Copy, Debug)]
pub struct SchemaName(pub &'static Schema);

impl Default for SchemaName {
    fn default() -> Self {
        Self(&schema::genops::SCHEMA)
    }
}

impl PartialEq for SchemaName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for SchemaName {}

impl<'de> Deserialize<'de> for SchemaName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = || schema::SCHEMAS.iter().map(|s| format!("`{}`", s.name)).collect::<Vec<_>>().join(", ");
        let unknown = || de::Error::custom(format!("unknown schema `{name}`, expected one of {}", known()));
        schema::named(&name).map(Self).ok_or_else(unknown)
    }
}

/// Upper bounds of a histogram, ascending, in billionths of the family's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds(Vec<u64>);

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        let mut bounds = Vec::with_capacity(numbers.len().min(MAX_BOUNDS));
        for number in &numbers {
            if !(LEAST_BOUND..=MOST_BOUND).contains(number) {
                let allowed = format!("bounds from {LEAST_BOUND} to {MOST_BOUND}");
                return Err(de::Error::custom(format!("found {number}, allowed are {allowed}")));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^53, not negative")]
            bounds.push((number * NANO as f64).round() as u64);
        }
        if bounds.is_empty() || bounds.len() > MAX_BOUNDS || !bounds.is_sorted_by(|a, b| a < b) {
            let found = format!("{} bounds", bounds.len());
            return Err(de::Error::custom(format!(
                "found {found}, allowed are 1 to {MAX_BOUNDS}, each above the last"
            )));
        }
        Ok(Self(bounds))
    }
}

impl Bounds {
    /// As a family of this unit has them; `None` where it counts in whole numbers and one is none.
    fn of_unit(&self, unit: Unit) -> Option<Vec<Bound>> {
        let bound = |nanos: u64| {
            let mut le = pico_to_decimal(nanos.checked_mul(PICO / NANO)?);
            if !le.contains('.') {
                le.push_str(".0");
            }
            let at = match unit {
                Unit::Count => nanos.is_multiple_of(NANO).then_some(nanos / NANO)?,
                Unit::Usd => nanos.checked_mul(PICO / NANO)?,
                Unit::Seconds | Unit::Ratio => nanos,
            };
            Some(Bound { le: le.into(), at })
        };
        self.0.iter().map(|nanos| bound(*nanos)).collect()
    }
}

/// A metric of your own, fed by a fact of an exchange.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(transform = json_schema::user_family))]
#[serde(deny_unknown_fields)]
pub struct UserFamily {
    /// Counter or histogram.
    #[serde(rename = "type")]
    kind: UserKind,
    /// Labels by name, of those that exchanges have; the one that the fact itself tells comes with it.
    #[serde(default)]
    #[cfg_attr(feature = "json-schema", schemars(inner(regex(pattern = json_schema::NAME)), extend("uniqueItems" = true)))]
    labels: Vec<String>,
    /// What of an exchange feeds it.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::fact"))]
    fact: String,
    /// HELP text.
    #[serde(default)]
    help: String,
    /// Upper bounds, ascending: of a histogram, and only there.
    buckets: Option<Bounds>,
}

/// Type of a user's family. No gauges: workers would write over each other.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum UserKind {
    Counter,
    Histogram,
}

/// What the families in use ask of an exchange beyond its record; each costs time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// [`Fact::Savings`].
    pub savings: bool,
    /// [`Fact::TokenPrices`].
    pub token_prices: bool,
    /// [`Fact::Fingerprints`].
    pub fingerprint: bool,
}

impl Asks {
    pub(super) fn of(table: &Table) -> Self {
        Self {
            savings: table.asks(Fact::Savings),
            token_prices: table.asks(Fact::TokenPrices),
            fingerprint: table.asks(Fact::Fingerprints),
        }
    }
}

/// Refuses what is no namespace.
pub(super) fn check_namespace(namespace: &str) -> Result<(), ConfigError> {
    let allowed = "a prefix of a-z, A-Z, 0-9 and _ that begins with a letter and does not end in _";
    let fits = is_name(namespace) && !namespace.starts_with('_') && !namespace.ends_with('_');
    fits.then_some(()).ok_or_else(|| ConfigError::new("namespace", format!("{namespace:?}"), allowed))
}

/// The families of the schemas.
pub(super) fn schemas(schemas: &[SchemaName], namespace: &str) -> Result<Table, ConfigError> {
    check_namespace(namespace)?;
    let schemas: Vec<&Schema> = schemas.iter().map(|name| name.0).collect();
    Ok(Table::new(&schemas, namespace))
}

/// Changes bounds and adds the user's families, which may have the user's labels.
pub(super) fn change(
    table: &mut Table,
    buckets: &UniqueMap<Bounds>,
    families: &UniqueMap<UserFamily>,
) -> Result<(), ConfigError> {
    for (name, bounds) in buckets.iter() {
        let path = format!("buckets.{name}");
        let Some(family) = table.named(name).filter(|family| family.kind == Kind::Histogram) else {
            let all = table.families().iter().filter(|family| family.kind == Kind::Histogram);
            let all: Vec<&str> = all.map(|family| &*family.name).collect();
            return Err(ConfigError::new(path, "no such histogram", format!("one of {}", all.join(", "))));
        };
        let bounds = fit(bounds, family.fact.unit(), path)?;
        table.edit(|family| {
            if family.name == *name {
                family.bounds.clone_from(&bounds);
            }
        });
    }
    for (name, family) in families.iter() {
        let path = format!("families.{name}");
        if !is_name(name) {
            let allowed = format!("a metric name of a-z, A-Z, 0-9 and _, up to {} bytes", schema::MAX_NAME_BYTES);
            return Err(ConfigError::new(path, format!("{name:?}"), allowed));
        }
        let family = family.resolve(name, &path, table)?;
        let taken = |name| ConfigError::new(&path, format!("{name:?}"), "a name that no other family's series have");
        table.add(family).map_err(taken)?;
    }
    Ok(())
}

fn fit(bounds: &Bounds, unit: Unit, path: impl Into<String>) -> Result<Vec<Bound>, ConfigError> {
    bounds.of_unit(unit).ok_or_else(|| ConfigError::new(path, "a fraction", "whole numbers: this family counts"))
}

impl UserFamily {
    fn resolve(&self, name: &str, path: &str, table: &Table) -> Result<Family, ConfigError> {
        let Some((_, fact)) = Fact::NAMED.iter().find(|(name, _)| *name == self.fact) else {
            let all: Vec<&str> = Fact::NAMED.iter().map(|(name, _)| *name).collect();
            let allowed = format!("one of {}", all.join(", "));
            return Err(ConfigError::new(format!("{path}.fact"), format!("{:?}", self.fact), allowed));
        };
        let (kind, bounds) = match (self.kind, &self.buckets) {
            (UserKind::Counter, None) if fact.unit() != Unit::Seconds => (Kind::Counter, Vec::new()),
            (UserKind::Histogram, Some(bounds)) => {
                (Kind::Histogram, fit(bounds, fact.unit(), format!("{path}.buckets"))?)
            }
            (UserKind::Histogram, None) => {
                return Err(ConfigError::new(format!("{path}.buckets"), "none", "a list of upper bounds"));
            }
            (UserKind::Counter, Some(_)) => {
                return Err(ConfigError::new(format!("{path}.buckets"), "a list", "none: counters have no buckets"));
            }
            (UserKind::Counter, None) => {
                let allowed = "`histogram`: its sum and count are counters of the time taken";
                return Err(ConfigError::new(format!("{path}.type"), "`counter`", allowed));
            }
        };
        let mut labels = Vec::with_capacity(self.labels.len());
        for (place, text) in self.labels.iter().enumerate() {
            let label = table.attributed().find(|label| table.label_name(*label) == text);
            let told = |label: &Label| Some(*label) == fact.variable();
            let Some(label) = label.filter(|label| !labels.contains(label) && !told(label)) else {
                let all: Vec<&str> = table.attributed().map(|label| table.label_name(label)).collect();
                let allowed = format!("one of {}, each once", all.join(", "));
                return Err(ConfigError::new(format!("{path}.labels[{place}]"), format!("{text:?}"), allowed));
            };
            labels.push(label);
        }
        let (name, help) = (name.to_owned().into(), self.help.clone().into());
        Ok(Family { name, help, kind, labels, bounds, fact: *fact, schemas: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use crate::schema::{Fact, Kind, Label};

    fn config(json: &str) -> Config {
        Config::parse(json.as_bytes()).expect("valid")
    }

    fn refused(json: &str) -> String {
        Config::parse(json.as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn any_set_of_schemas_can_be_active() {
        let both = config(r#"{"schemas": ["genops-kubernetes", "genops"]}"#);
        assert!(both.table.named("genops_requests_total").is_some());
        assert!(both.table.named("genops_operations_total").is_some());
        let one = config(r#"{"schemas": ["genops-kubernetes"]}"#);
        assert!(one.table.named("genops_operations_total").is_none());
        assert!(one.table.named("genops_filter_info").is_some(), "the filter's own are always there");
    }

    #[test]
    fn bounds_can_be_put_in_place_of_a_schemas() {
        let config = config(r#"{"buckets": {"genops_operation_latency_seconds": [0.075, 1, 2.5, 600]}}"#);
        let family = config.table.named("genops_operation_latency_seconds").expect("a family");
        let bounds: Vec<(&str, u64)> = family.bounds.iter().map(|b| (&*b.le, b.at)).collect();
        let nanos = [("0.075", 75_000_000), ("1.0", 1_000_000_000), ("2.5", 2_500_000_000), ("600.0", 600_000_000_000)];
        assert_eq!(bounds, nanos);
    }

    #[test]
    fn families_of_the_users_own_are_fed_by_facts() {
        let config = config(
            r#"{"namespace": "acme", "families": {
                "acme_prompt_tokens": {"type": "histogram", "fact": "input_tokens", "labels": ["team", "model"],
                                       "buckets": [100, 1000, 10000], "help": "Tokens of a prompt"},
                "spend_usd": {"type": "counter", "fact": "cost"},
                "exchange_usd": {"type": "histogram", "fact": "cost", "buckets": [0.001, 1]}}}"#,
        );
        let prompt = config.table.named("acme_prompt_tokens").expect("a family");
        assert_eq!((prompt.kind, prompt.fact), (Kind::Histogram, Fact::InputTokens));
        assert_eq!(prompt.labels, [Label::Team, Label::Model]);
        let sum = prompt.stats().last().map(|part| part.suffix);
        assert_eq!((sum, prompt.bounds[1].at, &*prompt.bounds[1].le), (Some("_sum"), 1000, "1000.0"));
        assert!(config.table.stat("spend_usd_pico").is_some() && config.table.stat("exchange_usd_sum_pico").is_some());
        let dollars = config.table.named("exchange_usd").expect("a family");
        assert_eq!((dollars.bounds[0].at, &*dollars.bounds[0].le), (1_000_000_000, "0.001"));
        assert!(config.table.fed().iter().any(|family| family.name == "spend_usd"));
    }

    #[test]
    fn errors_say_where_what_and_what_is_allowed() {
        for (json, parts) in [
            (r#"{"schemas": ["genops", "x"]}"#, ["schemas[1]: unknown schema `x`", "`genops-kubernetes`"]),
            (r#"{"namespace": "9x"}"#, ["namespace: found \"9x\"", "a prefix"]),
            (
                r#"{"buckets": {"genops_tokens_total": [1]}}"#,
                ["buckets.genops_tokens_total: found no such histogram", "_seconds"],
            ),
            (
                r#"{"buckets": {"genops_operation_latency_seconds": [1, 1]}}"#,
                ["buckets.genops_operation_latency_seconds", "each above"],
            ),
            (
                r#"{"buckets": {"genops_operation_latency_seconds": []}}"#,
                ["buckets.genops_operation_latency_seconds", "1 to 40"],
            ),
            (
                r#"{"buckets": {"genops_operation_latency_seconds": [1e9]}}"#,
                ["buckets.genops_operation_latency_seconds", "999999"],
            ),
            (
                r#"{"families": {"x y": {"type": "counter", "fact": "cost"}}}"#,
                ["families.x y: found \"x y\"", "a metric name"],
            ),
            (
                r#"{"families": {"x": {"type": "counter", "fact": "price"}}}"#,
                ["families.x.fact: found \"price\"", "cost, input_tokens"],
            ),
            (r#"{"families": {"x": {"type": "gauge", "fact": "cost"}}}"#, ["families.x.type", "`counter`"]),
            (r#"{"families": {"x": {"type": "counter", "fact": "latency"}}}"#, ["families.x.type", "`histogram`"]),
            (
                r#"{"families": {"x": {"type": "histogram", "fact": "cost"}}}"#,
                ["families.x.buckets: found none", "upper bounds"],
            ),
            (
                r#"{"families": {"x": {"type": "counter", "fact": "cost", "buckets": [1]}}}"#,
                ["families.x.buckets", "none"],
            ),
            (
                r#"{"families": {"x": {"type": "counter", "fact": "errors", "labels": ["team", "error_type"]}}}"#,
                ["families.x.labels[1]: found \"error_type\"", "provider, model"],
            ),
            (
                r#"{"families": {"x": {"type": "histogram", "fact": "input_tokens", "buckets": [0.5]}}}"#,
                ["families.x.buckets: found a fraction", "whole"],
            ),
            (
                r#"{"families": {"genops_cost_total_usd": {"type": "counter", "fact": "cost"}}}"#,
                ["families.genops_cost_total_usd: found \"genops_cost_total_usd\"", "no other family"],
            ),
            (
                r#"{"families": {"genops_cost_total_usd_pico": {"type": "counter", "fact": "operations"}}}"#,
                ["families.genops_cost_total_usd_pico: found", "no other family"],
            ),
        ] {
            let said = refused(json);
            assert!(said.starts_with(parts[0]) && said.contains(parts[1]), "{json}: {said}");
        }
    }
}
