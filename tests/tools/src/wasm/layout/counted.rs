//! A module that counts what runs.

use std::ops::Range;

use super::{Function, LayoutError, Outline, Profile, profile::Branch, rewrite};

/// A module that counts how often each function and branch runs, in linear memory behind what it asked for itself.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The module.
    pub wasm: Vec<u8>,
    functions: Vec<Function>,
    memory: Range<usize>,
}

impl Counted {
    /// Of `wasm`, which has function names.
    ///
    /// # Errors
    /// A module that cannot be read.
    pub fn new(wasm: &[u8]) -> Result<Self, LayoutError> {
        let outline = Outline::of(wasm)?;
        let (wasm, memory) = rewrite::counting(wasm, &outline)?;
        Ok(Self { wasm, functions: outline.functions, memory })
    }

    /// Where in linear memory the counts stand.
    pub fn memory(&self) -> Range<usize> {
        self.memory.clone()
    }

    /// What ran between two looks at [`Counted::memory`].
    pub fn profile(&self, before: &[u8], after: &[u8]) -> Profile {
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
        let mut counts = before.chunks(4).zip(after.chunks(4)).map(|(b, a)| word(a).wrapping_sub(word(b)));
        let mut profile = Profile::default();
        for function in &self.functions {
            let runs = counts.next().unwrap_or_default();
            let branches: Vec<Branch> = (0..function.branches)
                .map(|_| Branch::counted(counts.next().unwrap_or_default(), counts.next().unwrap_or_default()))
                .collect();
            if runs > 0 && !function.name.is_empty() {
                profile.add(&function.name, branches);
            }
        }
        profile
    }
}

/// Counters of a function: its runs, then two of each branch.
pub(super) fn counters(function: &Function) -> u32 {
    u32::try_from(function.branches).unwrap_or(u32::MAX).saturating_mul(2).saturating_add(1)
}
