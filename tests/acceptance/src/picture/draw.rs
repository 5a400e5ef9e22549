//! The forms of panels.

use std::f64::consts::{FRAC_PI_4, TAU};

use serde_json::Value;

use super::data::{Answer, Row, legend};
use super::svg::{BRIGHT, DIM, GRID, PALETTE, PANEL, Svg};
use super::unit::shown;

/// A place: x, y, width, height.
type Place = (f64, f64, f64, f64);

/// Height of a line of text.
const LINE: f64 = 17.0;
/// Entries of a legend or rows of a list that fit a reader.
const MOST: usize = 10;
/// Width of a letter of a legend, on average.
const LETTER: f64 = 6.2;

/// As much of a text as fits.
fn fitting(text: &str, width: f64) -> String {
    let most = (width / LETTER).floor().max(2.0) as usize;
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// A legend; a series without the labels that it names has none in Grafana either.
fn named(pattern: &str, row: &Row) -> String {
    let name = legend(pattern, row);
    if name.trim().is_empty() { "(none)".to_owned() } else { name }
}

/// A value with its legend.
struct Entry {
    name: String,
    value: f64,
}

/// Draws one panel.
pub(super) fn panel(svg: &mut Svg, panel: &Value, answers: &[Answer], (x, y, w, h): Place, span: (i64, i64)) {
    let text = |pointer: &str| panel.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    svg.rect((x, y, w, h), PANEL);
    svg.text((x + 10.0, y + 20.0), 13.0, BRIGHT, "start", text("/title"));
    let inside = (x + 12.0, y + 32.0, w - 24.0, h - 42.0);
    if answers.iter().all(|a| a.rows.is_empty()) {
        let middle = (x + w / 2.0, y + h / 2.0 + 8.0);
        let waits = text("/description").contains("Waits for governance");
        let says = if waits { "waits for governance" } else { "No data" };
        return svg.text(middle, 14.0, DIM, "middle", says);
    }
    let unit = text("/fieldConfig/defaults/unit");
    match text("/type") {
        "stat" => stat(svg, panel, &entries(answers), unit, inside),
        "piechart" => pie(svg, &entries(answers), unit, inside),
        "bargauge" => bars(svg, panel, &entries(answers), unit, inside),
        "gauge" => gauges(svg, panel, &entries(answers), unit, inside),
        "table" => table(svg, panel, answers, unit, inside),
        "heatmap" => heatmap(svg, answers, inside),
        _ => lines(svg, answers, unit, inside, span),
    }
}

fn entries(answers: &[Answer]) -> Vec<Entry> {
    let mut all: Vec<Entry> = answers
        .iter()
        .flat_map(|a| a.rows.iter().map(|row| Entry { name: named(&a.legend, row), value: last(row) }))
        .collect();
    all.retain(|e| !e.value.is_nan());
    all.sort_by(|a, b| b.value.total_cmp(&a.value));
    all.truncate(MOST);
    all
}

fn last(row: &Row) -> f64 {
    row.points.iter().rev().map(|p| p.1).find(|v| !v.is_nan()).unwrap_or(f64::NAN)
}

/// The colour of a value by the panel's thresholds, or of the palette.
fn color(panel: &Value, value: f64, at: usize) -> &'static str {
    let steps = panel.pointer("/fieldConfig/defaults/thresholds/steps").and_then(Value::as_array);
    let Some(steps) = steps else { return PALETTE[at % PALETTE.len()] };
    let reached = |step: &&Value| step.get("value").and_then(Value::as_f64).is_none_or(|from| value >= from);
    let step = steps.iter().rev().find(reached);
    match step.and_then(|s| s.get("color")).and_then(Value::as_str) {
        Some("yellow") => "#F2CC0C",
        Some("orange") => "#FF780A",
        Some("red") => "#F2495C",
        _ => "#73BF69",
    }
}

fn stat(svg: &mut Svg, panel: &Value, entries: &[Entry], unit: &str, (x, y, w, h): Place) {
    if let Some(Entry { value, .. }) = entries.first() {
        svg.text((x + w / 2.0, y + h / 2.0 + 12.0), 32.0, color(panel, *value, 0), "middle", &shown(*value, unit));
    }
}

fn pie(svg: &mut Svg, entries: &[Entry], unit: &str, (x, y, w, h): Place) {
    let sum: f64 = entries.iter().map(|e| e.value).sum();
    let radius = (w * 0.26).min(h / 2.0);
    let mut from = 0.0;
    for (at, entry) in entries.iter().enumerate() {
        let to = from + TAU * entry.value / sum;
        svg.ring((x + radius, y + h / 2.0), (radius * 0.01, radius), (from, to), PALETTE[at % PALETTE.len()]);
        from = to;
        let line = y + LINE * (at as f64 + 1.0);
        if line < y + h {
            svg.rect((x + radius * 2.0 + 14.0, line - 9.0, 10.0, 4.0), PALETTE[at % PALETTE.len()]);
            svg.text((x + radius * 2.0 + 30.0, line), 11.0, BRIGHT, "start", &entry.name);
            svg.text((x + w, line), 11.0, DIM, "end", &shown(entry.value, unit));
        }
    }
}

