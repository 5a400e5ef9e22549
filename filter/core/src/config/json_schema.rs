//! The JSON Schema of the configuration, for editors and references: what serde's attributes say by themselves, and here
//! what the checks beyond them say. A schema is no judge of names that other keys declare (labels of the user's own,
//! histograms of a schema) nor of order; the filter is.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::families::{Bounds, LEAST_BOUND, MAX_BOUNDS, MOST_BOUND};
use super::http::{MAX_ROUTES, Source};
use super::scrape::PATH_MAX;
use super::source::{MAX_PATH, Path, Sources, Written};
use super::upstream::Rule;
use super::{ApiName, Config, Editor, Labels, SamplingRate, SchemaName, Upstream};
use crate::detect::{Api, MODEL_LIMIT};
use crate::http::METHODS;
use crate::inject::not_asked_providers;
use crate::label::{Attribution, MAX_LABEL_BYTES};
use crate::schema::{Fact, Label, MAX_EXTRA_LABELS, MAX_NAME_BYTES, SCHEMAS, Unit};

impl Config {
    /// The JSON Schema (2020-12) of configurations.
    pub fn json_schema() -> Value {
        let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Self>().to_value();
        never_null(&mut schema);
        schema
    }
}

/// Serde takes `null` for a key that is left out. A person means something else by it, so the schema does not; where it
/// has a meaning (a model that is taken away) it is no property.
fn never_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
                properties.values_mut().filter_map(Value::as_object_mut).for_each(required);
            }
            object.values_mut().for_each(never_null);
        }
        Value::Array(list) => list.iter_mut().for_each(never_null),
        _ => {}
    }
}

fn required(property: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            property.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(forms)) = property.get_mut("anyOf") {
        forms.retain(|form| form != &json!({"type": "null"}));
        if let [Value::Object(one)] = forms.as_mut_slice() {
            let one = std::mem::take(one);
            property.remove("anyOf");
            for (key, value) in one {
                property.entry(key).or_insert(value);
            }
        }
    }
    if property.get("default") == Some(&Value::Null) {
        property.remove("default");
    }
}

macro_rules! inline {
    ($($type:ident: $generator:ident => $schema:expr;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

inline! {
    Editor: _g => json_schema!({"type": "string"});
    SchemaName: _g => {
        let names: Vec<&str> = SCHEMAS.iter().map(|schema| schema.name).collect();
        json_schema!({"type": "string", "enum": names})
    };
    Bounds: _g => json_schema!({
        "type": "array", "minItems": 1, "maxItems": MAX_BOUNDS, "uniqueItems": true,
        "items": {"type": "number", "minimum": LEAST_BOUND, "maximum": MOST_BOUND},
    });
    SamplingRate: _g => json_schema!({"type": "number", "minimum": 0, "maximum": 1});
    ApiName: _g => {
        let mut names: Vec<&str> = Api::ALL.iter().filter(|api| api.generates()).map(|api| api.as_str()).collect();
        names.push(Api::Other.as_str());
        names.sort_unstable();
        names.dedup();
        json_schema!({"type": "string", "enum": names})
    };
    Rule: generator => {
        let forms = [id(generator), generator.subschema_for::<Upstream>()];
        json_schema!({"anyOf": forms})
    };
    Path: _g => json_schema!({"anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": MAX_PATH},
    ]});
    Source: generator => name_from(generator, &[]);
    Sources: generator => sources(generator, json!({"minLength": 1, "maxLength": MAX_LABEL_BYTES}));
    Labels: generator => {
        let built_in: Map<String, Value> = Attribution::LABELS
            .into_iter()
            .map(|label| (label.name().to_owned(), sources(generator, of_label(label)).into()))
            .collect();
        let own = generator.subschema_for::<Sources>();
        json_schema!({
            "type": "object", "properties": built_in, "propertyNames": name(), "additionalProperties": own,
        })
    };
}

/// A constant, one source or a list of them. `constant` says which texts are values of the label.
fn sources(generator: &mut SchemaGenerator, mut constant: Value) -> Schema {
    let source = generator.subschema_for::<Written>();
    if let Some(text) = constant.as_object_mut() {
        text.insert("type".to_owned(), "string".into());
    }
    json_schema!({"anyOf": [constant, source, {"type": "array", "items": source}]})
}

/// `label::validate` as far as a pattern says it: white space around a value does not count.
fn of_label(label: Label) -> Value {
    match label {
        Label::Team => json!({"pattern": r"^\s*[A-Za-z0-9]+(-[A-Za-z0-9]+)*\s*$", "maxLength": MAX_LABEL_BYTES}),
        Label::CustomerId => {
            json!({"pattern": r"^\s*[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?\s*$", "maxLength": MAX_LABEL_BYTES})
        }
        Label::Feature => json!({"minLength": 2, "maxLength": MAX_LABEL_BYTES}),
        _ => json!({"pattern": r"\S", "maxLength": MAX_LABEL_BYTES}),
    }
}

/// [`is_name`](crate::schema::is_name).
pub(super) const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
const _: () = assert!(MAX_NAME_BYTES == 64, "the pattern says so");

/// The name of a metric or a label.
pub(super) fn name() -> Value {
    json!({"pattern": NAME})
}

/// An id of a provider or gateway. `$comment` here and below: the pattern in words, for the reference.
pub(super) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "pattern": format!("^[a-z0-9-]{{1,{MAX_LABEL_BYTES}}}$"),
        "$comment": "an id of a-z, 0-9 and -, such as `openai`",
    })
}

