//! Request headers that end here (`strip_headers`): attribution is the user's own business, not the provider's.
//!
//! Envoy chooses the route anew once a filter has changed request headers (seen on 1.40), so a route that is matched by
//! such a header is not found again: `envoy/docs/guide.md` says what to do then.

use std::cell::Cell;

use genops_core::{Config, Head};

use crate::host::{self, Level, Map};

thread_local! {
    static WARNED: Cell<bool> = const { Cell::new(false) };
}

/// Takes them out; a call into the host for each that is there, none where none is.
pub(crate) fn request_head(config: &Config, head: &Head<'_>) {
    for name in config.strip_headers.of(head) {
        if let Err(status) = host::remove_header(Map::RequestHeaders, name)
            && !WARNED.replace(true)
        {
            let warning = format!("genops: this host keeps request headers ({status}): they reach the provider");
            host::log(Level::Warn, &warning);
        }
    }
}
