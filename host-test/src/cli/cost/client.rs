//! Instant queries over HTTP/1.1.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// Longest wait for an answer: Prometheus gives a query up after 2 minutes itself.
const PATIENCE: Duration = Duration::from_secs(130);
/// Largest answer: 10,000 rows have some 3 MB.
const LARGEST: usize = 64 << 20;
/// Where the port is not said.
const HTTP_PORT: u16 = 80;

/// Why there is no answer, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrometheusError {
    #[error("--prometheus {0:?}: not an address of the form http://HOST:PORT")]
    Address(String),
    #[error(
        "--prometheus {0:?}: only http is spoken here; ask through a port forward, such as \
         `kubectl port-forward svc/prometheus 9090`, or a proxy that speaks TLS"
    )]
    Tls(String),
    #[error("--header {0:?}: not of the form NAME: VALUE")]
    Header(String),
    #[error("cannot ask Prometheus at {url}: {reason}\n  is it there? give its address with --prometheus URL")]
    Unreachable { url: String, reason: String },
    #[error("{url} gave no answer in {} s; ask for a shorter --period", PATIENCE.as_secs())]
    Slow { url: String },
    #[error("{url} wants to know who asks (HTTP {status}); give it with --header \"Authorization: Bearer ...\"")]
    Forbidden { url: String, status: u16 },
    #[error("{url} answered HTTP {status}: {reason}\n  is this Prometheus, and under this path?")]
    Refused { url: String, status: u16, reason: String },
    #[error("{url} did not answer as Prometheus does: {reason}")]
    Strange { url: String, reason: String },
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    labels: std::collections::BTreeMap<String, String>,
    /// Finite.
    pub(super) value: f64,
}

impl Series {
    /// A label's value; empty where there is none, as in PromQL.
    pub(super) fn label(&self, name: &str) -> String {
        self.labels.get(name).cloned().unwrap_or_default()
    }
}

/// Where to ask.
pub(super) struct Client {
    url: Uri,
    authority: Authority,
    headers: HeaderMap,
    runtime: tokio::runtime::Runtime,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    metric: std::collections::BTreeMap<String, String>,
    value: (f64, String),
}

impl Client {
    pub(super) fn new(prometheus: &str, headers: &[String]) -> Result<Self, PrometheusError> {
        let bad = || PrometheusError::Address(prometheus.to_owned());
        let text = if prometheus.contains("://") { prometheus.to_owned() } else { format!("http://{prometheus}") };
        let base: Uri = text.trim_end_matches('/').parse().map_err(|_| bad())?;
        if base.scheme() == Some(&Scheme::HTTPS) {
            return Err(PrometheusError::Tls(prometheus.to_owned()));
        }
        let authority = base.authority().filter(|_| base.scheme() == Some(&Scheme::HTTP)).ok_or_else(bad)?.clone();
        let path = base.path().trim_end_matches('/');
        let url = format!("http://{authority}{path}/api/v1/query").parse().map_err(|_| bad())?;

        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?);
        map.insert(ACCEPT, HeaderValue::from_static("application/json"));
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        map.insert(USER_AGENT, HeaderValue::from_static(concat!("genops-host/", env!("CARGO_PKG_VERSION"))));
        for header in headers {
            // A token must not stand in an error: only the name is repeated.
            let name = header.split(':').next().unwrap_or_default();
            let bad = || PrometheusError::Header(name.to_owned());
            let (_, value) = header.split_once(':').ok_or_else(bad)?;
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| bad())?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad())?;
            value.set_sensitive(name == AUTHORIZATION);
            map.append(name, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| PrometheusError::Unreachable { url: prometheus.to_owned(), reason: error.to_string() })?;
        Ok(Self { url, authority, headers: map, runtime })
    }

    /// The vector that `query` gives at `time`, seconds since 1970, without what is not finite.
    pub(super) fn query(&self, query: &str, time: i64) -> Result<Vec<Series>, PrometheusError> {
        let url = || self.url.to_string();
        let answer = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.post(query, time))
                .await
                .map_err(|_| PrometheusError::Slow { url: url() })?
        });
        let (status, body) = answer?;
        let answer: Result<Answer, _> = serde_json::from_slice(&body);
        match (status, answer) {
            (StatusCode::OK, Ok(Answer { data: Some(data), .. })) => {
                Ok(data.result.into_iter().filter_map(series).collect())
            }
            (StatusCode::OK, Ok(_)) => Err(PrometheusError::Strange { url: url(), reason: "no data".to_owned() }),
            (StatusCode::OK, Err(error)) => Err(PrometheusError::Strange { url: url(), reason: error.to_string() }),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Err(PrometheusError::Forbidden { url: url(), status: status.as_u16() })
            }
            (_, answer) => {
                let said = answer.ok().and_then(|answer| answer.error);
                let reason = said.unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned());
                Err(PrometheusError::Refused { url: url(), status: status.as_u16(), reason })
            }
        }
    }

    async fn post(&self, query: &str, time: i64) -> Result<(StatusCode, Bytes), PrometheusError> {
        let failed = |error: &dyn std::error::Error| PrometheusError::Unreachable {
            url: self.url.to_string(),
            reason: error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
        };
        let port = self.authority.port_u16().unwrap_or(HTTP_PORT);
        // In a URI an IPv6 address stands in brackets, for a socket it does not.
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((host, port)).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(|error| failed(&error))?;
        let driver = tokio::spawn(connection);
        let form = format!("time={time}&query={}", encoded(query));
        let mut request = Request::new(Full::new(Bytes::from(form)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.path().parse().unwrap_or_else(|_| self.url.clone());
        *request.headers_mut() = self.headers.clone();
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| failed(error.as_ref()))?.to_bytes();
        driver.abort();
        Ok((status, body))
    }
}

/// NaN and infinities are no amounts.
fn series(sample: Sample) -> Option<Series> {
    let value: f64 = sample.value.1.parse().ok()?;
    value.is_finite().then_some(Series { labels: sample.metric, value })
}

/// Percent-encoded for a form (RFC 3986 2.3: all but the unreserved).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;

    text.bytes().fold(String::with_capacity(text.len() * 2), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _never = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let url = |text: &str| Client::new(text, &[]).map(|client| client.url.to_string());
        assert_eq!(url("http://p:9090").ok().as_deref(), Some("http://p:9090/api/v1/query"));
        assert_eq!(url("p:9090/").ok().as_deref(), Some("http://p:9090/api/v1/query"));
        assert_eq!(
            url("http://[::1]:9/mimir/prometheus/").ok().as_deref(),
            Some("http://[::1]:9/mimir/prometheus/api/v1/query")
        );
        for (text, needle) in
            [("https://p", "kubectl port-forward"), ("ftp://p", "http://HOST:PORT"), ("", "http://HOST")]
        {
            let problem = url(text).expect_err(text).to_string();
            assert!(problem.contains(needle), "{problem}");
        }
    }

    #[test]
    fn a_bad_header_is_named_without_its_value() {
        let problem = Client::new("p", &["Authorization: se\ncret".to_owned()]).err().expect("refused").to_string();
        assert!(problem.contains("Authorization") && !problem.contains("cret"), "{problem}");
        assert!(Client::new("p", &["no colon".to_owned()]).is_err());
    }

    #[test]
    fn encoding() {
        assert_eq!(encoded("a{b=\"\u{e9}\"}+ 1"), "a%7Bb%3D%22%C3%A9%22%7D%2B%201");
    }
}
