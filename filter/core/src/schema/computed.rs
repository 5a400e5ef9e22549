//! Gauges that are ratios of counters (DESIGN 12): the definition, which the filter's own surface evaluates and the
//! recording rules for Envoy's surface are written from. A ratio per worker could not be summed, so none is a stat.

use super::{Label, Unit};

/// A gauge that follows from counters.
#[derive(Debug, PartialEq, Eq)]
pub struct Computed {
    /// Its unit.
    pub unit: Unit,
    /// How.
    pub formula: Formula,
}

/// How a gauge follows from counters.
#[derive(Debug, PartialEq, Eq)]
pub enum Formula {
    /// A ratio.
    Ratio(Ratio),
    /// The lowest of several ratios, where there is a target for it.
    Lowest(&'static [Ratio], Term),
    /// What is left of `1 - target` after the misses of the lowest ratio: 1 while that one reaches its target, never
    /// below 0 (reference/schema.md 3).
    ErrorBudget(&'static [Ratio], Term),
}

/// `of / over`, or one minus it.
#[derive(Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above.
    pub of: Term,
    /// Below.
    pub over: Term,
    /// One minus it.
    pub complement: bool,
    /// What 0 / 0 is; `None`: absent.
    pub empty: Option<u8>,
}

/// The sum of a family's series over all labels that the gauge has not got, in the schema's unit.
#[derive(Debug, PartialEq, Eq)]
pub struct Term {
    /// Name of the family's definition: [`Table::name`](super::Table::name) gives the one in use.
    pub family: &'static str,
    /// Only series with this value of this label.
    pub only: Option<(Label, &'static str)>,
}

impl Term {
    /// All series of a family.
    pub const fn of(family: &'static str) -> Self {
        Self { family, only: None }
    }

    /// Those with `value`.
    pub const fn only(family: &'static str, label: Label, value: &'static str) -> Self {
        Self { family, only: Some((label, value)) }
    }
}

impl Ratio {
    fn value(&self, sum: &mut impl FnMut(&Term) -> Option<f64>) -> Option<f64> {
        let over = sum(&self.over)?;
        if over == 0.0 {
            return self.empty.map(f64::from);
        }
        let ratio = sum(&self.of).unwrap_or(0.0) / over;
        Some(if self.complement { 1.0 - ratio } else { ratio })
    }
}

impl Formula {
    /// The gauge's value for one label set of its own. `sum` gives the sum of a term's series that have these labels, in
    /// the schema's unit (dollars, seconds); `None` where there are none.
    pub fn value(&self, mut sum: impl FnMut(&Term) -> Option<f64>) -> Option<f64> {
        let mut lowest = |ratios: &[Ratio]| {
            let values = ratios.iter().filter_map(|ratio| ratio.value(&mut sum));
            values.reduce(f64::min)
        };
        match self {
            Self::Ratio(ratio) => ratio.value(&mut sum),
            Self::Lowest(ratios, target) => {
                let value = lowest(ratios);
                sum(target).and(value)
            }
            Self::ErrorBudget(ratios, target) => {
                let lowest = lowest(ratios)?;
                let target = sum(target)?;
                Some(if lowest >= target { 1.0 } else { (1.0 - (target - lowest) / (1.0 - target)).max(0.0) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIOS: &[Ratio] = &[
        Ratio {
            of: Term::only("requests", Label::Status, "success"),
            over: Term::of("requests"),
            complement: false,
            empty: Some(1),
        },
        Ratio { of: Term::of("fast"), over: Term::of("requests"), complement: false, empty: Some(1) },
    ];
    const COMPLIANCE: Formula = Formula::Lowest(RATIOS, Term::of("target"));
    const BUDGET: Formula = Formula::ErrorBudget(RATIOS, Term::of("target"));

    /// (requests, successes, fast ones, target) of a step, as the formulas ask for them.
    fn sums(requests: f64, good: f64, fast: f64, target: Option<f64>) -> impl Fn(&Term) -> Option<f64> {
        move |term| match (term.family, term.only) {
            ("requests", Some(_)) => Some(good),
            ("requests", None) => Some(requests),
            ("fast", _) => Some(fast),
            _ => target,
        }
    }

    #[test]
    fn slo_compliance_is_the_lower_of_availability_and_latency() {
        assert_eq!(COMPLIANCE.value(sums(100.0, 99.0, 97.0, Some(0.98))), Some(0.97));
        assert_eq!(COMPLIANCE.value(sums(100.0, 90.0, 97.0, Some(0.98))), Some(0.9));
        assert_eq!(COMPLIANCE.value(sums(0.0, 0.0, 0.0, Some(0.98))), Some(1.0), "before any request");
        assert_eq!(COMPLIANCE.value(sums(100.0, 90.0, 97.0, None)), None, "no target, no gauge");
    }

    #[test]
    fn error_budget_is_what_is_left_of_it() {
        let left = |good, target| BUDGET.value(sums(1000.0, good, 1000.0, Some(target))).expect("a value");
        assert!((left(985.0, 0.99) - 0.5).abs() < 1e-9);
        assert_eq!((left(995.0, 0.99), left(900.0, 0.99)), (1.0, 0.0));
        assert_eq!(BUDGET.value(sums(0.0, 0.0, 0.0, Some(0.99))), Some(1.0));
    }

    #[test]
    fn a_ratio_of_nothing_is_what_it_says() {
        let ratio = |empty| Formula::Ratio(Ratio { of: Term::of("a"), over: Term::of("b"), complement: true, empty });
        let none = |term: &Term| (term.family == "b").then_some(0.0);
        assert_eq!((ratio(None).value(none), ratio(Some(1)).value(none)), (None, Some(1.0)));
        assert_eq!(ratio(None).value(|term| (term.family == "b").then_some(4.0)), Some(1.0), "nothing of it");
        assert_eq!(ratio(None).value(|_| None), None);
        assert_eq!(ratio(None).value(|t| Some(if t.family == "a" { 1.0 } else { 4.0 })), Some(0.75));
    }
}
