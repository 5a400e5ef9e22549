//! How a cost comes about, step by step, for people.
//!
//! [`PriceBook::price`] and [`PriceBook::explain`] run the same code: it tells each step to a [`Trace`], which for a price
//! is `()` and costs nothing. So what is explained is what is charged.

use std::borrow::Cow;

use super::book::layout::MultiplierRow;
use super::book::{Dimension, Key, Multiplier, Prices, Rate, Variant, without_date};
use super::model_match::{self, Match, Unwrapped};
use super::select::ONE;
use super::table::{Entry, Model};
use super::user::Seller;
use super::{Charge, Line, PriceBook, Priced};
use crate::outcome::UnpricedReason;

/// Is told each step of a price.
pub(super) trait Trace {
    /// One model's part of the bill begins.
    fn part(&mut self, _seller: Seller<'_>, _asked: &str, _hit: &Match<'_>, _rough: bool) {}
    /// Less was used than the least that is billed.
    fn bounded(&mut self, _dimension: Dimension, _told: u64, _billed: u64) {}
    /// All input tokens, which decide between tiers.
    fn context(&mut self, _input: u64) {}
    /// The price entry that counts, whether because it is in force or because none is.
    fn entry(&mut self, _model: Model<'_>, _entry: Entry<'_>, _in_force: bool) {}
    /// A variant in force.
    fn variant(&mut self, _model: Model<'_>, _entry: Entry<'_>) {}
    /// A multiplier in force.
    fn multiplier(&mut self, _model: Model<'_>, _row: &MultiplierRow) {}
    /// It was served in a way that costs something else, and nothing says what.
    fn unanswered(&mut self, _key: Key, _value: &str) {}
    /// It was used, and no rate pays for it.
    fn unpaid(&mut self, _dimension: Dimension) {}
    /// A term of the sum.
    fn line(&mut self, _hit: &Match<'_>, _dimension: Dimension, _quantity: u64, _rate: u64, _multiplier: u32) {}
}

impl Trace for () {}

/// How a cost came about, or why there is none.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// By model: more than one where the exchange used several. None where the price does not depend on models.
    pub parts: Vec<Part>,
    /// What [`PriceBook::price`] says.
    pub cost: Result<Priced, UnpricedReason>,
}

/// One model's part.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name that was looked up.
    pub asked: String,
    /// The book's name of the model.
    pub model: Cow<'static, str>,
    /// How the one led to the other, in order.
    pub how: Vec<How>,
    /// Nothing is charged for it.
    pub free: bool,
    /// Input tokens in all, cached ones too.
    pub context: u64,
    /// The price entry that counts.
    pub entry: Option<Chosen>,
    /// What was laid over it, in order.
    pub variants: Vec<Variant>,
    /// What its tokens were multiplied by.
    pub multipliers: Vec<Multiplier>,
    /// What is billed of something where less or more was used: told, billed (billionths where it is fractional).
    pub bounded: Vec<(Dimension, u64, u64)>,
    /// How it was served, where nothing says what that costs.
    pub unanswered: Option<(Key, String)>,
    /// What no rate pays for.
    pub unpaid: Vec<Dimension>,
    /// Terms of the sum.
    pub lines: Vec<Line>,
}

/// A price entry among those of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The entry.
    pub prices: Prices,
    /// Its place, from 0.
    pub place: usize,
    /// Of how many.
    pub of: usize,
    /// Whether it is in force; where none is, the first counts.
    pub in_force: bool,
}

/// A step from a name to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The book's own name.
    Listed,
    /// Another name that the book lists.
    Alias,
    /// Another name by the user's configuration.
    UserAlias,
    /// A date behind a listed name.
    Dated,
    /// A region in front of a listed name.
    Regional,
    /// From the list of another provider whose models this one serves too: its plain rates only.
    Served,
    /// Taken out of a resource name.
    Unwrapped,
    /// The provider stood in front.
    ProviderPrefix,
    /// A size of throughput stood behind.
    Throughput,
    /// A fine-tune of a listed base.
    FineTuned,
    /// An ending that makes it free of charge.
    FreeSuffix,
    /// The user's rates for whatever is not listed.
    Fallback,
}

