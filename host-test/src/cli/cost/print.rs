//! Reports as text and as JSON.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};
use serde_json::{Value, json};

use super::{Answers, Asking, By, Ranked, Row};
use crate::cli::table::in_threes;

/// What stands for a label that exchanges did not have.
const NONE: &str = "(none)";
/// What stands for a figure that Prometheus does not have.
const ABSENT: &str = "-";

/// `cost-report`.
pub(super) struct Report<'a> {
    pub(super) asking: &'a Asking,
    pub(super) answers: &'a Answers,
}

/// `cost-breakdown`.
pub(super) struct Breakdown<'a> {
    pub(super) asking: &'a Asking,
    pub(super) answers: &'a Answers,
    pub(super) by: By,
    pub(super) top: usize,
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let mut table = Printed::new(&["provider", "model"]);
        let total = self.answers.total();
        for (names, row) in self.answers.ranked() {
            table.row(names, row, total);
        }
        table.row(&["total".to_owned(), String::new()], total, total);
        format!("{}\n\n{}{}", heading(self.asking, self.answers), table.text(), notes(self.answers))
    }

    pub(super) fn json(&self) -> String {
        document(self.asking, self.answers, &["provider", "model"], &self.answers.ranked(), None)
    }
}

impl Breakdown<'_> {
    /// The first rows, and the sum of the others with their number.
    fn cut(&self) -> (Vec<Ranked<'_>>, Option<(usize, Row)>) {
        let mut rows = self.answers.ranked();
        let rest = rows.split_off(self.top.min(rows.len()));
        let sum = |figure: fn(&Row) -> Option<f64>| rest.iter().filter_map(|(_, row)| figure(row)).reduce(|a, b| a + b);
        let others = Row {
            cost_usd: sum(|row| row.cost_usd),
            input_tokens: sum(|row| row.input_tokens),
            output_tokens: sum(|row| row.output_tokens),
        };
        (rows, (!rest.is_empty()).then_some((rest.len(), others)))
    }

    pub(super) fn text(&self) -> String {
        let mut table = Printed::new(&[self.by.label()]);
        let total = self.answers.total();
        let (rows, rest) = self.cut();
        for (names, row) in rows {
            table.row(names, row, total);
        }
        if let Some((count, row)) = rest {
            table.row(&[format!("{count} more")], row, total);
        }
        table.row(&["total".to_owned()], total, total);
        format!("{}\n\n{}{}", heading(self.asking, self.answers), table.text(), notes(self.answers))
    }

    pub(super) fn json(&self) -> String {
        let (rows, rest) = self.cut();
        document(self.asking, self.answers, &[self.by.label()], &rows, rest)
    }
}

/// A table with figures behind the columns of names.
struct Printed {
    table: Table,
}

impl Printed {
    fn new(names: &[&str]) -> Self {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
            .set_content_arrangement(ContentArrangement::Disabled);
        let figures = ["tokens in", "tokens out", "USD", "share"];
        let names = names.iter().map(Cell::new);
        table.set_header(names.chain(figures.iter().map(|name| right(name))));
        Self { table }
    }

    fn row(&mut self, names: &[String], row: Row, total: Row) {
        let names = names.iter().enumerate().map(|(column, name)| {
            // The second name of the line of totals is meant to be empty; a label is not.
            let blank = name.is_empty() && !(column == 1 && names.first().is_some_and(|first| first == "total"));
            Cell::new(if blank { NONE } else { name })
        });
        let share = row.cost_usd.zip(total.cost_usd).filter(|(_, total)| *total > 0.0);
        let figures = [
            row.input_tokens.map_or_else(|| ABSENT.to_owned(), tokens),
            row.output_tokens.map_or_else(|| ABSENT.to_owned(), tokens),
            row.cost_usd.map_or_else(|| ABSENT.to_owned(), dollars),
            share.map_or_else(|| ABSENT.to_owned(), |(cost, total)| format!("{:.1} %", cost / total * 100.0)),
        ];
        self.table.add_row(names.chain(figures.iter().map(|figure| right(figure))));
    }

