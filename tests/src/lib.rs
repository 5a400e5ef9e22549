//! What the tests and the generator share.

pub mod generated;
