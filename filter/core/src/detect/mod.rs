//! Which provider and API an exchange belongs to, from the request head alone.
//!
//! Two questions, answered apart: the **path** says how the bodies are shaped ([`Api`], because most shapes are shared
//! by dozens of hosts), the **host** says whose prices hold ([`provider`]). A shape never names the provider.

mod api;
mod destination;
pub(crate) mod gateway;
mod host;
mod owned;
mod path;
pub mod provider;
mod upstream;

pub use api::Api;
pub(crate) use destination::Destination;
pub(crate) use host::matches;
pub use upstream::{Carrier, Known, METADATA_KEYS, Proxy};
pub(crate) use upstream::{Said, behind_cluster};

use crate::head::Head;

/// Longest model name that is read from a path or a body, bytes. Bedrock ARNs are the longest known (about 170).
pub(crate) const MODEL_LIMIT: usize = 256;

/// How the request body is written, as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// JSON without a content encoding: the model may be read from it.
    Json,
    /// A multipart form (audio, images): the model is one of its fields.
    Form,
    /// Encoded or of another type: nothing is read from it.
    Opaque,
}

/// What the request head says about an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose prices hold: an id of [`provider`], or `None` where the host names no known owner.
    pub provider: Option<&'static str>,
    /// How the bodies are shaped.
    pub api: Api,
    /// Model, deployment or endpoint named by the path, percent-decoded.
    pub model: Option<String>,
    /// Cloud region named by the host (`us-east-1`) or by a Vertex path (`locations/us-central1`).
    pub region: Option<String>,
    /// How the request body is written.
    pub body: RequestBody,
}

/// Reads a request head: `:method`, `:authority`, `:path` and a few headers. Never fails; what is not known is `None`
/// or [`Api::Other`].
pub fn route(head: &Head<'_>) -> Route {
    route_to(head, None)
}

/// The same where the owner is known from elsewhere, whatever the authority says: it decides what paths mean that two
/// owners use, and [`Route::provider`] says only what the head itself does.
pub fn route_to(head: &Head<'_>, owner: Option<&str>) -> Route {
    let method = head.text(":method").unwrap_or_default();
    let host = host::Host::parse(head.text(":authority").or_else(|| head.text("host")).unwrap_or_default());
    let target = head.text(":path").unwrap_or_default();
    let setting = path::Setting {
        owner: owner.or(host.provider),
        cloudflare_gateway: host.is_cloudflare_gateway(),
        websocket: is_websocket(head),
    };
    let place = path::read(method, target, setting);
    let provider =
        place.provider.or(host.provider).or_else(|| signed_for_bedrock(head).then_some(provider::AWS_BEDROCK));
    Route {
        provider,
        api: place.api,
        model: place.model,
        region: place.region.or(host.region),
        body: request_body(head),
    }
}

fn request_body(head: &Head<'_>) -> RequestBody {
    if head.get("content-encoding").is_some_and(|e| !e.is_empty() && !e.eq_ignore_ascii_case(b"identity")) {
        return RequestBody::Opaque;
    }
    // Some clients send JSON without a type or as text; only types that cannot be JSON are left out.
    match head.text("content-type").map(|t| t.trim_start().to_ascii_lowercase()) {
        Some(t) if t.starts_with("multipart/form-data") => RequestBody::Form,
        Some(t) if ["audio/", "image/", "video/", "multipart/"].iter().any(|p| t.starts_with(p)) => RequestBody::Opaque,
        _ => RequestBody::Json,
    }
}

fn is_websocket(head: &Head<'_>) -> bool {
    // HTTP/1 upgrade, and extended CONNECT of HTTP/2 (RFC 8441).
    head.get("upgrade").is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"))
        || head.get(":protocol").is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"))
}

/// Whether the request is signed for the Bedrock service: the scope of an AWS signature (`.../bedrock/aws4_request`)
/// names the owner whatever gateway the client talks to. Only the scope is looked at; it holds no secret.
fn signed_for_bedrock(head: &Head<'_>) -> bool {
    head.text("authorization").is_some_and(|a| {
        a.starts_with("AWS4-HMAC-SHA256") && a.split_once("/aws4_request").is_some_and(|(s, _)| s.ends_with("/bedrock"))
    })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod hosts_tests;
