//! JSON bodies: one document, an array of them, or one after the other with or without line ends (NDJSON).

use super::{
    facts::Facts,
    json::{End, Skimmer, Want},
};

/// Reads JSON documents that stand one after the other.
#[derive(Debug)]
pub(crate) struct Documents {
    tree: &'static Want,
    skim: Skimmer,
    /// Each line is a document of its own: a broken line does not spoil the next.
    lines: bool,
}

impl Documents {
    pub(crate) fn new(tree: &'static Want, lines: bool) -> Self {
        Self { tree, skim: Skimmer::new(tree), lines }
    }

    pub(crate) fn feed(&mut self, cut: &[u8], facts: &mut Facts) {
        facts.event |= !cut.is_empty();
        if !self.lines {
            return self.read(cut, facts);
        }
        let mut rest = cut;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at_checked(at + 1).unwrap_or((rest, &[]));
            self.read(line, facts);
            // A line end inside a document cannot be: JSON strings have none.
            self.close(facts);
            rest = tail;
        }
        self.read(rest, facts);
    }

    /// The body has ended. Gives whether it ended inside a document.
    pub(crate) fn finish(&mut self, facts: &mut Facts) -> bool {
        if self.skim.end() == End::Cut {
            facts.settle_error();
            return true;
        }
        self.close(facts);
        false
    }

    fn read(&mut self, cut: &[u8], facts: &mut Facts) {
        let mut rest = cut;
        while !rest.is_empty() {
            let used = self.skim.feed(rest, facts);
            if self.skim.is_done() {
                facts.end_document(true);
                self.skim.begin(self.tree);
            }
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn close(&mut self, facts: &mut Facts) {
        match self.skim.end() {
            End::Empty => {}
            End::Whole => facts.end_document(true),
            End::Cut | End::Failed => facts.end_document(false),
        }
        self.skim.begin(self.tree);
    }
}
