//! Where attribution labels come from.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::ConfigError;
use crate::head::Head;
use crate::label::{Attribution, attribution};
use crate::schema::Label;

/// One source of a label's value.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// A request header (lower-cased). Any client can send one: list it only where clients are trusted.
    Header(String),
    /// A fixed value.
    Constant(String),
}

/// Sources per attribution label, in the order in which they are asked.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Labels {
    team: Sources,
    project: Sources,
    customer_id: Sources,
    environment: Sources,
    feature: Sources,
}

/// A constant as plain text, one source, or a list of sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sources(Vec<LabelSource>);

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Vec<LabelSource>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a constant text, a source such as {"header": "x-genops-team"}, or a list of sources"#)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(vec![LabelSource::Constant(text.to_owned())])
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                LabelSource::deserialize(de::value::MapAccessDeserializer::new(map)).map(|s| vec![s])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))
            }
        }
        deserializer.deserialize_any(Forms).map(Self)
    }
}

/// Only an object: a derived struct would take a list of its fields, too.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(de::value::MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_map(Object(PhantomData))
}

/// An object that may be left out.
pub(super) fn some_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    object(d).map(Some)
}

impl Labels {
    /// The sources of one label, in order.
    pub fn sources(&self, label: Label) -> &[LabelSource] {
        match label {
            Label::Team => &self.team.0,
            Label::Project => &self.project.0,
            Label::CustomerId => &self.customer_id.0,
            Label::Environment => &self.environment.0,
            Label::Feature => &self.feature.0,
            _ => &[],
        }
    }

    fn sources_mut(&mut self) -> [(Label, &mut Vec<LabelSource>); 5] {
        [
            (Label::Team, &mut self.team.0),
            (Label::Project, &mut self.project.0),
            (Label::CustomerId, &mut self.customer_id.0),
            (Label::Environment, &mut self.environment.0),
            (Label::Feature, &mut self.feature.0),
        ]
    }

    /// Constants must be values that the label takes, header names must be header names.
    pub(super) fn check(&mut self) -> Result<(), ConfigError> {
        for (label, sources) in self.sources_mut() {
            for (at, source) in sources.iter_mut().enumerate() {
                let path = format!("labels.{}[{at}]", label.name());
                match source {
                    LabelSource::Header(name) => {
                        name.make_ascii_lowercase();
                        // RFC 9110 5.6.2: a field name is a token.
                        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
                        if name.is_empty() || !name.bytes().all(token) {
                            return Err(ConfigError::new(path, format!("{name:?}"), "a header name"));
                        }
                    }
                    LabelSource::Constant(value) => check_constant(label, value, path)?,
                }
            }
        }
        Ok(())
    }
}

fn check_constant(label: Label, value: &str, path: String) -> Result<(), ConfigError> {
    let mut alone = Labels::default();
    for (l, sources) in alone.sources_mut() {
        if l == label {
            sources.push(LabelSource::Constant(value.to_owned()));
        }
    }
    let mut problem = None;
    let taken: Attribution = attribution(&alone, &Head::default(), |_, reason| problem = Some(reason));
    let why = problem.map_or("empty", |p| p.as_str());
    taken.get(label).is_some().then_some(()).ok_or_else(|| {
        ConfigError::new(path, format!("{value:?} ({why})"), format!("a value that the label `{}` takes", label.name()))
    })
}