impl Line {
    /// The exact amount in US dollars as a fraction, `None` where it is beyond 128 bits.
    pub fn amount(&self) -> Option<(u128, u128)> {
        // Rates count in 1e-15 dollars, multipliers in millionths, seconds in billionths.
        const RATE: u128 = 1_000_000_000_000_000;
        let product = u128::from(self.quantity).checked_mul(self.rate.0.into())?.checked_mul(self.multiplier.into())?;
        let fraction = if self.dimension.is_fractional() { 1_000_000_000 } else { 1 };
        Some((product, u128::from(self.dimension.per()) * fraction * RATE * u128::from(ONE)))
    }
}

impl PriceBook {
    /// The cost of one exchange, and how it comes about.
    pub fn explain(&self, charge: &Charge<'_>) -> Explanation {
        let mut parts = Parts(Vec::new());
        let cost = self.add_up(charge, &mut parts);
        Explanation { parts: parts.0, cost }
    }
}

struct Parts(Vec<Part>);

impl Parts {
    fn last(&mut self, add: impl FnOnce(&mut Part)) {
        if let Some(part) = self.0.last_mut() {
            add(part);
        }
    }
}

impl Trace for Parts {
    fn part(&mut self, seller: Seller<'_>, asked: &str, hit: &Match<'_>, rough: bool) {
        self.0.push(Part {
            asked: asked.to_owned(),
            model: hit.name(),
            how: if rough { vec![How::Fallback] } else { how(seller, asked) },
            free: hit.is_free(),
            context: 0,
            entry: None,
            variants: Vec::new(),
            multipliers: Vec::new(),
            bounded: Vec::new(),
            unanswered: None,
            unpaid: Vec::new(),
            lines: Vec::new(),
        });
    }

    fn bounded(&mut self, dimension: Dimension, told: u64, billed: u64) {
        self.last(|part| part.bounded.push((dimension, told, billed)));
    }

    fn context(&mut self, input: u64) {
        self.last(|part| part.context = input);
    }

    fn entry(&mut self, model: Model<'_>, entry: Entry<'_>, in_force: bool) {
        let of = model.prices().count();
        let place = model.prices().position(|other| other.is_same(entry)).unwrap_or(0);
        self.last(|part| part.entry = Some(Chosen { prices: entry.to_prices(), place, of, in_force }));
    }

    fn variant(&mut self, model: Model<'_>, entry: Entry<'_>) {
        self.last(|part| part.variants.push(model.to_variant(entry)));
    }

    fn multiplier(&mut self, model: Model<'_>, row: &MultiplierRow) {
        self.last(|part| part.multipliers.push(model.to_multiplier(row)));
    }

    fn unanswered(&mut self, key: Key, value: &str) {
        self.last(|part| part.unanswered = Some((key, value.to_owned())));
    }

    fn unpaid(&mut self, dimension: Dimension) {
        self.last(|part| part.unpaid.push(dimension));
    }

    fn line(&mut self, hit: &Match<'_>, dimension: Dimension, quantity: u64, rate: u64, multiplier: u32) {
        let line = Line { model: hit.name(), dimension, quantity, rate: Rate(rate), multiplier };
        self.last(|part| part.lines.push(line));
    }
}

/// The steps of [`model_match::find`], which has found something.
fn how(seller: Seller<'_>, asked: &str) -> Vec<How> {
    let mut how = Vec::new();
    let folded = model_match::fold(asked.trim());
    let mut name: &str = &folded;
    if let Some(alias) = seller.alias(name) {
        how.push(How::UserAlias);
        name = alias;
    }
    if direct(seller, name, &mut how) {
        return how;
    }
    if let Some(Unwrapped::Name(inner)) = model_match::unwrap(name) {
        how.push(How::Unwrapped);
        name = inner;
    }
    if let Some(inner) = name.strip_prefix(seller.id).and_then(|rest| rest.strip_prefix('/')) {
        how.push(How::ProviderPrefix);
        name = inner;
    }
    if model_match::without_throughput(name) != name {
        how.push(How::Throughput);
        name = model_match::without_throughput(name);
    }
    if let Some(alias) = seller.alias(name) {
        how.push(How::UserAlias);
        name = alias;
    }
    if direct(seller, name, &mut how) {
        return how;
    }
    if let Some(base) = model_match::fine_tuned(name) {
        how.push(How::FineTuned);
        if direct(seller, base, &mut how) {
            return how;
        }
        how.pop();
    }
    if let Some(base) = seller.free_suffix().and_then(|suffix| name.strip_suffix(suffix)) {
        how.push(How::FreeSuffix);
        direct(seller, base, &mut how);
    }
    how
}

