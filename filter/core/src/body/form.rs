//! Small fields of a multipart form (RFC 7578): uploads of audio and images name their model in one.

use memchr::memmem;

/// Longest boundary line that is believed, bytes: two dashes and the 70 of RFC 2046, 5.1.1.
const BOUNDARY_LIMIT: usize = 72;

/// Longest head of a part, bytes. A file's name is the longest thing in it.
const HEAD_LIMIT: usize = 2 * 1024;

/// Bytes that are looked at together: more than any head or kept value, so that what is held stays small whatever the
/// cuts are.
const STEP: usize = 4 * 1024;

/// Takes the fields that are asked for.
pub(super) trait Fields {
    /// Longest value of the field that is kept, bytes; `None`: not wanted.
    fn limit(&self, name: &str) -> Option<usize>;
    /// A field that is wanted.
    fn field(&mut self, name: &str, value: &str);
}

/// Where the machine stands.
#[derive(Debug)]
enum At {
    /// Before the first boundary, which tells what they look like.
    First,
    /// Behind a boundary: a part's head, or the two dashes that end the form.
    Head,
    /// Inside the value of a wanted field.
    Value(String, usize),
    /// Inside any other value.
    Skip,
    /// At the end, or no form.
    Done,
}

/// Reads a form as it passes. Memory: 6 kB.
#[derive(Debug)]
pub(super) struct Form {
    at: At,
    /// Line end and boundary.
    delimiter: Vec<u8>,
    /// What has come and cannot be judged yet.
    held: Vec<u8>,
}

impl Form {
    pub(super) fn new() -> Self {
        Self { at: At::First, delimiter: Vec::new(), held: Vec::new() }
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.at, At::Done)
    }

    /// The next bytes, cut anywhere.
    pub(super) fn feed(&mut self, cut: &[u8], fields: &mut dyn Fields) {
        for step in cut.chunks(STEP) {
            if self.is_done() {
                return;
            }
            self.held.extend_from_slice(step);
            let mut used = 0;
            while let Some(more) = self.step(used, fields) {
                used += more;
            }
            self.held.drain(..used.min(self.held.len()));
        }
    }

    /// Reads one thing at `from`; gives its length. `None` where more bytes are needed.
    fn step(&mut self, from: usize, fields: &mut dyn Fields) -> Option<usize> {
        let rest = self.held.get(from..).unwrap_or_default();
        let (at, used) = match &self.at {
            At::Done => return None,
            At::First => match memmem::find(rest, b"\r\n") {
                Some(end) if end <= BOUNDARY_LIMIT && rest.starts_with(b"--") => {
                    self.delimiter = [b"\r\n", rest.get(..end).unwrap_or_default()].concat();
                    (At::Head, end + 2)
                }
                None if rest.len() <= BOUNDARY_LIMIT + 2 => return None,
                _ => (At::Done, 0),
            },
            At::Head if rest.starts_with(b"--") => (At::Done, 0),
            At::Head => match memmem::find(rest, b"\r\n\r\n") {
                Some(end) if end <= HEAD_LIMIT => {
                    let name = rest.get(..end).and_then(name);
                    let wanted = name.and_then(|name| Some((name, fields.limit(name)?)));
                    // The line end before a boundary belongs to it, also where a value is empty.
                    (wanted.map_or(At::Skip, |(name, limit)| At::Value(name.to_owned(), limit)), end + 4)
                }
                None if rest.len() <= HEAD_LIMIT + 4 => return None,
                _ => (At::Done, 0),
            },
            At::Value(name, limit) => match memmem::find(rest, &self.delimiter) {
                Some(end) if end <= *limit => {
                    if let Some(value) = rest.get(..end).and_then(|v| str::from_utf8(v).ok()) {
                        fields.field(name, value.trim());
                    }
                    (At::Head, end + self.delimiter.len())
                }
                None if rest.len() < limit + self.delimiter.len() => return None,
                _ => (At::Skip, 0),
            },
            At::Skip => match memmem::find(rest, &self.delimiter) {
                Some(end) => (At::Head, end + self.delimiter.len()),
                // The delimiter may have begun.
                None => {
                    let past = rest.len().saturating_sub(self.delimiter.len());
                    return (past > 0).then_some(past);
                }
            },
        };
        self.at = at;
        Some(used)
    }
}

/// The field's name in a part's head.
fn name(head: &[u8]) -> Option<&str> {
    let head = str::from_utf8(head).ok()?;
    let line = head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let named = line.split(';').find_map(|part| part.trim().strip_prefix("name="))?;
    Some(named.trim_matches('"'))
}