fn bars(svg: &mut Svg, panel: &Value, entries: &[Entry], unit: &str, (x, y, w, h): Place) {
    let most = panel.pointer("/fieldConfig/defaults/max").and_then(Value::as_f64);
    let most = most.unwrap_or_else(|| entries.iter().map(|e| e.value).fold(0.0, f64::max)).max(f64::MIN_POSITIVE);
    let (name, value) = (w * 0.36, w * 0.2);
    let height = (h / entries.len() as f64).min(34.0);
    for (at, entry) in entries.iter().enumerate() {
        let top = y + height * at as f64;
        let long = (w - name - value) * (entry.value / most).clamp(0.0, 1.0);
        let fill = color(panel, entry.value, at);
        svg.text((x + name - 8.0, top + height / 2.0 + 4.0), 11.0, BRIGHT, "end", &fitting(&entry.name, name - 8.0));
        svg.rect((x + name, top + 2.0, w - name - value, height - 5.0), GRID);
        svg.rect((x + name, top + 2.0, long.max(2.0), height - 5.0), fill);
        svg.text((x + w, top + height / 2.0 + 4.0), 12.0, fill, "end", &shown(entry.value, unit));
    }
}

fn gauges(svg: &mut Svg, panel: &Value, entries: &[Entry], unit: &str, (x, y, w, h): Place) {
    let limit = |name: &str, or: f64| {
        panel.pointer(&format!("/fieldConfig/defaults/{name}")).and_then(Value::as_f64).unwrap_or(or)
    };
    let (low, high) = (limit("min", 0.0), limit("max", 1.0));
    let each = w / entries.len() as f64;
    let radius = (each / 2.0 - 6.0).min(h / 2.0);
    // Three quarters of a circle, open below.
    let (start, end) = (-3.0 * FRAC_PI_4, 3.0 * FRAC_PI_4);
    for (at, entry) in entries.iter().enumerate() {
        let middle = (x + each * (at as f64 + 0.5), y + h / 2.0 + 4.0);
        let part = ((entry.value - low) / (high - low)).clamp(0.0, 1.0);
        let fill = color(panel, entry.value, at);
        svg.ring(middle, (radius * 0.75, radius), (start, end), GRID);
        svg.ring(middle, (radius * 0.75, radius), (start, start + (end - start) * part), fill);
        svg.text((middle.0, middle.1 + 4.0), (radius / 3.0).min(22.0), fill, "middle", &shown(entry.value, unit));
        if entries.len() > 1 {
            svg.text((middle.0, y + h), 11.0, BRIGHT, "middle", &entry.name);
        }
    }
}

fn table(svg: &mut Svg, panel: &Value, answers: &[Answer], unit: &str, (x, y, w, h): Place) {
    let names = panel.pointer("/transformations/0/options/renameByName").and_then(Value::as_object);
    // `Value` last; a column without a title is not shown.
    let mut columns: Vec<(&str, &str)> = names
        .into_iter()
        .flatten()
        .map(|(label, title)| (label.as_str(), title.as_str().unwrap_or_default()))
        .filter(|(_, title)| !title.is_empty())
        .collect();
    columns.sort_by_key(|(label, _)| *label == "Value");
    let each = w / columns.len().max(1) as f64;
    let mut rows: Vec<&Row> = answers.iter().flat_map(|a| &a.rows).collect();
    rows.sort_by(|a, b| last(b).total_cmp(&last(a)));
    for (at, (label, title)) in columns.iter().enumerate() {
        let left = x + each * at as f64;
        svg.text((left, y + 10.0), 11.0, "#6e9fff", "start", title);
        for (line, row) in rows.iter().enumerate() {
            let top = y + 10.0 + LINE * (line as f64 + 1.3);
            if top < y + h {
                let value = last(row);
                let text = if *label == "Value" {
                    shown(value, unit)
                } else {
                    row.labels.get(*label).cloned().unwrap_or_default()
                };
                svg.text((left, top), 11.0, BRIGHT, "start", &fitting(&text, each));
            }
        }
    }
}

/// The lowest round step that makes at most four lines up to `most`.
fn round_step(most: f64) -> f64 {
    let rough = most / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(rough)
}

/// A value beside an axis: without a unit that would not fit there.
fn axis_mark(value: f64, unit: &str) -> String {
    let known = ["currencyUSD", "currencyUSD/s", "percentunit", "percent", "s", "reqps", "ops"];
    shown(value, if known.contains(&unit) { unit } else { "short" })
}

