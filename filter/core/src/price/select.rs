//! Which rates apply: the entry in force, laid over by how the exchange was served, at the tier of its context; and by
//! what its tokens are multiplied.

use super::Context;
use super::book::layout::HoursRow;
use super::book::{Dimension, Dimensions, Key, Weekdays};
use super::explain::Trace;
use super::table::{Entry, Model};
use crate::outcome::UnpricedReason;

const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

/// One, as multipliers are kept: three of two decimals each, multiplied, are exact in millionths.
pub(super) const ONE: u32 = 1_000_000;
/// One, as the book keeps a single one: in hundredths.
const HUNDRED: u32 = 100;
/// Most multipliers of different conditions that hold at once; the book's check refuses more.
const MAX_MULTIPLIERS: usize = 3;

/// Rates in 1e-15 dollars, by dimension.
#[derive(Debug)]
pub(super) struct Rates {
    figures: [u64; Dimension::COUNT],
    priced: Dimensions,
    /// What tokens are multiplied by, in millionths.
    pub(super) multiplier: u32,
}

impl Rates {
    pub(super) const fn new() -> Self {
        Self { figures: [0; Dimension::COUNT], priced: Dimensions::NONE, multiplier: ONE }
    }

    /// The dimensions that have a rate.
    pub(super) fn priced(&self) -> Dimensions {
        self.priced
    }

    /// The rate of a dimension that has one.
    pub(super) fn get(&self, dimension: Dimension) -> u64 {
        self.figures.get(dimension as usize).copied().unwrap_or(0)
    }

    pub(super) fn lay(&mut self, entry: Entry<'_>, input: u64) {
        for (dimension, tier, rate) in entry.rates() {
            if let Some(figure) = self.figures.get_mut(dimension as usize)
                && tier.is_none_or(|over| input > over)
            {
                *figure = rate;
                self.priced.insert(dimension);
            }
        }
    }
}

fn begun(from: u16, at: i64) -> bool {
    from == 0 || i64::from(from) <= at.div_euclid(DAY)
}

impl Entry<'_> {
    fn in_force(self, at: i64) -> bool {
        begun(self.from(), at) && self.hours().is_none_or(|hours| self.within(hours, at))
    }

    fn within(self, hours: &HoursRow, at: i64) -> bool {
        let (today, minute) = (at.div_euclid(DAY), at.rem_euclid(DAY) / MINUTE);
        let (start, end) = (i64::from(hours.start), i64::from(hours.end));
        // The day on which the hours began: past midnight that was yesterday.
        let day = match start.cmp(&end) {
            std::cmp::Ordering::Equal => today,
            std::cmp::Ordering::Less if start <= minute && minute < end => today,
            std::cmp::Ordering::Greater if start <= minute => today,
            std::cmp::Ordering::Greater if minute < end => today - 1,
            _ => return false,
        };
        Weekdays(hours.days).contains(day) && !self.excepts(hours, day)
    }
}

/// Sets of keys.
type Keys = u16;

const fn bit(key: Key) -> Keys {
    1 << key as u8
}

/// What was told of an exchange, by key.
struct Told<'a> {
    values: [Option<&'a str>; Key::COUNT],
    keys: Keys,
}

impl<'a> Told<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut told = Self { values: [None; Key::COUNT], keys: 0 };
        let (tier, processing) = match context.service_tier {
            // Anthropic names its batches here.
            Some(tier) if tier.trim().eq_ignore_ascii_case("batch") => (None, Some(tier)),
            tier => (tier, context.processing),
        };
        for (key, value) in [
            (Key::ServiceTier, tier),
            (Key::Speed, context.speed),
            (Key::Geo, context.geo),
            (Key::Processing, processing),
            (Key::Route, context.route),
            (Key::SearchType, context.search_type),
            (Key::SearchContext, context.search_context),
            (Key::Region, context.region),
            (Key::Size, context.size),
            (Key::Quality, context.quality),
        ] {
            // An empty value says nothing.
            let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { continue };
            if let Some(slot) = told.values.get_mut(key as usize) {
                *slot = Some(value);
                told.keys |= bit(key);
            }
        }
        told
    }

    fn get(&self, key: Key) -> Option<&'a str> {
        self.values.get(key as usize).copied().flatten()
    }

    /// The keys of a list of conditions, and those of them that hold.
    fn meets(&self, model: Model<'_>, when: u8) -> (Keys, Keys) {
        let (mut keys, mut met) = (0, 0);
        for (key, mut patterns) in model.tables.conditions(when) {
            keys |= bit(key);
            if self.get(key).is_some_and(|value| patterns.any(|pattern| key.matches(pattern, value))) {
                met |= bit(key);
            }
        }
        (keys, met)
    }
}

/// The rates of an exchange at unix second `at` with `input` tokens of context in all.
///
/// `own` is whether the model stands in the list of the provider that served it: variants and multipliers of another
/// provider's list do not hold here.
///
/// # Errors
/// [`UnpricedReason::UnknownTier`] where it was served in a way that costs something else and the book does not say
/// what; [`UnpricedReason::MissingRate`] where it has no price at all.
pub(super) fn rates(
    model: Model<'_>,
    own: bool,
    at: i64,
    input: u64,
    context: &Context<'_>,
    trace: &mut impl Trace,
) -> Result<Rates, UnpricedReason> {
    let active = model.prices().rev().find(|entry| entry.in_force(at));
    let entry = active.or_else(|| model.prices().next()).ok_or(UnpricedReason::MissingRate)?;
    trace.entry(model, entry, active.is_some());
    let mut rates = Rates::new();
    rates.lay(entry, input);

    let told = Told::of(context);
    if told.keys == 0 {
        return Ok(rates);
    }
    // Keys that the model's prices depend on, those whose told value is among the ones they name, and those whose told
    // value decided.
    let (mut known, mut named, mut answered): (Keys, Keys, Keys) = (0, 0, 0);
    if own {
        for variant in model.variants() {
            let (keys, met) = told.meets(model, variant.when());
            (known, named) = (known | keys, named | met);
            if keys == met && variant.in_force(at) {
                rates.lay(variant, input);
                trace.variant(model, variant);
                answered |= keys;
            }
        }
        // Of several with the same keys the last counts.
        let mut factors: [(Keys, u32); MAX_MULTIPLIERS] = [(0, HUNDRED); MAX_MULTIPLIERS];
        for multiplier in model.multipliers() {
            let (keys, met) = told.meets(model, multiplier.when);
            (known, named) = (known | keys, named | met);
            if keys == met
                && begun(multiplier.from, at)
                && let Some(slot) = factors.iter_mut().find(|(held, _)| *held == keys || *held == 0)
            {
                *slot = (keys, multiplier.by.into());
                trace.multiplier(model, multiplier);
                answered |= keys;
            }
        }
        rates.multiplier = factors.iter().fold(1, |product, (_, by)| product * by);
    }
    for key in Key::ALL.into_iter().filter(|key| told.keys & !answered & bit(*key) != 0) {
        let changes_the_price = match key {
            Key::ServiceTier | Key::Speed | Key::Geo | Key::Processing => true,
            // Asked for by many, priced by few: of no matter where the model's prices do not depend on it.
            Key::SearchContext | Key::Size | Key::Quality => known & !named & bit(key) != 0,
            // Prices name the ones that differ.
            Key::Route | Key::SearchType | Key::Region => false,
        };
        if changes_the_price && let Some(value) = told.get(key).filter(|value| !key.is_plain(value)) {
            trace.unanswered(key, value);
            return Err(UnpricedReason::UnknownTier);
        }
    }
    Ok(rates)
}
