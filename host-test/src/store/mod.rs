//! The process-wide stats that all workers share, as Envoy's allocator keeps them, and shared data.

mod histogram;
mod shared_data;
mod stat;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use histogram::{DEFAULT_BUCKETS, Histogram};
pub use shared_data::SharedData;
pub use stat::{Kind, Stat};
pub use tags::{Extracted, TagRule, TagRules};

/// Envoy's namespace of wasm stats (`source/extensions/common/wasm/stats_handler.h`).
pub const NAMESPACE: &str = "wasmcustom";

/// One generation of VMs: those of one listener's life. Its stats live as long as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// A stat and the generations that defined it.
struct Held {
    stat: Arc<Stat>,
    by: BTreeSet<Generation>,
}

/// All stats of the process.
pub struct StatStore {
    rules: TagRules,
    held: Mutex<BTreeMap<(Kind, Vec<u8>), Held>>,
    generations: AtomicU64,
}

impl StatStore {
    /// An empty store that takes tags out of names by `rules`.
    pub fn new(rules: TagRules) -> Self {
        Self { rules, held: Mutex::default(), generations: AtomicU64::new(0) }
    }

    /// A new generation of VMs.
    pub fn generation(&self) -> Generation {
        Generation(self.generations.fetch_add(1, Ordering::Relaxed))
    }

    /// The stat `wasmcustom.<name>` of that kind, made where it is not there yet, and held for `generation`.
    pub fn define(&self, kind: Kind, name: &[u8], generation: Generation) -> Arc<Stat> {
        let full = full_name(name);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held.entry((kind, full)).or_insert_with_key(|(kind, full)| Held {
            stat: Arc::new(Stat::new(*kind, full.clone(), self.rules.extract(full))),
            by: BTreeSet::new(),
        });
        entry.by.insert(generation);
        Arc::clone(&entry.stat)
    }

    /// The generation is gone: what no other generation defined is gone with it.
    pub fn release(&self, generation: Generation) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, held| {
            held.by.remove(&generation);
            !held.by.is_empty()
        });
    }

    /// All stats of one kind, by name.
    pub fn stats(&self, kind: Kind) -> Vec<Arc<Stat>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter(|((of, _), _)| *of == kind).map(|(_, held)| Arc::clone(&held.stat)).collect()
    }

    /// Sum over all that changes when a stat is defined or changes; equal sums over several ticks mean quiet.
    pub(crate) fn pulse(&self) -> u64 {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().fold(held.len() as u64, |sum, held| sum.wrapping_add(held.stat.changes()))
    }
}

/// `wasmcustom.<name>`; trailing dots fall off where Envoy encodes a name (`symbol_table.cc` SymbolTable::encode).
fn full_name(name: &[u8]) -> Vec<u8> {
    let end = name.iter().rposition(|&byte| byte != b'.').map_or(0, |last| last + 1);
    let mut full = NAMESPACE.as_bytes().to_vec();
    if end > 0 {
        full.push(b'.');
        full.extend_from_slice(name.get(..end).unwrap_or_default());
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> StatStore {
        StatStore::new(TagRules::default())
    }

    #[test]
    fn a_name_is_one_stat_for_all_who_define_it() {
        let store = store();
        let (a, b) = (store.generation(), store.generation());
        store.define(Kind::Counter, b"x", a).add(2);
        store.define(Kind::Counter, b"x.", b).add(3);
        assert_eq!(store.define(Kind::Counter, b"x..", a).value(), 5);
        assert_eq!(store.define(Kind::Gauge, b"x", a).value(), 0, "a gauge of that name is another stat");
        assert_eq!(store.stats(Kind::Counter).len(), 1);
    }

    #[test]
    fn a_stat_lives_while_any_generation_defines_it() {
        let store = store();
        let (old, new) = (store.generation(), store.generation());
        store.define(Kind::Counter, b"kept", old).add(7);
        store.define(Kind::Counter, b"lost", old).add(7);
        store.define(Kind::Counter, b"kept", new);
        store.release(old);
        assert_eq!(store.stats(Kind::Counter).len(), 1);
        assert_eq!(store.define(Kind::Counter, b"kept", new).value(), 7);
        assert_eq!(store.define(Kind::Counter, b"lost", new).value(), 0);
    }
}
