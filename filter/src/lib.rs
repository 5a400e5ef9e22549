//! The GenOps filter: a thin proxy-wasm shell around `genops-core`.
//!
//! It observes: it never pauses a stream and never edits a body, unless it is configured to ask streams for their usage
//! (`edit`), and only takes headers with attribution away from the provider (`strip`).
//! `stream` feeds an exchange, `stats` finds the series that its record feeds, `behind` writes them to Envoy's stats,
//! `registry` keeps all workers (and the next generation of them) at one list of series, `scrape` answers those who read them
//! from the filter itself.
#![deny(unsafe_code)]

mod admitted;
mod behind;
mod edit;
mod expected;
mod host;
mod registry;
mod root;
mod scrape;
mod series;
mod stats;
mod stream;
mod strip;

/// An exchange allocates some 60 times; the target's own allocator (dlmalloc) is more code and made it 3 % dearer (seen on
/// Envoy 1.40, 2026-11-22).
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

#[cfg(target_arch = "wasm32")]
mod entry {
    #![allow(unsafe_code, reason = "the entry point is an exported symbol")]
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|id| Box::new(crate::root::Root::new(id)));
    }}
}
