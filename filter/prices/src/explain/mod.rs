//! A cost line by line: what was looked up, which prices were chosen and why, and how they add up.

mod usage;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use genops_core::UnpricedReason;
use genops_core::price::book::{Amendment, Dimension, FormatError, Tier, UniqueMap, When};
use genops_core::price::{Charge, Context, Explanation, How, Line, Part, PriceBook, pico_to_decimal};

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// The filter's id.
    pub provider: &'a str,
    /// As the wire names it.
    pub model: &'a str,
    /// JSON text.
    pub usage: &'a str,
    /// Unix seconds.
    pub at: i64,
    /// How it was served; a tier, speed or place that the usage names counts where this does not.
    pub context: Context<'a>,
    /// The user's prices, as the filter's configuration has them under `prices`.
    pub prices: Option<&'a Path>,
}

/// Decimals after which a fraction without end is cut.
const SHOWN_DECIMALS: usize = 24;

/// Explains one cost; beside it whether there is one.
///
/// # Errors
/// A usage or prices that cannot be read.
pub fn explain(question: &Question<'_>) -> Result<(String, bool)> {
    let book = match question.prices {
        None => PriceBook::SHIPPED,
        Some(path) => user_book(path)?,
    };
    let reading = usage::parse(question.provider, question.usage)?;
    let mut context = question.context;
    context.service_tier = context.service_tier.or(reading.service_tier.as_deref());
    context.speed = context.speed.or(reading.speed.as_deref());
    context.geo = context.geo.or(reading.geo.as_deref());
    let charge =
        Charge { provider: question.provider, model: question.model, at: question.at, usage: &reading.usage, context };
    let explanation = book.explain(&charge);
    let priced = explanation.cost.is_ok();
    Ok((text(question, &book, &explanation), priced))
}

fn user_book(path: &Path) -> Result<PriceBook> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut json = serde_json::Deserializer::from_str(&text);
    let amendments: Result<UniqueMap<Amendment>, FormatError> = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| FormatError { at: error.path().to_string(), source: error.into_inner() });
    let amendments = amendments.with_context(|| path.display().to_string())?;
    PriceBook::amended(&amendments).with_context(|| path.display().to_string())
}

fn text(question: &Question<'_>, book: &PriceBook, explanation: &Explanation) -> String {
    let mut text = String::new();
    _ = writeln!(text, "provider {}, prices {}", question.provider, book.version());
    for part in &explanation.parts {
        self::part(&mut text, part);
    }
    match &explanation.cost {
        Ok(priced) => {
            let lines = explanation.parts.iter().flat_map(|part| &part.lines);
            _ = writeln!(text, "sum {}, rounded once, half to even, to 1e-12 dollars", sum(lines));
            _ = writeln!(
                text,
                "cost {} USD ({} pico-USD, {})",
                pico_to_decimal(priced.pico_usd),
                priced.pico_usd,
                priced.source.as_str()
            );
        }
        Err(reason) => _ = writeln!(text, "unpriced: {}: {}", reason.as_str(), advice(*reason)),
    }
    text
}

fn part(text: &mut String, part: &Part) {
    let how: Vec<&str> = part.how.iter().copied().map(words).collect();
    _ = writeln!(text, "model {:?} is {}: {}", part.asked, part.model, how.join(", then "));
    if part.free {
        text.push_str("  free of charge\n");
        return;
    }
    if let Some(chosen) = &part.entry {
        let from = chosen.prices.from.map_or_else(|| "from the beginning".to_owned(), |day| format!("from {day}"));
        let windows: Vec<String> = chosen.prices.windows.iter().map(ToString::to_string).collect();
        let hours = if windows.is_empty() { String::new() } else { format!(", {} UTC", windows.join(" and ")) };
        let why = if chosen.in_force { "the last one in force" } else { "the first: none is in force" };
        _ = writeln!(text, "  price entry {} of {} ({from}{hours}): {why}", chosen.place + 1, chosen.of);
        tier(text, &chosen.prices.tiers, part.context);
    }
    for variant in &part.variants {
        let from = variant.from.map(|day| format!(", from {day}")).unwrap_or_default();
        _ = writeln!(text, "  variant {}{from}", when(&variant.when));
        tier(text, &variant.tiers, part.context);
    }
    for multiplier in &part.multipliers {
        _ = writeln!(text, "  tokens times {}: {}", multiplier.by, when(&multiplier.when));
    }
    for (dimension, told, billed) in &part.bounded {
        let bound = if told < billed { "at least" } else { "at most" };
        let [told, billed] = [*told, *billed].map(|figure| quantity(*dimension, figure));
        _ = writeln!(text, "  {}: {told} told, {bound} {billed} are billed", dimension.as_str());
    }
    for line in part.lines.iter().filter(|line| line.quantity > 0) {
        self::line(text, line);
    }
    if let Some((key, value)) = &part.unanswered {
        _ = writeln!(text, "  served with {} {value:?}, and no price says what that costs", key.as_str());
    }
    for dimension in &part.unpaid {
        _ = writeln!(text, "  {} was used, and has no rate", dimension.as_str());
    }
}