/// The last step, if a name leads to a model with one: adds it.
fn direct(seller: Seller<'_>, name: &str, how: &mut Vec<How>) -> bool {
    let own = |name: &str, dated| model_match::own(seller, name, dated).and_then(Result::ok);
    let listed = |hit: Match<'_>| match hit.model.name().eq_ignore_ascii_case(name) {
        true => How::Listed,
        false => How::Alias,
    };
    let plain = || {
        let undated = |name| without_date(name).find_map(|base| own(base, true));
        own(name, false).map(listed).or_else(|| undated(name).map(|_| How::Dated))
    };
    let served = || model_match::plain(seller, name).and_then(Result::ok).map(|_| How::Served);
    let regional = || model_match::regional(seller, name).and_then(Result::ok).map(|_| How::Regional);
    let step = plain().or_else(served).or_else(regional);
    how.extend(step);
    step.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Context;
    use crate::usage::Usage;

    fn explained(provider: &str, model: &str, usage: &Usage, context: Context<'_>) -> Explanation {
        // 2026-11-20T12:00Z, a Friday.
        let charge = Charge { provider, model, at: 1_795_176_000, usage, context };
        let explanation = PriceBook::SHIPPED.explain(&charge);
        assert_eq!(explanation.cost, PriceBook::SHIPPED.price(&charge));
        explanation
    }

    #[test]
    fn names_lead_to_models_step_by_step() {
        let usage = Usage { input: Some(1), output: Some(1), ..Usage::default() };
        for (provider, name, model, how) in [
            ("openai", "gpt-4o", "gpt-4o", &[How::Listed][..]),
            ("openai", "GPT-4o-2024-11-20", "gpt-4o", &[How::Alias]),
            ("openai", "gpt-5.6-sol-2031-01-01", "gpt-5.6-sol", &[How::Dated]),
            ("openai", "openai/gpt-4o", "gpt-4o", &[How::ProviderPrefix, How::Listed]),
            ("google", "models/gemini-2.5-pro", "gemini-2.5-pro", &[How::Unwrapped, How::Listed]),
            ("azure-openai", "gpt-4o", "gpt-4o", &[How::Served]),
        ] {
            let explanation = explained(provider, name, &usage, Context::default());
            let part = explanation.parts.first().expect(name);
            assert_eq!((part.model.as_ref(), &part.how[..]), (model, how), "{name}");
        }
        let unknown = explained("openai", "claude-opus-5", &usage, Context::default());
        assert!(unknown.parts.is_empty() && unknown.cost == Err(UnpricedReason::UnknownModel));
    }

    #[test]
    fn terms_sum_to_the_price_and_name_what_was_chosen() {
        let usage = Usage { input: Some(300_000), cache_read: Some(100_000), output: Some(4_000), ..Usage::default() };
        let flex = Context { service_tier: Some("flex"), ..Context::default() };
        let explanation = explained("openai", "gpt-5.6-sol", &usage, flex);
        let part = explanation.parts.first().expect("one model");
        assert_eq!(part.context, 300_000);
        assert!(part.entry.as_ref().is_some_and(|entry| entry.in_force && entry.prices.from.is_some()));
        assert_eq!(part.variants.len(), 1);
        let used: Vec<_> = part.lines.iter().filter(|line| line.quantity > 0).collect();
        let pico = |line: &&Line| line.amount().map(|(amount, unit)| amount / (unit / 1_000_000_000_000));
        let sum: u128 = used.iter().filter_map(pico).sum();
        assert_eq!(explanation.cost.map(|priced| u128::from(priced.pico_usd)), Ok(sum));
        assert_eq!(
            used.iter().map(|line| line.dimension).collect::<Vec<_>>(),
            [Dimension::Output, Dimension::CacheRead, Dimension::Input]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let usage = Usage { input: Some(1), output: Some(1), ..Usage::default() };
        let unknown = Context { service_tier: Some("warp"), ..Context::default() };
        let explanation = explained("openai", "gpt-4o", &usage, unknown);
        let part = explanation.parts.first().expect("a model");
        assert_eq!(part.unanswered, Some((Key::ServiceTier, "warp".to_owned())));
        let explanation = explained("openai", "tts-1", &usage, Context::default());
        let part = explanation.parts.first().expect("a model");
        assert_eq!(part.unpaid, [Dimension::Output, Dimension::Input]);
    }
}
