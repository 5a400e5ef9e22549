//! Changes to a book: what a user's configuration says, and what is known beyond an imported list.

use serde::{Deserialize, Serialize};

use super::{Billing, Calendar, Date, Dated, Model, Rate, UniqueMap, Unlisted};

/// Changes to one provider's prices. Applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Where the figures were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When they were last compared with the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
    /// As in [`super::ProviderFile`]; a provider that no file stands for is `unpriced` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    /// Further calendars.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub calendars: UniqueMap<Calendar>,
    /// Models that are added, or take the place of the listed one of that name; `null` takes it away.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub models: UniqueMap<Option<Model>>,
    /// What is added to listed models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extend: Vec<Extension>,
    /// Further names, and the listed names that they stand for.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub alias: UniqueMap<String>,
    /// What models cost that no list knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// How all its models are paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
}

/// What is added to listed models: the lists of `with` go behind theirs, its other fields take the place of theirs
/// where they say something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Listed names of the models; `*` alone: all with prices.
    pub models: Vec<String>,
    /// What is added.
    pub with: Model,
}

/// Rates of whatever is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// US dollars by dimension, per the dimension's unit.
    pub rates: UniqueMap<Rate>,
}

impl Model {
    /// Adds this to a model: lists go behind its own, other fields take their place where they say something.
    pub fn extend(&self, model: &mut Self) {
        let Self { alias, dated, geo, free, prices, variants, multipliers, min, billing, source, checked_on } = self;
        model.alias.extend_from_slice(alias);
        model.geo.extend_from_slice(geo);
        model.prices.extend_from_slice(prices);
        model.variants.extend_from_slice(variants);
        model.multipliers.extend_from_slice(multipliers);
        model.min.0.extend_from_slice(&min.0);
        model.free |= free;
        if *dated == Dated::Any {
            model.dated = Dated::Any;
        }
        model.billing = billing.or(model.billing);
        model.source = source.clone().or(model.source.take());
        model.checked_on = checked_on.or(model.checked_on);
    }
}
