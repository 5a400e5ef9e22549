//! The emulator against independent facts: goldens of a real Envoy, guests written in WebAssembly text, a strict
//! OpenMetrics parser.

mod cli;
#[cfg(feature = "component")]
mod component;
mod faults;
mod guests;
mod hostcalls;
mod lifecycle;
mod local_response;
mod openmetrics;
mod scrape;
mod serve;
