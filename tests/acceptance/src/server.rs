//! The Prometheus of one surface, as the shipped files configure it, at the pace of a test.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use genops_tests::envoy::yaml;
use genops_tests::prometheus::Prometheus;
use genops_tools::workspace_root;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::promql::{Element, Labels};
use crate::stage::now;
use crate::surface::{Surface, Which};

/// Between two scrapes and two evaluations, seconds: as often as Prometheus' answers stay regular on a busy machine.
pub const PACE: &str = "1s";
/// Where the shipped files lie.
const SHIPPED: &str = "envoy/prometheus";

/// The shipped scrape configuration of a surface with its targets, and all rules of the sources in `directory`.
///
/// # Errors
/// A shipped file is not there or not of its shape.
pub fn configuration(surface: &Surface, directory: &Path) -> Result<Value> {
    let shipped = workspace_root().join(SHIPPED);
    let text = fs::read_to_string(shipped.join(surface.config)).with_context(|| surface.config.to_owned())?;
    let mut config = yaml(&text)?;
    let map = config.as_object_mut().context("a configuration")?;
    map.insert(
        "global".to_owned(),
        json!({"scrape_interval": PACE, "scrape_timeout": PACE, "evaluation_interval": PACE}),
    );
    map.remove("alerting");
    let rules = directory.join("rules.json");
    fs::write(&rules, all_rules(surface.which)?.to_string())?;
    map.insert("rule_files".to_owned(), json!([rules]));
    let jobs = map.get_mut("scrape_configs").and_then(Value::as_array_mut).context("scrape_configs")?;
    for job in jobs {
        let job = job.as_object_mut().context("a job")?;
        job.insert("static_configs".to_owned(), json!([{"targets": [surface.target.to_string()]}]));
    }
    Ok(config)
}

/// The rules of every source at once, and on Envoy's surface the conversions with them. As shipped, one loads the file
/// of one's source; two files convert the same families, so each record is taken once here.
fn all_rules(which: Which) -> Result<Value> {
    let directory = workspace_root().join(SHIPPED).join(if which == Which::Envoy { "rules-envoy" } else { "rules" });
    let mut files: Vec<_> = fs::read_dir(&directory)
        .with_context(|| directory.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "yml"));
    files.sort();
    ensure!(!files.is_empty(), "{}: no rules", directory.display());
    let mut recorded = std::collections::BTreeSet::new();
    let mut groups = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file)?;
        let read = yaml(&text).with_context(|| file.display().to_string())?;
        for group in read.get("groups").and_then(Value::as_array).context("groups")? {
            let name = group.get("name").and_then(Value::as_str).context("a name")?;
            let rules = group.get("rules").and_then(Value::as_array).context("rules")?;
            // The same name and expression twice is one series; another expression is another series' labels.
            let once = |rule: &&Value| rule.get("record").is_none() || recorded.insert(rule.to_string());
            let rules: Vec<&Value> = rules.iter().filter(once).collect();
            groups.push(json!({"name": format!("{stem}: {name}"), "interval": PACE, "rules": rules}));
        }
    }
    Ok(json!({"groups": groups}))
}

/// Only the rules that give families the schemas' names: a name with a colon is a source's own.
///
/// # Errors
/// A shipped file is not of its shape.
pub fn conversions(which: Which) -> Result<Value> {
    let all = all_rules(which)?;
    let groups = all.get("groups").and_then(Value::as_array).context("groups")?;
    let rules = groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten();
    let converts = |rule: &&Value| rule.get("record").and_then(Value::as_str).is_some_and(|name| !name.contains(':'));
    let rules: Vec<&Value> = rules.filter(converts).collect();
    Ok(json!({"groups": [{"name": "conversions", "rules": rules}]}))
}

/// Starts it.
///
/// # Errors
/// It does not start; the error has its log.
pub async fn start(surface: &Surface) -> Result<Prometheus> {
    let directory = TempDir::with_prefix("genops-prometheus-")?;
    let config = configuration(surface, directory.path())?;
    Prometheus::configured(&config, directory).await
}

/// Asks at an instant.
///
/// # Errors
/// It refuses.
pub async fn ask(prometheus: &Prometheus, expression: &str, at: i64) -> Result<Vec<Element>> {
    let answer = prometheus.query_at(expression, at).await?;
    let element = |series: genops_tests::prometheus::Series| {
        let labels: Labels = serde_json::from_value(series.labels)?;
        Ok(Element { labels, value: series.value })
    };
    answer.into_iter().map(element).collect()
}

/// Waits until every target was scraped, and every rule group evaluated, so often since `from`.
///
/// # Errors
/// Not in a minute.
pub async fn scraped(prometheus: &Prometheus, times: usize, from: i64) -> Result<()> {
    let began = now();
    loop {
        let at = now();
        let points = prometheus.points("up", at, (at - from).max(1)).await?;
        let least = points.iter().map(|p| p.points.iter().filter(|(_, up)| *up > 0.0).count()).min().unwrap_or(0);
        if points.len() >= 2 && least >= times {
            return Ok(());
        }
        ensure!(at - began < 60_000, "{least} scrapes of {times} in a minute; {}", prometheus.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Waits until no target answers any more since `from`.
///
/// # Errors
/// Not in a minute.
pub async fn gone(prometheus: &Prometheus, from: i64) -> Result<()> {
    let began = now();
    loop {
        let at = now();
        let points = prometheus.points("up", at, (at - from).max(1)).await?;
        if points.len() >= 2 && points.iter().all(|p| p.points.last().is_some_and(|(_, up)| *up == 0.0)) {
            return Ok(());
        }
        ensure!(at - began < 60_000, "Prometheus still scrapes what has ended; {}", prometheus.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
