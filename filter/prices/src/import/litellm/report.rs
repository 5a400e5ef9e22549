//! What an import left out, and why. Nothing is left out silently.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Everything that was left out, by reason.
#[derive(Debug, Default)]
pub struct LeftOut(BTreeMap<String, Vec<String>>);

impl LeftOut {
    /// Adds one thing.
    pub(super) fn add(&mut self, reason: impl Into<String>, what: impl Into<String>) {
        self.0.entry(reason.into()).or_default().push(what.into());
    }

    /// Whether all was taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things, most frequent reason first.
    pub fn summary(&self) -> Vec<(usize, &str)> {
        let mut counts: Vec<_> = self.0.iter().map(|(reason, what)| (what.len(), reason.as_str())).collect();
        counts.sort_by_key(|(count, reason)| (std::cmp::Reverse(*count), *reason));
        counts
    }
}

/// Every reason, how often, and each thing on a line of its own.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, reason) in self.summary() {
            writeln!(f, "{reason} ({count})")?;
            for what in self.0.get(reason).into_iter().flatten() {
                writeln!(f, "  {what}")?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}
