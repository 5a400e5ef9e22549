//! Fault injection: any hostcall family, or one hostcall, answers any status, always or from one call on.

use std::sync::{Mutex, PoisonError};

use super::{Family, Status};

/// Which of the matching calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// Only the n-th since the fault was set, counted from 1 over all VMs of the host.
    Nth(u64),
    /// The n-th and all after it.
    From(u64),
}

/// One fault. The call has no effect and returns `status`; with [`Status::OK`] that is a host that pretends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The family it hits.
    pub family: Family,
    /// One hostcall of the family (`proxy_get_metric`), or all of them.
    pub function: Option<&'static str>,
    /// Which calls.
    pub when: When,
    /// What they return.
    pub status: Status,
}

impl Fault {
    /// Every call of `family` returns `status`.
    pub fn always(family: Family, status: Status) -> Self {
        Self { family, function: None, when: When::Always, status }
    }

    /// The `n`-th call (from 1) of `family` returns `status`.
    pub fn nth(family: Family, n: u64, status: Status) -> Self {
        Self { family, function: None, when: When::Nth(n), status }
    }
}

/// The faults in force, shared by all VMs of a host. Setting new ones starts the counts anew.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<(Fault, u64)>>);

impl Faults {
    /// Replaces all faults.
    pub fn set(&self, faults: impl IntoIterator<Item = Fault>) {
        let armed = faults.into_iter().map(|fault| (fault, 0)).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = armed;
    }

    /// No faults from here on.
    pub fn clear(&self) {
        self.set([]);
    }

    /// The status to answer instead of running the call.
    pub(super) fn hit(&self, family: Family, function: &str) -> Option<Status> {
        let mut armed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut status = None;
        for (fault, seen) in armed.iter_mut() {
            if fault.family != family || fault.function.is_some_and(|name| name != function) {
                continue;
            }
            *seen += 1;
            let fires = match fault.when {
                When::Always => true,
                When::Nth(n) => *seen == n,
                When::From(n) => *seen >= n,
            };
            if fires && status.is_none() {
                status = Some(fault.status);
            }
        }
        status
    }
}