/// The name of a header, or a key of baggage (RFC 9110 5.6.2).
pub(super) fn token(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "$comment": "a name without spaces"})
}

/// Names of headers, or beginnings with `*`.
pub(super) fn header_patterns(schema: &mut Schema) {
    schema.insert(
        "items".to_owned(),
        json!({
            "type": "string", "pattern": "^[!#$%&'+.^_`|~0-9A-Za-z-]+\\*?$",
            "$comment": "a header's name, or the beginning of some and `*`",
        }),
    );
}

/// What takes the place of `genops`.
pub(super) fn namespace(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "pattern": format!("^[A-Za-z]([A-Za-z0-9_]{{0,{}}}[A-Za-z0-9])?$", MAX_NAME_BYTES - 2),
        "$comment": "a-z, A-Z, 0-9 and _, a letter first and no _ at the end",
    })
}

/// Where scrapes are answered.
pub(super) fn scrape_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "pattern": r#"^/[!"$->@-~]*$"#, "maxLength": PATH_MAX,
        "$comment": "a path from its `/` on, without a query",
    })
}

/// Models by other names.
pub(super) fn models(schema: &mut Schema) {
    let name = json!({"type": "string", "minLength": 1, "maxLength": MODEL_LIMIT});
    schema.insert("propertyNames".to_owned(), name.clone());
    schema.insert("additionalProperties".to_owned(), name);
}

/// Labels of the user's own.
pub(super) fn extra_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "propertyNames": name(), "maxProperties": MAX_EXTRA_LABELS,
        "additionalProperties": {"type": "array", "items": {"type": "string", "minLength": 1}},
    })
}

/// Most values by label.
pub(super) fn limits(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "propertyNames": name(),
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    })
}

/// What can feed a family of the user's own.
pub(super) fn fact(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Fact::NAMED.iter().map(|(name, _)| *name).collect();
    json_schema!({"type": "string", "enum": names})
}

/// A histogram has bounds, a counter none; times are histograms; what counts has whole bounds.
pub(super) fn user_family(schema: &mut Schema) {
    let facts = |unit: Unit| -> Vec<&str> {
        Fact::NAMED.iter().filter(|(_, fact)| fact.unit() == unit).map(|(name, _)| *name).collect()
    };
    let rules = json!([
        {
            "if": {"properties": {"type": {"const": "histogram"}}},
            "then": {"required": ["buckets"]},
            "else": {"properties": {"buckets": false, "fact": {"not": {"enum": facts(Unit::Seconds)}}}},
        },
        {
            "if": {"properties": {"fact": {"enum": facts(Unit::Count)}}},
            "then": {"properties": {"buckets": {"items": {"type": "integer"}}}},
        },
    ]);
    schema.insert("allOf".to_owned(), rules);
}

/// A namespace and keys.
pub(super) fn below_namespace(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 2, "maxItems": MAX_PATH,
    })
}

/// A source has exactly one origin.
pub(super) fn one_origin(schema: &mut Schema) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let origins = properties.into_iter().flat_map(Map::keys).filter(|key| *key != "trust");
    let one: Vec<Value> = origins.map(|key| json!({"required": [key]})).collect();
    schema.insert("oneOf".to_owned(), one.into());
}

fn name_from(generator: &mut SchemaGenerator, more: &[Value]) -> Schema {
    let header = json!({
        "type": "object", "required": ["header"], "additionalProperties": false,
        "properties": {"header": token(generator)}, "$comment": "`{\"header\": NAME}`",
    });
    let text = json!({"type": "string", "pattern": r"\S", "maxLength": MAX_LABEL_BYTES, "$comment": "a text"});
    let mut forms = vec![text, header];
    forms.extend(more.iter().cloned());
    json_schema!({"anyOf": forms})
}

/// A name of the route map that may stand in the request's body, too.
pub(super) fn name_from_anywhere(generator: &mut SchemaGenerator) -> Schema {
    let body = json!({
        "type": "object", "required": ["body"], "additionalProperties": false, "properties": {"body": {"const": "provider"}},
        "$comment": "`{\"body\": \"provider\"}`",
    });
    name_from(generator, &[body])
}

/// Routes by method and template.
pub(super) fn http_routes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": MAX_ROUTES,
        "propertyNames": {"pattern": format!("^(({}) )?/[^?# ]*$", METHODS.join("|"))},
        "additionalProperties": generator.subschema_for::<super::HttpRoute>(),
    })
}

/// A part of all requests.
pub(super) fn share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "number", "minimum": 1e-9, "exclusiveMaximum": 1})
}

/// A time.
pub(super) fn seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "number", "minimum": 1e-9, "maximum": 1e6})
}

/// Providers that take the question.
pub(super) fn asked_providers(_: &mut SchemaGenerator) -> Schema {
    let refused: Vec<&str> = not_asked_providers().collect();
    json_schema!({"type": "array", "items": {"type": "string", "not": {"enum": refused}}})
}

/// Nobody to ask is a mistake.
pub(super) fn somebody_to_ask(schema: &mut Schema) {
    let some = |key: &str| json!({"required": [key], "properties": {key: {"minItems": 1}}});
    schema.insert("anyOf".to_owned(), json!([some("providers"), some("authorities")]));
}
