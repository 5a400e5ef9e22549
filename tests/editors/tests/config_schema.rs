//! The configuration's JSON Schema, judged by a validator that is not ours: it takes what is shipped, refuses what the
//! filter refuses as far as a schema can say it, and its reference says of each key what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use genops_core::Config;
use genops_tests::envoy::yaml;
use genops_tests::generated::workspace;
use genops_tests::reference::keys::SECTIONS;
use genops_tests::reference::{SCHEMA, schema};
use genops_tests::refused::{BAD, NO_OBJECT};
use jsonschema::Validator;
use serde_json::Value;

/// Refused by both: the schema says it, too.
const WRONG: &[&str] = &[
    r#"{"$schema": {}}"#,
    r#"{"labels": {"team": 3}}"#,
    r#"{"labels": {"team": {"header": "X Team"}}}"#,
    r#"{"labels": {"team": {"header": "x-team", "constant": "a"}}}"#,
    r#"{"labels": {"team": {}}}"#,
    r#"{"labels": {"team": {"metadata": "governance"}}}"#,
    r#"{"labels": {"team": {"metadata": ["governance"]}}}"#,
    r#"{"labels": {"team": {"peer": "county"}}}"#,
    r#"{"labels": {"team": {"header": "x-team", "trust": []}}}"#,
    r#"{"labels": {"customer_id": "-acme"}}"#,
    r#"{"labels": {"feature": "x"}}"#,
    r#"{"labels": {"environment": ""}}"#,
    r#"{"schemas": []}"#,
    r#"{"namespace": "9x"}"#,
    r#"{"namespace": "a b"}"#,
    r#"{"namespace": "genops_"}"#,
    r#"{"max_stats": 10000001}"#,
    r#"{"max_label_cardinality": 0}"#,
    r#"{"flush_interval_ms": 1.5}"#,
    r#"{"sampling_rate": 1.1}"#,
    r#"{"sampling_rate": "half"}"#,
    r#"{"label_limits": {"team": 0}}"#,
    r#"{"jwt_payload": ""}"#,
    r#"{"strip_headers": ["*"]}"#,
    r#"{"strip_headers": ["x-*-team"]}"#,
    r#"{"clusters": {"c": {"provder": "openai"}}}"#,
    r#"{"clusters": {"c": 3}}"#,
    r#"{"clusters": []}"#,
    r#"{"routes": {"r": {"api": "chat"}}}"#,
    r#"{"routes": {"r": {"billing": "free"}}}"#,
    r#"{"routes": {"r": {"models": {"d": ""}}}}"#,
    r#"{"routes": {"r": {"region": ""}}}"#,
    r#"{"routes": {"": "openai"}}"#,
    r#"{"authorities": {"h": {"gateway": "A B"}}}"#,
    r#"{"models": {"d": 4}}"#,
    r#"{"metadata": 1}"#,
    r#"{"trust_gateway_headers": "yes"}"#,
    r#"{"scrape": {"path": "metrics"}}"#,
    r#"{"scrape": {"path": "/m?x"}}"#,
    r#"{"scrape": {"port": 8000}}"#,
    r#"{"scrape": true}"#,
    r#"{"scrape": null}"#,
    r#"{"include_usage": {}}"#,
    r#"{"include_usage": {"providers": []}}"#,
    r#"{"include_usage": {"providers": ["mistral"]}}"#,
    r#"{"include_usage": {"providers": ["openai"], "hold_request_bytes": 67108865}}"#,
    r#"{"buckets": {"genops_operation_latency_seconds": []}}"#,
    r#"{"buckets": {"genops_operation_latency_seconds": [1, 1]}}"#,
    r#"{"buckets": {"genops_operation_latency_seconds": [1e9]}}"#,
    r#"{"families": {"x y": {"type": "counter", "fact": "cost"}}}"#,
    r#"{"families": {"x": {"type": "counter"}}}"#,
    r#"{"families": {"x": {"type": "counter", "fact": "price"}}}"#,
    r#"{"families": {"x": {"type": "gauge", "fact": "cost"}}}"#,
    r#"{"families": {"x": {"type": "counter", "fact": "latency"}}}"#,
    r#"{"families": {"x": {"type": "histogram", "fact": "cost"}}}"#,
    r#"{"families": {"x": {"type": "counter", "fact": "cost", "buckets": [1]}}}"#,
    r#"{"families": {"x": {"type": "histogram", "fact": "input_tokens", "buckets": [0.5]}}}"#,
    r#"{"extra_labels": {"cost-center": []}}"#,
    r#"{"http": {"routes": {"api": {}}}}"#,
    r#"{"http": {"routes": {"FETCH /api": {}}}}"#,
    r#"{"http": {"routes": {"/api?x": {}}}}"#,
    r#"{"http": {"routes": {"/api": {"agent": {"body": "provider"}}}}}"#,
    r#"{"http": {"routes": {"/api": {"provider": {"body": "model"}}}}}"#,
    r#"{"http": {"routes": {"/api": {"agent": ""}}}}"#,
    r#"{"http": {"routes": {"/api": {"probe_header": "x y"}}}}"#,
    r#"{"http": {"routes": {"/api": {"counts": ["all"]}}}}"#,
    r#"{"http": {"slo": {"a": {"target": 1, "latency_seconds": 1}}}}"#,
    r#"{"http": {"slo": {"a": {"target": 0.9}}}}"#,
    r#"{"http": {"default": []}}"#,
    r#"{"prices": {"openai": {"modles": {}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": 2.5}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "2,5"}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"inptu": "2"}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "0.0000000000000001"}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"from": "tomorrow", "rates": {"input": "1"}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"days": ["monday"], "rates": {"input": "1"}}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "1"}, "tiers": [{"rates": {"input": "2"}}]}]}}}}}"#,
    r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "1"}}], "variants": [{"when": {"tier": ["x"]}, "rates": {}}]}}}}}"#,
];

