//! Differences that are explained: who is right, and why. What no rule explains is new.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Cell, Comparison, Row, Status};

/// A committed list of explanations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowList {
    /// In order: the first rule that fits explains.
    pub rules: Vec<Rule>,
}

/// Who is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// The first book.
    A,
    /// The second one.
    B,
    /// Both, each in its way.
    Both,
    /// Neither of them.
    Neither,
    /// Not known: needs the provider's own price list.
    Open,
}

/// Explains what it fits. In patterns `*` stands for anything, `|` between patterns for "or".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Provider ids.
    pub provider: String,
    /// Names of models.
    #[serde(default = "anything")]
    pub model: String,
    /// How served, as [`Cell::when`] says it.
    #[serde(default = "anything")]
    pub when: String,
    /// What is billed.
    #[serde(default = "anything")]
    pub dimension: String,
    /// Which book has a figure (a difference) or the model (`only_a`, `only_b`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has: Option<Has>,
    /// The second book's figure by the first one's, two decimals: `1.10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<String>,
    /// Who is right.
    pub right: Right,
    /// And why.
    pub reason: String,
    /// How many figures or models it explains; another number is a new difference.
    pub count: usize,
}

/// Which side has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Has {
    /// A figure in the first book only.
    A,
    /// A figure in the second book only.
    B,
    /// A figure in both.
    Both,
    /// The model, in the first book only.
    OnlyA,
    /// The model, in the second book only.
    OnlyB,
}

fn anything() -> String {
    "*".to_owned()
}

impl AllowList {
    /// Reads a file.
    ///
    /// # Errors
    /// An unreadable file, or one that is no such list: names the path to what is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut json = serde_json::Deserializer::from_str(&text);
        serde_path_to_error::deserialize(&mut json).with_context(|| path.display().to_string())
    }

    /// Writes the reasons beside what they explain, and lists the rules that explain another number than they say.
    pub fn apply(&self, comparison: &mut Comparison) {
        let mut counts = vec![0_usize; self.rules.len()];
        for Row { provider, model, status, cells, reason, .. } in &mut comparison.rows {
            let mut explain = |has: Has, cell: Option<&Cell>| {
                let fits = |rule: &Rule| rule.fits(provider, model, has, cell);
                let place = self.rules.iter().position(fits)?;
                *counts.get_mut(place)? += 1;
                self.rules.get(place).map(|rule| rule.reason.clone())
            };
            match status {
                Status::Equal => {}
                Status::OnlyA => *reason = explain(Has::OnlyA, None),
                Status::OnlyB => *reason = explain(Has::OnlyB, None),
                Status::Differ => {
                    for cell in cells {
                        let has = match (&cell.a, &cell.b) {
                            (Some(_), None) => Has::A,
                            (None, Some(_)) => Has::B,
                            _ => Has::Both,
                        };
                        cell.reason = explain(has, Some(cell));
                    }
                }
            }
        }
        let compared: Vec<&str> = comparison.rows.iter().map(|row| row.provider.as_str()).collect();
        let looked_at = |rule: &Rule| compared.iter().any(|provider| is_like(&rule.provider, provider));
        let stale = self.rules.iter().zip(counts).filter(|(rule, count)| rule.count != *count && looked_at(rule));
        comparison.stale = stale.map(|(rule, count)| (rule.clone(), count)).collect();
    }
}

impl Rule {
    fn fits(&self, provider: &str, model: &str, has: Has, cell: Option<&Cell>) -> bool {
        let whole = matches!(has, Has::OnlyA | Has::OnlyB);
        let side = match self.has {
            Some(own) => own == has,
            None => !whole,
        };
        let times =
            self.times.as_ref().is_none_or(|own| cell.and_then(ratio).is_some_and(|found| is_like(own, &found)));
        let cell = cell.is_none_or(|cell| is_like(&self.when, &cell.when) && is_like(&self.dimension, &cell.dimension));
        side && cell && times && is_like(&self.provider, provider) && is_like(&self.model, model)
    }
}

/// How many times the first book's figure the second one's is.
fn ratio(cell: &Cell) -> Option<String> {
    let number = |figure: &Option<String>| figure.as_ref()?.parse::<f64>().ok();
    let (a, b) = (number(&cell.a)?, number(&cell.b)?);
    (a > 0.0).then(|| format!("{:.2}", b / a))
}

/// Whether text is what one of the patterns between `|` says.
fn is_like(patterns: &str, text: &str) -> bool {
    patterns.split('|').any(|pattern| {
        let mut parts = pattern.split('*');
        let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(end) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(end)
    })
}

#[cfg(test)]
mod tests {
    use super::{Cell, is_like, ratio};

    #[test]
    fn a_ratio_is_told_of_figures_that_both_have() {
        for (a, b, expected) in [
            (Some("4"), Some("4.4"), Some("1.10")),
            (Some("11"), Some("10"), Some("0.91")),
            (Some("2"), Some("0"), Some("0.00")),
            (Some("0"), Some("2"), None),
            (Some("free"), Some("priced"), None),
            (None, Some("2"), None),
        ] {
            let figure = |text: Option<&str>| text.map(str::to_owned);
            let place = || String::new();
            let cell = Cell { when: place(), dimension: place(), a: figure(a), b: figure(b), reason: None };
            assert_eq!(ratio(&cell).as_deref(), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn patterns_fit_what_they_say() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-*", "gpt-4o", true),
            ("*-mini", "gpt-4o-mini", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("x|gpt-*", "gpt-4", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
