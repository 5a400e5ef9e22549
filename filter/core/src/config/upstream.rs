//! What a configuration says of the upstreams behind routes, clusters, authorities and paths.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::ConfigError;
use crate::detect::{Api, MODEL_LIMIT, matches};
use crate::label::MAX_LABEL_BYTES;

/// What is said of one upstream. Every key is optional; of several rules that fit, each key comes from the first that has
/// it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Whose price list bills.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "super::json_schema::id"))]
    pub provider: Option<String>,
    /// How bodies are shaped where the path does not tell; `other` is no LLM traffic whatever the path says.
    pub api: Option<ApiName>,
    /// The gateway that the upstream is.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "super::json_schema::id"))]
    pub gateway: Option<String>,
    /// Where it serves, as its price list writes it (`eu`, `us-east-1`).
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1, max = MAX_LABEL_BYTES)))]
    pub region: Option<String>,
    /// How it is paid.
    pub billing: Option<Billing>,
    /// The model that serves, whatever name is seen.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1, max = MODEL_LIMIT)))]
    pub model: Option<String>,
    /// Models by the name that is seen: a deployment, an ARN, an endpoint. Before the top level's.
    #[serde(deserialize_with = "super::object::object")]
    pub models: Models,
}

/// An API by its name in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiName(pub Api);

impl ApiName {
    /// The calling API of this name, or `other`. Several APIs share a name with the lookup of their results.
    pub fn parse(name: &str) -> Option<Self> {
        let named = |api: &&Api| api.as_str() == name && (api.generates() || **api == Api::Other);
        Api::ALL.iter().find(named).map(|api| Self(*api))
    }
}

impl<'de> Deserialize<'de> for ApiName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            let mut known: Vec<&str> = Api::ALL.iter().filter(|api| api.generates()).map(|api| api.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            de::Error::custom(format!("found {name:?}, allowed is an API: other, {}", known.join(", ")))
        })
    }
}

/// How an upstream is paid.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// By the price list.
    Usage,
    /// By capacity bought beforehand: one exchange more costs nothing. What spills over is billed by the list.
    Provisioned,
}

impl Billing {
    /// By its name in configurations.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "usage" => Some(Self::Usage),
            "provisioned" => Some(Self::Provisioned),
            _ => None,
        }
    }
}

/// Models by the names that are seen for them; letter case does not count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(inline, transform = super::json_schema::models))]
#[serde(transparent)]
pub struct Models(BTreeMap<String, String>);

impl Models {
    /// The model that `name` stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        if self.0.is_empty() || name.len() > MODEL_LIMIT {
            return None;
        }
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    pub(super) fn check(&mut self, path: &str) -> Result<(), ConfigError> {
        for (name, model) in std::mem::take(&mut self.0) {
            let fits = |text: &str| !text.is_empty() && text.len() <= MODEL_LIMIT;
            if !fits(&name) || !fits(&model) {
                let allowed = format!("names of 1 to {MODEL_LIMIT} bytes");
                return Err(ConfigError::new(format!("{path}.{name}"), format!("{model:?}"), allowed));
            }
            self.0.insert(name.to_ascii_lowercase(), model);
        }
        Ok(())
    }
}

/// Rules by name: of a route, a cluster, an authority; or by the beginning of a path.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(inline))]
#[serde(transparent)]
pub struct Rules(BTreeMap<String, Rule>);

/// A provider id as plain text, or an [`Upstream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule(Rc<Upstream>);

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Upstream;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a provider id, or an object such as {"provider": "azure-openai", "api": "responses"}"#)
            }
            fn visit_str<E: de::Error>(self, id: &str) -> Result<Upstream, E> {
                Ok(Upstream { provider: Some(id.to_owned()), ..Upstream::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstream, A::Error> {
                Upstream::deserialize(de::value::MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Forms).map(|upstream| Self(Rc::new(upstream)))
    }
}

impl Rules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule of exactly this name, else the longest pattern that fits it (`*` stands for one or more characters).
    pub fn named(&self, name: &str) -> Option<Rc<Upstream>> {
        let pattern = || {
            let fitting = self.0.iter().filter(|(pattern, _)| pattern.contains('*') && matches(pattern, name));
            fitting.max_by_key(|(pattern, _)| pattern.len()).map(|(_, rule)| rule)
        };
        self.0.get(name).or_else(pattern).map(|rule| Rc::clone(&rule.0))
    }

    /// The rule with the longest name that `path` begins with.
    pub fn beginning(&self, path: &str) -> Option<Rc<Upstream>> {
        let fitting = self.0.iter().filter(|(prefix, _)| path.starts_with(prefix.as_str()));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, rule)| Rc::clone(&rule.0))
    }

    /// Checks and folds names as `fold` does, which says what is allowed where it refuses one.
    pub(super) fn check(
        &mut self,
        place: &str,
        fold: impl Fn(&str) -> Result<String, &'static str>,
    ) -> Result<(), ConfigError> {
        for (name, mut rule) in std::mem::take(&mut self.0) {
            let path = format!("{place}.{name}");
            let folded = fold(&name).map_err(|allowed| ConfigError::new(&path, format!("{name:?}"), allowed))?;
            Rc::make_mut(&mut rule.0).check(&path)?;
            self.0.insert(folded, rule);
        }
        Ok(())
    }
}

impl Upstream {
    fn check(&mut self, path: &str) -> Result<(), ConfigError> {
        for (key, id) in [("provider", &self.provider), ("gateway", &self.gateway)] {
            if let Some(id) = id {
                check_id(&format!("{path}.{key}"), id)?;
            }
        }
        for (key, text, limit) in [("region", &self.region, MAX_LABEL_BYTES), ("model", &self.model, MODEL_LIMIT)] {
            if let Some(text) = text.as_ref().filter(|t| t.is_empty() || t.len() > limit) {
                let allowed = format!("a text of 1 to {limit} bytes");
                return Err(ConfigError::new(format!("{path}.{key}"), format!("{text:?}"), allowed));
            }
        }
        self.models.check(&format!("{path}.models"))
    }
}

/// Refuses what is no id of a provider or gateway.
pub(super) fn check_id(path: &str, id: &str) -> Result<(), ConfigError> {
    if is_id(id) {
        return Ok(());
    }
    let allowed = "a provider id of a-z, 0-9 and -, such as `openai` or `aws-bedrock`";
    Err(ConfigError::new(path, format!("{id:?}"), allowed))
}

/// Whether a text may be an id of a provider or gateway.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_LABEL_BYTES
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
