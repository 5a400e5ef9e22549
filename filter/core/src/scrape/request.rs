//! What a request asks of the scrape endpoint.

use super::accept::Format;
use super::family::Shown;
use crate::Head;
use crate::schema::{self, Kind};

/// How a request is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Not at all: it goes to another path.
    Elsewhere,
    /// At once, with an error.
    Refused(Refusal),
    /// With a scrape.
    Scrape(Query),
}

/// An answer that is no scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// Text for a person.
    pub text: String,
}

/// A scrape as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Text form.
    pub format: Format,
    /// Which families.
    pub selection: Selection,
}

/// Which families a scrape shows; all where nothing was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    schemas: Vec<String>,
    names: Vec<String>,
}

const TEXT: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

impl Asked {
    /// Reads a request head. `path` is where scrapes are answered.
    pub fn of(head: &Head<'_>, path: &str) -> Self {
        let target = head.text(":path").unwrap_or_default();
        let (asked, query) = target.split_once('?').unwrap_or((target, ""));
        if asked != path {
            return Self::Elsewhere;
        }
        if !matches!(head.text(":method"), Some("GET" | "HEAD")) {
            let text = "a scrape is read with GET or HEAD\n".to_owned();
            return Self::Refused(Refusal { status: 405, headers: &[TEXT, ("allow", "GET, HEAD")], text });
        }
        let selection = match Selection::of(query) {
            Ok(selection) => selection,
            Err(text) => return Self::Refused(Refusal { status: 400, headers: &[TEXT], text }),
        };
        // Several `accept` lines are one list (RFC 9110 5.3).
        let accept = head.iter().filter(|(name, _)| *name == b"accept").filter_map(|(_, v)| str::from_utf8(v).ok());
        let accept = accept.collect::<Vec<_>>().join(",");
        Self::Scrape(Query { format: Format::accepted(Some(&accept)), selection })
    }
}

impl Selection {
    /// Reads `schema=a,b` and `name[]=family`, each as often as one likes. Other parameters are left to others:
    /// Prometheus adds whatever a job configures.
    fn of(query: &str) -> Result<Self, String> {
        let mut selection = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match decoded(name).as_str() {
                "schema" => {
                    for schema in value.split(',').map(str::trim) {
                        if schema::named(schema).is_none() {
                            let known = schema::SCHEMAS.iter().map(|schema| schema.name).collect::<Vec<_>>().join(", ");
                            return Err(format!("schema: found {schema:?}, allowed are {known}\n"));
                        }
                        selection.schemas.push(schema.to_owned());
                    }
                }
                "name[]" => selection.names.push(value),
                _ => {}
            }
        }
        Ok(selection)
    }

    /// Whether a family is shown. A name selects it whole: its own, that of one of its samples, or that which
    /// OpenMetrics gives it.
    pub(super) fn takes(&self, family: &Shown) -> bool {
        let named = |name: &str| match name.strip_prefix(&*family.name) {
            Some("") => true,
            Some(suffix) => family.kind == Kind::Histogram && ["_bucket", "_count", "_sum"].contains(&suffix),
            None => family.kind == Kind::Counter && family.name.strip_suffix("_total") == Some(name),
        };
        let of_none = self.schemas.is_empty() || family.schemas.is_empty();
        (of_none || self.schemas.iter().any(|s| family.schemas.contains(&s.as_str())))
            && (self.names.is_empty() || self.names.iter().any(|name| named(name)))
    }
}

/// Percent-decoded, `+` as a space; what is no UTF-8 then is replaced, and what is no escape stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let mut ahead = bytes.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                bytes = ahead;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, path: &str) -> Asked {
        let head: Head<'_> = [(":method", method), (":path", path), ("accept", "text/plain")].into_iter().collect();
        Asked::of(&head, "/metrics")
    }

    fn selection(path: &str) -> Selection {
        match asked("GET", path) {
            Asked::Scrape(query) => query.selection,
            other => panic!("{other:?}"),
        }
    }

    fn family(name: &'static str, kind: Kind) -> Shown {
        Shown { name: name.into(), help: "".into(), kind, places: 0, schemas: vec!["genops"] }
    }

    #[test]
    fn path_and_method_decide() {
        assert_eq!(asked("GET", "/metric"), Asked::Elsewhere);
        assert_eq!(asked("POST", "/metrics/"), Asked::Elsewhere);
        assert_eq!(asked("GET", "/metrics?"), Asked::Scrape(Query::default()));
        assert_eq!(asked("HEAD", "/metrics"), Asked::Scrape(Query::default()));
        let Asked::Refused(refusal) = asked("POST", "/metrics?schema=x") else { panic!("POST is taken") };
        assert_eq!((refusal.status, refusal.headers.get(1)), (405, Some(&("allow", "GET, HEAD"))));
        let Asked::Refused(refusal) = asked("GET", "/metrics?schema=gen") else { panic!("gen is taken") };
        assert_eq!(refusal.status, 400);
        assert!(refusal.text.starts_with("schema: found \"gen\", allowed are genops, "), "{}", refusal.text);
    }

    #[test]
    fn lists_of_accept_are_one() {
        let lines = [("accept", "text/plain;q=0.1"), ("accept", "application/openmetrics-text")];
        let head: Head<'_> = [(":method", "GET"), (":path", "/m")].into_iter().chain(lines).collect();
        let Asked::Scrape(query) = Asked::of(&head, "/m") else { panic!("no scrape") };
        assert_eq!(query.format, Format::OpenMetrics);
    }

    #[test]
    fn names_and_schemas_select() {
        let counter = family("tokens_total", Kind::Counter);
        let histogram = family("latency", Kind::Histogram);
        for (path, takes) in [
            ("/metrics", [true, true]),
            ("/metrics?schema=genops-kubernetes", [false, false]),
            ("/metrics?schema=genops-kubernetes,genops", [true, true]),
            ("/metrics?schema=genops-kubernetes&schema=genops&name[]=latency", [false, true]),
            ("/metrics?name[]=tokens_total", [true, false]),
            ("/metrics?name%5B%5D=tokens", [true, false]),
            ("/metrics?name[]=latency_bucket&name[]=x", [false, true]),
            ("/metrics?name[]=latency_sum_nano", [false, false]),
            ("/metrics?name[]=tokens_total_count", [false, false]),
            ("/metrics?name[]=", [false, false]),
            ("/metrics?target=x&&a", [true, true]),
        ] {
            let selection = selection(path);
            assert_eq!([selection.takes(&counter), selection.takes(&histogram)], takes, "{path}");
        }
    }

    #[test]
    fn escapes_are_read_as_far_as_they_are_ones() {
        for (text, read) in [("a%20b+c", "a b c"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%ff", "\u{fffd}")] {
            assert_eq!(decoded(text), read);
        }
    }
}
