//! Grafana's dashboards, from a compact description: what is written here is a panel's title, form, expressions, unit and
//! thresholds; places, ids and all else that Grafana wants around it follows.

mod boards;
mod json;

pub use boards::BOARDS;
pub use json::{config_maps, dashboard};

/// One dashboard.
#[derive(Debug)]
pub struct Board {
    /// Its file, without `.json`.
    pub file: &'static str,
    /// What links name: `/d/<uid>`.
    pub uid: &'static str,
    /// Title.
    pub title: &'static str,
    /// Tags.
    pub tags: &'static [&'static str],
    /// From when on, as Grafana writes it.
    pub from: &'static str,
    /// Variables besides the data source: label, and the family whose values it has.
    pub variables: &'static [(&'static str, &'static str)],
    /// Panels, placed from left to right.
    pub panels: &'static [Panel],
}

/// How a panel shows its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One figure.
    Stat,
    /// Lines over time.
    Lines,
    /// Parts of a whole.
    Pie,
    /// A bar for each.
    Bars,
    /// A dial for each.
    Gauge,
    /// Rows; its legend names the columns.
    Table,
    /// A histogram over time.
    Heatmap,
}

/// One panel.
#[derive(Debug)]
pub struct Panel {
    /// Title.
    pub title: &'static str,
    /// Form.
    pub form: Form,
    /// Grafana's unit; others are shown as they stand.
    pub unit: &'static str,
    /// Columns of 24, rows.
    pub size: (u32, u32),
    /// Expressions and legends.
    pub targets: &'static [(&'static str, &'static str)],
    /// Colours from a value on, ascending; the first holds below all.
    pub steps: &'static [(f64, &'static str)],
    /// Lowest and highest value.
    pub range: Option<(f64, f64)>,
    /// What to know of it.
    pub note: &'static str,
}

/// Families that come with policies, budgets and evaluations: their panels stay empty until then.
const GOVERNED: [&str; 4] = ["genops_policy_", "genops_budget_", "genops_eval_", "genops_evaluation_"];

impl Panel {
    /// Whether it waits for governance.
    pub fn waits(&self) -> bool {
        self.targets.iter().any(|(expr, _)| GOVERNED.iter().any(|family| expr.contains(family)))
    }

    const fn new(title: &'static str, form: Form, unit: &'static str, size: (u32, u32), targets: Targets) -> Self {
        Self { title, form, unit, size, targets, steps: &[], range: None, note: "" }
    }

    const fn steps(self, steps: &'static [(f64, &'static str)]) -> Self {
        Self { steps, ..self }
    }

    const fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

type Targets = &'static [(&'static str, &'static str)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_places_are_each_taken_once() {
        let mut uids = BTreeSet::new();
        let mut files = BTreeSet::new();
        for board in BOARDS {
            assert!(uids.insert(board.uid) && files.insert(board.file), "{}", board.uid);
            let mut taken = BTreeSet::new();
            let json = dashboard(board);
            for panel in json.pointer("/panels").and_then(|p| p.as_array()).expect("panels") {
                let place =
                    |name: &str| panel.pointer(&format!("/gridPos/{name}")).and_then(|n| n.as_u64()).expect(name);
                let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
                assert!(x + w <= 24, "{panel}");
                for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                    assert!(taken.insert(cell), "{}: two panels at {cell:?}", board.uid);
                }
            }
        }
        // Alertmanager's links and the runbooks of the sources name these.
        assert!(uids.contains("genops-cost") && uids.contains("genops-performance"));
    }
}
