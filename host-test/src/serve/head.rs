//! Heads of messages: hyper's, and the form in which Envoy shows them to a filter.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version, request, response};

use super::upstream::{BoxError, ProxyBody};
use crate::exchange::Headers;

/// Headers that belong to one hop (RFC 9110 7.6.1). `te` and `trailer` too: hyper writes its own.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a request opens a web socket, the only upgrade that passes (RFC 6455 4.1).
pub(super) fn opens_web_socket(headers: &HeaderMap) -> bool {
    let names = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    names(UPGRADE, "websocket") && names(CONNECTION, "upgrade")
}

/// The host that a client asks.
pub(super) fn authority(head: &request::Parts) -> String {
    match head.uri.authority() {
        Some(authority) => authority.as_str().to_owned(),
        None => {
            let host = head.headers.get(http::header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
            String::from_utf8_lossy(host).into_owned()
        }
    }
}

/// Path and query that a client asks.
pub(super) fn path(head: &request::Parts) -> &str {
    head.uri.path_and_query().map_or("/", |path| path.as_str())
}

/// A request as a filter sees it.
pub(super) fn of_request(head: &request::Parts, scheme: &str, upgrades: bool) -> Headers {
    let mut headers = Headers::default();
    headers.push(b":authority", authority(head).as_bytes());
    headers.push(b":path", path(head).as_bytes());
    headers.push(b":method", head.method.as_str().as_bytes());
    headers.push(b":scheme", scheme.as_bytes());
    push_end_to_end(&mut headers, &head.headers, upgrades);
    headers
}

/// A response as a filter sees it.
pub(super) fn of_response(head: &response::Parts) -> Headers {
    let mut headers = Headers::default();
    headers.push(b":status", head.status.as_str().as_bytes());
    push_end_to_end(&mut headers, &head.headers, head.status == StatusCode::SWITCHING_PROTOCOLS);
    headers
}

/// Trailers as a filter sees them.
pub(super) fn of_trailers(trailers: &HeaderMap) -> Headers {
    let mut headers = Headers::default();
    push_end_to_end(&mut headers, trailers, false);
    headers
}

/// What is not of one hop; an upgrade's own two headers go on with it, as Envoy's do.
fn push_end_to_end(into: &mut Headers, from: &HeaderMap, upgrades: bool) {
    let named: Vec<String> = from
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for (name, value) in from {
        let text = name.as_str();
        let of_upgrade = upgrades && ["connection", "upgrade"].contains(&text);
        let of_hop = HOP_BY_HOP.contains(&text) || named.iter().any(|n| n == text);
        if of_upgrade || !of_hop {
            into.push(text.as_bytes(), value.as_bytes());
        }
    }
}

/// A map for the wire; what a filter wrote that cannot stand there is left out.
pub(super) fn to_map(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(headers.pairs().len());
    for (name, value) in headers.pairs().iter().filter(|(name, _)| !name.starts_with(b":")) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    map
}

fn first<'a>(headers: &'a Headers, name: &[u8]) -> &'a str {
    headers.first(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
}

/// `:path` as the filter left it.
pub(super) fn path_of(headers: &Headers) -> &str {
    first(headers, b":path")
}

/// The request to `uri`. The client's own host stays here, as with Envoy's `host_rewrite_literal`.
///
/// # Errors
/// What the filter made of the method cannot be sent.
pub(super) fn to_request(headers: &Headers, uri: Uri, body: ProxyBody) -> Result<Request<ProxyBody>, BoxError> {
    let mut request = Request::new(body);
    *request.method_mut() = first(headers, b":method").parse()?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = to_map(headers);
    Ok(request)
}

/// The response with this head; a status that the filter broke is the upstream's own.
pub(super) fn to_response(headers: &Headers, status: StatusCode, body: ProxyBody) -> Response<ProxyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = first(headers, b":status").parse().unwrap_or(status);
    *response.headers_mut() = to_map(headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pairs: &[(&str, &str)]) -> request::Parts {
        let mut builder = Request::builder().method("POST").uri("/v1/x?y=1");
        for (name, value) in pairs {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn only_what_is_end_to_end_is_shown() {
        let head = parts(&[
            ("Host", "127.0.0.1:8080"),
            ("Connection", "close, X-Mine"),
            ("X-Mine", "1"),
            ("TE", "trailers"),
            ("Authorization", "Bearer k"),
            ("X-Two", "a"),
            ("X-Two", "b"),
        ]);
        let shown = of_request(&head, "http", false);
        let names: Vec<_> = shown.pairs().iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(names, [":authority", ":path", ":method", ":scheme", "authorization", "x-two", "x-two"]);
        assert_eq!(shown.first(b":authority"), Some(&b"127.0.0.1:8080"[..]));
        assert_eq!(path_of(&shown), "/v1/x?y=1");
        assert_eq!(to_map(&shown).len(), 3);
    }

    #[test]
    fn a_web_socket_keeps_its_upgrade() {
        let head = parts(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]);
        assert!(opens_web_socket(&head.headers));
        let shown = of_request(&head, "http", true);
        assert_eq!(shown.first(b"upgrade"), Some(&b"WebSocket"[..]));
        assert!(!opens_web_socket(&parts(&[("connection", "upgrade"), ("upgrade", "h2c")]).headers));
        assert!(!opens_web_socket(&parts(&[("upgrade", "websocket")]).headers));
    }
}
