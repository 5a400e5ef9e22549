//! Reading counts out of a usage object without trusting it.

use super::value::{Object, Value};

/// Largest count that a number with a point can give exactly (2^53).
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// A usage object, or a part of one that may be absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'v>(Option<&'v Object<'v>>);

impl<'v> Figures<'v> {
    pub(crate) fn new(object: &'v Object<'v>) -> Self {
        Self(Some(object))
    }

    /// The part under `key`, as an object.
    pub(crate) fn at(self, key: &str) -> Self {
        Self(self.get(key).and_then(Value::as_object))
    }

    /// The first of `keys` under which an object stands.
    pub(crate) fn at_any(self, keys: &[&str]) -> Self {
        keys.iter().map(|key| self.at(key)).find(|part| part.0.is_some()).unwrap_or(Self(None))
    }

    pub(crate) fn get(self, key: &str) -> Option<&'v Value<'v>> {
        self.0?.get(key)
    }

    /// Whether anything but null stands under `key`.
    pub(crate) fn has(self, key: &str) -> bool {
        self.get(key).is_some_and(|value| *value != Value::Null)
    }

    /// The count under `key`.
    pub(crate) fn count(self, key: &str) -> Option<u64> {
        count(self.get(key)?)
    }

    /// The count under the first of `keys` that has one.
    pub(crate) fn any(self, keys: &[&str]) -> Option<u64> {
        keys.iter().find_map(|key| self.count(key))
    }

    /// The elements of the array under `key` that are objects.
    pub(crate) fn each(self, key: &str) -> impl Iterator<Item = Figures<'v>> {
        self.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).map(Self::new)
    }

    /// The text under `key`, unless it is empty.
    pub(crate) fn text(self, key: &str) -> Option<&'v str> {
        self.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The same in lower case.
    pub(crate) fn word(self, key: &str) -> Option<String> {
        self.text(key).map(str::to_ascii_lowercase)
    }
}

/// A count: a non-negative integer, or one written with a point (`3.0`: Titan, Cohere). All else was not said.
pub(crate) fn count(value: &Value<'_>) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|f| (0.0..=EXACT_FLOAT).contains(f) && f.fract() == 0.0)?;
        // In range and integral by the filter above.
        Some(float as u64)
    })
}

/// The sum of the counts that were said; `None` where none was.
pub(crate) fn sum(counts: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    counts.into_iter().flatten().reduce(u64::saturating_add)
}
