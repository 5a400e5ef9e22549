//! The only edit that the filter makes, where the configuration asks for it: streams are asked for their usage
//! (`genops_core::inject`). Here the steps of the core become writes to Envoy's buffers and headers.
//!
//! Editing a body on Envoy (seen on 1.40): a `content-length` must be gone before the head goes on, for after that
//! header writes fail. Bytes that wait are left in Envoy's buffer by pausing: they cannot be lost, whatever follows.

use genops_core::inject::{HeadStep, Injection, Splice, Step};
use genops_core::{Exchange, Head};
use proxy_wasm::types::Action;

use crate::host::{self, Buffer, Map};

const CONTENT_LENGTH: &str = "content-length";

/// The edit of one stream.
pub(crate) struct Edit {
    injection: Injection,
    /// The request's head, and the part of its body that has come, wait.
    head_waits: bool,
    /// Bytes of the request body that the exchange has seen of those that wait.
    waiting: usize,
}

impl Edit {
    /// Where the configuration asks for one: with the request head in hand.
    pub(crate) fn new(exchange: &Exchange, head: &Head<'_>) -> Option<Box<Self>> {
        let injection = exchange.injection(head)?;
        Some(Box::new(Self { injection, head_waits: false, waiting: 0 }))
    }

    /// The request head; `end`: no body follows.
    pub(crate) fn request_head(&mut self, end: bool) -> Action {
        match self.injection.request_head() {
            _ if end => Action::Continue,
            HeadStep::Pass => Action::Continue,
            HeadStep::DropLength => {
                if host::remove_header(Map::RequestHeaders, CONTENT_LENGTH).is_err() {
                    self.injection.refused_by_host();
                }
                Action::Continue
            }
            HeadStep::Hold => {
                self.head_waits = true;
                Action::Pause
            }
        }
    }

    /// A cut of the request body, which the exchange reads too; `size` counts what waits.
    pub(crate) fn request_body(&mut self, exchange: &mut Exchange, size: usize, end: bool) -> Action {
        let cut = match size.saturating_sub(self.waiting) {
            0 => Vec::new(),
            new => host::buffer_from(Buffer::RequestBody, self.waiting, new),
        };
        if exchange.wants_request_body() {
            exchange.request_body(&cut);
        }
        match self.injection.request_body(&cut, end) {
            Step::Hold => {
                self.waiting = size;
                return Action::Pause;
            }
            Step::Pass => {}
            Step::Edit(splice) => {
                if self.splice(splice, &cut).is_none() {
                    self.injection.refused_by_host();
                }
            }
        }
        (self.waiting, self.head_waits) = (0, false);
        Action::Continue
    }

    /// Edits the buffer, of which `cut` is the end.
    fn splice(&self, splice: Splice, cut: &[u8]) -> Option<()> {
        let (at, remove) = (usize::try_from(splice.at).ok()?, usize::try_from(splice.remove).ok()?);
        // Only the front of a buffer can be replaced.
        let mut front = match self.waiting {
            0 => cut.get(..at)?.to_vec(),
            _ => host::buffer(Buffer::RequestBody, at),
        };
        if front.len() != at {
            return None;
        }
        front.extend_from_slice(splice.insert.as_bytes());
        if self.head_waits {
            let length = self.injection.length_after(splice)?.to_string();
            host::set_header(Map::RequestHeaders, CONTENT_LENGTH, &length).ok()?;
        }
        host::replace_front(Buffer::RequestBody, at.checked_add(remove)?, &front).ok()
    }

    /// The response head.
    pub(crate) fn response_head(&mut self, head: &Head<'_>) {
        let announced = head.get(CONTENT_LENGTH).is_some();
        if self.injection.response_head(head)
            && announced
            && host::remove_header(Map::ResponseHeaders, CONTENT_LENGTH).is_err()
        {
            self.injection.stop_filtering();
        }
    }

    /// Whether the response body is to be given.
    pub(crate) fn filters(&self) -> bool {
        self.injection.filters()
    }

    /// A cut of the response body, the whole buffer; `end`: no more will come. A body that ends with trailers instead has
    /// no last callback that could write: the part of an event that waits then is dropped, as clients do with an event
    /// that no blank line closes (WHATWG HTML, 9.2.6).
    pub(crate) fn response_body(&mut self, cut: &[u8], end: bool) {
        if let Some(instead) = self.injection.response_body(cut, end)
            && host::replace_front(Buffer::ResponseBody, cut.len(), &instead).is_err()
        {
            // The cut passes as it is.
            self.injection.stop_filtering();
        }
    }

    /// What came of it, as a label value.
    pub(crate) fn outcome(&self) -> &'static str {
        self.injection.outcome().as_str()
    }
}
