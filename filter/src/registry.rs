//! The list of all stats of this `vm_id`, in shared data: one truth for all workers.
//!
//! Why: Envoy drops a stat when the last VM that defined it is gone. A new generation of VMs (new code) therefore
//! defines every listed name again before the old one is drained, and keeps reading while it drains. The list is also
//! what the process-wide caps count.
//!
//! Names stand in chunks, one per line, as [`Form::listed`](crate::behind::Form::listed) writes them (a gauge's has a mark before
//! it), because appending to one growing value would copy it all each time.

use crate::admitted::Known;
use crate::host::{self, Status};

/// A chunk is closed once it has grown beyond this. Large enough for a hundred names, small enough to copy at a tick.
const CHUNK_BYTES: usize = 16 * 1024;
/// Attempts at a compare-and-swap before the names wait for the next tick: contention is between a few workers.
const ATTEMPTS: usize = 16;
/// A token that no existing value has (tokens count up from 1): on a missing key any token creates the value
/// (proxy-wasm-cpp-host `shared_data.cc`), on a present one this is a mismatch.
const CREATE: u32 = u32::MAX;
/// Deltas that a VM going away could not write any more.
const ORPHANS: &str = "genops/1/orphans";
/// How long orphans lie before anybody takes them: workers of one generation end within moments of each other, and one
/// that is about to end must not adopt.
const ORPHAN_NANOS: u64 = 400_000_000;

/// A list, and how far this VM has read it.
#[derive(Debug)]
pub(crate) struct Registry {
    prefix: &'static str,
    chunk: usize,
    offset: usize,
}

impl Default for Registry {
    fn default() -> Self {
        Self::of_names()
    }
}

impl Registry {
    /// The list of all counters.
    pub(crate) fn of_names() -> Self {
        Self { prefix: "genops/1/names", chunk: 0, offset: 0 }
    }

    /// The list of all label sets.
    pub(crate) fn of_sets() -> Self {
        Self { prefix: "genops/1/sets", ..Self::of_names() }
    }

    fn key(&self) -> String {
        format!("{}/{}", self.prefix, self.chunk)
    }

    /// Tells every name that was listed since the last call.
    pub(crate) fn read(&mut self, mut each: impl FnMut(&str)) {
        while let Ok((bytes, _)) = host::shared_data(&self.key()) {
            self.told(&bytes, &mut each);
            if bytes.len() < CHUNK_BYTES {
                return;
            }
            self.chunk += 1;
            self.offset = 0;
        }
    }

    /// Lists `names`. Those that another VM listed meanwhile are told to `each` instead, like all its others.
    /// Returns whether all of them are listed now; the host may have no shared data.
    pub(crate) fn append(&mut self, mut names: Vec<String>, mut each: impl FnMut(&str)) -> bool {
        for _ in 0..ATTEMPTS {
            let (mut bytes, cas) = match host::shared_data(&self.key()) {
                Ok(found) => found,
                Err(Status::NOT_FOUND) => (Vec::new(), CREATE),
                Err(_) => return false,
            };
            self.told(&bytes, &mut |name: &str| {
                names.retain(|n| n != name);
                each(name);
            });
            if names.is_empty() {
                return true;
            }
            if bytes.len() >= CHUNK_BYTES {
                self.chunk += 1;
                self.offset = 0;
                continue;
            }
            for name in &names {
                bytes.extend_from_slice(name.as_bytes());
                bytes.push(b'\n');
            }
            match host::set_shared_data(&self.key(), &bytes, cas) {
                Ok(()) => {
                    self.offset = bytes.len();
                    return true;
                }
                Err(Status::CAS_MISMATCH) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Lists `name` unless it is there by now, or `fits` refuses it in view of what is. Whether it is in use now.
    ///
    /// Without shared data, or where others are faster again and again, this VM decides by itself.
    pub(crate) fn claim(&mut self, name: &str, known: &mut Known, fits: impl Fn(&Known) -> bool) -> bool {
        for _ in 0..ATTEMPTS {
            self.read(|other| known.insert(other));
            if known.contains(name) {
                return true;
            }
            if !fits(known) {
                return false;
            }
            let (mut bytes, cas) = match host::shared_data(&self.key()) {
                Ok(found) => found,
                Err(Status::NOT_FOUND) => (Vec::new(), CREATE),
                Err(_) => break,
            };
            if bytes.len() != self.offset {
                continue;
            }
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b'\n');
            match host::set_shared_data(&self.key(), &bytes, cas) {
                Ok(()) => {
                    self.offset = bytes.len();
                    break;
                }
                Err(Status::CAS_MISMATCH) => {}
                Err(_) => break,
            }
        }
        known.insert(name);
        true
    }

    fn told(&mut self, bytes: &[u8], each: &mut impl FnMut(&str)) {
        let new = bytes.get(self.offset..).unwrap_or_default();
        new.split(|b| *b == b'\n').filter_map(|n| str::from_utf8(n).ok()).filter(|n| !n.is_empty()).for_each(each);
        self.offset = bytes.len().max(self.offset);
    }
}

/// Leaves deltas for another VM of this `vm_id`. Returns whether the host took them.
pub(crate) fn leave_orphans<'a>(now: u64, deltas: impl Iterator<Item = (&'a str, u64)>) -> bool {
    let lines: String = deltas.map(|(name, delta)| format!("{now} {delta} {name}\n")).collect();
    for _ in 0..ATTEMPTS {
        let (mut bytes, cas) = match host::shared_data(ORPHANS) {
            Ok(found) => found,
            Err(Status::NOT_FOUND) => (Vec::new(), CREATE),
            Err(_) => return false,
        };
        bytes.extend_from_slice(lines.as_bytes());
        match host::set_shared_data(ORPHANS, &bytes, cas) {
            Ok(()) => return true,
            Err(Status::CAS_MISMATCH) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Takes what others left; each delta is taken by exactly one VM. Returns whether there is some that nobody takes yet.
pub(crate) fn adopt_orphans(now: u64, mut each: impl FnMut(&str, u64)) -> bool {
    let Ok((bytes, cas)) = host::shared_data(ORPHANS) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    let parts = |line: &str| -> Option<(u64, u64, String)> {
        let mut words = line.splitn(3, ' ');
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.to_owned()))
    };
    let (ripe, young): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| parts(line).is_none_or(|(left, ..)| left.saturating_add(ORPHAN_NANOS) <= now));
    if ripe.is_empty() {
        return !young.is_empty();
    }
    let rest: String = young.iter().map(|line| format!("{line}\n")).collect();
    // Another VM was faster, or the host refuses: they are not ours.
    if host::set_shared_data(ORPHANS, rest.as_bytes(), cas).is_ok() {
        for (_, delta, name) in ripe.into_iter().filter_map(parts) {
            each(&name, delta);
        }
    }
    !young.is_empty()
}
