//! Input lines: one recorded exchange each, as JSON.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::abi::pairs::encode_map;
use crate::exchange::{Cut, Exchange, Headers};

/// The exchanges that the command replays when it is given none: written by us, in the providers' published shapes.
const QUICKSTART: &str = include_str!("../../quickstart.jsonl");

/// Headers that belong to one hop: Envoy's codec consumes them before a filter sees the message, save those of an
/// upgrade (a web socket), which it hands on.
const HOP_BY_HOP: [&str; 6] = ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// One exchange of an input, ready to run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its `id`; where it has none, file and line.
    pub id: String,
    /// What is driven through the filter.
    pub exchange: Exchange,
}

/// A line that is no exchange.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {problem}\n  expected one JSON object per line: {EXPECTED}")]
pub struct InputError {
    /// File name, `-` for standard input.
    pub file: String,
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

const EXPECTED: &str = r#"{"id", "request": {"method", "url", "headers", "body", "body_encoding"?: "base64"},
   "response": {"status", "headers", "body", "body_encoding"?: "base64"},
   "abort_after"?: bytes, "at"?: "2026-01-31T12:00:00Z",
   "properties"?: {"xds": {"route_name": text, "route_metadata": {"filter_metadata": {namespace: {key: text}}}}}}"#;

/// Unknown keys are ignored, so that recordings may carry more.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    request: Request,
    response: Response,
    abort_after: Option<usize>,
    at: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, HeaderValue>,
    body: Option<String>,
    body_encoding: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, HeaderValue>,
    body: Option<String>,
    body_encoding: Option<String>,
}

/// A header that came once, or several times.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    One(String),
    Many(Vec<String>),
}

/// Reads every line of `input`; blank lines are skipped.
///
/// # Errors
/// The first line that is no exchange, with file, line number and what is expected.
pub fn read_lines(file: &str, input: impl BufRead) -> Result<Vec<Recorded>, InputError> {
    let mut all = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let number = index + 1;
        let error = |problem: String| InputError { file: file.to_owned(), line: number, problem };
        let line = line.map_err(|problem| error(format!("cannot be read: {problem}")))?;
        let text = if index == 0 { line.trim_start_matches('\u{feff}') } else { &line };
        if text.trim().is_empty() {
            continue;
        }
        all.push(recorded(text, &format!("{file}:{number}")).map_err(error)?);
    }
    Ok(all)
}

/// The built-in exchanges.
///
/// # Errors
/// None: a test reads them.
pub fn quickstart() -> Result<Vec<Recorded>, InputError> {
    read_lines("quickstart.jsonl", QUICKSTART.as_bytes())
}

fn recorded(text: &str, place: &str) -> Result<Recorded, String> {
    let line: Line = serde_json::from_str(text).map_err(|problem| problem.to_string())?;
    let at_ns = line.at.as_deref().map(unix_ns).transpose()?;
    let request_body = body("request", line.request.body, line.request.body_encoding.as_deref())?;
    let response_body = body("response", line.response.body, line.response.body_encoding.as_deref())?;
    let exchange = Exchange {
        request_headers: request_headers(
            &line.request.method,
            &line.request.url,
            &line.request.headers,
            &request_body,
        )?,
        request_body,
        response_headers: response_headers(line.response.status, &line.response.headers, &response_body)?,
        response_body,
        cut: line.abort_after.map(|after| Cut::DownstreamGone { after }),
        at_ns,
        properties: properties(&line.properties),
        ..Exchange::default()
    };
    Ok(Recorded { id: line.id.unwrap_or_else(|| place.to_owned()), exchange })
}

/// Texts by NUL-joined path, and every object as Envoy writes a map: its own texts as serialised pairs. So a
/// `google.protobuf.Struct` can be read as a whole and text by text. Other values are left out.
fn properties(tree: &Map<String, Value>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(Vec::new(), tree)];
    while let Some((path, object)) = open.pop() {
        let below = |key: &str| match path.as_slice() {
            [] => key.as_bytes().to_vec(),
            path => [path, b"\0", key.as_bytes()].concat(),
        };
        let texts = object.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        found.extend(texts.clone().map(|(key, text)| (below(key), text.as_bytes().to_vec())));
        open.extend(object.iter().filter_map(|(key, value)| Some((below(key), value.as_object()?))));
        if !path.is_empty() {
            found.insert(path, encode_map(texts.map(|(key, text)| (key.as_bytes(), text.as_bytes()))));
        }
    }
    found
}

