//! The references for users: every key of the configuration, every metric of every schema, and the JSON Schema that editors
//! read. All of it follows from genops-core; what its types cannot say of a key stands in [`keys`].

mod configuration;
pub mod keys;
mod metrics;

use genops_core::Config;
use serde_json::{Value, json};

use crate::generated::Generated;
use keys::{Key, SECTIONS, Section};

/// Where the JSON Schema stands.
pub const SCHEMA: &str = "envoy/genops.schema.json";

/// The files.
///
/// # Errors
/// A row of [`keys`] names no key of the configuration, or is no JSON.
pub fn files() -> Result<Vec<Generated>, String> {
    let schema = schema()?;
    let text = serde_json::to_string_pretty(&schema).map_err(|e| e.to_string())?;
    Ok(vec![
        (SCHEMA.into(), text + "\n"),
        ("envoy/docs/configuration.md".into(), configuration::page(&schema)?),
        ("envoy/docs/metrics.md".into(), metrics::page()),
    ])
}

/// The JSON Schema, with what [`keys`] says beyond the types.
///
/// # Errors
/// As [`files`].
pub fn schema() -> Result<Value, String> {
    let mut schema = Config::json_schema();
    for section in SECTIONS {
        for key in section.keys {
            let place = section.pointer(key);
            let property = schema.pointer_mut(&place).and_then(Value::as_object_mut);
            let property = property.ok_or_else(|| format!("the configuration has no {place}"))?;
            let written = parse(&format!("{{{}}}", key.example))?;
            property.insert("examples".to_owned(), json!([written[key.name]]));
            property.insert("x-costs".to_owned(), key.costs.into());
            if !key.default.is_empty() {
                property.insert("default".to_owned(), parse(key.default)?);
            }
        }
    }
    Ok(schema)
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{text}: {e}"))
}

impl Section {
    /// Where the key stands in the schema.
    fn pointer(&self, key: &Key) -> String {
        match self.definition {
            "" => format!("/properties/{}", key.name),
            definition => format!("/$defs/{definition}/properties/{}", key.name),
        }
    }

    /// A configuration with these keys in this object.
    pub fn with(&self, keys: &str) -> String {
        self.place.replace('@', keys)
    }

    /// As a link of the reference names it.
    fn anchor(&self) -> String {
        self.title.to_lowercase().replace(' ', "-")
    }
}
