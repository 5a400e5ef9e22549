//! The pure heart of the GenOps filter: bytes and timestamps in, one [`Record`] per exchange out.
//!
//! ```text
//! head -> detect -> Route -> body (cuts in, events out) -> usage -> Usage -> price -> Cost -> label -> schema -> StatOp
//! ```
//!
//! Nothing here knows a host, a clock, a network or a thread: an [`Exchange`] is fed what a proxy saw, in the order
//! it saw it and cut as it was cut, and gives the same [`Record`] for every way to cut the same bytes.
#![forbid(unsafe_code)]

pub mod body;
pub mod detect;
pub mod head;
pub mod outcome;
pub mod price;
pub mod usage;

pub use outcome::{ErrorType, Outcome, UnpricedReason};
pub use usage::Usage;