/// RFC 3339 as Unix nanoseconds.
///
/// # Errors
/// A text of another form, or a time before 1970 or after 2554.
pub fn unix_ns(text: &str) -> Result<u64, String> {
    let time = jiff::Timestamp::from_str(text)
        .map_err(|_| format!("{text:?} is no RFC 3339 time such as 2026-01-31T12:00:00Z"))?;
    u64::try_from(time.as_nanosecond()).map_err(|_| format!("{text:?} is outside 1970 to 2554"))
}

fn body(of: &str, text: Option<String>, encoding: Option<&str>) -> Result<Vec<u8>, String> {
    let text = text.unwrap_or_default();
    match encoding {
        None => Ok(text.into_bytes()),
        Some("base64") => STANDARD.decode(text.trim()).map_err(|problem| format!("{of}.body is not base64: {problem}")),
        Some(other) => Err(format!("{of}.body_encoding is {other:?}; only \"base64\" is known")),
    }
}

/// As Envoy hands a request to its filters: pseudo headers first, names in lower case, hop-by-hop headers gone.
fn request_headers(
    method: &str,
    url: &str,
    given: &BTreeMap<String, HeaderValue>,
    body: &[u8],
) -> Result<Headers, String> {
    let uri: Uri = url.parse().map_err(|problem| format!("request.url {url:?} cannot be used: {problem}"))?;
    let host = match uri.authority() {
        // User info is for the client, not on the wire.
        Some(authority) => authority.as_str().rsplit('@').next().unwrap_or_default().to_owned(),
        None => given_host(given).ok_or_else(|| format!("request.url {url:?} names no host, and no header does"))?,
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("request.method {method:?} is no method"));
    }
    let mut headers = Headers::default();
    headers.push(b":authority", host.as_bytes());
    headers.push(b":path", path.as_bytes());
    headers.push(b":method", method.as_bytes());
    headers.push(b":scheme", uri.scheme_str().unwrap_or("https").as_bytes());
    push_rest(&mut headers, given, &["host"], body)?;
    Ok(headers)
}

fn response_headers(status: u16, given: &BTreeMap<String, HeaderValue>, body: &[u8]) -> Result<Headers, String> {
    if !(100..=999).contains(&status) {
        return Err(format!("response.status {status} is no HTTP status"));
    }
    let mut headers = Headers::default();
    headers.push(b":status", status.to_string().as_bytes());
    push_rest(&mut headers, given, &[], body)?;
    Ok(headers)
}

fn given_host(given: &BTreeMap<String, HeaderValue>) -> Option<String> {
    let (_, value) = given.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
    values(value).next().map(str::to_owned)
}

fn values(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let (one, many) = match value {
        HeaderValue::One(one) => (Some(one.as_str()), [].as_slice()),
        HeaderValue::Many(many) => (None, many.as_slice()),
    };
    one.into_iter().chain(many.iter().map(String::as_str))
}

