//! Is an answer the expected one?

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::promql::{Element, Labels};

/// How far sums of floats may lie apart: they are added in another order.
const RELATIVE: f64 = 1e-9;
/// The same near 0.
const ABSOLUTE: f64 = 1e-12;
/// How many differing elements are told.
const TOLD: usize = 3;

/// An expected answer: with all durations as short, and as long, as they can have been.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Short.
    pub fast: Vec<Element>,
    /// Long.
    pub slow: Vec<Element>,
}

impl Expected {
    /// Whether no time is in it: both are the same.
    pub fn is_exact(&self) -> bool {
        let (fast, slow) = (by_labels(&self.fast), by_labels(&self.slow));
        fast.len() == slow.len() && fast.iter().all(|(l, v)| slow.get(l).is_some_and(|w| near(*v, *w)))
    }

    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.fast.is_empty() && self.slow.is_empty()
    }

    /// How `got` differs, in words; `None` where it does not.
    pub fn difference(&self, got: &[Element]) -> Option<String> {
        let (fast, slow, got) = (by_labels(&self.fast), by_labels(&self.slow), by_labels(got));
        let mut wrong = Vec::new();
        for (labels, value) in &fast {
            if slow.contains_key(labels) && !got.contains_key(labels) {
                wrong.push(format!("{} is missing, expected {value}", shown(labels)));
            }
        }
        for (labels, value) in &got {
            let bounds: Vec<f64> = [&fast, &slow].into_iter().filter_map(|b| b.get(labels).copied()).collect();
            if bounds.is_empty() {
                wrong.push(format!("{} {value} is not expected", shown(labels)));
            } else if !within(*value, &bounds) {
                wrong.push(format!("{} is {value}, expected {}", shown(labels), span(&bounds)));
            }
        }
        let more = wrong.len().saturating_sub(TOLD);
        (!wrong.is_empty()).then(|| {
            wrong.truncate(TOLD);
            let mut text = wrong.join("; ");
            if more > 0 {
                let _ = write!(text, "; and {more} more");
            }
            text
        })
    }
}

fn by_labels(elements: &[Element]) -> BTreeMap<Labels, f64> {
    elements.iter().map(|e| (e.labels.clone(), e.value)).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= ABSOLUTE + RELATIVE * a.abs().max(b.abs())
}

fn within(value: f64, bounds: &[f64]) -> bool {
    let low = bounds.iter().copied().fold(f64::INFINITY, f64::min);
    let high = bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    bounds.iter().any(|b| near(value, *b)) || (value >= low && value <= high && !bounds.iter().any(|b| b.is_nan()))
}

fn span(bounds: &[f64]) -> String {
    match bounds {
        [one] => one.to_string(),
        [a, b] if near(*a, *b) => a.to_string(),
        all => all.iter().map(f64::to_string).collect::<Vec<_>>().join(" to "),
    }
}

fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(model: &str, value: f64) -> Element {
        Element { labels: [("model".to_owned(), model.to_owned())].into(), value }
    }

    #[test]
    fn a_wrong_label_a_wrong_value_and_a_missing_one_are_told() {
        let exact = Expected { fast: vec![element("a", 0.3)], slow: vec![element("a", 0.3)] };
        assert!(exact.is_exact());
        assert_eq!(exact.difference(&[element("a", 0.1 + 0.2)]), None);
        for wrong in
            [vec![], vec![element("a", 0.300_001)], vec![element("b", 0.3)], vec![element("a", 0.3), element("b", 0.0)]]
        {
            assert!(exact.difference(&wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn time_may_lie_between_its_bounds_only() {
        let timed = Expected { fast: vec![element("a", 1.0)], slow: vec![element("a", 2.0), element("b", 5.0)] };
        assert!(!timed.is_exact());
        assert_eq!(timed.difference(&[element("a", 1.5)]), None);
        assert_eq!(timed.difference(&[element("a", 2.0), element("b", 5.0)]), None);
        assert!(timed.difference(&[element("a", 2.1)]).is_some());
        let unknown = Expected { fast: vec![element("a", f64::NAN)], slow: vec![element("a", f64::NAN)] };
        assert_eq!(unknown.difference(&[element("a", f64::NAN)]), None);
        assert!(unknown.difference(&[element("a", 0.0)]).is_some());
    }
}
