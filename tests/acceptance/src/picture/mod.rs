//! A dashboard's picture for the docs, drawn from its own JSON and from what a real Prometheus answers to its expressions:
//! plain SVG, no Grafana and no browser.

mod data;
mod draw;
mod svg;
mod unit;

use anyhow::{Context, Result};
use genops_tests::prometheus::Prometheus;
use serde_json::Value;

pub use data::{Answer, Row, answers, legend};

use svg::Svg;

/// Width of a picture.
const WIDTH: f64 = 1200.0;
/// A grid row of Grafana, and the gap between panels.
const ROW: f64 = 38.0;
const GAP: f64 = 8.0;
/// Above the panels: the title.
const HEAD: f64 = 44.0;

/// Draws a dashboard as it stands between the instants `from` and `to`, milliseconds since 1970.
///
/// # Errors
/// It is no dashboard of ours, or Prometheus refuses an expression.
pub async fn picture(dashboard: &Value, prometheus: &Prometheus, (from, to): (i64, i64)) -> Result<String> {
    let panels = dashboard.pointer("/panels").and_then(Value::as_array).context("panels")?;
    let title = dashboard.pointer("/title").and_then(Value::as_str).context("a title")?;
    let place =
        |panel: &Value, name: &str| panel.pointer(&format!("/gridPos/{name}")).and_then(Value::as_f64).unwrap_or(0.0);
    let rows = panels.iter().map(|p| place(p, "y") + place(p, "h")).fold(0.0, f64::max);
    let column = (WIDTH - GAP) / 24.0;
    let mut svg = Svg::new(WIDTH, HEAD + rows * ROW + GAP);
    svg.text((GAP * 2.0, 28.0), 17.0, svg::BRIGHT, "start", title);
    for panel in panels {
        let (x, y) = (GAP + place(panel, "x") * column, HEAD + place(panel, "y") * ROW);
        let (w, h) = (place(panel, "w") * column - GAP, place(panel, "h") * ROW - GAP);
        let answers = answers(panel, prometheus, (from, to)).await?;
        draw::panel(&mut svg, panel, &answers, (x, y, w, h), (from, to));
    }
    Ok(svg.done())
}
