//! What hostcalls of a VM work on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fastrand::Rng;
use wasmtime::{StoreLimits, StoreLimitsBuilder};

use crate::abi::{GuestMemory, LogLevel, LogLine, MetricIds};
use crate::clock::Clock;
use crate::exchange::{Headers, LocalReply};
use crate::module::MEMORY_BYTES_MAX;
use crate::process::{Plugin, Process};
use crate::store::Generation;

/// Log lines that a VM keeps until somebody takes them; a guest that logs without end costs no more. The oldest go.
const LOG_LINES_MAX: usize = 1_000;

/// One HTTP stream as the guest sees it.
#[derive(Default)]
pub(crate) struct StreamState {
    pub(crate) request_headers: Option<Headers>,
    pub(crate) request_trailers: Option<Headers>,
    pub(crate) response_headers: Option<Headers>,
    pub(crate) response_trailers: Option<Headers>,
    /// What a body callback shows; empty outside of one, unless the guest paused to buffer.
    pub(crate) request_body: Vec<u8>,
    pub(crate) response_body: Vec<u8>,
    pub(crate) request_body_open: bool,
    pub(crate) response_body_open: bool,
    /// Bytes seen so far.
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) started_wall_ns: u64,
    pub(crate) started_elapsed_ns: u64,
    /// In the log phase, where durations and sizes are final.
    pub(crate) logging: bool,
    /// What the filter answers itself.
    pub(crate) local_reply: Option<LocalReply>,
}

/// Everything that hostcalls of one VM work on.
pub(crate) struct VmState {
    pub(crate) process: Arc<Process>,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) generation: Generation,
    pub(crate) guest: Option<GuestMemory>,
    pub(crate) clock: Clock,
    pub(crate) random: Rng,
    /// In `_initialize`, `main` or the allocator: most hostcalls trap.
    pub(crate) restricted: bool,
    /// In `proxy_on_configure`: the plugin configuration is readable.
    pub(crate) configuring: bool,
    pub(crate) tick_period_ns: Option<u64>,
    pub(crate) next_tick_ns: u64,
    pub(crate) metrics: MetricIds,
    /// The context that a callback runs in.
    pub(crate) current: u32,
    /// The one that its hostcalls act on instead (`proxy_set_effective_context`).
    pub(crate) effective: Option<u32>,
    pub(crate) streams: HashMap<u32, StreamState>,
    log: Vec<LogLine>,
    pub(super) limits: StoreLimits,
}

impl VmState {
    /// A VM that has not started; it counts as living for shared data from here to its drop.
    pub(crate) fn new(
        process: Arc<Process>,
        plugin: Arc<Plugin>,
        generation: Generation,
        clock: Clock,
        seed: u64,
    ) -> Self {
        process.enter(&plugin.vm_id);
        Self {
            process,
            plugin,
            generation,
            guest: None,
            clock,
            random: Rng::with_seed(seed),
            restricted: true,
            configuring: false,
            tick_period_ns: None,
            next_tick_ns: 0,
            metrics: MetricIds::default(),
            current: 0,
            effective: None,
            streams: HashMap::new(),
            log: Vec::new(),
            limits: StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).build(),
        }
    }

    pub(crate) fn stream(&self) -> Option<&StreamState> {
        self.streams.get(&self.effective.unwrap_or(self.current))
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.effective.unwrap_or(self.current))
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: &[u8]) {
        if self.log.len() >= LOG_LINES_MAX {
            self.log.drain(..LOG_LINES_MAX / 2);
        }
        self.log.push(LogLine { level, text: String::from_utf8_lossy(text).into_owned() });
    }

    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }
}

impl Drop for VmState {
    fn drop(&mut self) {
        self.process.leave(&self.plugin.vm_id);
    }
}
