//! The shipped rules and configurations of Prometheus, by its own checker, and against the sources they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_core::schema::{NAMESPACE, SCHEMAS, Table};
use genops_tests::envoy::yaml;
use genops_tests::generated::workspace;
use serde_json::{Value, json};

const ROOT: &str = "envoy/prometheus";

/// Rules that stand in no file as their source has them, and why.
const OTHERWISE: &[(&str, &str)] = &[(
    "0-A04",
    "BudgetNearlyExceeded: the templates' form (T-A07) ends at 100 %, where the document's goes on beside TeamOverBudget",
)];

/// Metrics that rules ask for and that other exporters have.
const ELSEWHERE: &[&str] = &[
    "up",
    "kube_pod_status_phase",
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
    "pg_stat_activity_count",
    "pg_settings_max_connections",
    "pg_replication_lag_bytes",
    "pg_stat_database_blks_hit",
    "pg_stat_database_blks_read",
    "dragonfly_used_memory_bytes",
    "dragonfly_maxmemory_bytes",
    "nats_messages_total",
    "envoy_cluster_membership_healthy",
];

/// One rule of a file.
struct Rule {
    alert: bool,
    name: String,
    expr: String,
    whole: Value,
}

fn path(name: &str) -> PathBuf {
    workspace().join(ROOT).join(name)
}

/// The files of a directory below `envoy/prometheus` with this extension, in order.
pub(crate) fn files(directory: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = fs::read_dir(path(directory))?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    all.retain(|file| file.extension().is_some_and(|e| e == extension));
    all.sort();
    ensure!(!all.is_empty(), "nothing in {directory}");
    Ok(all)
}

fn rules(file: &Path) -> Result<Vec<Rule>> {
    let document = yaml(&fs::read_to_string(file)?).with_context(|| file.display().to_string())?;
    let groups = document.get("groups").and_then(Value::as_array).context("groups")?;
    let all = groups.iter().flat_map(|group| group.get("rules").and_then(Value::as_array).into_iter().flatten());
    all.map(|rule| {
        let text = |key: &str| rule.get(key).and_then(Value::as_str).map(str::to_owned);
        let (alert, name) = match text("alert") {
            Some(name) => (true, name),
            None => (false, text("record").context("record")?),
        };
        Ok(Rule { alert, name, expr: words(&text("expr").context("expr")?), whole: rule.clone() })
    })
    .collect()
}

