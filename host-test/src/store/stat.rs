//! One stat: a u64 counter or gauge, or a histogram.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Extracted, Histogram};

/// Kinds of stats, as the ABI numbers metric types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 0
    Counter,
    /// 1
    Gauge,
    /// 2
    Histogram,
}

impl Kind {
    pub(crate) fn from_abi(kind: u32) -> Option<Self> {
        match kind {
            0 => Some(Self::Counter),
            1 => Some(Self::Gauge),
            2 => Some(Self::Histogram),
            _ => None,
        }
    }
}

/// A stat of the process. Atomic like Envoy's: workers change it without a lock.
pub struct Stat {
    kind: Kind,
    name: Vec<u8>,
    extracted: Extracted,
    value: AtomicU64,
    used: AtomicBool,
    changes: AtomicU64,
    histogram: Mutex<Histogram>,
}

impl Stat {
    pub(super) fn new(kind: Kind, name: Vec<u8>, extracted: Extracted) -> Self {
        Self {
            kind,
            name,
            extracted,
            value: AtomicU64::new(0),
            used: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            histogram: Mutex::default(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Full name, with `wasmcustom.` and with what became tags.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Name without its tags, and the tags.
    pub fn extracted(&self) -> &Extracted {
        &self.extracted
    }

    /// Value of a counter or gauge.
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// Whether it was ever written (`?usedonly`).
    pub fn used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// A copy of the histogram.
    pub fn histogram(&self) -> Histogram {
        self.histogram.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Wraps at u64, as Envoy's does.
    pub(crate) fn add(&self, value: u64) {
        self.value.fetch_add(value, Ordering::Relaxed);
        self.touch();
    }

    /// Wraps below 0, as Envoy's does in a release build.
    pub(crate) fn sub(&self, value: u64) {
        self.value.fetch_sub(value, Ordering::Relaxed);
        self.touch();
    }

    pub(crate) fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
        self.touch();
    }

    pub(crate) fn record(&self, value: u64) {
        self.histogram.lock().unwrap_or_else(PoisonError::into_inner).record(value);
        self.touch();
    }
}
