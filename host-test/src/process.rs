//! What VMs are made from and what they share: the plugin's configuration, and the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::abi::{Faults, LogLevel};
use crate::store::{SharedData, StatStore};

/// What Envoy's configuration says of a plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// `root_id`.
    pub root_id: String,
    /// `vm_id`: who shares shared data.
    pub vm_id: String,
    /// Bytes of `configuration`.
    pub configuration: Vec<u8>,
    /// Bytes of `vm_config.configuration`.
    pub vm_configuration: Vec<u8>,
    /// `vm_config.environment_variables`.
    pub environment: Vec<(String, String)>,
    /// What `proxy_get_log_level` says.
    pub log_level: LogLevel,
}

impl Plugin {
    /// A plugin with this configuration, named as in the shipped Envoy configuration.
    pub fn new(configuration: impl Into<Vec<u8>>) -> Self {
        Self {
            name: "genops".to_owned(),
            root_id: "genops".to_owned(),
            vm_id: "genops".to_owned(),
            configuration: configuration.into(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            log_level: LogLevel::Info,
        }
    }
}

/// What all VMs of a process share.
pub struct Process {
    stats: StatStore,
    shared_data: SharedData,
    faults: Faults,
    /// Living VMs per `vm_id`: shared data goes with the last.
    vms: Mutex<HashMap<String, usize>>,
}

impl Process {
    pub(crate) fn new(stats: StatStore) -> Self {
        Self { stats, shared_data: SharedData::default(), faults: Faults::default(), vms: Mutex::default() }
    }

    /// The stat store.
    pub fn stats(&self) -> &StatStore {
        &self.stats
    }

    /// Shared data.
    pub fn shared_data(&self) -> &SharedData {
        &self.shared_data
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn enter(&self, vm_id: &str) {
        *self.vms.lock().unwrap_or_else(PoisonError::into_inner).entry(vm_id.to_owned()).or_default() += 1;
    }

    pub(crate) fn leave(&self, vm_id: &str) {
        let mut vms = self.vms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(living) = vms.get_mut(vm_id) else { return };
        *living = living.saturating_sub(1);
        if *living == 0 {
            vms.remove(vm_id);
            self.shared_data.release(vm_id);
        }
    }
}
