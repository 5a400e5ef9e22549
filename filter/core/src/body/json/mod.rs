//! A JSON reader that keeps nothing but what it was asked for.
//!
//! [`Skimmer`] is fed bytes in any cuts. It walks the document along a static tree of [`Want`]s: keys that the tree
//! names are followed, all other values are skipped at memchr speed without looking inside. So a 500 kB event costs
//! the memory of the one object that is wanted, and a key inside a text or under another path never matches.
//!
//! It is lenient where leniency cannot mislead (bytes of skipped values are not checked beyond strings and brackets)
//! and strict on the way to a wanted value. Duplicate keys are all reported, in order.

mod bytes;
mod skim;
mod want;

pub(crate) use skim::{End, Skimmer};
pub(crate) use want::{Sink, Want};
