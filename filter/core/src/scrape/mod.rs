//! The filter's own scrape: the schema's exact names, in its own units, with HELP and TYPE, made from the integers that
//! the proxy keeps.
//!
//! ```text
//! request head -> Asked -> Query + Catalog (which stat belongs where) + Values (what the proxy says) -> Rendering -> body
//! ```
//!
//! All of it is pure: names and values come from the caller, who also says how long a stretch of rendering may be.

mod accept;
mod catalog;
mod family;
mod gauge;
mod rendering;
mod request;
mod write;

pub use accept::Format;
pub use catalog::Catalog;
pub use family::Shown;
pub use rendering::{Progress, Rendering};
pub use request::{Asked, Query, Refusal, Selection};

/// Number of a series at the caller's.
pub type SeriesId = u32;

/// What the proxy knows of series. Names never change; values are read once per scrape.
pub trait Values {
    /// The stat's name, labels in it ([`stat_name`](crate::schema::stat_name)).
    fn name(&self, series: SeriesId) -> Option<&str>;

    /// Its value now; `None` while the series is not among the proxy's stats.
    fn value(&mut self, series: SeriesId) -> Option<u64>;
}

#[cfg(test)]
mod tests;
