//! The pure heart of the GenOps filter: bytes and timestamps in, one [`Record`] per exchange out.
//!
//! ```text
//! head -> detect -> Route -> body (cuts in, events out) -> usage -> Usage -> price -> Cost -> label -> schema -> Observation
//! ```
//!
//! Nothing here knows a host, a clock, a network or a thread: an [`Exchange`] is fed what a proxy saw, in the order
//! it saw it and cut as it was cut, and gives the same [`Record`] for every way to cut the same bytes.
#![forbid(unsafe_code)]

pub mod body;
pub mod config;
pub mod detect;
mod estimate;
mod exchange;
pub mod head;
pub mod http;
pub mod inject;
pub mod label;
pub mod outcome;
pub mod price;
pub mod record;
pub mod schema;
pub mod scrape;
pub mod usage;

pub use config::Config;
pub use exchange::{End, Exchange, Nanos, OTHER, UNKNOWN_PROVIDER};
pub use head::Head;
pub use inject::Injection;
pub use outcome::{ErrorType, Outcome, UnpricedReason};
pub use record::Record;
pub use usage::Usage;