fn clock(at: i64) -> String {
    let minutes = at / 60_000;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

fn lines(svg: &mut Svg, answers: &[Answer], unit: &str, (x, y, w, h): Place, (from, to): (i64, i64)) {
    let mut rows: Vec<(String, &Row)> =
        answers.iter().flat_map(|a| a.rows.iter().map(|row| (named(&a.legend, row), row))).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let values = || rows.iter().flat_map(|(_, row)| row.points.iter().map(|p| p.1)).filter(|v| v.is_finite());
    let most = values().fold(0.0, f64::max).max(1e-9);
    let least = values().fold(0.0, f64::min);
    // Where each legend stands: next to the last one, or on the next line.
    let mut corners = Vec::new();
    let mut corner = (0.0, 0.0);
    for (name, _) in rows.iter().take(MOST) {
        let long = 30.0 + LETTER * name.chars().count() as f64;
        if corner.0 > 0.0 && corner.0 + long > w {
            corner = (0.0, corner.1 + LINE);
        }
        if corner.1 > h * 0.4 {
            break;
        }
        corners.push(corner);
        corner.0 += long;
    }
    let (axis, foot) = (64.0, 16.0 + LINE + corners.last().map_or(0.0, |c: &(f64, f64)| c.1));
    let (left, wide, high) = (x + axis, w - axis, h - foot);
    let place = |at: i64, value: f64| {
        let across = (at - from) as f64 / (to - from) as f64;
        (left + wide * across, y + high * (1.0 - (value - least) / (most - least)))
    };
    let step = round_step(most - least);
    let mut mark = (least / step).ceil() * step;
    while mark <= most {
        let (_, line) = place(from, mark);
        svg.line(&[Some((left, line)), Some((left + wide, line))], GRID);
        svg.text((left - 6.0, line + 4.0), 10.0, DIM, "end", &axis_mark(mark, unit));
        mark += step;
    }
    for quarter in 0..=4 {
        let at = from + (to - from) * quarter / 4;
        let anchor = if quarter == 0 {
            "start"
        } else if quarter == 4 {
            "end"
        } else {
            "middle"
        };
        svg.text((place(at, least).0, y + high + 13.0), 10.0, DIM, anchor, &clock(at));
    }
    for (at, (name, row)) in rows.iter().enumerate() {
        let stroke = PALETTE[at % PALETTE.len()];
        let points: Vec<Option<(f64, f64)>> =
            row.points.iter().map(|(t, v)| v.is_finite().then(|| place(*t, *v))).collect();
        svg.line(&points, stroke);
        if let Some((across, down)) = corners.get(at) {
            let corner = (x + across, y + high + 16.0 + LINE * 0.8 + down);
            svg.rect((corner.0, corner.1 - 5.0, 12.0, 3.0), stroke);
            svg.text((corner.0 + 17.0, corner.1), 11.0, BRIGHT, "start", name);
        }
    }
}

fn heatmap(svg: &mut Svg, answers: &[Answer], (x, y, w, h): Place) {
    let mut rows: Vec<(f64, &Row)> = answers
        .iter()
        .flat_map(|a| &a.rows)
        .filter_map(|row| Some((row.labels.get("le")?.parse().ok()?, row)))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let axis = 40.0;
    let tall = h / rows.len().max(1) as f64;
    // Buckets are cumulative: what lies in one is the difference to the one below.
    let own: Vec<Vec<f64>> = (0..rows.len())
        .map(|at| {
            let below = at.checked_sub(1).and_then(|b| rows.get(b));
            let value = |(n, point): (usize, &(i64, f64))| {
                let under = below.and_then(|(_, row)| row.points.get(n)).map_or(0.0, |p| p.1);
                (point.1 - under).max(0.0)
            };
            rows.get(at).map(|(_, row)| row.points.iter().enumerate().map(value).collect()).unwrap_or_default()
        })
        .collect();
    let most = own.iter().flatten().copied().fold(0.0, f64::max).max(1e-9);
    for (at, (bound, _)) in rows.iter().enumerate() {
        let top = y + h - tall * (at as f64 + 1.0);
        let values = own.get(at).map_or(&[][..], Vec::as_slice);
        let wide = (w - axis) / values.len().max(1) as f64;
        for (n, value) in values.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            let light = 25.0 + 45.0 * (value / most).sqrt();
            let fill = format!("hsl(28,90%,{light:.0}%)");
            svg.rect((x + axis + wide * n as f64, top, wide.max(1.0), (tall - 1.0).max(1.0)), &fill);
        }
        let text = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
        svg.text((x + axis - 6.0, top + tall / 2.0 + 3.0), 9.0, DIM, "end", &text);
    }
}
