//! Answers of our own: what went wrong, in words and in the shape in which OpenAI's clients look for them.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::stream::details;
use super::upstream::Upstream;
use crate::exchange::Headers;

/// An answer that no upstream gave.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) status: StatusCode,
    /// Envoy's word for it.
    pub(super) details: &'static str,
    kind: &'static str,
    message: String,
}

impl Local {
    /// The client went away: nobody reads this.
    pub(super) fn client_gone() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            details: details::CLIENT_GONE,
            kind: "client_gone",
            message: String::new(),
        }
    }

    pub(super) fn body(&self) -> Bytes {
        let error = json!({"message": self.message, "type": self.kind, "code": self.status.as_u16()});
        format!("{}\n", json!({"error": error})).into()
    }

    /// The head, with pseudo headers.
    pub(super) fn headers(&self) -> Headers {
        Headers::from_iter([
            (":status", self.status.as_str()),
            ("content-type", "application/json"),
            ("content-length", &self.body().len().to_string()),
            ("x-genops-host-error", self.kind),
        ])
    }
}

/// No connection, or it ended before an answer.
pub(super) fn unreachable(upstream: &Upstream, error: &dyn Error, details: &'static str) -> Local {
    let message = format!("genops-host: no answer from {}: {}", upstream.url(), causes(error));
    Local { status: StatusCode::BAD_GATEWAY, details, kind: "upstream_unreachable", message }
}

/// It takes too long.
pub(super) fn timeout(upstream: &Upstream) -> Local {
    let message = format!("genops-host: {} has not answered within --timeout", upstream.url());
    Local { status: StatusCode::GATEWAY_TIMEOUT, details: details::TIMEOUT, kind: "upstream_timeout", message }
}

/// The filter holds a whole request and never answers.
pub(super) fn held_for_ever() -> Local {
    let message = "genops-host: the filter has held the request for longer than --timeout".to_owned();
    Local { status: StatusCode::GATEWAY_TIMEOUT, details: details::TIMEOUT, kind: "filter_timeout", message }
}

/// No upstream takes the path.
pub(super) fn no_route(path: &str, all: &[Arc<Upstream>]) -> Local {
    let routes: Vec<&str> = all.iter().map(|upstream| upstream.route()).collect();
    let path = path.split('?').next().unwrap_or_default();
    let message = format!("genops-host: no upstream takes {path}; there are {}", routes.join(", "));
    Local { status: StatusCode::NOT_FOUND, details: details::NO_ROUTE, kind: "no_route", message }
}

/// More than the filter may hold.
pub(super) fn too_large(most: usize) -> Local {
    let message = format!("genops-host: the filter holds requests of at most {most} bytes");
    Local { status: StatusCode::PAYLOAD_TOO_LARGE, details: details::TOO_LARGE, kind: "request_too_large", message }
}

/// A request that HTTP does not allow.
pub(super) fn unsendable(error: &dyn Error) -> Local {
    let message = format!("genops-host: the request cannot be sent on: {error}");
    Local { status: StatusCode::BAD_REQUEST, details: details::NO_ROUTE, kind: "bad_request", message }
}

/// An error with what is behind it; hyper's own words alone say little.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}
