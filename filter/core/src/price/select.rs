//! Which rates apply: the entry in force, laid over by how the exchange was served, at the tier of its context.

use super::Context;
use super::book::{Dimension, Dimensions};
use super::table::{Entry, Key, Model};
use crate::outcome::UnpricedReason;

const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

/// Values that mean the plain rate, by what they answer; an empty one says nothing. Sources: the providers' API
/// references (OpenAI and Azure `default`, `auto`; Anthropic and Mistral `standard`; Groq `on_demand`; Vertex
/// `ON_DEMAND`; Gemini `unspecified` forms; Anthropic `inference_geo` `not_available` and `global`).
const PLAIN_TIERS: [&str; 7] =
    ["default", "standard", "auto", "on_demand", "traffic_type_unspecified", "service_tier_unspecified", "unspecified"];
const PLAIN_SPEEDS: [&str; 2] = ["standard", "default"];
const PLAIN_GEOS: [&str; 2] = ["not_available", "global"];
const PLAIN_PROCESSINGS: [&str; 2] = ["standard", "sync"];

/// Rates in 1e-15 dollars, by dimension.
#[derive(Debug, Default)]
pub(super) struct Rates {
    figures: [u64; Dimension::COUNT],
    priced: Dimensions,
}

impl Rates {
    /// The dimensions that have a rate.
    pub(super) fn priced(&self) -> Dimensions {
        self.priced
    }

    /// The rate of a dimension that has one.
    pub(super) fn get(&self, dimension: Dimension) -> u64 {
        self.figures.get(dimension as usize).copied().unwrap_or(0)
    }

    fn lay(&mut self, entry: &Entry, input: u64) {
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

impl Entry {
    fn in_force(&self, at: i64) -> bool {
        let minute = at.rem_euclid(DAY) / MINUTE;
        let (start, end) = (i64::from(self.start), i64::from(self.end));
        let hours = match start.cmp(&end) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Less => start <= minute && minute < end,
            // Past midnight.
            std::cmp::Ordering::Greater => start <= minute || minute < end,
        };
        hours && (self.from == 0 || i64::from(self.from) <= at.div_euclid(DAY))
    }
}

/// The rates of an exchange at unix second `at` with `input` tokens of context in all.
///
/// `own` is whether the model stands in the list of the provider that served it: variants of another provider's list
/// do not hold here.
///
/// # Errors
/// [`UnpricedReason::UnknownTier`] where it was served in a way that costs something else and the book does not say
/// what; [`UnpricedReason::MissingRate`] where it has no price at all.
pub(super) fn rates(
    model: &Model,
    own: bool,
    at: i64,
    input: u64,
    context: &Context<'_>,
) -> Result<Rates, UnpricedReason> {
    let prices = model.prices();
    let entry = prices.iter().rev().find(|entry| entry.in_force(at)).or_else(|| prices.first());
    let mut rates = Rates::default();
    rates.lay(entry.ok_or(UnpricedReason::MissingRate)?, input);

    let variants = if own { model.variants() } else { &[] };
    let (tier, processing) = match context.service_tier {
        // Anthropic names its batches here.
        Some(tier) if tier.trim().eq_ignore_ascii_case("batch") => (None, Some(tier)),
        tier => (tier, context.processing),
    };
    for (key, value, plain) in [
        (Key::ServiceTier, tier, &PLAIN_TIERS[..]),
        (Key::Speed, context.speed, &PLAIN_SPEEDS),
        (Key::Geo, context.geo, &PLAIN_GEOS),
        (Key::Processing, processing, &PLAIN_PROCESSINGS),
    ] {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { continue };
        let mut varied = false;
        for variant in variants.iter().filter(|v| v.is_for(key, value) && v.in_force(at)) {
            rates.lay(variant, input);
            varied = true;
        }
        if !varied && !plain.iter().any(|plain| plain.eq_ignore_ascii_case(value)) {
            return Err(UnpricedReason::UnknownTier);
        }
    }
    Ok(rates)
}
