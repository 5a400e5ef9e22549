//! Request and response heads as a proxy shows them: ordered pairs of bytes.

/// A borrowed header list. Names are lower-case (HTTP/2 form, as Envoy gives them); values are bytes, not trusted to
/// be UTF-8. A name may stand several times.
#[derive(Clone, Debug, Default)]
pub struct Head<'a> {
    pairs: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Head<'a> {
    /// First value of `name` (lower-case), as Envoy's own `get` gives it.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.pairs.iter().find(|(n, _)| *n == name.as_bytes()).map(|(_, v)| *v)
    }

    /// First value of `name`, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|v| str::from_utf8(v).ok())
    }

    /// `:status` of a response head; `None` where it is absent or no number.
    pub fn status(&self) -> Option<u16> {
        self.text(":status")?.parse().ok()
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + '_ {
        self.pairs.iter().copied()
    }
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for Head<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8])>>(pairs: I) -> Self {
        Self { pairs: pairs.into_iter().collect() }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Head<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect()
    }
}