fn line(text: &mut String, line: &Line) {
    let Line { dimension, rate, multiplier, .. } = line;
    let times = match multiplier {
        1_000_000 => String::new(),
        millionths => format!(" x {}", fraction((*millionths).into(), 1_000_000)),
    };
    let amount = line.amount().map_or_else(|| "more than 128 bits".to_owned(), |(amount, unit)| fraction(amount, unit));
    let quantity = quantity(*dimension, line.quantity);
    _ = writeln!(text, "  {}: {quantity} x {rate} / {}{times} = {amount}", dimension.as_str(), dimension.per());
}

fn tier(text: &mut String, tiers: &[Tier], context: u64) {
    let Some(first) = tiers.first() else { return };
    match tiers.iter().rev().find(|tier| context > tier.over) {
        Some(tier) => _ = writeln!(text, "    context of {context} tokens is above {}: its rates", tier.over),
        None => _ = writeln!(text, "    context of {context} tokens is not above {}: plain rates", first.over),
    }
}

fn when(when: &When) -> String {
    let conditions = when.0.iter().map(|(key, values)| format!("{} {}", key.as_str(), values.join("|")));
    conditions.collect::<Vec<_>>().join(" and ")
}

const fn words(how: How) -> &'static str {
    match how {
        How::Listed => "its name in the book",
        How::Alias => "another name that the book lists",
        How::UserAlias => "another name in your prices",
        How::Dated => "a date behind a listed name",
        How::Regional => "a region in front of a listed name",
        How::Served => "from the list of another provider whose models this one serves: its plain rates",
        How::Unwrapped => "taken out of a resource name",
        How::ProviderPrefix => "without the provider in front",
        How::Throughput => "without the size of its throughput",
        How::FineTuned => "a fine-tune of a listed base",
        How::FreeSuffix => "with an ending that makes it free",
        How::Fallback => "not listed: your fallback rates",
    }
}

/// What to do about a cost that is none.
fn advice(reason: UnpricedReason) -> &'static str {
    match reason {
        UnpricedReason::UnknownProvider => {
            "the book has no such provider: use the name of a file in filter/prices/book, or add it to `prices`"
        }
        UnpricedReason::UnknownModel => "the provider's list has no such name; add the model or an alias to `prices`",
        UnpricedReason::OpaqueModel => "only its owner knows what is behind this name; add an alias to `prices`",
        UnpricedReason::MissingRate => "something was used that has no rate; extend the model in `prices`",
        UnpricedReason::UnknownTier => {
            "it costs something else when served so; extend the model in `prices` with a variant"
        }
        UnpricedReason::NoUsage => "the usage has no figure that can be billed",
        UnpricedReason::UnsupportedUnit => "the model is billed by something that the usage does not tell",
        UnpricedReason::InconsistentUsage => "parts of the usage are more than their whole",
        UnpricedReason::Overflow => "a figure is larger than any exchange can have",
        UnpricedReason::TruncatedStream => "the stream ended before it told its usage",
    }
}

fn quantity(dimension: Dimension, figure: u64) -> String {
    if dimension.is_fractional() { fraction(figure.into(), 1_000_000_000) } else { figure.to_string() }
}

/// The exact sum of all lines, as far as 128 bits hold it.
fn sum<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    let total = lines.filter(|line| line.quantity > 0).try_fold((0u128, 1u128), |(sum, unit), line| {
        let (amount, own) = line.amount()?;
        let (amount, own) = reduced(amount, own);
        let common = unit / gcd(unit, own);
        let sum = sum.checked_mul(own / gcd(unit, own))?.checked_add(amount.checked_mul(common)?)?;
        Some(reduced(sum, unit.checked_mul(own / gcd(unit, own))?))
    });
    total.map_or_else(|| "more than 128 bits".to_owned(), |(sum, unit)| fraction(sum, unit))
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn reduced(amount: u128, unit: u128) -> (u128, u128) {
    let divisor = gcd(amount, unit).max(1);
    (amount / divisor, unit / divisor)
}

/// A fraction as decimal text: exact, or cut and marked where it has no end.
fn fraction(amount: u128, unit: u128) -> String {
    let (amount, unit) = reduced(amount, unit.max(1));
    let mut text = (amount / unit).to_string();
    let mut rest = amount % unit;
    if rest > 0 {
        text.push('.');
    }
    for _ in 0..SHOWN_DECIMALS {
        if rest == 0 {
            return text;
        }
        // Units stay far below 2^124: ten of them fit.
        rest = rest.saturating_mul(10);
        _ = write!(text, "{}", rest / unit);
        rest %= unit;
    }
    if rest > 0 {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fraction;

    #[test]
    fn fractions_are_exact_or_marked() {
        assert_eq!(fraction(5, 1), "5");
        assert_eq!(fraction(3, 8), "0.375");
        assert_eq!(fraction(111, 3_600_000), "0.000030833333333333333333...");
    }
}
