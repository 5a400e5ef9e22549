//! Which label sets there are, over all workers: a new one is listed in shared data before it is used, so that the caps
//! hold at every moment, whatever still waits to be defined.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use genops_core::OTHER;
use genops_core::schema::stat_name::decode;

use crate::registry::Registry;

/// Label sets of this `vm_id`, as far as this VM has read. A set is its labels as they stand in stat names.
#[derive(Debug)]
pub(crate) struct Admitted {
    list: Registry,
    known: Known,
}

/// What the caps look at. Hashes: names of 10,000 sets are a megabyte in every VM, and the seed is this VM's own.
#[derive(Debug, Default)]
pub(crate) struct Known {
    hash: RandomState,
    sets: HashSet<u64, RandomState>,
    /// Values by the key of a label whose values are limited.
    values: Vec<(Box<str>, HashSet<u64, RandomState>)>,
}

impl Admitted {
    pub(crate) fn new() -> Self {
        Self { list: Registry::of_sets(), known: Known::default() }
    }

    /// From now on the values of these labels are counted, too. Reads what other VMs have listed.
    pub(crate) fn start<'k>(&mut self, limited: impl Iterator<Item = &'k str>) {
        for key in limited {
            if self.known.values_of(key).is_none() {
                self.known.values.push((key.into(), HashSet::default()));
                // Values that were passed over before.
                self.list = Registry::of_sets();
            }
        }
        self.read();
    }

    /// Takes note of what other VMs have listed.
    pub(crate) fn read(&mut self) {
        self.list.read(|set| self.known.insert(set));
    }

    /// What is known of all VMs.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Lists a set, unless it is listed or `fits` refuses it. Whether it may be used.
    pub(crate) fn admit(&mut self, set: &str, fits: impl Fn(&Known) -> bool) -> bool {
        if self.known.contains(set) {
            return true;
        }
        // Beyond a cap nothing is asked of the host: an attacker's every request comes here.
        fits(&self.known) && self.list.claim(set, &mut self.known, fits)
    }
}

impl Known {
    /// How many sets there are.
    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }

    pub(crate) fn contains(&self, set: &str) -> bool {
        self.sets.contains(&self.hash.hash_one(set))
    }

    pub(crate) fn insert(&mut self, set: &str) {
        self.sets.insert(self.hash.hash_one(set));
        if !self.values.is_empty() {
            // A set ends like a name: with what stands behind its labels.
            let labels = decode(set).into_iter().flat_map(|(labels, _)| labels);
            for (key, value) in labels.filter(|(_, value)| *value != OTHER) {
                if let Some((_, values)) = self.values.iter_mut().find(|(limited, _)| **limited == *key) {
                    values.insert(self.hash.hash_one(value));
                }
            }
        }
    }

    /// Whether a label may have this value: it has it already, or has fewer than `most`.
    pub(crate) fn value_fits(&self, key: &str, value: &str, most: u32) -> bool {
        self.values_of(key)
            .is_none_or(|values| values.len() < most as usize || values.contains(&self.hash.hash_one(value)))
    }

    fn values_of(&self, key: &str) -> Option<&HashSet<u64, RandomState>> {
        self.values.iter().find(|(limited, _)| **limited == *key).map(|(_, values)| values)
    }
}
