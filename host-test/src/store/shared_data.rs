//! Shared data: one map per `vm_id`, one lock, compare-and-swap (cpp-host `src/shared_data.cc`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Value and its compare-and-swap number.
type Entry = (Vec<u8>, u32);

/// Shared data of the process.
#[derive(Default)]
pub struct SharedData(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    last_cas: u32,
    vms: HashMap<String, HashMap<Vec<u8>, Entry>>,
}

impl SharedData {
    /// Value and number of a key.
    pub fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.vms.get(vm_id)?.get(key).cloned()
    }

    /// Stores `value`; false where the key is there with another number than `cas`. 0 asks for nothing, and a key that
    /// is not there takes any number.
    pub fn set(&self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = inner.vms.get(vm_id).and_then(|vm| vm.get(key));
        if held.is_some_and(|(_, number)| cas != 0 && cas != *number) {
            return false;
        }
        // One counter for all keys; 0 means "unconditional", so it is skipped.
        inner.last_cas = inner.last_cas.checked_add(1).unwrap_or(1);
        let number = inner.last_cas;
        inner.vms.entry(vm_id.to_owned()).or_default().insert(key.to_vec(), (value.to_vec(), number));
        true
    }

    /// The last VM of `vm_id` is gone.
    pub fn release(&self, vm_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vms.remove(vm_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compare_and_swap_as_in_cpp_host() {
        let data = SharedData::default();
        assert_eq!(data.get("vm", b"k"), None);
        assert!(data.set("vm", b"k", b"1", 99), "a missing key takes any number");
        let (_, first) = data.get("vm", b"k").expect("stored");
        assert!(!data.set("vm", b"k", b"2", first + 1));
        assert!(data.set("vm", b"k", b"2", first));
        let (value, second) = data.get("vm", b"k").expect("stored");
        assert_eq!(value, b"2");
        assert_ne!(second, first);
        assert!(!data.set("vm", b"k", b"3", first), "the old number is spent");
        assert!(data.set("vm", b"k", b"3", 0), "0 is unconditional");
        assert_eq!(data.get("other", b"k"), None, "another vm_id is another map");
        data.release("vm");
        assert_eq!(data.get("vm", b"k"), None);
    }
}