/// Without what white space PromQL ignores anyway.
fn words(expr: &str) -> String {
    expr.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn passes(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}\n{text}");
    Ok(text)
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn promtool_takes_the_rules() -> Result<()> {
    for directory in ["rules", "rules-envoy"] {
        let mut promtool = Command::new(genops_tools::tool::promtool()?);
        passes(promtool.args(["check", "rules", "--lint=all", "--lint-fatal"]).args(files(directory, "yml")?))?;
    }
    Ok(())
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn promtool_takes_the_configurations() -> Result<()> {
    for file in ["prometheus.yml", "prometheus-envoy.yml", "federation.yml"] {
        // With the rules that they name.
        let mut promtool = Command::new(genops_tools::tool::promtool()?);
        passes(promtool.args(["check", "config", "--lint=all", "--lint-fatal"]).arg(path(file)))?;
    }
    let mut promtool = Command::new(genops_tools::tool::promtool()?);
    passes(promtool.args(["check", "config", "--syntax-only"]).arg(path("prometheus-kubernetes.yml")))?;
    Ok(())
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn a_namespace_is_one_sed_away() -> Result<()> {
    let directory = tempfile::tempdir()?;
    for file in files("rules", "yml")? {
        let text = passes(Command::new("sed").arg(r"s/genops\([_:]\)/acme\1/g").arg(&file))?;
        ensure!(!text.contains("expr: genops_"), "{text}");
        let copy = directory.path().join(file.file_name().context("a name")?);
        fs::write(&copy, text)?;
        passes(Command::new(genops_tools::tool::promtool()?).args(["check", "rules"]).arg(&copy))?;
    }
    Ok(())
}

#[test]
fn configurations_never_load_one_alert_with_two_thresholds() -> Result<()> {
    for (config, expected) in [("prometheus.yml", "rules/"), ("prometheus-envoy.yml", "rules-envoy/")] {
        let document = yaml(&fs::read_to_string(path(config))?)?;
        let loaded = document.get("rule_files").and_then(Value::as_array).context("rule_files")?;
        let mut seen = BTreeSet::new();
        for file in loaded.iter().filter_map(Value::as_str) {
            ensure!(file.starts_with(expected) || file == "rules/meter.yml", "{config} loads {file}");
            for rule in rules(&path(file))? {
                ensure!(seen.insert(rule.name.clone()), "{config}: {} twice", rule.name);
            }
        }
        ensure!(seen.contains("HighLatency") && seen.contains("SeriesNearLimit"), "{seen:?}");
        for job in document.get("scrape_configs").and_then(Value::as_array).context("jobs")? {
            let path = job.get("metrics_path").and_then(Value::as_str).context("a path")?;
            ensure!((path == "/stats/prometheus") == (config == "prometheus-envoy.yml"), "{config}: {path}");
            ensure!(job.get("honor_labels") == Some(&json!(true)), "{config}: {job}");
        }
    }
    Ok(())
}

#[test]
fn every_alert_has_a_category_with_a_route_and_a_runbook_that_names_it() -> Result<()> {
    for file in files("rules", "yml")? {
        for rule in rules(&file)?.iter().filter(|rule| rule.alert) {
            let label = |at: &str| rule.whole.pointer(at).and_then(Value::as_str).with_context(|| rule.name.clone());
            ensure!(["info", "warning", "critical"].contains(&label("/labels/severity")?), "{}", rule.name);
            label("/labels/category")?;
            label("/annotations/summary")?;
            label("/annotations/description")?;
            let runbook = fs::read_to_string(path(label("/annotations/runbook")?))?;
            ensure!(runbook.contains(&format!("`{}`", rule.name)), "its runbook does not name {}", rule.name);
        }
    }
    Ok(())
}

/// The names of metrics in an expression: words that are no function, keyword, label or value.
fn metrics(expr: &str) -> Result<BTreeSet<String>> {
    let without =
        |pattern: &str, text: &str| anyhow::Ok(regex::Regex::new(pattern)?.replace_all(text, " ").into_owned());
    let text = without(r#""(\\.|[^"\\])*""#, expr)?;
    let text = without(r"\{[^}]*\}|\[[^\]]*\]|\b\d[\w.]*", &text)?;
    let text = without(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", &text)?;
    let names = regex::Regex::new(r"[a-z][a-z0-9_:]*\b\s*\(?")?;
    let keywords = ["and", "or", "unless", "offset", "by", "on", "group_left", "bool"];
    // A word before a parenthesis is a function.
    let found = names.find_iter(&text).map(|m| m.as_str().trim()).filter(|name| !name.ends_with('('));
    Ok(found.filter(|name| !keywords.contains(name) && name.len() > 1).map(str::to_owned).collect())
}

#[test]
fn rules_ask_only_for_what_there_is() -> Result<()> {
    let mut known: BTreeSet<String> = ELSEWHERE.iter().map(|name| (*name).to_owned()).collect();
    known.extend(Table::new(SCHEMAS, NAMESPACE).families().iter().map(|family| family.name.to_string()));
    let suffixes = ["_bucket", "_sum_nano", "_sum", "_count", "_pico", "_nano"];
    for file in files("rules", "yml")?.into_iter().chain(files("rules-envoy", "yml")?) {
        for rule in rules(&file)? {
            for name in metrics(&rule.expr)? {
                let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
                let there = known.contains(&name) || known.contains(family);
                ensure!(there, "{}: {} asks for {name}, which nothing has", file.display(), rule.name);
            }
        }
    }
    Ok(())
}

/// The rules of the sources, from `../shared`; none in a clone without it.
fn sources() -> Result<Option<Vec<Value>>> {
    let file = workspace().join("../shared/acceptance/queries.json");
    if !file.exists() {
        let here = file.display();
        ensure!(std::env::var("CI").as_deref() != Ok("true"), "{here} is absent, and in CI it must not be");
        writeln!(std::io::stderr(), "NOT RUN: our rules beside those of the sources: {here} is absent")?;
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&fs::read_to_string(file)?)?))
}

#[test]
fn the_rules_are_those_of_the_sources() -> Result<()> {
    let Some(entries) = sources()? else { return Ok(()) };
    let mut ours: BTreeMap<String, Vec<(bool, String, String)>> = BTreeMap::new();
    for file in files("rules", "yml")? {
        let source = file.file_stem().and_then(|s| s.to_str()).context("a name")?.to_owned();
        let all = rules(&file)?.into_iter().map(|rule| (rule.alert, rule.name, rule.expr)).collect();
        ours.insert(source, all);
    }
    let mut compared = 0;
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let alert = match text("kind") {
            "alert" => true,
            "recording" => false,
            _ => continue,
        };
        compared += 1;
        let source = if text("system") == "tta-dev" { "tta" } else { text("system") };
        let id = text("id");
        let rule = (alert, text("name").to_owned(), words(text("expr")));
        let there = ours.get(source).context(source.to_owned())?.iter().any(|our| {
            // White space inside parentheses is a matter of layout.
            let tight = |expr: &str| expr.replace("( ", "(").replace(" )", ")");
            (our.0, &our.1) == (rule.0, &rule.1) && tight(&our.2) == tight(&rule.2)
        });
        let otherwise = OTHERWISE.iter().any(|(other, _)| *other == id);
        ensure!(there != otherwise, "{id}: {} is {}", rule.1, if there { "there after all" } else { "not there" });
    }
    ensure!(compared > 100, "only {compared} rules in the list");
    Ok(())
}

#[test]
fn envoy_s_files_hold_the_same_rules_behind_conversions() -> Result<()> {
    for file in files("rules-envoy", "yml")? {
        let name = file.file_name().and_then(|n| n.to_str()).context("a name")?;
        let envoy = rules(&file)?;
        for plain in rules(&path("rules").join(name))? {
            ensure!(envoy.iter().filter(|rule| rule.whole == plain.whole).count() == 1, "{name}: {}", plain.name);
        }
    }
    Ok(())
}
