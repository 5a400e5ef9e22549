//! What a message said, held back until it is known to be sound.

use crate::body::{
    fact::{Fact, USAGE_LIMIT},
    facts::Facts,
    json::Sink,
};

/// Most bytes of values that one message may say: several usage objects.
const JOURNAL_LIMIT: usize = 4 * USAGE_LIMIT;
/// Most facts of one message.
const JOURNAL_FACTS: usize = 256;

/// What a message said, until its CRC is known.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Vec<(Fact, Said)>,
    text: Vec<u8>,
    overlong: bool,
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Value { start: usize, end: usize },
    TooLarge,
    Mark,
}

impl Journal {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.overlong = false;
    }

    fn push(&mut self, fact: Fact, said: Said) {
        if self.entries.len() >= JOURNAL_FACTS {
            self.overlong = true;
        } else {
            self.entries.push((fact, said));
        }
    }

    pub(super) fn replay(&self, facts: &mut Facts) {
        for (fact, said) in &self.entries {
            match said {
                Said::Value { start, end } => facts.value(*fact, self.text.get(*start..*end).unwrap_or_default()),
                Said::TooLarge => facts.too_large(*fact),
                Said::Mark => facts.mark(*fact),
            }
        }
        facts.too_large |= self.overlong;
    }
}

impl Sink for Journal {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        if self.text.len() + raw.len() > JOURNAL_LIMIT {
            self.overlong = true;
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(raw);
        self.push(fact, Said::Value { start, end: self.text.len() });
    }

    fn too_large(&mut self, fact: Fact) {
        self.push(fact, Said::TooLarge);
    }

    fn mark(&mut self, fact: Fact) {
        self.push(fact, Said::Mark);
    }
}
