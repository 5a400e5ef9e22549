//! A day of history out of our own scrapes: each is laid at instants of the past, written into a data base by `promtool`,
//! and converted by the shipped rules where they are needed. For expressions over hours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_tests::prometheus::Prometheus;
use genops_tools::tool;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::expect::{GENOPS_JOB, KOSMOS_JOB, State, job};
use crate::server::conversions;
use crate::stage::Scrape;
use crate::surface::{Surface, Which};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// How far the last point lies before the instant of the questions: extrapolation must not be trivial.
const BEHIND: i64 = 17_000;
/// A minute apart where windows of minutes are asked about, and elsewhere as far as an instant selection looks back.
const COARSE: i64 = 4 * MINUTE;

/// From when on, before the instant of the questions, which scrape holds: (ago, phase, with a request held).
///
/// Yesterday's hour sees phase 1 grow, the hour's window an hour ago phase 2, the last hour phases 3 and 4, the last five
/// minutes phase 4.
const HISTORY: [(i64, State); 6] = [
    (26 * HOUR, State { phase: 0, held: false }),
    (24 * HOUR + 30 * MINUTE, State { phase: 1, held: false }),
    (62 * MINUTE, State { phase: 2, held: false }),
    (30 * MINUTE, State { phase: 2, held: true }),
    (28 * MINUTE, State { phase: 3, held: false }),
    (2 * MINUTE + 30_000, State { phase: 4, held: false }),
];

/// The instants of the points before `at`.
pub fn instants(at: i64) -> Vec<i64> {
    let mut all = BTreeSet::new();
    let mut add = |from: i64, to: i64, step: i64| {
        let mut ago = from;
        while ago >= to {
            all.insert(at - BEHIND - ago);
            ago -= step;
        }
    };
    add(26 * HOUR, 0, COARSE);
    add(25 * HOUR + 10 * MINUTE, 24 * HOUR - 10 * MINUTE, MINUTE);
    add(80 * MINUTE, 0, MINUTE);
    all.into_iter().collect()
}

/// What a point at `instant` shows.
fn laid(at: i64, instant: i64) -> State {
    let ago = at - instant;
    HISTORY.iter().rev().find(|(from, _)| ago <= *from).map_or(HISTORY[0].1, |(_, state)| *state)
}

/// What the newest point at or before `instant` shows: rules evaluated there saw that one.
pub fn state(at: i64, instants: &[i64], instant: i64) -> State {
    let behind = instants.partition_point(|i| *i <= instant);
    let newest = behind.checked_sub(1).and_then(|last| instants.get(last)).copied();
    laid(at, newest.unwrap_or(instant))
}

/// A Prometheus that holds the history of `surface` up to `at`, of the families in `names`.
///
/// # Errors
/// A scrape is missing, or `promtool` refuses what it is given.
pub async fn start(surface: &Surface, scrapes: &[Scrape], names: &BTreeSet<String>, at: i64) -> Result<Prometheus> {
    let mut points = Vec::new();
    for instant in instants(at) {
        let state = laid(at, instant);
        let scrape = scrapes.iter().find(|s| s.state == state).with_context(|| format!("no scrape of {state:?}"))?;
        points.push((instant, scrape));
    }
    holding(surface, &points, |name| names.contains(name), (26 * HOUR, "60s")).await
}

/// A Prometheus that holds scrapes at the given instants, of the families that `wanted` names as the schemas do; the last
/// `long` milliseconds of them are converted, each `every`.
///
/// # Errors
/// `promtool` refuses what it is given.
pub async fn holding(
    surface: &Surface,
    points: &[(i64, &Scrape)],
    wanted: impl Fn(&str) -> bool,
    (long, every): (i64, &str),
) -> Result<Prometheus> {
    let directory = TempDir::with_prefix("genops-history-")?;
    let file = directory.path().join("history.om");
    fs::write(&file, history(surface, points, wanted)?)?;
    let data = directory.path().join("data");
    promtool(&["tsdb", "create-blocks-from", "openmetrics"], &[&file, &data])?;
    if surface.which == Which::Envoy {
        // A point stands for all until the next: rules see it a while longer.
        let end = points.last().map_or(0, |(at, _)| at + MINUTE);
        convert(surface, directory.path(), (end - long, end), every).await?;
    }
    Prometheus::configured(&nothing(), directory).await
}

