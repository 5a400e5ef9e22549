//! The reference of the configuration's keys.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::keys::{Key, SECTIONS, Section};

const HEAD: &str = "\
<!-- Written by `cargo xtask generate` from filter/core/src/config and tests/src/reference/keys.rs. -->
# Configuration reference

The filter's configuration is one JSON object: `configuration` of Envoy's wasm filter, `pluginConfig` of Istio's WasmPlugin,
`config` of Envoy Gateway's EnvoyExtensionPolicy, `--config` of `genops-host`. Every key is optional; nothing at all is a
configuration, too. It is strict: an unknown key, a value of another type or out of its range is refused with a line that names
the JSON path, what was found and what is allowed, and Envoy keeps the last good configuration. What the keys are for, and how
they play together, is told in the [guide](guide.md).

## In an editor
[`genops.schema.json`](../genops.schema.json) is the JSON Schema (2020-12) of what stands here: editors complete keys, show
their meaning and mark mistakes. Name it in the file, as `\"$schema\"`, which the filter does not read:

```json
{\"$schema\": \"./genops.schema.json\", \"schemas\": [\"genops\"]}
```

or tell the editor once, in VS Code: `\"json.schemas\": [{\"fileMatch\": [\"genops*.json\"], \"url\":
\"./envoy/genops.schema.json\"}]`. A schema cannot see everything that the filter checks: names that other keys declare (labels
of your own, histograms of a schema), bounds that do not rise, a price that is missing. What is wrong is said by
`genops-host replay --config FILE`, in the words in which Envoy's log would have it. `null` is taken for a key that is left
out; the schema marks it all the same.

Costs are what a key adds for an exchange; figures were measured on Envoy 1.40.
";

/// The page.
///
/// # Errors
/// A key is not in the schema.
pub(super) fn page(schema: &Value) -> Result<String, String> {
    let mut page = HEAD.to_owned();
    for section in SECTIONS {
        let node = match section.definition {
            "" => schema,
            name => &schema["$defs"][name],
        };
        let _ = writeln!(page, "\n## {}", section.title);
        if !section.definition.is_empty() {
            let _ = writeln!(page, "{}\n", text(node, "description"));
        }
        let required: Vec<&str> = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let common = common(section);
        if section.keys.len() > 1 && !section.definition.is_empty() {
            let _ = writeln!(page, "Costs, where none are said: {common}.\n");
        }
        for key in section.keys {
            let property = node["properties"].get(key.name).ok_or_else(|| format!("no key {}", key.name))?;
            let costs =
                (section.definition.is_empty() || key.costs != common || section.keys.len() == 1).then_some(key.costs);
            page.push_str(&entry(
                schema,
                key,
                property,
                required.contains(&key.name),
                section.definition.is_empty(),
                costs,
            ));
        }
    }
    Ok(page)
}

fn text<'v>(node: &'v Value, name: &str) -> &'v str {
    node[name].as_str().unwrap_or_default()
}

/// What most keys of a section cost.
fn common(section: &Section) -> &'static str {
    let count = |costs: &str| section.keys.iter().filter(|key| key.costs == costs).count();
    section.keys.iter().map(|key| key.costs).max_by_key(|costs| count(costs)).unwrap_or_default()
}

fn entry(schema: &Value, key: &Key, property: &Value, required: bool, top: bool, costs: Option<&str>) -> String {
    let description = text(property, "description").replace('\n', " ");
    let default = match (required, key.default) {
        (true, _) => "required".to_owned(),
        (false, "") => "unset".to_owned(),
        (false, default) => format!("`{default}`"),
    };
    let (allowed, name, example) = (allowed(schema, property), key.name, key.example);
    if top {
        let costs = costs.unwrap_or_default();
        format!(
            "\n### `{name}`\n{description}\n\n- Allowed: {allowed}\n- Default: {default}\n- Example: `{example}`\n- Costs: {costs}\n"
        )
    } else {
        let costs = costs.map(|costs| format!(" Costs: {costs}.")).unwrap_or_default();
        format!(
            "- **`{name}`**: {description}\n  Allowed: {allowed}. Default: {default}. Example: `{example}`.{costs}\n"
        )
    }
}

