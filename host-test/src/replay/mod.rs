//! Recorded exchanges in, records and a scrape out.

mod encoding;
mod input;
mod record;
mod run;
mod summary;

pub use encoding::Encoding;
pub use input::{InputError, Recorded, quickstart, read_lines, unix_ns};
pub use record::{NoRecord, record_line};
pub use run::{Outcomes, ReplayOptions, replay, replay_component};
pub use summary::{Summary, SummaryRow};
