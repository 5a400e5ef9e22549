//! From samples to a table: medians, and how far the ratios spread.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

/// CPU microseconds per exchange, one per round.
pub(crate) type Samples = Vec<f64>;

/// Median, and the quartiles around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of at least one value; `None` of none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { low: quantile(&sorted, 1)?, median: quantile(&sorted, 2)?, high: quantile(&sorted, 3)? })
    }

    /// Of the ratios round by round: a round's noise (another process on the machine, the clock) hits both sides.
    pub(crate) fn of_ratios(samples: &[f64], base: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = samples.iter().zip(base).map(|(sample, base)| sample / base).collect();
        Self::of(&ratios)
    }
}

/// The `quarter`th quartile of sorted values, interpolated.
fn quantile(sorted: &[f64], quarter: usize) -> Option<f64> {
    let scaled = sorted.len().checked_sub(1)? * quarter;
    let (index, part) = (scaled / 4, scaled % 4);
    let at = sorted.get(index)?;
    let next = sorted.get(index + 1).unwrap_or(at);
    Some(at + (next - at) * [0.0, 0.25, 0.5, 0.75].get(part)?)
}

/// Microseconds of CPU per exchange.
pub(crate) fn per_exchange(cpu: Duration, exchanges: usize) -> f64 {
    let exchanges = u32::try_from(exchanges.max(1)).unwrap_or(u32::MAX);
    cpu.as_secs_f64() * 1e6 / f64::from(exchanges)
}

/// A table that is readable as text and as Markdown.
pub(crate) fn table<'a>(head: impl IntoIterator<Item = &'a str>, rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(head);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// `1.23 (1.20-1.27)`, or `-`.
pub(crate) fn ratio(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".to_owned(), |s| format!("{:.2} ({:.2}-{:.2})", s.median, s.low, s.high))
}

/// Bytes in MiB.
pub(crate) fn mib(bytes: u64) -> String {
    // Tenths are enough, and whole numbers need no float.
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_known_values() {
        let spread = Spread::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).expect("values");
        assert_eq!(spread, Spread { low: 2.0, median: 3.0, high: 4.0 });
        let even = Spread::of(&[1.0, 2.0, 3.0, 4.0]).expect("values");
        assert_eq!(even, Spread { low: 1.75, median: 2.5, high: 3.25 });
        assert_eq!(Spread::of(&[7.0]).map(|s| s.high), Some(7.0));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round is slow for both; the ratio does not see it.
        let spread = Spread::of_ratios(&[12.0, 24.0], &[10.0, 20.0]);
        assert_eq!(ratio(spread), "1.20 (1.20-1.20)");
    }

    #[test]
    fn units() {
        assert!((per_exchange(Duration::from_millis(180), 3_000) - 60.0).abs() < 1e-9);
        assert_eq!(mib(1_572_864), "1.5 MiB");
        assert_eq!(mib(0), "0.0 MiB");
    }
}
