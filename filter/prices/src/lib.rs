//! Keeps the price book (`book/*.json`): imports it from a public price list and checks it.
//!
//! The format itself lives in [`genops_core::price::book`]; how to edit a file by hand stands in the README beside it.
#![forbid(unsafe_code)]

pub mod amend;
pub mod diff;
pub mod directory;
pub mod explain;
pub mod import;
