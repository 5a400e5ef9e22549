//! The table: what each provider and model used and cost.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};
use genops_host::replay::{Summary, SummaryRow};

const COLUMNS: [(&str, CellAlignment); 7] = [
    ("provider", CellAlignment::Left),
    ("model", CellAlignment::Left),
    ("exchanges", CellAlignment::Right),
    ("outcomes", CellAlignment::Left),
    ("tokens in", CellAlignment::Right),
    ("tokens out", CellAlignment::Right),
    ("USD", CellAlignment::Right),
];

pub(crate) fn table(summary: &Summary) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(COLUMNS.map(|(name, alignment)| Cell::new(name).set_alignment(alignment)));
    for (provider, model, row) in summary.rows() {
        table.add_row(cells(provider, model, row));
    }
    table.add_row(cells("total", "", &summary.total()));
    // Columns that are padded to the right leave blanks at line ends.
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn cells(provider: &str, model: &str, row: &SummaryRow) -> Vec<Cell> {
    let outcomes: Vec<String> = row.outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
    let texts = [
        provider.to_owned(),
        model.to_owned(),
        grouped(row.exchanges),
        outcomes.join(", "),
        grouped(row.input_tokens),
        grouped(row.output_tokens),
        row.cost_usd(),
    ];
    texts.into_iter().zip(COLUMNS).map(|(text, (_, alignment))| Cell::new(text).set_alignment(alignment)).collect()
}

fn grouped(value: u64) -> String {
    in_threes(&value.to_string())
}

/// Digits in groups of three.
pub(crate) fn in_threes(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_row_per_model_and_a_total() {
        let mut summary = Summary::default();
        for (model, cost) in [("a", json!("0.25")), ("b", json!(null)), ("a", json!("0.5"))] {
            summary.add(&json!({"provider": "p", "model": model, "outcome": "complete", "input_tokens": 600,
                "output_tokens": 2, "cost_usd": cost}));
        }
        let text = table(&summary);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        for expected in [
            vec!["p", "a", "2", "complete", "2", "1,200", "4", "0.75"],
            vec!["p", "b", "1", "complete", "1", "600", "2", "-"],
            vec!["total", "3", "complete", "3", "1,800", "6", "0.75"],
        ] {
            assert!(rows.contains(&expected), "no row {expected:?} in\n{text}");
        }
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
