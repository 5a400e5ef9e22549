//! Bodies as streams of arbitrary cuts.
//!
//! ```text
//! cut -> decode (gzip) -> frame (SSE, AWS event stream, NDJSON, JSON) -> json (skim along a tree) -> facts -> Reading
//! ```
//!
//! Nothing is buffered but the few values that are wanted, each bounded by a named constant, and nothing is believed:
//! content types are checked against the first byte, lengths against bounds, CRCs against bytes. The same bytes give
//! the same [`Reading`] however they are cut.

mod characters;
mod decode;
mod documents;
mod error;
mod event_stream;
pub(crate) mod fact;
mod facts;
mod form;
mod frame;
mod headers;
pub(crate) mod json;
mod needle;
mod reader;
mod request;
mod sse;
mod template;
mod tree;
mod websocket;

pub use error::BodyError;
pub(crate) use facts::word;
pub use reader::Reader;
pub use request::RequestScan;

use crate::Usage;

/// What a response said; by default that of one that never came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Tokens and other units; `None` where the response did not say any, and for failed requests.
    pub usage: Option<Usage>,
    /// [`Reading::usage`] comes from headers (Bedrock invoke, TGI), since the body says none.
    pub from_headers: bool,
    /// Tokens of the prompt as a header says, where the body may say the generated ones alone (TGI).
    pub head_input: Option<u64>,
    /// Model as the response names it.
    pub model: Option<String>,
    /// Provider that a gateway asked, in its own words.
    pub upstream: Option<String>,
    /// The version of the system that answered is named (OpenAI `system_fingerprint`).
    pub fingerprint: bool,
    /// Tier that served the request, lower case (`standard`, `priority`, `flex`, ...).
    pub service_tier: Option<String>,
    /// Speed class that served it, lower case: Anthropic's `speed`, Bedrock's `performanceConfig.latency`.
    pub speed: Option<String>,
    /// Anthropic's `inference_geo`, where it applies.
    pub geo: Option<String>,
    /// Perplexity's `search_context_size`, lower case (`low`, `medium`, `high`).
    pub search_context: Option<String>,
    /// Size of the images made, as the response says (`1024x1024`); not all do.
    pub size: Option<String>,
    /// Quality of the images made, as the response says, lower case.
    pub quality: Option<String>,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// Why generation ended, in the provider's words; of several candidates the last one's.
    pub finish_reason: Option<String>,
    /// The error, from the status or from inside the body.
    pub error: Option<BodyError>,
    /// How far the body could be read.
    pub state: BodyState,
    /// What the provider, or a gateway's header, says that it charged: USD as plain decimal text with all its digits.
    pub stated_cost: Option<String>,
    /// Azure: bought capacity was full, so that the response is billed by its tokens.
    pub spilled_over: bool,
    /// A gateway answered from its own cache (Cloudflare): the provider was not asked and charges nothing.
    pub gateway_cached: bool,
    /// The body was a stream of events.
    pub streamed: bool,
}

/// How far a body could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyState {
    /// To its end.
    Complete,
    /// It stopped before its end.
    #[default]
    Truncated,
    /// It is not what its type or framing promises; what was sound before the fault counts.
    Unparsable,
    /// Its encoding or protocol is not read.
    Unsupported,
    /// A bound was passed: a usage object, or a decoded body, that is too long to be true.
    TooLarge,
}
