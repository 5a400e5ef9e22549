//! Bodies as streams of arbitrary cuts.
//!
//! ```text
//! cut -> decode (gzip) -> frame (SSE, AWS event stream, NDJSON, JSON) -> json (skim along a tree) -> facts -> Reading
//! ```
//!
//! Nothing is buffered but the few values that are wanted, each bounded by a named constant, and nothing is believed:
//! content types are checked against the first byte, lengths against bounds, CRCs against bytes. The same bytes give
//! the same [`Reading`] however they are cut.

mod decode;
mod documents;
mod error;
mod event_stream;
pub(crate) mod fact;
mod facts;
mod frame;
pub(crate) mod json;
mod needle;
mod reader;
mod request;
mod sse;
mod template;
mod tree;
mod websocket;

pub use error::BodyError;
pub use reader::Reader;
pub use request::RequestScan;

use crate::Usage;

/// What a response said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Tokens; `None` where the response did not say any, and for failed requests.
    pub usage: Option<Usage>,
    /// [`Reading::usage`] comes from headers (Bedrock invoke), since the body says none.
    pub from_headers: bool,
    /// Model as the response names it.
    pub model: Option<String>,
    /// Tier that served the request, lower case (`standard`, `priority`, `flex`, ...).
    pub service_tier: Option<String>,
    /// Anthropic's `speed`.
    pub speed: Option<String>,
    /// Anthropic's `inference_geo`, where it applies.
    pub geo: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Why generation ended, in the provider's words; of several candidates the last one's.
    pub finish_reason: Option<String>,
    /// The error, from the status or from inside the body.
    pub error: Option<BodyError>,
    /// How far the body could be read.
    pub state: BodyState,
    /// What the provider says that it charged, USD as plain decimal text with all its digits.
    pub stated_cost: Option<String>,
    /// The body was a stream of events.
    pub streamed: bool,
}

/// How far a body could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    /// To its end.
    Complete,
    /// It stopped before its end.
    Truncated,
    /// It is not what its type or framing promises; what was sound before the fault counts.
    Unparsable,
    /// Its encoding or protocol is not read.
    Unsupported,
    /// A bound was passed: a usage object, or a decoded body, that is too long to be true.
    TooLarge,
}
