//! What a model costs on a day, at an hour, served in some way, with so much context: every rate after tiers, variants
//! and multipliers.

use std::collections::BTreeMap;
use std::fmt;

use genops_core::price::book::{
    Calendar, Date, Dimension, FACTOR_DECIMALS, Key, Kind, Model, Multiplier, Prices, ProviderFile, RATE_DECIMALS,
    Tier, UniqueMap, Unlisted, Variant, When,
};

use crate::import::Condition;

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// Decimals of a rate times the multipliers that can hold at once: three of two decimals.
const DECIMALS: usize = RATE_DECIMALS + 3 * FACTOR_DECIMALS;
/// One, as a product of multipliers.
const ONE: u128 = 10u128.pow(3 * FACTOR_DECIMALS as u32);

/// US dollars per unit, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount(u128);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10u128.pow(DECIMALS as u32);
        let fraction = format!("{:0width$}", self.0 % one, width = DECIMALS);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / one),
            fraction => write!(f, "{}.{fraction}", self.0 / one),
        }
    }
}

/// When, and how served.
#[derive(Clone, Debug)]
pub(super) struct Moment<'a> {
    pub(super) day: Date,
    /// Minute of the day.
    pub(super) minute: u16,
    /// What was told of the exchange.
    pub(super) told: &'a [Condition],
    /// The input is one token more than this.
    pub(super) over: u64,
}

/// A model in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub(super) file: &'a ProviderFile,
    pub(super) name: &'a str,
    pub(super) model: &'a Model,
    /// In the list of the provider itself. Elsewhere only the plain rates hold.
    pub(super) own: bool,
}

/// What holds at a moment.
pub(super) struct Effective {
    amounts: BTreeMap<Dimension, Amount>,
    inherits: bool,
}

impl Effective {
    /// The dimensions with a rate of their own.
    pub(super) fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        self.amounts.keys().copied()
    }

    /// What a dimension costs, by its own rate or by that of the nearest whole that has one.
    pub(super) fn get(&self, dimension: Dimension) -> Option<Amount> {
        let mut wholes = dimension.parents().iter().filter(|_| self.inherits);
        self.amounts.get(&dimension).copied().or_else(|| wholes.find_map(|whole| self.get(*whole)))
    }
}

impl Listed<'_> {
    fn variants(&self) -> &[Variant] {
        if self.own { &self.model.variants } else { &[] }
    }

    fn multipliers(&self) -> &[Multiplier] {
        if self.own { &self.model.multipliers } else { &[] }
    }

    /// The rates at a moment; `None` where it is served in a way that the book has no rates for.
    pub(super) fn at(&self, moment: &Moment<'_>) -> Option<Effective> {
        let Self { file, model, .. } = self;
        let active = |prices: &&Prices| in_force(prices, &file.calendars, moment);
        let entry = model.prices.iter().rev().find(active).or_else(|| model.prices.first());
        let mut rates: BTreeMap<Dimension, u64> = BTreeMap::new();
        let mut lay = |own: &UniqueMap<_>, tiers: &[Tier]| {
            let reached = tiers.iter().filter(|tier| moment.over >= tier.over).map(|tier| &tier.rates);
            for (key, rate) in std::iter::once(own).chain(reached).flat_map(UniqueMap::iter) {
                let rate: &genops_core::price::book::Rate = rate;
                Dimension::parse(key).map(|dimension| rates.insert(dimension, rate.0));
            }
        };
        if let Some(entry) = entry {
            lay(&entry.rates, &entry.tiers);
        }
        let begun = |from: Option<Date>| from.is_none_or(|from| from <= moment.day);
        let mut answered: Vec<Key> = Vec::new();
        for variant in self.variants().iter().filter(|v| begun(v.from) && meets(&v.when, moment.told)) {
            lay(&variant.rates, &variant.tiers);
            answered.extend(variant.when.0.iter().map(|(key, _)| *key));
        }
        // Of several with the same keys the last counts.
        let mut factors: BTreeMap<Vec<Key>, u64> = BTreeMap::new();
        for multiplier in self.multipliers().iter().filter(|m| begun(m.from) && meets(&m.when, moment.told)) {
            let keys: Vec<Key> = multiplier.when.0.iter().map(|(key, _)| *key).collect();
            answered.extend(&keys);
            factors.insert(keys, multiplier.by.0);
        }
        let strict = |key: Key| matches!(key, Key::ServiceTier | Key::Speed | Key::Geo | Key::Processing);
        if moment.told.iter().any(|(key, value)| strict(*key) && !key.is_plain(value) && !answered.contains(key)) {
            return None;
        }
        let hundred = 10u128.pow(FACTOR_DECIMALS as u32);
        let factor = factors.values().fold(ONE, |product, by| product * u128::from(*by) / hundred);
        let amount = |(dimension, rate): (Dimension, u64)| {
            let factor = if dimension.kind() == Kind::Token { factor } else { ONE };
            (dimension, Amount(u128::from(rate) * factor))
        };
        let inherits = file.unlisted == Some(Unlisted::Parent);
        Some(Effective { amounts: rates.into_iter().map(amount).collect(), inherits })
    }

    /// The ways to be served that it has prices for, in force on a day: each with all values that mean it.
    pub(super) fn ways(&self, day: Date) -> impl Iterator<Item = &When> {
        let begun = move |from: Option<Date>| from.is_none_or(|from| from <= day);
        let variants = self.variants().iter().filter(move |v| begun(v.from)).map(|v| &v.when);
        variants.chain(self.multipliers().iter().filter(move |m| begun(m.from)).map(|m| &m.when))
    }

    /// The contexts beyond which something costs something else.
    pub(super) fn tiers(&self) -> impl Iterator<Item = u64> {
        let prices = self.model.prices.iter().flat_map(|prices| &prices.tiers);
        prices.chain(self.variants().iter().flat_map(|variant| &variant.tiers)).map(|tier| tier.over)
    }

    /// The minutes of the day at which some hours begin or end.
    pub(super) fn minutes(&self) -> impl Iterator<Item = u16> {
        let windows = self.model.prices.iter().flat_map(|prices| &prices.windows);
        windows.flat_map(|window| [window.start, window.end]).map(|minute| minute % DAY)
    }
}

fn in_force(prices: &Prices, calendars: &UniqueMap<Calendar>, moment: &Moment<'_>) -> bool {
    let today = i64::from(moment.day.0);
    let begins = |day: i64| {
        let excepted = prices.except.as_deref().and_then(|name| calendars.get(name));
        let excepted = excepted.is_some_and(|calendar| calendar.days.iter().any(|d| i64::from(d.0) == day));
        prices.days.contains(day) && !excepted
    };
    let hours = prices.windows.iter().any(|window| {
        let (start, end, minute) = (window.start, window.end, moment.minute);
        if start < end {
            start <= minute && minute < end && begins(today)
        } else {
            // Past midnight: the hours began today or yesterday.
            (start <= minute && begins(today)) || (minute < end && begins(today - 1))
        }
    });
    let hours = if prices.windows.is_empty() { begins(today) } else { hours };
    hours && prices.from.is_none_or(|from| from <= moment.day)
}

fn meets(when: &When, told: &[Condition]) -> bool {
    let holds = |key: Key, patterns: &[String]| {
        let value = told.iter().find(|(other, _)| *other == key).map(|(_, value)| value);
        value.is_some_and(|value| patterns.iter().any(|pattern| key.matches(pattern, value)))
    };
    when.0.iter().all(|(key, patterns)| holds(*key, patterns))
}
