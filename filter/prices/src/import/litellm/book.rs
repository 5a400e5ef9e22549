//! Entries to models of the book.

use std::collections::BTreeMap;

use genops_core::price::book::{
    Dated, Dimension, Key, Model, Multiplier, Prices, Rate, Tier, UniqueMap, Variant, When,
};

use super::entry::{Entry, OffPeak};
use super::sheet::{Condition, Laid};

/// What the values of litellm's tiers are called on the wire of one provider (`priority`: `on_demand_priority`).
pub(super) type Values = BTreeMap<String, Vec<String>>;

/// The model of an entry.
pub(super) fn model(entry: Entry, values: &Values) -> Model {
    let Entry { sheet, multipliers, off_peak } = entry;
    let mut prices = Vec::new();
    if !sheet.base.rates.is_empty() || !sheet.varied.is_empty() {
        prices.push(plain(&sheet.base));
    }
    prices.extend(off_peak.iter().flat_map(|off_peak| hours(&sheet.base, off_peak)));
    let mut varied: Vec<_> = sheet.varied.into_iter().collect();
    // Of several in force the last counts: the ones with more conditions.
    varied.sort_by_key(|(when, _)| when.len());
    let variant = |(conditions, laid): (Vec<Condition>, Laid)| {
        let Prices { rates, tiers, .. } = plain(&laid);
        Variant { from: None, when: when(conditions, values), rates, tiers }
    };
    let multiplier = |(condition, by)| Multiplier { from: None, when: when(vec![condition], values), by };
    Model {
        dated: Dated::None,
        prices,
        variants: varied.into_iter().map(variant).collect(),
        multipliers: multipliers.into_iter().map(multiplier).collect(),
        ..Model::default()
    }
}

fn keyed(rates: &BTreeMap<Dimension, Rate>) -> UniqueMap<Rate> {
    rates.iter().map(|(dimension, rate)| (dimension.as_str().to_owned(), *rate)).collect()
}

fn plain(laid: &Laid) -> Prices {
    let tier = |(over, rates): (&u64, &BTreeMap<_, _>)| Tier { over: *over, rates: keyed(rates) };
    Prices { rates: keyed(&laid.rates), tiers: laid.tiers.iter().map(tier).collect(), ..Prices::default() }
}

/// An entry for each window: the plain rates with those that differ.
fn hours(base: &Laid, off_peak: &OffPeak) -> Vec<Prices> {
    let mut own = base.clone();
    own.rates.extend(&off_peak.rates);
    let window = |(days, windows): &(_, Vec<_>)| Prices { days: *days, windows: windows.clone(), ..plain(&own) };
    off_peak.windows.iter().map(window).collect()
}

fn when(conditions: Vec<Condition>, values: &Values) -> When {
    let wire = |(key, value): Condition| {
        let own = values.get(&value).filter(|_| key == Key::ServiceTier);
        (key, own.cloned().unwrap_or_else(|| vec![value]))
    };
    When(conditions.into_iter().map(wire).collect())
}
