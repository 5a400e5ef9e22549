//! A usage object, read in place: texts stay where they are, numbers are read once.
//!
//! Why not `serde_json::Value`: it gives every key a string and every object a tree, which was half the time of
//! reading an exchange's usage inside Envoy.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'t> {
    Null,
    Bool,
    /// A non-negative integer.
    Count(u64),
    /// Any other number.
    Number(f64),
    Text(Cow<'t, str>),
    List(Vec<Self>),
    Object(Object<'t>),
}

/// A JSON object in the order of its text; of a repeated key the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object<'t>(Vec<(Cow<'t, str>, Value<'t>)>);

impl<'t> Object<'t> {
    pub(crate) fn parse(raw: &'t [u8]) -> Option<Self> {
        match serde_json::from_slice(raw) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value<'t>> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value)
    }
}

impl Object<'static> {
    /// Lays the fields of `newer` that are not null over these.
    pub(crate) fn update(&mut self, newer: Object<'_>) {
        for (key, value) in newer.0.into_iter().filter(|(_, value)| *value != Value::Null) {
            let value = value.into_owned();
            match self.0.iter_mut().find(|(k, _)| *k == key) {
                Some((_, slot)) => *slot = value,
                None => self.0.push((Cow::Owned(key.into_owned()), value)),
            }
        }
    }
}

impl<'t> Value<'t> {
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(*count),
            _ => None,
        }
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Object<'t>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool => Value::Bool,
            Self::Count(count) => Value::Count(count),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Self::Object(Object(fields)) => {
                let own = |(key, value): (Cow<'_, str>, Value<'_>)| (Cow::Owned(key.into_owned()), value.into_owned());
                Value::Object(Object(fields.into_iter().map(own).collect()))
            }
        }
    }
}

impl<'de: 't, 't> Deserialize<'de> for Value<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InPlace)
    }
}

/// Makes values out of whatever JSON holds.
struct InPlace;

impl<'de> Visitor<'de> for InPlace {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool)
    }
    fn visit_u64<E>(self, count: u64) -> Result<Self::Value, E> {
        Ok(Value::Count(count))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        // Negative ones only; nothing here can be less than 0.
        Ok(u64::try_from(number).map_or(Value::Number(-1.0), Value::Count))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Most usage objects and their details have four to eight fields.
        let mut fields = Vec::with_capacity(8);
        while let Some(Key(key)) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        Ok(Value::Object(Object(fields)))
    }
}

/// A key where it stands; one with escapes is written anew. (`Cow` by itself would always be written anew.)
struct Key<'t>(Cow<'t, str>);

impl<'de: 't, 't> Deserialize<'de> for Key<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_text_says() {
        let raw = br#"{"a":1,"b":-2,"c":1.5,"d":"x","e":"\u0041","f":[null,true,{"g\u0031":0}],"a":7}"#;
        let object = Object::parse(raw).expect("an object");
        assert_eq!(object.get("a"), Some(&Value::Count(7)));
        assert_eq!(object.get("b").and_then(Value::as_u64), None);
        assert_eq!(object.get("c").and_then(Value::as_f64), Some(1.5));
        assert!(matches!(object.get("d"), Some(Value::Text(Cow::Borrowed("x")))));
        assert_eq!(object.get("e").and_then(Value::as_str), Some("A"));
        let list = object.get("f").and_then(Value::as_array).expect("a list");
        assert_eq!(list.first(), Some(&Value::Null));
        assert_eq!(list.get(2).and_then(Value::as_object).and_then(|o| o.get("g1")), Some(&Value::Count(0)));
        assert_eq!(Object::parse(b"[1]"), None);
        assert_eq!(Object::parse(b"{\"a\":"), None);
    }

    #[test]
    fn updates_replace_field_by_field_unless_null() {
        let mut merged = Object::default();
        for raw in [&br#"{"in":5,"out":1}"#[..], br#"{"in":null,"out":9,"new":{"x":1}}"#] {
            merged.update(Object::parse(raw).expect("an object"));
        }
        assert_eq!(merged.get("in"), Some(&Value::Count(5)));
        assert_eq!(merged.get("out"), Some(&Value::Count(9)));
        assert!(merged.get("new").and_then(Value::as_object).is_some());
    }
}
