//! The shape of a dump of genai-prices: its data as it stands, numbers as decimal text.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::clause::Clause;

/// One provider.
#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    pub(super) id: String,
    /// Providers whose models it serves too.
    pub(super) fallback: Option<Vec<String>>,
    /// The first one that matches a name is meant by it.
    pub(super) models: Vec<Model>,
}

/// One model.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
    #[serde(rename = "match")]
    pub(super) clause: Clause,
    pub(super) prices: Prices,
    /// The first that applies counts, rate by rate.
    pub(super) variants: Vec<Variant>,
}

/// One set of rates, or several of which the last one in force counts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Prices {
    Always(Rates),
    Conditional(Vec<Conditional>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditional {
    pub(super) constraint: Option<Constraint>,
    pub(super) prices: Rates,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) when: BTreeMap<String, String>,
    pub(super) constraint: Option<Constraint>,
    pub(super) prices: Rates,
}

/// When an entry is in force.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Constraint {
    #[serde(rename_all = "snake_case")]
    From { start_date: String },
    #[serde(rename_all = "snake_case")]
    Daily { start_time: String, end_time: String },
}

/// By price key (`input_mtok`, ...).
pub(super) type Rates = BTreeMap<String, Price>;

/// US dollars per unit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Price {
    Flat(String),
    Tiered { base: String, tiers: Vec<Step> },
}

/// The price of the whole request when its input exceeds `start` tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) start: u64,
    pub(super) price: String,
}