    fn text(&self) -> String {
        // Columns that are padded to the right leave blanks at line ends.
        self.table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn heading(asking: &Asking, answers: &Answers) -> String {
    let whom = asking.team.as_ref().map_or_else(|| "all teams".to_owned(), |team| format!("team {team}"));
    format!("{whom}, {}", answers.window)
}

/// What the figures do not hold.
fn notes(answers: &Answers) -> String {
    let mut out = String::new();
    if !answers.unpriced.is_empty() {
        out.push_str("\nwithout a cost, of all teams:\n");
        for (provider, reason, count) in &answers.unpriced {
            let provider = if provider.is_empty() { NONE } else { provider };
            let _never = writeln!(out, "  {provider}: {} {reason}", tokens(*count));
        }
    }
    if answers.restarted > 0.0 {
        let _never = writeln!(
            out,
            "\n{} counters began anew in this time (a restart); theirs is what Prometheus' increase() makes of it.",
            tokens(answers.restarted)
        );
    }
    out
}

fn document(
    asking: &Asking,
    answers: &Answers,
    by: &[&str],
    rows: &[Ranked<'_>],
    rest: Option<(usize, Row)>,
) -> String {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(names, row)| {
            let labels = by.iter().zip(*names).map(|(label, name)| {
                // A label that is absent, not one that is empty: Prometheus knows no difference, JSON does.
                (*label, if name.is_empty() { Value::Null } else { json!(name) })
            });
            let mut line: serde_json::Map<String, Value> =
                labels.map(|(label, name)| (label.to_owned(), name)).collect();
            line.extend(figures(*row));
            Value::Object(line)
        })
        .collect();
    let unpriced: Vec<Value> = answers
        .unpriced
        .iter()
        .map(|(provider, reason, count)| json!({"provider": provider, "reason": reason, "exchanges": count}))
        .collect();
    let queries: serde_json::Map<String, Value> =
        answers.queries.iter().map(|(figure, query)| ((*figure).to_owned(), json!(query))).collect();
    let mut document = json!({
        "prometheus": asking.prometheus,
        "team": asking.team,
        "from": rfc3339(answers.window.start),
        "to": rfc3339(answers.window.end),
        "total": Value::Object(figures(answers.total()).into_iter().collect()),
        "rows": rows,
        "unpriced": unpriced,
        "restarted_counters": answers.restarted,
        "queries": queries,
    });
    if let (Some((count, row)), Value::Object(map)) = (rest, &mut document) {
        let mut rest: serde_json::Map<String, Value> = figures(row).into_iter().collect();
        rest.insert("rows".to_owned(), json!(count));
        map.insert("rest".to_owned(), Value::Object(rest));
    }
    format!("{document:#}\n")
}

fn figures(row: Row) -> [(String, Value); 3] {
    [
        ("input_tokens".to_owned(), json!(row.input_tokens)),
        ("output_tokens".to_owned(), json!(row.output_tokens)),
        ("cost_usd".to_owned(), json!(row.cost_usd)),
    ]
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Dollars: with cents from one on, to a millionth below. No amount becomes 0.00.
fn dollars(amount: f64) -> String {
    if amount == 0.0 || amount.abs() >= 1.0 {
        return format!("{amount:.2}");
    }
    if amount.abs() < 0.000_001 { "< 0.000001".to_owned() } else { format!("{amount:.6}") }
}

/// A whole number in groups of three; what was extrapolated is rounded.
fn tokens(count: f64) -> String {
    in_threes(&format!("{count:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        assert_eq!(
            [0.0, 0.004, 0.01, 12.345, 1e-9].map(dollars),
            ["0.00", "0.004000", "0.010000", "12.35", "< 0.000001"]
        );
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.4].map(tokens), ["0", "999", "1,000", "1,234,567"]);
    }
}
