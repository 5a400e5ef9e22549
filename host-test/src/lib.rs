//! An emulated Envoy: runs a proxy-wasm filter natively, drives exchanges through it, and prints the scrape that Envoy
//! would print.
//!
//! ```text
//! FilterModule -> Host (canary, workers) -> Exchange + ChunkPlan -> ExchangeReport
//!                   \-> StatStore -> prometheus() | openmetrics()
//! ```
//!
//! [`serve`] does the same with live traffic, as a reverse proxy. With the feature `component`, the module of that name runs
//! the same exchanges through the meter as a WebAssembly component, by WIT in place of proxy-wasm.
//!
//! It knows hostcalls, stats and HTTP streams, and nothing of LLMs: what it says of a filter is said by a stranger.
//! (`render/conversion.rs` is the exception: a table of names for the OpenMetrics view.)

pub mod abi;
mod clock;
mod compiled;
#[cfg(feature = "component")]
pub mod component;
mod error;
mod exchange;
mod host;
mod module;
mod plan;
mod process;
mod render;
pub mod replay;
pub mod serve;
pub mod store;
mod stream;
mod vm;

pub use abi::{Family, Fault, Faults, LogLevel, LogLine, Status, When};
pub use clock::Clock;
pub use error::HostError;
pub use exchange::{Cut, Exchange, ExchangeReport, Headers, LocalReply};
pub use host::{Host, HostOptions, Workers};
pub use module::FilterModule;
pub use plan::{BadPlan, ChunkPlan, Piece};
pub use process::{Plugin, Process};
pub use render::{PrometheusQuery, openmetrics, prometheus};
pub use store::{Kind, TagRule, TagRules};
pub use stream::OpenStream;
pub use vm::Vm;
