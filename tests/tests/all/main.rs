//! One integration binary: one link, one room per subject.

mod architecture;
mod corpus;
