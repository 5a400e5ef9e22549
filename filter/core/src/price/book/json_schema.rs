//! The JSON Schema of what this format writes as text.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{
    Date, Dimension, FACTOR_DECIMALS, Factor, GEO_PREFIXES, Key, MAX_NAME_BYTES, QUANTITY_DECIMALS, Quantity,
    RATE_DECIMALS, Rate, Tier, UniqueMap, Weekdays, When, Window,
};

impl<V: JsonSchema> JsonSchema for UniqueMap<V> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", V::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<V>()})
    }
}

macro_rules! text {
    ($($type:ident: $pattern:expr, $words:expr;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "$comment": $words})
            }
        }
    )*};
}

text! {
    Rate: decimal(RATE_DECIMALS), "decimal text, such as `\"2.5\"`";
    Factor: decimal(FACTOR_DECIMALS), "decimal text, such as `\"1.1\"`";
    Quantity: decimal(QUANTITY_DECIMALS), "decimal text, such as `\"10\"`";
    Date: "^(19[7-9][0-9]|20[0-9]{2}|21[0-4][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", "a UTC day, `YYYY-MM-DD`";
    Window: "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", "UTC hours, `HH:MM-HH:MM`";
}

fn decimal(decimals: usize) -> String {
    format!("^[0-9]+(\\.[0-9]{{1,{decimals}}})?$")
}

impl JsonSchema for Weekdays {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Weekdays".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let days: Vec<String> = Self::default().into();
        json_schema!({"type": "array", "items": {"enum": days}, "minItems": 1, "uniqueItems": true})
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let values = json_schema!({"type": "array", "items": {"type": "string"}});
        let keys: serde_json::Map<_, _> =
            Key::ALL.into_iter().map(|key| (key.as_str().to_owned(), values.clone().into())).collect();
        json_schema!({
            "type": "object", "properties": keys, "additionalProperties": false, "minProperties": 1,
            "description": "Conditions that must all hold: a key and the values of which one was told. `us-gov-*` is \
                            all that begins so, `*` all but the plain values.",
        })
    }
}

impl JsonSchema for Tier {
    fn schema_name() -> Cow<'static, str> {
        "Tier".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut rates = figures(generator);
        rates.insert("description".to_owned(), "Only of dimensions that have a rate outside the tier too.".into());
        json_schema!({
            "type": "object", "description": "Rates of a request with a long context.",
            "properties": {
                "over": {
                    "type": "integer", "minimum": 0, "maximum": u64::MAX,
                    "description": "Holds when all input tokens, cached ones too, are more than this.",
                },
                "at_least": {
                    "type": "integer", "minimum": 1, "maximum": u64::MAX, "description": "The same with the limit included.",
                },
                "rates": rates,
            },
            "required": ["rates"], "additionalProperties": false,
            "oneOf": [{"required": ["over"]}, {"required": ["at_least"]}],
        })
    }
}

/// By dimension.
fn by_dimension<V: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let dimensions = Dimension::ALL.map(Dimension::as_str);
    json_schema!({
        "type": "object", "propertyNames": {"enum": &dimensions[..]},
        "additionalProperties": generator.subschema_for::<V>(),
    })
}

/// US dollars by dimension.
pub(super) fn figures(generator: &mut SchemaGenerator) -> Schema {
    by_dimension::<Rate>(generator)
}

/// The same, where there must be one.
pub(super) fn some_figures(generator: &mut SchemaGenerator) -> Schema {
    let mut figures = figures(generator);
    figures.insert("minProperties".to_owned(), 1.into());
    figures
}

/// A model's name (`check::MAX_NAME_BYTES`).
pub(super) const MODEL: &str = r"^\S{1,200}$";
const _: () = assert!(MAX_NAME_BYTES == 200, "the pattern says so");

/// The same, of names of properties.
pub(super) fn model() -> Value {
    json!({"pattern": MODEL})
}

/// Names by names.
pub(super) fn aliases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "propertyNames": model(), "additionalProperties": {"type": "string", "pattern": MODEL},
    })
}

/// Region prefixes.
pub(super) fn geo(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "enum": GEO_PREFIXES}})
}

/// Quantities by dimension.
pub(super) fn quantities(generator: &mut SchemaGenerator) -> Schema {
    by_dimension::<Quantity>(generator)
}
