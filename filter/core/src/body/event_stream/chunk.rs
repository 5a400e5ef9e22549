//! Model chunks in base64 inside an invoke stream.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};

use super::journal::Journal;
use crate::body::{
    fact::Fact,
    json::{End, Sink, Skimmer, Want},
};

/// Takes the base64 text of an invoke chunk, decodes it as it comes and skims what is inside.
#[derive(Debug)]
pub(super) struct Chunk {
    inner: Skimmer,
    /// What the chunk, or another payload, said.
    pub(super) journal: Journal,
    /// Up to three characters that wait for the rest of their group.
    group: Vec<u8>,
    broken: bool,
}

/// Base64 characters that are decoded at once; a multiple of four.
const BASE64_STEP: usize = 1024;

impl Chunk {
    pub(super) fn new(tree: &'static Want) -> Self {
        Self { inner: Skimmer::new(tree), journal: Journal::default(), group: Vec::new(), broken: false }
    }

    pub(super) fn begin(&mut self, tree: &'static Want) {
        self.inner.begin(tree);
        self.journal.clear();
        self.group.clear();
        self.broken = false;
    }

    fn decode(&mut self, text: &[u8]) {
        let mut out = [0; BASE64_STEP];
        match BASE64.decode_slice(text, &mut out) {
            Ok(len) => {
                self.inner.feed(out.get(..len).unwrap_or_default(), &mut self.journal);
            }
            Err(_) => self.broken = true,
        }
    }

    pub(super) fn end(&mut self) -> End {
        // The last group, without its padding.
        let last = std::mem::take(&mut self.group);
        if !last.is_empty() {
            self.decode(&last);
        }
        if self.broken { End::Failed } else { self.inner.end() }
    }
}

impl Sink for Chunk {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        self.journal.value(fact, raw);
    }

    fn too_large(&mut self, fact: Fact) {
        self.journal.too_large(fact);
    }

    fn mark(&mut self, fact: Fact) {
        self.journal.mark(fact);
    }

    fn pour(&mut self, text: &[u8]) {
        for run in text.chunks(BASE64_STEP - 4) {
            // JSON may escape a slash; padding only says where the end is.
            self.group.extend(run.iter().filter(|b| !matches!(b, b'\\' | b'=')));
            let whole = self.group.len() - self.group.len() % 4;
            let tail = self.group.split_off(whole);
            let groups = std::mem::replace(&mut self.group, tail);
            if !groups.is_empty() {
                self.decode(&groups);
            }
        }
    }
}
