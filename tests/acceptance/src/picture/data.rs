//! What a panel's expressions are answered.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use genops_tests::prometheus::Prometheus;
use serde_json::Value;

/// Between two points of a line, milliseconds.
const STEP: i64 = 40_000;

/// One series of an answer; a single point where an instant was asked about.
#[derive(Clone, Debug)]
pub struct Row {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Milliseconds since 1970, value.
    pub points: Vec<(i64, f64)>,
}

/// What one expression is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The expression as asked.
    pub expr: String,
    /// As the panel writes it.
    pub legend: String,
    /// Series.
    pub rows: Vec<Row>,
}

/// Asks a panel's expressions, with variables as they stand at first: all.
///
/// # Errors
/// It is no panel, or Prometheus refuses one.
pub async fn answers(panel: &Value, prometheus: &Prometheus, (from, to): (i64, i64)) -> Result<Vec<Answer>> {
    let mut all = Vec::new();
    for target in panel.pointer("/targets").and_then(Value::as_array).context("targets")? {
        let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let expr = text("expr").replace("$service", ".*").replace("$env", ".*");
        let instant = target.get("instant").and_then(Value::as_bool).unwrap_or_default();
        let rows = if instant {
            let answer = prometheus.query_at(&expr, to).await?;
            let row = |s: genops_tests::prometheus::Series| {
                Ok(Row { labels: serde_json::from_value(s.labels)?, points: vec![(to, s.value)] })
            };
            answer.into_iter().map(row).collect::<Result<_>>()?
        } else {
            let answer = prometheus.query_range(&expr, (from, to), STEP).await?;
            answer.into_iter().map(|p| Row { labels: p.labels, points: p.points }).collect()
        };
        all.push(Answer { expr, legend: text("legendFormat"), rows });
    }
    Ok(all)
}

/// The legend of a series: `{{label}}` is its label's value.
pub fn legend(pattern: &str, row: &Row) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((head, tail)) = rest.split_once("{{") {
        let (label, behind) = tail.split_once("}}").unwrap_or((tail, ""));
        out.push_str(head);
        out.push_str(row.labels.get(label).map_or("", String::as_str));
        rest = behind;
    }
    out + rest
}
