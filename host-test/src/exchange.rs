//! One HTTP exchange as the host drives it through a filter, and what came of it.

use std::collections::BTreeMap;

use crate::abi::LogLine;

/// Header or trailer map: pairs in order, names in lower case, values any bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// Appends a pair; the name is lower-cased as Envoy does.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    /// All pairs in order.
    pub fn pairs(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.0
    }

    /// The first value of `name`, in any case.
    pub fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// Every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// Puts `value` in place of the first `name` and drops the others; appends where there is none.
    pub fn replace(&mut self, name: &[u8], value: &[u8]) {
        let name = name.to_ascii_lowercase();
        let mut kept = false;
        self.0.retain_mut(|(key, old)| {
            if *key != name {
                return true;
            }
            if kept {
                return false;
            }
            kept = true;
            *old = value.to_vec();
            true
        });
        if !kept {
            self.0.push((name, value.to_vec()));
        }
    }

    /// Drops every `name`.
    pub fn remove(&mut self, name: &[u8]) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Bytes of all names and values (Envoy `HeaderMap::byteSize`).
    pub fn byte_size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }
}

/// How an exchange stops before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The client goes away after this many bytes of the response body: log and done follow, no end of stream.
    DownstreamGone {
        /// Bytes of the response body that pass.
        after: usize,
    },
    /// The upstream resets after this many bytes of the response body. Envoy resets the client's stream too, so the
    /// filter sees the same callbacks.
    UpstreamReset {
        /// Bytes of the response body that pass.
        after: usize,
    },
    /// The client goes away after this many bytes of the request body: no end of stream, no response.
    RequestGone {
        /// Bytes of the request body that pass.
        after: usize,
    },
    /// The request is whole, and the client goes away or the upstream resets before any response.
    NoResponse,
}

impl Cut {
    /// Whether a response begins.
    pub(crate) fn leaves_a_response(self) -> bool {
        matches!(self, Self::DownstreamGone { .. } | Self::UpstreamReset { .. })
    }
}

/// A request and its response, as Envoy would hand them to the filter.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// With `:method`, `:path`, `:authority`, `:scheme`.
    pub request_headers: Headers,
    /// Request body; cut by the plan.
    pub request_body: Vec<u8>,
    /// Sent behind the request body.
    pub request_trailers: Option<Headers>,
    /// With `:status`.
    pub response_headers: Headers,
    /// Response body; cut by the plan.
    pub response_body: Vec<u8>,
    /// Sent behind the response body.
    pub response_trailers: Option<Headers>,
    /// Where it breaks off.
    pub cut: Option<Cut>,
    /// Unix time in nanoseconds at its first callback; the VM's clock where it stands if not given.
    pub at_ns: Option<u64>,
    /// Properties that the filter can read, by NUL-joined path.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What Envoy says of an upstream that breaks off in the middle (`StreamInfo::ResponseCodeDetails`).
const BROKEN_UPSTREAM: &[u8] = b"upstream_reset_after_response_started{protocol_error}";

impl Exchange {
    /// The same, broken off there, with what Envoy then says of it.
    #[must_use]
    pub fn cut_off(mut self, cut: Option<Cut>) -> Self {
        self.cut = cut;
        if matches!(cut, Some(Cut::UpstreamReset { .. })) {
            self.properties.insert(b"response\0code_details".to_vec(), BROKEN_UPSTREAM.to_vec());
        }
        self
    }
}

/// A response that the filter made (`proxy_send_local_response`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// Headers that the filter added, without `:status`.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
    /// What Envoy would show as `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
}

impl LocalReply {
    /// The head as Envoy completes it (`Http::Utility::prepareLocalReply`).
    pub(crate) fn head(&self) -> Headers {
        let mut head = Headers::from_iter([(":status", self.status.to_string())]);
        for (name, value) in self.headers.pairs() {
            head.push(name, value);
        }
        if !self.body.is_empty() {
            head.replace(b"content-length", self.body.len().to_string().as_bytes());
            if head.first(b"content-type").is_none() {
                head.push(b"content-type", b"text/plain");
            }
        }
        head
    }
}

/// What an exchange left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeReport {
    /// Filter state by full key (`wasm.genops.record`).
    pub filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the filter logged meanwhile.
    pub log: Vec<LogLine>,
    /// Request headers as they would go upstream.
    pub request_headers: Headers,
    /// Response headers as they would go downstream.
    pub response_headers: Headers,
    /// Request body as it would go upstream.
    pub request_body: Vec<u8>,
    /// Response body as it would go downstream.
    pub response_body: Vec<u8>,
    /// The filter asked to pause at headers and nothing resumed it: Envoy would hold the stream until a timeout.
    pub stalled: bool,
    /// What the filter answered itself, in place of an upstream; it stands in `response_headers` and `response_body`, too.
    pub local_reply: Option<LocalReply>,
    /// Why the VM died in this exchange. Envoy (fail closed) answers 503 from here on.
    pub trap: Option<String>,
}