/// It scrapes nothing.
fn nothing() -> Value {
    json!({"scrape_configs": []})
}

/// The scrapes as one OpenMetrics text with instants.
fn history(surface: &Surface, points: &[(i64, &Scrape)], wanted: impl Fn(&str) -> bool) -> Result<String> {
    let mut out = String::new();
    let instance = surface.target;
    for (instant, scrape) in points {
        let text = scrape.texts.iter().find(|(s, _)| s.which == surface.which).map(|(_, t)| t).context("a text")?;
        let seconds = *instant as f64 / 1000.0;
        for job in [GENOPS_JOB, KOSMOS_JOB] {
            writeln!(out, "up{{job=\"{job}\",instance=\"{instance}\"}} 1 {seconds}")?;
        }
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').map_or((series, ""), |(n, l)| (n, l.trim_end_matches('}')));
            let bare = name.strip_suffix("_pico").or_else(|| name.strip_suffix("_nano")).unwrap_or(name);
            if !wanted(bare) {
                continue;
            }
            let (job, comma) = (job(name), if labels.is_empty() { "" } else { "," });
            writeln!(out, "{name}{{{labels}{comma}job=\"{job}\",instance=\"{instance}\"}} {value} {seconds}")?;
        }
    }
    out.push_str("# EOF\n");
    Ok(out)
}

/// Writes what the shipped rules make of it, too.
async fn convert(surface: &Surface, directory: &Path, (start, end): (i64, i64), every: &str) -> Result<()> {
    let scratch = TempDir::with_prefix("genops-history-")?;
    let data = directory.join("data");
    copy(&data, &scratch.path().join("data"))?;
    let raw = Prometheus::configured(&nothing(), scratch).await?;
    let rules = directory.join("rules.json");
    fs::write(&rules, conversions(surface.which)?.to_string())?;
    let url = format!("http://{}", raw.address());
    let (start, end) = ((start / 1000).to_string(), (end / 1000).to_string());
    let output = directory.join("converted");
    let mut command = Command::new(tool::promtool()?);
    command.args(["tsdb", "create-blocks-from", "rules", "--url", &url, "--start", &start, "--end", &end]);
    command.args(["--eval-interval", every]).arg("--output-dir").arg(&output).arg(&rules);
    run(command)?;
    for block in fs::read_dir(&output)? {
        let block = block?;
        fs::rename(block.path(), data.join(block.file_name()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn promtool(words: &[&str], paths: &[&Path]) -> Result<()> {
    let mut command = Command::new(tool::promtool()?);
    command.args(words).args(paths);
    run(command)
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_of_the_sources_sees_what_it_should() {
        let at = 1_000 * HOUR;
        let seen = |from: i64, to: i64| {
            let inside = instants(at).into_iter().filter(|i| *i > at - from && *i <= at - to);
            inside.map(|i| laid(at, i).phase).fold(Vec::new(), |mut all, phase| {
                if all.last() != Some(&phase) {
                    all.push(phase);
                }
                all
            })
        };
        assert_eq!(seen(25 * HOUR, 24 * HOUR), [0, 1], "yesterday's hour");
        assert_eq!(seen(24 * HOUR, 0), [1, 2, 3, 4], "a day");
        assert_eq!(seen(HOUR, 0), [2, 3, 4], "an hour");
        assert_eq!(seen(65 * MINUTE, 60 * MINUTE), [1, 2], "five minutes, an hour ago");
        assert_eq!(seen(5 * MINUTE, 0), [3, 4], "five minutes");
        let close = instants(at).windows(2).all(|w| w[1] - w[0] <= COARSE);
        assert!(close, "no point looks back further than an instant selection does");
    }
}
