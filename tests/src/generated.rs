//! Everything in `envoy/` that follows from the schema tables, written between marks so that it is never hand-drifted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use genops_core::Config;
use genops_core::schema::{NAMESPACE, SCHEMAS, Table, stat_name::tag_rules};

use crate::grafana::{BOARDS, config_maps, dashboard};

/// The repository's root.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Resources that carry the configuration as a map.
const PLUGINS: [&str; 6] = [
    "envoy/gateway/policy-http.yaml",
    "envoy/gateway/policy.yaml",
    "envoy/istio/waypoint.yaml",
    "envoy/istio/wasmplugin-sidecar.yaml",
    "envoy/istio/wasmplugin.yaml",
    "envoy/others/higress.yaml",
];

/// Bootstraps of one purpose, with a configuration of their own.
const EXAMPLES: [&str; 2] = ["envoy/otel/envoy.yaml", "envoy/stats-access-log/envoy.yaml"];

/// Files that carry the tag rules below a bootstrap's `stats_tags`.
const OVERRIDES: [&str; 2] = ["envoy/gateway/envoyproxy.yaml", "envoy/istio/bootstrap-override.yaml"];

/// One file as it must stand: path from the root, and text.
pub type Generated = (PathBuf, String);

/// All generated files as they must stand.
///
/// # Errors
/// Where a template is missing or a mark in it is not closed.
pub fn files() -> Result<Vec<Generated>, String> {
    let root = workspace();
    let config = read(&root.join("envoy/genops.json"))?;
    let table = Table::default();
    let mut files = vec![(PathBuf::from("envoy/stats_tags.json"), stats_tags_json(&table))];
    // Each tag costs time whenever Envoy defines a stat: who has another schema declares what that one needs.
    for schema in SCHEMAS.iter().filter(|schema| schema.name != NAMESPACE) {
        let path = format!("envoy/stats_tags/{}.json", schema.name);
        files.push((path.into(), stats_tags_json(&Table::new(&[schema], NAMESPACE))));
    }
    files.push(("envoy/stats_tags/all.json".into(), stats_tags_json(&Table::new(SCHEMAS, NAMESPACE))));
    for (path, provider) in [("envoy/envoy.yaml", Some("openai")), ("envoy/istio/envoyfilter.yaml", None)] {
        let text = read(&root.join(path))?;
        let text = fill(&text, "configuration", &configuration(&config, provider), path)?;
        let text = if provider.is_some() { fill(&text, "stats_tags", &stats_tags_yaml(&table), path)? } else { text };
        files.push((path.into(), text));
    }
    let path = "envoy/istio/envoyfilter-oci.yaml";
    let text = read(&root.join(path))?;
    files.push((path.into(), fill(&text, "configuration", &configuration(&config, None), path)?));
    for path in PLUGINS {
        // JSON is YAML.
        files.push((path.into(), fill(&read(&root.join(path))?, "plugin_config", &config, path)?));
    }
    for path in OVERRIDES {
        files.push((path.into(), fill(&read(&root.join(path))?, "stats_tags", &stats_tags_yaml(&table), path)?));
    }
    for path in EXAMPLES {
        files.push((path.into(), fill(&read(&root.join(path))?, "stats_tags", &stats_tags_yaml(&table), path)?));
    }
    let path = "envoy/istio/extra-stat-tags.yaml";
    let text = fill(&read(&root.join(path))?, "stat_keys", &stat_keys(&table), path)?;
    files.push((path.into(), fill(&text, "relabel", &relabel(&table), path)?));
    files.extend(crate::generated_rules::files()?);
    files.extend(crate::reference::files()?);
    for board in BOARDS {
        let text = serde_json::to_string_pretty(&dashboard(board)).map_err(|e| e.to_string())?;
        files.push((format!("envoy/grafana/dashboards/{}.json", board.file).into(), text + "\n"));
    }
    files.push(("envoy/grafana/kubernetes/dashboards.yaml".into(), config_maps(BOARDS)));
    Ok(files)
}

/// What a bootstrap and a mesh need for one configuration of the user's own, as YAML.
///
/// # Errors
/// The file cannot be read, or is no valid configuration.
pub fn tags_for(config: &Path) -> Result<String, String> {
    let text = read(config)?;
    let config = Config::parse(text.as_bytes()).map_err(|error| format!("{}: {error}", config.display()))?;
    let table = &config.table;
    Ok(format!(
        "# Plain Envoy and Envoy Gateway: the bootstrap's stats_config.stats_tags; Istio: the same by bootstrapOverride.\n\
         stats_tags:\n{}\n\
         # Istio without a bootstrap of one's own: meshConfig.defaultConfig.extraStatTags, and this relabelling.\n\
         extraStatTags:\n{}\nmetric_relabel_configs:\n{}",
        stats_tags_yaml(table),
        stat_keys(table),
        relabel(table)
    ))
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Replaces what stands between `# generated: NAME` and `# end`, at the indentation of the mark.
fn fill(text: &str, name: &str, block: &str, path: &str) -> Result<String, String> {
    let mark = format!("# generated: {name}");
    let mut out = String::new();
    let mut lines = text.lines();
    let mut found = false;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.trim() != mark {
            continue;
        }
        found = true;
        let indent = &line[..line.len() - line.trim_start().len()];
        for new in block.lines() {
            let _ = writeln!(out, "{indent}{new}");
        }
        let end = lines.find(|l| l.trim() == "# end").ok_or(format!("{path}: `{mark}` has no `# end`"))?;
        out.push_str(end);
        out.push('\n');
    }
    if found { Ok(out) } else { Err(format!("{path}: no `{mark}`")) }
}

fn stats_tags_json(table: &Table) -> String {
    let rules = tag_rules(&table.tags());
    let lines: Vec<String> =
        rules.iter().map(|r| format!("  {}", serde_json::to_string(r).unwrap_or_default())).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn stats_tags_yaml(table: &Table) -> String {
    tag_rules(&table.tags()).iter().fold(String::new(), |mut out, rule| {
        let _ = writeln!(out, "- tag_name: {}\n  regex: '{}'", rule.tag_name, rule.regex);
        out
    })
}

/// `configuration` of the wasm filter: `genops.json`, with a provider for what nothing else names.
fn configuration(config: &str, provider: Option<&str>) -> String {
    let mut out = String::from("value: |\n");
    for line in config.trim_end().lines() {
        let _ = writeln!(out, "  {line}");
        if line == "{"
            && let Some(provider) = provider
        {
            let _ = writeln!(out, "    \"provider\": \"{provider}\",");
        }
    }
    out
}

fn stat_keys(table: &Table) -> String {
    table.tags().iter().fold(String::new(), |out, (_, key)| out + "- " + key + "\n")
}

fn relabel(table: &Table) -> String {
    table.tags().iter().filter(|(name, key)| name != key).fold(String::new(), |mut out, (name, key)| {
        let _ = writeln!(out, "- {{source_labels: [{key}], regex: (.+), target_label: {name}}}");
        let _ = writeln!(out, "- {{regex: {key}, action: labeldrop}}");
        out
    })
}