/// Type and allowed values in words.
fn allowed(schema: &Value, node: &Value) -> String {
    let Some(object) = node.as_object() else { return "anything".to_owned() };
    if let Some(words) = object.get("$comment").and_then(Value::as_str) {
        return words.to_owned();
    }
    if let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) {
        return definition(schema, name);
    }
    if let Some(values) = object.get("enum").and_then(Value::as_array) {
        return list_of(values);
    }
    if let Some(value) = object.get("const") {
        return format!("`{value}`");
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(forms) = object.get(several).and_then(Value::as_array)
            && forms.iter().all(|form| form.get("required").is_none() || form.get("properties").is_some())
        {
            return forms.iter().map(|form| allowed(schema, form)).collect::<Vec<_>>().join("; or ");
        }
    }
    match object.get("type").and_then(Value::as_str) {
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("string") => string(object),
        Some(number @ ("integer" | "number")) => figure(number, object),
        Some("array") => {
            let items = allowed(schema, &node["items"]);
            let least = match node["minItems"].as_u64() {
                Some(1) => ", at least one",
                Some(2) => ", at least two",
                _ => "",
            };
            let most = node["maxItems"].as_u64().map(|most| format!(", at most {most}")).unwrap_or_default();
            format!("a list of: {items}{least}{most}")
        }
        Some("object") => match object.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("an object, by name: {}", allowed(schema, values)),
            _ => "an object".to_owned(),
        },
        _ => "anything".to_owned(),
    }
}

/// What another section tells of is linked; what none does is written out.
fn definition(schema: &Value, name: &str) -> String {
    let node = &schema["$defs"][name];
    let mut values: Vec<Value> = node["enum"].as_array().cloned().unwrap_or_default();
    for form in node["oneOf"].as_array().into_iter().flatten() {
        values.extend(form["enum"].as_array().cloned().unwrap_or_default());
        values.extend(form.get("const").cloned());
    }
    match SECTIONS.iter().find(|section| section.definition == name) {
        Some(section) => format!("[{}](#{})", section.title.to_lowercase(), section.anchor()),
        None => match name {
            "PeerPart" => "`id`, `trust_domain`, `namespace`, `service_account`, or `{\"segment\": NAME}`".to_owned(),
            "When" => "conditions: keys `service_tier`, `speed`, `geo`, `processing`, `route`, `search_type`, \
                       `search_context`, `region`, `size`, `quality`, each with a list of values"
                .to_owned(),
            _ => list_of(&values),
        },
    }
}

fn list_of(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(|v| v.as_str().map_or(v.to_string(), ToOwned::to_owned)).collect();
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

fn string(object: &Map<String, Value>) -> String {
    if let Some(pattern) = object.get("pattern").and_then(Value::as_str) {
        return format!("text like `{pattern}`");
    }
    let length = |name: &str| object.get(name).and_then(Value::as_u64);
    match (length("minLength"), length("maxLength")) {
        (least, Some(most)) => format!("text of {} to {most} characters", least.unwrap_or(0)),
        (Some(_), None) => "text that is not empty".to_owned(),
        (None, None) => "text".to_owned(),
    }
}

fn figure(kind: &str, object: &Map<String, Value>) -> String {
    let kind = if kind == "integer" { "a whole number" } else { "a number" };
    let bound = |name: &str| object.get(name).map(ToString::to_string);
    match (bound("minimum"), bound("maximum"), bound("exclusiveMaximum")) {
        (Some(least), Some(most), _) => format!("{kind} from {least} to {most}"),
        (Some(least), None, Some(below)) => format!("{kind} from {least} to below {below}"),
        (Some(least), None, None) => format!("{kind} of {least} or more"),
        _ => kind.to_owned(),
    }
}
