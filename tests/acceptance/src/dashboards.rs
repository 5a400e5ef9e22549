//! The shipped dashboards against a real Prometheus: every panel's expressions must return data of the panel's shape.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genops_tests::prometheus::Prometheus;
use genops_tools::workspace_root;
use serde_json::Value;

use crate::backfill::holding;
use crate::picture::{Answer, answers, picture};
use crate::stage::{HELD, HELD_LONG, Stage, now};
use crate::surface::Which;

/// Where the dashboards lie, and their pictures.
const DASHBOARDS: &str = "envoy/grafana/dashboards";
const PICTURES: &str = "envoy/grafana/pictures";
/// Rounds of traffic in a picture, and what lies between them: windows of a minute must see two.
const ROUNDS: i64 = 80;
const BETWEEN: i64 = 25_000;
/// Kinds that would dwarf or hold up all others in a picture.
const NOT_DRAWN: [&str; 7] = [HELD, HELD_LONG, "slow", "gemini", "opus", "stated", "stated-dear"];

/// A shipped dashboard: its file's name without `.json`, and what is in it.
pub type Shipped = (String, Value);

/// All shipped dashboards, by name.
///
/// # Errors
/// One cannot be read.
pub fn shipped() -> Result<Vec<Shipped>> {
    let directory = workspace_root().join(DASHBOARDS);
    let mut files: Vec<PathBuf> = fs::read_dir(&directory)
        .with_context(|| directory.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file)?;
            Ok((name, serde_json::from_str(&text).with_context(|| file.display().to_string())?))
        })
        .collect()
}

/// What panels there are, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Findings {
    /// Panels with data of their shape.
    pub good: usize,
    /// Panels that wait for governance, and are empty.
    pub waiting: Vec<String>,
    /// Panels without data or with data of another shape, and how.
    pub wrong: Vec<String>,
}

/// Whether a panel compares with an hour ago, and so needs that much history.
pub fn looks_back(panel: &Value) -> bool {
    panel.pointer("/targets").is_some_and(|targets| targets.to_string().contains(" offset "))
}

/// Asks the panels of a dashboard that are `wanted` between two instants.
///
/// # Errors
/// Prometheus refuses an expression.
pub async fn look(
    (name, dashboard): &Shipped,
    prometheus: &Prometheus,
    span: (i64, i64),
    wanted: impl Fn(&Value) -> bool,
    into: &mut Findings,
) -> Result<()> {
    let panels = dashboard.pointer("/panels").and_then(Value::as_array).context("panels")?;
    for panel in panels.iter().filter(|p| wanted(p)) {
        let title = panel.pointer("/title").and_then(Value::as_str).unwrap_or_default();
        let place = format!("{name}: {title}");
        let answers = answers(panel, prometheus, span).await.with_context(|| place.clone())?;
        let waits = panel.pointer("/description").and_then(Value::as_str).is_some_and(|d| d.contains("Waits for"));
        match misshapen(panel, &answers) {
            None => into.good += 1,
            Some(_) if waits => into.waiting.push(place),
            Some(how) => into.wrong.push(format!("{place}: {how}")),
        }
    }
    Ok(())
}

/// How answers do not fit a panel; `None` where they do.
fn misshapen(panel: &Value, answers: &[Answer]) -> Option<String> {
    let kind = panel.pointer("/type").and_then(Value::as_str).unwrap_or_default();
    for answer in answers {
        let Answer { expr, legend, rows } = answer;
        if rows.is_empty() {
            return Some(format!("no data for {expr}"));
        }
        if rows.iter().all(|row| row.points.iter().all(|(_, value)| !value.is_finite())) {
            return Some(format!("no figure for {expr}"));
        }
        if kind == "stat" && rows.len() != 1 {
            return Some(format!("{} figures for one: {expr}", rows.len()));
        }
        let mut labels: BTreeSet<String> =
            legend.split("{{").skip(1).filter_map(|t| t.split_once("}}")).map(|(l, _)| l.to_owned()).collect();
        if kind == "table" {
            labels = legend.split(',').filter_map(|pair| pair.split_once('=')).map(|(l, _)| l.to_owned()).collect();
            labels.remove("Value");
        }
        if kind == "heatmap" {
            labels.insert("le".to_owned());
        }
        if let Some(label) = labels.iter().find(|label| !rows.iter().any(|row| row.labels.contains_key(*label))) {
            return Some(format!("no label {label} in {expr}"));
        }
    }
    None
}

/// Drives traffic of its own, and draws every dashboard as it then looks on Envoy's surface.
///
/// # Errors
/// A part of the machinery fails, or a panel is empty that should not be.
pub async fn draw(module: &Path) -> Result<Vec<PathBuf>> {
    let (prometheus, span) = lively(module).await?;
    let directory = workspace_root().join(PICTURES);
    fs::create_dir_all(&directory)?;
    let mut drawn = Vec::new();
    for (name, dashboard) in shipped()? {
        let file = directory.join(format!("{name}.svg"));
        fs::write(&file, picture(&dashboard, &prometheus, span).await?)?;
        drawn.push(file);
    }
    Ok(drawn)
}

/// A Prometheus with half an hour of changing traffic, and the instants between which it lies.
async fn lively(module: &Path) -> Result<(Prometheus, (i64, i64))> {
    let mut stage = Stage::start(module).await?;
    // Not random: a picture that is drawn again shows the same day.
    let mut seed = 7_u64;
    let mut draw = move |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % (most + 1)
    };
    for _ in 0..ROUNDS {
        let kinds: Vec<_> = stage.kinds().iter().filter(|k| !NOT_DRAWN.contains(&k.name)).cloned().collect();
        let mut queue = Vec::new();
        for kind in kinds {
            let failed = kind.status() >= 400;
            let times = if failed { u64::from(draw(7) == 0) } else { draw(3) };
            queue.extend((0..times).map(|_| kind.clone()));
        }
        stage.send(1, queue).await?;
    }
    let to = now();
    let scrapes = stage.scrapes.split_off(1);
    let points: Vec<_> = (1..).zip(&scrapes).map(|(n, scrape)| (to - BETWEEN * (ROUNDS - n), scrape)).collect();
    let surface = stage.surfaces().iter().find(|s| s.which == Which::Envoy).context("Envoy's surface")?.clone();
    stage.end().await?;
    let long = BETWEEN * ROUNDS;
    Ok((holding(&surface, &points, |_| true, (long, "15s")).await?, (to - long, to)))
}
