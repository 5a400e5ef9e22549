//! The queries.
//!
//! What a counter gained in a period is asked without `increase`, which extrapolates to the ends of the period and does not
//! see a counter's first value: a dashboard can live with that, a bill cannot. For each series, the first of these that it
//! has:
//!
//! 1. `increase`, where the counter began anew within the period (a restart): the only figure that sees through it;
//! 2. its last value less that at the beginning of the period;
//! 3. its last value, where it has fewer samples than its target was scraped (`up`): it was born in between, at 0;
//! 4. its last value less its first, where it was there at the first scrape: what it counted before is not known.

use super::period::Window;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Cost,
    InputTokens,
    OutputTokens,
    Unpriced,
}

impl Figure {
    const fn metric(self) -> &'static str {
        match self {
            Self::Cost => "genops_cost_total_usd",
            Self::InputTokens => "genops_tokens_input_total",
            Self::OutputTokens => "genops_tokens_output_total",
            Self::Unpriced => "genops_cost_unpriced_total",
        }
    }
}

/// The family of dollars on Envoy's surface, in 1e-12 USD. Preferred where both are there: the recorded one begins when the
/// rules are loaded, long after the counter.
const PICO: &str = "genops_cost_total_usd_pico";

/// About whom, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) team: Option<&'a str>,
    pub(super) window: Window,
}

impl Question<'_> {
    /// What each label set gained, summed by `by`.
    pub(super) fn gain(&self, figure: Figure, by: &[&str]) -> String {
        let by = by.join(", ");
        // No team is among its labels.
        let team = if figure == Figure::Unpriced { None } else { self.team };
        let series = |metric: &str| self.series_gain(&selector(metric, team));
        let schema = series(figure.metric());
        match figure {
            Figure::Cost => format!("sum by ({by}) (\n({}) / 1e12\nor\n({schema})\n)", series(PICO)),
            _ => format!("sum by ({by}) ({schema})"),
        }
    }

    fn series_gain(&self, m: &str) -> String {
        let (range, start) = (format!("[{}s]", self.window.seconds()), self.window.start);
        format!(
            "(increase({m}{range}) and resets({m}{range}) > 0)\n\
             or (last_over_time({m}{range}) - {m} @ {start})\n\
             or (last_over_time({m}{range}) and (count_over_time({m}{range}) \
             < on (job, instance) group_left () max by (job, instance) (sum_over_time(up{range}))))\n\
             or (last_over_time({m}{range}) - min_over_time({m}{range}))"
        )
    }

    /// How many cost counters began anew within the period.
    pub(super) fn restarted(&self) -> String {
        let range = format!("[{}s]", self.window.seconds());
        let reset = |metric| format!("resets({}{range}) > 0", selector(metric, self.team));
        format!("count(({}) or ({}))", reset(PICO), reset(Figure::Cost.metric()))
    }

    /// The teams that have a cost in the period.
    pub(super) fn teams(&self) -> String {
        let range = format!("[{}s]", self.window.seconds());
        let last = |metric| format!("last_over_time({metric}{range})");
        format!("group by (team) ({} or {})", last(PICO), last(Figure::Cost.metric()))
    }
}

fn selector(metric: &str, team: Option<&str>) -> String {
    team.map_or_else(|| metric.to_owned(), |team| format!("{metric}{{team=\"{}\"}}", escaped(team)))
}

/// As a PromQL string in double quotes.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '\\' | '"' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { start: 1_000, end: 4_600 };

    #[test]
    fn tokens_of_a_team() {
        let query = Question { team: Some("a\"b\\\n"), window: WINDOW }.gain(Figure::InputTokens, &["model"]);
        let m = "genops_tokens_input_total{team=\"a\\\"b\\\\\\n\"}";
        let expected = format!(
            "sum by (model) ((increase({m}[3600s]) and resets({m}[3600s]) > 0)\n\
             or (last_over_time({m}[3600s]) - {m} @ 1000)\n\
             or (last_over_time({m}[3600s]) and (count_over_time({m}[3600s]) \
             < on (job, instance) group_left () max by (job, instance) (sum_over_time(up[3600s]))))\n\
             or (last_over_time({m}[3600s]) - min_over_time({m}[3600s])))"
        );
        assert_eq!(query, expected);
    }

    #[test]
    fn money_comes_from_either_surface_and_unpriced_has_no_team() {
        let question = Question { team: Some("t"), window: WINDOW };
        let cost = question.gain(Figure::Cost, &["provider", "model"]);
        assert!(
            cost.starts_with("sum by (provider, model) (\n((increase(genops_cost_total_usd_pico{team=\"t\"}"),
            "{cost}"
        );
        assert!(cost.contains(") / 1e12\nor\n((increase(genops_cost_total_usd{team=\"t\"}[3600s])"), "{cost}");
        assert!(!question.gain(Figure::Unpriced, &["reason"]).contains("team"));
    }
}