fn push_rest(
    headers: &mut Headers,
    given: &BTreeMap<String, HeaderValue>,
    drop: &[&str],
    body: &[u8],
) -> Result<(), String> {
    let upgrade = given.keys().any(|name| name.eq_ignore_ascii_case("upgrade"));
    for (name, value) in given {
        let lower = name.to_ascii_lowercase();
        if lower.is_empty() || lower.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(format!("{name:?} is no header name"));
        }
        let handed_on = upgrade && matches!(lower.as_str(), "upgrade" | "connection");
        let of_hop = HOP_BY_HOP.contains(&lower.as_str()) && !handed_on;
        if lower.starts_with(':') || of_hop || drop.contains(&lower.as_str()) {
            continue;
        }
        for value in values(value) {
            // A line end cannot be inside of a value on the wire; some recorders write the rest of the head there.
            let value = value.split(['\r', '\n', '\0']).next().unwrap_or_default();
            headers.push(lower.as_bytes(), value.as_bytes());
        }
    }
    // A recorder may have decoded or re-written the body; a peer that states a length states the right one.
    if headers.first(b"content-length").is_some() {
        headers.replace(b"content-length", body.len().to_string().as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Recorded {
        read_lines("f", line.as_bytes()).expect("reads").pop().expect("one exchange")
    }

    fn problem(line: &str) -> String {
        read_lines("f.jsonl", line.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn properties_are_texts_and_maps_of_texts() {
        let recorded =
            one(&r#"{"request":{"method":"GET","url":"http://h/"},"response":{"status":200},"properties":{"xds":
            {"route_name":"r","route_metadata":{"filter_metadata":{"acme.llm":{"a":"bc","n":3}}}}}}"#
                .replace('\n', " "));
        let at = |path: &[u8]| recorded.exchange.properties.get(path).map(Vec::as_slice);
        assert_eq!(at(b"xds\0route_name"), Some(&b"r"[..]));
        let own = b"xds\0route_metadata\0filter_metadata\0acme.llm";
        assert_eq!(at(&[own.as_slice(), b"\0a"].concat()), Some(&b"bc"[..]));
        assert_eq!(at(own), Some(&b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0"[..]));
        assert_eq!(at(b"xds\0cluster_name"), None);
    }

    #[test]
    fn headers_are_what_envoy_would_show() {
        let recorded = one(
            r#"{"id":"a","extra":1,"request":{"method":"POST","url":"https://user@api.example.com:8443/v1/x?y=1#z",
            "headers":{"Host":"other","Connection":"close","Content-Length":"99",
            "X-Two":["1","2\nX-Three: 3"]},"body":"hi"},
            "response":{"status":200,"headers":{"Transfer-Encoding":"chunked","Content-Type":"text/plain"},
            "body":"aGk=","body_encoding":"base64"},
            "abort_after":1,"at":"1970-01-01T00:00:01+00:00"}"#
                .replace('\n', " ")
                .as_str(),
        );
        let shown: Vec<(String, String)> = recorded
            .exchange
            .request_headers
            .pairs()
            .iter()
            .map(|(name, value)| {
                (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned())
            })
            .collect();
        let expected = [
            (":authority", "api.example.com:8443"),
            (":path", "/v1/x?y=1"),
            (":method", "POST"),
            (":scheme", "https"),
            ("content-length", "2"),
            ("x-two", "1"),
            ("x-two", "2"),
        ];
        assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(recorded.exchange.response_body, b"hi");
        assert_eq!(recorded.exchange.response_headers.first(b":status"), Some(b"200".as_slice()));
        assert_eq!(recorded.exchange.response_headers.first(b"transfer-encoding"), None);
        assert_eq!(recorded.exchange.cut, Some(Cut::DownstreamGone { after: 1 }));
        assert_eq!(recorded.exchange.at_ns, Some(1_000_000_000));
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = r#"{"request":{"method":"GET","url":"http://h/"},"response":{"status":200}}"#;
        let text = problem(&format!("{good}\n\n{{\"request\":1}}"));
        assert!(text.starts_with("f.jsonl:3: ") && text.contains("expected one JSON object per line"), "{text}");
        for (bad, word) in [
            (r#"{"request":{"method":"GET","url":"/x"},"response":{"status":200}}"#, "names no host"),
            (r#"{"request":{"method":"","url":"http://h/"},"response":{"status":200}}"#, "method"),
            (r#"{"request":{"method":"GET","url":"http://h/"},"response":{"status":20}}"#, "no HTTP status"),
            (r#"{"request":{"method":"GET","url":"http://h/"},"response":{"status":200},"at":"now"}"#, "RFC 3339"),
            (
                r#"{"request":{"method":"GET","url":"http://h/","body":"?","body_encoding":"base64"},
                    "response":{"status":200}}"#,
                "request.body is not base64",
            ),
            (
                r#"{"request":{"method":"GET","url":"http://h/","body":"","body_encoding":"hex"},
                    "response":{"status":200}}"#,
                "\"hex\"",
            ),
            ("nonsense", "f.jsonl:1"),
        ] {
            let text = problem(&bad.replace('\n', " "));
            assert!(text.contains(word), "{bad}: {text}");
        }
    }

    #[test]
    fn an_exchange_without_an_id_is_called_by_its_place() {
        let recorded = one(r#"{"request":{"method":"GET","url":"http://h"},"response":{"status":204}}"#);
        assert_eq!(recorded.id, "f:1");
        assert_eq!(recorded.exchange.request_headers.first(b":path"), Some(b"/".as_slice()));
    }

    #[test]
    fn the_quickstart_reads() {
        assert!(quickstart().expect("our own lines").len() >= 12);
    }
}
