//! What is wanted from a document.

use crate::body::fact::Fact;

/// What to do with a value. Several may hold: an `error` may be a text to keep or an object to look into.
#[derive(Debug)]
pub(crate) struct Want {
    /// Keep the value if it is a string, number, boolean or null.
    pub(crate) scalar: Option<Fact>,
    /// Keep the value whatever it is.
    pub(crate) whole: Option<Fact>,
    /// Tell that the value is there and neither null, false nor empty.
    pub(crate) mark: Option<Fact>,
    /// Hand the text of a string on as it comes (escapes untouched), without bound and without a copy.
    pub(crate) pour: bool,
    /// Look into an object.
    pub(crate) fields: &'static [(&'static str, Want)],
    /// Look into an array: what is wanted from each element.
    pub(crate) each: Option<&'static Want>,
}

/// Nothing is wanted: skip.
pub(crate) static NOTHING: Want = Want::nothing();

impl Want {
    const fn nothing() -> Self {
        Self { scalar: None, whole: None, mark: None, pour: false, fields: &[], each: None }
    }

    /// Keep a scalar.
    pub(crate) const fn scalar(fact: Fact) -> Self {
        Self { scalar: Some(fact), ..Self::nothing() }
    }

    /// Keep a value of any kind.
    pub(crate) const fn whole(fact: Fact) -> Self {
        Self { whole: Some(fact), ..Self::nothing() }
    }

    /// Tell that a value is there.
    pub(crate) const fn mark(fact: Fact) -> Self {
        Self { mark: Some(fact), ..Self::nothing() }
    }

    /// Hand on the text of a string.
    pub(crate) const fn pour() -> Self {
        Self { pour: true, ..Self::nothing() }
    }

    /// Look into an object.
    pub(crate) const fn object(fields: &'static [(&'static str, Self)]) -> Self {
        Self { fields, ..Self::nothing() }
    }

    /// Look into each element of an array.
    pub(crate) const fn each(element: &'static Self) -> Self {
        Self { each: Some(element), ..Self::nothing() }
    }

    /// Besides, tell that the value is there.
    pub(crate) const fn and_mark(self, fact: Fact) -> Self {
        Self { mark: Some(fact), ..self }
    }

    /// Besides, keep it if it is a scalar.
    pub(crate) const fn and_scalar(self, fact: Fact) -> Self {
        Self { scalar: Some(fact), ..self }
    }

    /// Besides, look into each element if it is an array.
    pub(crate) const fn and_each(self, element: &'static Self) -> Self {
        Self { each: Some(element), ..self }
    }

    /// What is wanted under `key`.
    pub(crate) fn field(&'static self, key: &[u8]) -> &'static Self {
        self.fields.iter().find(|(name, _)| name.as_bytes() == key).map_or(&NOTHING, |(_, want)| want)
    }
}

/// Takes what a [`Skimmer`](super::Skimmer) finds, in document order.
pub(crate) trait Sink {
    /// A kept value as JSON text: a string with its quotes and escapes, an object with its braces.
    fn value(&mut self, fact: Fact, raw: &[u8]);
    /// A value that should be kept was longer than [`Fact::limit`].
    fn too_large(&mut self, fact: Fact);
    /// A value is there.
    fn mark(&mut self, fact: Fact);
    /// A run of a string's text; several in a row make the whole.
    fn pour(&mut self, _text: &[u8]) {}
    /// That string has ended.
    fn poured(&mut self) {}
}
