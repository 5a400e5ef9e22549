//! A comparison as text.

use std::fmt::Write as _;

use super::{Cell, Comparison, Row, Status};

impl Row {
    /// Whether it is the same in both, or explained.
    pub fn is_expected(&self) -> bool {
        match self.status {
            Status::Equal => true,
            Status::Differ => self.cells.iter().all(|cell| cell.reason.is_some()),
            Status::OnlyA | Status::OnlyB => self.reason.is_some(),
        }
    }
}

impl Comparison {
    /// Whether there is nothing but what is the same or explained.
    pub fn is_expected(&self) -> bool {
        self.stale.is_empty() && self.rows.iter().all(Row::is_expected)
    }

    /// What differs, provider by provider with its numbers; `explained`: what is explained too, with its reason.
    pub fn text(&self, explained: bool) -> String {
        let mut text = String::new();
        for rows in self.rows.chunk_by(|a, b| a.provider == b.provider) {
            let count = |status| rows.iter().filter(|row| row.status == status).count();
            let known = rows.iter().filter(|row| row.status != Status::Equal && row.is_expected()).count();
            let provider = rows.first().map_or("", |row| row.provider.as_str());
            let [equal, differ, only_a, only_b] =
                [Status::Equal, Status::Differ, Status::OnlyA, Status::OnlyB].map(count);
            _ = write!(text, "{provider}: {equal} equal, {differ} differ, {only_a} only in A, {only_b} only in B");
            text.push_str(&if known > 0 { format!(" ({known} explained)\n") } else { "\n".to_owned() });
            for row in rows.iter().filter(|row| explained || !row.is_expected()) {
                self::row(&mut text, row, explained);
            }
        }
        for (rule, count) in &self.stale {
            let (model, when) = (&rule.model, &rule.when);
            _ = writeln!(
                text,
                "explains {count} instead of {}: {} {model} when {when:?} {}: {}",
                rule.count, rule.provider, rule.dimension, rule.reason
            );
        }
        text
    }
}

fn row(text: &mut String, row: &Row, explained: bool) {
    let Row { model, known_as, status, cells, .. } = row;
    let reason = |reason: &Option<String>| reason.as_ref().map(|reason| format!("  ({reason})")).unwrap_or_default();
    let known_as = known_as.as_ref().map(|name| format!(" (A: {name})")).unwrap_or_default();
    match status {
        Status::Equal => {}
        Status::OnlyA => _ = writeln!(text, "  {model}: only in A{}", reason(&row.reason)),
        Status::OnlyB => _ = writeln!(text, "  {model}: only in B{}", reason(&row.reason)),
        Status::Differ => {
            _ = writeln!(text, "  {model}{known_as}");
            for cell in cells.iter().filter(|cell| explained || cell.reason.is_none()) {
                let Cell { when, dimension, a, b, .. } = cell;
                let figure = |figure: &Option<String>| figure.clone().unwrap_or_else(|| "-".to_owned());
                let when = if when.is_empty() { String::new() } else { format!(" [{when}]") };
                _ = writeln!(text, "    {dimension}{when}: {} | {}{}", figure(a), figure(b), reason(&cell.reason));
            }
        }
    }
}
