//! Sums over records, per provider and model. Money is added as decimals, never as floats.

use std::collections::BTreeMap;

use serde_json::Value;

/// Decimal places that sums keep: pico-USD have 12, a provider's own figure may have more.
const PLACES: usize = 18;

/// What one provider and model come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryRow {
    /// Exchanges.
    pub exchanges: u64,
    /// How they ended, and how often.
    pub outcomes: BTreeMap<String, u64>,
    /// Sum of `input_tokens`.
    pub input_tokens: u64,
    /// Sum of `output_tokens`.
    pub output_tokens: u64,
    /// Sum of `cost_usd` in 1e-18 USD.
    cost: u128,
    /// Exchanges that have a cost.
    pub priced: u64,
    /// Costs that could not be read as a decimal: the sum is too low then, and says so.
    pub unreadable_costs: u64,
}

impl SummaryRow {
    pub(crate) fn add(&mut self, record: &Value) {
        let tokens = |key: &str| record.get(key).and_then(Value::as_u64).unwrap_or(0);
        self.exchanges += 1;
        let outcome = record.get("outcome").and_then(Value::as_str).unwrap_or("-");
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        self.input_tokens = self.input_tokens.saturating_add(tokens("input_tokens"));
        self.output_tokens = self.output_tokens.saturating_add(tokens("output_tokens"));
        match record.get("cost_usd") {
            None | Some(Value::Null) => {}
            Some(cost) => match cost.as_str().and_then(parse_decimal).and_then(|cost| self.cost.checked_add(cost)) {
                Some(sum) => {
                    self.cost = sum;
                    self.priced += 1;
                }
                None => self.unreadable_costs += 1,
            },
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost = self.cost.saturating_add(other.cost);
        self.priced += other.priced;
        self.unreadable_costs += other.unreadable_costs;
    }

    /// The sum in US dollars, exact; `-` where no exchange has a cost.
    pub fn cost_usd(&self) -> String {
        if self.unreadable_costs > 0 {
            return format!("{} + {} unreadable", decimal(self.cost), self.unreadable_costs);
        }
        if self.priced == 0 { "-".to_owned() } else { decimal(self.cost) }
    }
}

/// Rows by provider and model.
#[derive(Clone, Debug, Default)]
pub struct Summary(BTreeMap<(String, String), SummaryRow>);

impl Summary {
    /// Adds one record line.
    pub fn add(&mut self, record: &Value) {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        self.0.entry((text("provider"), text("model"))).or_default().add(record);
    }

    /// Adds a row that was summed elsewhere.
    pub(crate) fn add_row(&mut self, provider: &str, model: &str, row: &SummaryRow) {
        self.0.entry((provider.to_owned(), model.to_owned())).or_default().merge(row);
    }

    /// Provider, model and row, in order of name.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &SummaryRow)> {
        self.0.iter().map(|((provider, model), row)| (provider.as_str(), model.as_str(), row))
    }

    /// All rows together.
    pub fn total(&self) -> SummaryRow {
        self.0.values().fold(SummaryRow::default(), |mut sum, row| {
            sum.merge(row);
            sum
        })
    }
}

/// `12.5` in units of 1e-18; `None` for anything but digits with at most one point and 18 places.
fn parse_decimal(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > PLACES {
        return None;
    }
    format!("{whole}{fraction:0<PLACES$}").parse().ok()
}

fn decimal(value: u128) -> String {
    let padded = format!("{value:0>width$}", width = PLACES + 1);
    let (whole, fraction) = padded.split_at(padded.len() - PLACES);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_are_exact() {
        let mut summary = Summary::default();
        for _ in 0..10 {
            summary.add(&json!({"provider": "p", "model": "m", "outcome": "complete", "input_tokens": 1,
                "output_tokens": null, "cost_usd": "0.1"}));
        }
        summary.add(&json!({"provider": "p", "model": "m", "outcome": "missing", "cost_usd": null}));
        summary.add(&json!({"provider": null, "model": "m", "outcome": "error", "cost_usd": null}));
        let rows: Vec<_> = summary.rows().map(|(provider, _, row)| (provider, row.cost_usd(), row.exchanges)).collect();
        assert_eq!(rows, [("-", "-".to_owned(), 1), ("p", "1".to_owned(), 11)]);
        let total = summary.total();
        assert_eq!((total.exchanges, total.input_tokens, total.output_tokens), (12, 10, 0));
        assert_eq!(total.outcomes.values().sum::<u64>(), 12);
    }

    #[test]
    fn a_cost_that_is_no_decimal_is_not_lost_silently() {
        let mut summary = Summary::default();
        for bad in [json!("1e-3"), json!("-1"), json!(""), json!(0.5), json!("0.1234567890123456789")] {
            summary.add(&json!({"cost_usd": bad}));
        }
        assert_eq!(summary.total().cost_usd(), "0 + 5 unreadable");
    }

    proptest! {
        #[test]
        fn decimals_come_back(value in 0..u128::MAX / 4) {
            prop_assert_eq!(parse_decimal(&decimal(value)), Some(value));
        }
    }
}
