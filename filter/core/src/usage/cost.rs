//! Costs that a provider states beside its usage.

use crate::body::{
    fact::Fact,
    json::{Sink, Skimmer, Want},
};

/// xAI states its bill in ticks of 10^-10 USD (docs.x.ai, "cost_in_usd_ticks").
const TICK_DIGITS: i32 = 10;

/// Most digits on either side of the point of a stated cost; no bill of one exchange needs more.
const DIGITS_LIMIT: usize = 40;

/// Where a usage object states a cost: a figure (OpenRouter, Vercel), an object with a total (Perplexity), ticks (xAI).
/// Estimates of gateways are no statement of the provider.
static COST: Want = Want::object(&[
    ("cost", Want::object(&[("total_cost", Want::scalar(Fact::Cost))]).and_scalar(Fact::Cost)),
    ("cost_in_usd_ticks", Want::scalar(Fact::CostTicks)),
    ("is_byok", Want::scalar(Fact::OwnKey)),
]);

#[derive(Default)]
struct Costs {
    cost: Option<String>,
    ticks: Option<String>,
    own_key: bool,
}

impl Sink for Costs {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        match fact {
            Fact::Cost => self.cost = decimal(raw, 0),
            // 0 ticks is what resellers of xAI's models print (Azure).
            Fact::CostTicks => self.ticks = decimal(raw, TICK_DIGITS).filter(|t| t != "0"),
            Fact::OwnKey => self.own_key = raw == b"true",
            _ => {}
        }
    }

    fn too_large(&mut self, _: Fact) {}

    fn mark(&mut self, _: Fact) {}
}

/// The cost that a usage object (as JSON text) states, as plain decimal USD: digits as printed, never through a float.
/// `None` where none is stated, or where the customer's own key paid a part of it elsewhere.
pub(super) fn stated(raw: &[u8]) -> Option<String> {
    // Most usage objects state none; a key could hide behind an escape.
    let hidden = || memchr::memchr(b'\\', raw).is_some();
    if memchr::memmem::find(raw, b"cost").is_none() && !hidden() {
        return None;
    }
    let mut costs = Costs::default();
    Skimmer::new(&COST).feed(raw, &mut costs);
    costs.ticks.or(costs.cost).filter(|_| !costs.own_key)
}

/// A JSON number divided by `10^shift`, written without an exponent and without needless zeros. `None` for what is
/// negative, no number or longer than [`DIGITS_LIMIT`].
fn decimal(raw: &[u8], shift: i32) -> Option<String> {
    let text = str::from_utf8(raw).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > DIGITS_LIMIT || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Digits before the point, which may lie before the first or behind the last digit.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(shift)?;
    let limit = i32::try_from(DIGITS_LIMIT).ok()?;
    if point.abs() > limit {
        return digits.bytes().all(|b| b == b'0').then(|| "0".to_owned());
    }
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point <= digits.len() => {
            let (whole, fraction) = digits.split_at(point);
            (whole.to_owned(), fraction.to_owned())
        }
        Ok(point) => (format!("{digits:0<point$}"), String::new()),
        Err(_) => (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize))),
    };
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_keep_their_digits() {
        let cost = |json: &str| stated(json.as_bytes());
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(cost(r#"{"cost":0.001008,"is_byok":false}"#), is("0.001008"));
        assert_eq!(cost(r#"{"cost":1.13e-05}"#), is("0.0000113"));
        assert_eq!(cost(r#"{"cost":1.5E+3}"#), is("1500"));
        assert_eq!(cost(r#"{"cost":0}"#), is("0"));
        assert_eq!(cost(r#"{"cost":0.00019199999999999998}"#), is("0.00019199999999999998"));
        assert_eq!(cost(r#"{"cost":{"request_cost":0.005,"total_cost":0.00501}}"#), is("0.00501"));
        assert_eq!(cost(r#"{"cost_in_usd_ticks":2488500}"#), is("0.00024885"));
        assert_eq!(cost(r#"{"cost_in_usd_ticks":0}"#), None);
        assert_eq!(cost(r#"{"cost":0.1,"is_byok":true}"#), None);
        for hostile in
            [r#"{"cost":-1}"#, r#"{"cost":"1"}"#, r#"{"cost":1e999}"#, r#"{"cost":1e99999999999}"#, r#"{"cost":}"#]
        {
            assert_eq!(cost(hostile), None, "{hostile}");
        }
        assert_eq!(cost(r#"{"cost":0e999}"#), is("0"));
    }
}
