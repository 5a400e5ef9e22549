//! Recorded exchanges in, records and a scrape out.

pub(crate) mod encoding;
mod input;
pub(crate) mod record;
mod run;
mod summary;

pub use encoding::Encoding;
pub use input::{InputError, Recorded, quickstart, read_lines, unix_ns};
pub use record::{NoRecord, record_line};
pub use run::{Outcomes, ReplayOptions, replay};
pub use summary::{Summary, SummaryRow};