/// Refused by the filter alone, and why a schema cannot: it knows no names that other keys declare, no order, no sums.
const BEYOND: &[(&str, &str)] = &[
    (r#"{"labels": {"teem": "a"}}"#, "it may be declared by extra_labels"),
    (r#"{"labels": {"team": {"label": "project"}}}"#, "project needs sources"),
    (r#"{"include_labels": ["teem"]}"#, "it may be declared by extra_labels"),
    (r#"{"buckets": {"genops_tokens_total": [1]}}"#, "which families there are follows from schemas and namespace"),
    (r#"{"buckets": {"genops_operation_latency_seconds": [2, 1]}}"#, "bounds rise"),
    (r#"{"families": {"genops_cost_total_usd": {"type": "counter", "fact": "cost"}}}"#, "names are taken by schemas"),
    (r#"{"extra_labels": {"cost_center": ["tokens"]}}"#, "patterns must fit a family"),
    (r#"{"http": {"routes": {"/a/{x}": {}, "/a/{y}": {}}}}"#, "templates must differ in what they fit"),
    (r#"{"prices": {"openai": {"alias": {"x": "no-such-model"}}}}"#, "the book knows the models"),
    (
        r#"{"prices": {"openai": {"models": {"m": {"prices": [{"from": "2026-02-30", "rates": {"input": "1"}}]}}}}}"#,
        "months have ends",
    ),
    (r#"{"models": {"a": "b", "a": 4}} x"#, "it is no JSON"),
];

fn validator() -> Result<Validator> {
    let schema = fs::read_to_string(workspace().join(SCHEMA))?;
    let schema = serde_json::from_str(&schema)?;
    ensure!(jsonschema::meta::is_valid(&schema), "it is no JSON Schema");
    Ok(jsonschema::draft202012::new(&schema)?)
}

fn complaints(validator: &Validator, value: &Value) -> String {
    validator.iter_errors(value).map(|e| format!("{}: {e}\n", e.instance_path())).collect()
}

#[test]
fn what_the_filter_refuses_the_schema_refuses_where_it_can() -> Result<()> {
    let validator = validator()?;
    let bad = BAD.iter().chain(NO_OBJECT).map(|(json, _)| *json);
    for json in bad.chain(WRONG.iter().copied()) {
        ensure!(Config::parse(json.as_bytes()).is_err(), "the filter takes {json}");
        // What is no JSON never comes before a schema.
        let Ok(value) = serde_json::from_str(json) else { continue };
        ensure!(!validator.is_valid(&value), "the schema takes {json}");
    }
    for (json, why) in BEYOND {
        ensure!(Config::parse(json.as_bytes()).is_err(), "the filter takes {json}");
        let Ok(value) = serde_json::from_str(json) else { continue };
        ensure!(validator.is_valid(&value), "the schema refuses {json}, though {why}");
    }
    Ok(())
}

/// Every key has a row in the reference, and every row is true.
#[test]
fn the_reference_says_of_each_key_what_the_code_does() -> Result<()> {
    let (validator, schema) = (validator()?, schema().map_err(anyhow::Error::msg)?);
    let read = |json: &str| Config::parse(json.as_bytes()).with_context(|| json.to_owned());
    for section in SECTIONS {
        let node = match section.definition {
            "" => &schema,
            name => &schema["$defs"][name],
        };
        let known: BTreeSet<&str> =
            node["properties"].as_object().into_iter().flat_map(|p| p.keys().map(String::as_str)).collect();
        let said: BTreeSet<&str> = section.keys.iter().map(|key| key.name).collect();
        ensure!(known == said, "{}: rows of tests/src/reference/keys.rs: {said:?}, keys: {known:?}", section.title);
        ensure!(node["additionalProperties"] == false, "{}: other keys are taken", section.title);
        for key in section.keys {
            let property = &node["properties"][key.name];
            let description = property["description"].as_str().unwrap_or_default();
            ensure!(description.len() > 5 && !description.contains("[`"), "{}: {description:?}", key.name);
            let example = section.with(key.example);
            read(&example)?;
            let found = complaints(&validator, &serde_json::from_str(&example)?);
            ensure!(found.is_empty(), "{example}: {found}");
            if key.default.is_empty() || section.base.contains(&format!("\"{}\"", key.name)) {
                continue;
            }
            let comma = if section.base.is_empty() { "" } else { ", " };
            let without = section.with(section.base);
            let with = section.with(&format!("{}{comma}\"{}\": {}", section.base, key.name, key.default));
            ensure!(read(&with)? == read(&without)?, "{with} is not {without}");
            let found = complaints(&validator, &serde_json::from_str(&with)?);
            ensure!(found.is_empty(), "{with}: {found}");
        }
    }
    let told: BTreeSet<&str> = SECTIONS.iter().map(|section| section.definition).collect();
    let objects = schema["$defs"].as_object().context("definitions")?;
    for (name, node) in objects.iter().filter(|(_, node)| node.get("properties").is_some()) {
        ensure!(told.contains(name.as_str()) || name == "When", "{name} has no section: {node}");
    }
    Ok(())
}

/// Values of every kind, put in the place of each key's example.
const STRANGE: &[&str] = &[
    "true",
    "0",
    "-1",
    "3.5",
    "1e30",
    "\"\"",
    "\"x y\"",
    "\"a\"",
    "[]",
    "[1]",
    "[\"\"]",
    "[{}]",
    "{}",
    "{\"a\": 1}",
    "{\"a\": \"b\"}",
    "{\"\": {}}",
    "{\"a b\": []}",
];

/// Where the two differ: section, key, value (empty: any). What other keys declare no schema knows (labels, calendars, models
/// of the book); and serde reads a list as the keys of an object in their order, which nobody means.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("Top level", "labels", "{\"a\": \"b\"}"),
    ("Top level", "label_limits", "{\"a\": 1}"),
    ("Label source", "label", "\"a\""),
    ("Label source", "constant", "\"a\""),
    ("Prices of a provider", "alias", "{\"a\": \"b\"}"),
    ("Price entry", "except", ""),
    ("Price entry", "rates", "{}"),
    ("Top level", "prices", "{\"a b\": []}"),
    ("Price extension", "with", "[]"),
];

/// Whatever stands at a key: both take it, or none.
#[test]
fn schema_and_filter_agree_on_strange_values() -> Result<()> {
    let validator = validator()?;
    let mut differ = Vec::new();
    for section in SECTIONS {
        for key in section.keys {
            for value in STRANGE {
                let mut object: Value = serde_json::from_str(&format!("{{{}}}", key.example))?;
                object[key.name] = serde_json::from_str(value)?;
                let text = object.to_string();
                let keys = text.trim_start_matches('{');
                let json = section.with(keys.strip_suffix('}').unwrap_or(keys));
                let taken = Config::parse(json.as_bytes());
                let valid = validator.is_valid(&serde_json::from_str(&json)?);
                let known = DIFFERENT
                    .iter()
                    .any(|(s, k, v)| *s == section.title && *k == key.name && (v.is_empty() || v == value));
                if taken.is_ok() != valid && !known {
                    let why = taken.err().map_or("taken".to_owned(), |error| error.to_string());
                    differ.push(format!("{}: {} {value}: schema {valid}, filter: {why:.150}", section.title, key.name));
                }
            }
        }
    }
    ensure!(differ.is_empty(), "{}", differ.join("\n"));
    Ok(())
}

fn files(below: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, extensions, found)?;
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)) {
            found.push(path);
        }
    }
    Ok(())
}

/// Configurations inside a resource, as text (`configuration`) and as objects (`pluginConfig`, `config` of a policy).
fn inside(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("pluginConfig", Value::Object(_)) => found.push(value.clone()),
                    ("config", Value::Object(config))
                        if config.contains_key("schemas") || config.contains_key("labels") =>
                    {
                        found.push(value.clone());
                    }
                    ("configuration", Value::Object(text)) => {
                        let text = text.get("value").and_then(Value::as_str).and_then(|t| serde_json::from_str(t).ok());
                        found.extend(text);
                    }
                    _ => inside(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| inside(value, found)),
        Value::String(text) if text.trim_start().starts_with('{') => {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                inside(&value, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_shipped_configuration_is_valid() -> Result<()> {
    let (root, validator) = (workspace(), validator()?);
    let mut shipped = vec![(
        root.join("envoy/genops.json"),
        serde_json::from_str(&fs::read_to_string(root.join("envoy/genops.json"))?)?,
    )];
    let mut paths = Vec::new();
    files(&root.join("envoy"), &["yaml", "yml"], &mut paths)?;
    // A chart's templates are no YAML until Helm has rendered them; what they put in are the files beside.
    for path in paths.iter().filter(|path| !path.components().any(|part| part.as_os_str() == "templates")) {
        let text = fs::read_to_string(path)?;
        for part in text.split("\n---\n").filter(|part| part.contains("onfig")) {
            let mut found = Vec::new();
            inside(&yaml(part).with_context(|| path.display().to_string())?, &mut found);
            shipped.extend(found.into_iter().map(|value| (path.clone(), value)));
        }
    }
    let mut examples = Vec::new();
    files(&root.join("examples"), &["json"], &mut examples)?;
    for path in examples.iter().filter(|path| path.ends_with("config.json")) {
        shipped.push((path.clone(), serde_json::from_str(&fs::read_to_string(path)?)?));
    }
    for (path, value) in &shipped {
        let found = complaints(&validator, value);
        ensure!(found.is_empty(), "{}: {found}", path.display());
        Config::parse(value.to_string().as_bytes()).with_context(|| path.display().to_string())?;
    }
    let of = |part: &str| shipped.iter().filter(|(path, _)| path.to_string_lossy().contains(part)).count();
    // envoy.yaml has two: the filter's, and its scrape's.
    ensure!(of("envoy/envoy.yaml") == 2 && of("envoy/istio") >= 5 && of("envoy/gateway") >= 2, "{:?}", shipped.len());
    Ok(())
}

/// Snippets of Markdown that are configurations, or some of its keys.
#[test]
fn snippets_of_the_documents_are_valid() -> Result<()> {
    let (root, validator, schema) = (workspace(), validator()?, schema().map_err(anyhow::Error::msg)?);
    let mut paths = vec![root.join("README.md"), root.join("filter/prices/README.md")];
    files(&root.join("envoy"), &["md"], &mut paths)?;
    let mut snippets = 0;
    for path in &paths {
        let text = fs::read_to_string(path)?;
        for block in text.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            let json = if block.trim_start().starts_with('{') { block.to_owned() } else { format!("{{{block}}}") };
            let value: Value = serde_json::from_str(&json).with_context(|| format!("{}: {block}", path.display()))?;
            let keys = value.as_object().context("an object")?;
            // The price book's own snippet has a model's name on top.
            if keys.keys().any(|key| schema["properties"].get(key).is_none()) {
                ensure!(path.ends_with("filter/prices/README.md"), "{}: no such key: {block}", path.display());
                continue;
            }
            snippets += 1;
            let found = complaints(&validator, &value);
            ensure!(found.is_empty(), "{}: {block}: {found}", path.display());
            Config::parse(json.as_bytes()).with_context(|| format!("{}: {block}", path.display()))?;
        }
    }
    ensure!(snippets >= 6, "only {snippets} snippets were found");
    Ok(())
}
