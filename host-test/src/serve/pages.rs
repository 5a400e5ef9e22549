//! What the host serves itself: the scrape, and the live page with its data.

use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use regex::bytes::Regex;
use serde_json::{Value, json};

use super::body::full;
use super::observer::Observer;
use super::proxy::Proxy;
use super::upstream::ProxyBody;
use crate::process::Process;
use crate::render::{PrometheusQuery, openmetrics, prometheus};

/// Where the live page stands. No provider uses the name.
pub(super) const PAGE: &str = "/_genops/";

const HTML: &str = include_str!("../../assets/live/index.html");
const SCRIPT: &str = include_str!("../../assets/live/live.js");
const STYLE: &str = include_str!("../../assets/live/live.css");
/// Chart.js, as its package ships it; licence and version beside it.
const CHART: &str = include_str!("../../assets/chart.js/chart.umd.min.js");

/// Nothing from anywhere else, and nothing of what a name could smuggle in.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Envoy's own words for the scrape.
const TEXT: &str = "text/plain; charset=UTF-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the pages show.
pub(super) struct Pages {
    pub(super) process: Arc<Process>,
    pub(super) observer: Arc<Observer>,
    pub(super) proxy: Arc<Proxy>,
}

impl Pages {
    /// The page at `uri`; `None` where there is none.
    pub(super) fn get(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response<ProxyBody>> {
        let answer = match uri.path() {
            "/metrics" | "/stats/prometheus" => self.scrape(uri.query().unwrap_or_default(), headers),
            "/_genops" => redirect(),
            path => match path.strip_prefix(PAGE)? {
                "" => page("text/html; charset=utf-8", HTML),
                "live.js" => page("text/javascript; charset=utf-8", SCRIPT),
                "chart.js" => page("text/javascript; charset=utf-8", CHART),
                "live.css" => page("text/css; charset=utf-8", STYLE),
                "live.json" => page("application/json", self.live().to_string()),
                _ => plain(StatusCode::NOT_FOUND, "no such page"),
            },
        };
        Some(if *method == Method::GET || *method == Method::HEAD {
            answer
        } else {
            plain(StatusCode::METHOD_NOT_ALLOWED, "only GET")
        })
    }

    fn scrape(&self, query: &str, headers: &HeaderMap) -> Response<ProxyBody> {
        let stats = self.process.stats();
        if wants_openmetrics(headers) {
            return match openmetrics(stats) {
                Ok(text) => page(OPENMETRICS, text),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the scrape cannot be written as OpenMetrics"),
            };
        }
        match prometheus_query(query) {
            Ok(query) => page(TEXT, prometheus(stats, &query)),
            Err(problem) => plain(StatusCode::BAD_REQUEST, &problem),
        }
    }

    fn live(&self) -> Value {
        let mut document = self.observer.ledger().to_json();
        let upstreams = self.proxy.upstreams.all().iter().map(|u| json!({"route": u.route(), "url": u.url()}));
        document.insert("upstreams".to_owned(), upstreams.collect());
        document.insert("open".to_owned(), self.proxy.meter.open_streams().into());
        document.insert("unmetered".to_owned(), self.observer.unmetered().into());
        document.insert("crash".to_owned(), self.observer.crash().into());
        document.into()
    }
}

/// `filter=` and `usedonly`, as Envoy reads them.
fn prometheus_query(query: &str) -> Result<PrometheusQuery, String> {
    let mut out = PrometheusQuery::default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "usedonly" => out.used_only = true,
            "filter" => {
                let value = percent_decode_str(value).decode_utf8_lossy();
                out.filter = Some(Regex::new(&value).map_err(|error| format!("filter: {error}"))?);
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Whether OpenMetrics is asked for before plain text. Prometheus lists what it likes best first, with weights that fall.
fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weight = |kind: &str| -> f32 {
        let entry = accept.split(',').find(|entry| entry.trim().starts_with(kind));
        let weight = |entry: &str| entry.split(';').find_map(|p| p.trim().strip_prefix("q=")?.parse().ok());
        entry.map_or(0.0, |entry| weight(entry).unwrap_or(1.0))
    };
    weight("application/openmetrics-text") > weight("text/plain")
}

fn page(kind: &'static str, body: impl Into<bytes::Bytes>) -> Response<ProxyBody> {
    let mut response = Response::new(full(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn plain(status: StatusCode, text: &str) -> Response<ProxyBody> {
    let mut response = page(TEXT, format!("{text}\n"));
    *response.status_mut() = status;
    response
}

/// A path that is no page.
pub(super) fn absent() -> Response<ProxyBody> {
    plain(StatusCode::NOT_FOUND, "no such page; there are /metrics and /_genops/")
}

fn redirect() -> Response<ProxyBody> {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, PAGE);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(PAGE));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_only_where_it_is_liked_better() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a header"));
            wants_openmetrics(&headers)
        };
        assert!(wants("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.2"));
        assert!(wants("application/openmetrics-text; version=1.0.0"));
        assert!(!wants("text/plain;version=0.0.4, application/openmetrics-text;q=0.5"));
        assert!(!wants("*/*"));
        assert!(!wants_openmetrics(&HeaderMap::new()));
    }

    #[test]
    fn queries_are_envoy_s() {
        let query = prometheus_query("usedonly&filter=genops%5B_.%5D").expect("reads");
        assert!(query.used_only && query.filter.is_some_and(|f| f.is_match(b"genops_x")));
        assert!(prometheus_query("filter=(").is_err());
        assert!(prometheus_query("").is_ok_and(|q| q.filter.is_none() && !q.used_only));
    }
}
