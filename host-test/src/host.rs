//! The emulated Envoy: a canary VM, then N workers with a VM each, one stat store.

use std::sync::Arc;

use crate::abi::{Faults, LogLine};
use crate::clock::Clock;
use crate::error::HostError;
use crate::exchange::{Exchange, ExchangeReport};
use crate::module::FilterModule;
use crate::plan::ChunkPlan;
use crate::process::{Plugin, Process};
use crate::render::{PrometheusQuery, openmetrics, prometheus};
use crate::store::{Generation, StatStore, TagRules};
use crate::vm::Vm;

/// Ticks without any change after which a guest counts as having nothing left to write.
const QUIET_TICKS: usize = 5;
/// Rounds of ticks after which draining gives up: a guest that changes a stat at each tick never comes to rest.
const TICKS_MAX: usize = 100_000;

/// How a host runs.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Worker VMs, at least 1.
    pub workers: usize,
    /// Unix time in nanoseconds at the start.
    pub start_ns: u64,
    /// By how much the clock of a VM moves at each callback, in nanoseconds.
    pub step_ns: u64,
    /// By how much it moves each time that the guest reads it, in nanoseconds.
    pub read_ns: u64,
    /// Live: the machine's clock in place of the three above, and random numbers that nobody can foresee.
    pub live: bool,
}

impl Default for HostOptions {
    /// One worker, from 2026-01-01 on, one millisecond per callback.
    fn default() -> Self {
        Self { workers: 1, start_ns: 1_767_225_600_000_000_000, step_ns: 1_000_000, read_ns: 0, live: false }
    }
}

/// The VMs of one generation: what a listener holds from its creation to the end of its drain.
pub struct Workers {
    vms: Vec<Vm>,
    /// Envoy's thread-local slot has a VM on the main thread too: it sees no stream, but is configured and ticks (seen
    /// on 1.40: `proxy_on_configure` runs workers + 2 times).
    main: Option<Vm>,
    process: Arc<Process>,
    generation: Generation,
}

impl Workers {
    fn start(
        module: &FilterModule,
        process: &Arc<Process>,
        plugin: Plugin,
        options: &HostOptions,
        elapsed: u64,
    ) -> Result<(Self, Vec<LogLine>), HostError> {
        if options.workers == 0 {
            return Err(HostError::NoWorkers);
        }
        let plugin = Arc::new(plugin);
        let generation = process.stats().generation();
        // Holds the generation from the start, so that a refused configuration leaves no stat behind.
        let mut workers = Self { vms: Vec::new(), main: None, process: Arc::clone(process), generation };
        let start = |seed: u64| {
            let (clock, seed) = if options.live {
                (Clock::system(), fastrand::u64(..))
            } else {
                let start_ns = options.start_ns.saturating_add(elapsed);
                (Clock::new(start_ns, options.step_ns).reading(options.read_ns), seed)
            };
            Vm::start(module, process, &plugin, generation, clock, seed)
        };
        // Envoy tries a configuration on a canary first and then drops that VM without ending its contexts
        // (cpp-host `WasmHandleBase::canary`).
        let mut canary = start(0)?;
        let mut log = canary.take_log();
        let mut main = start(1)?;
        log.extend(main.take_log());
        workers.main = Some(main);
        for worker in 0..options.workers {
            let mut vm = start(worker as u64 + 2)?;
            log.extend(vm.take_log());
            workers.vms.push(vm);
        }
        drop(canary);
        Ok((workers, log))
    }

    /// The VMs, one per worker. They can be driven from threads of their own.
    pub fn vms(&mut self) -> &mut [Vm] {
        &mut self.vms
    }

    /// The VMs out of their workers, the main thread's last, to be run by somebody else. The generation, and so its
    /// stats, live on until this is dropped.
    pub(crate) fn take_vms(&mut self) -> Vec<Vm> {
        std::mem::take(&mut self.vms).into_iter().chain(self.main.take()).collect()
    }

    /// Runs `exchange` on the VM of `worker` (taken modulo their number).
    pub fn exchange(&mut self, worker: usize, exchange: &Exchange, plan: ChunkPlan) -> ExchangeReport {
        let count = self.vms.len().max(1);
        match self.vms.get_mut(worker % count) {
            Some(vm) => vm.exchange(exchange, plan),
            None => ExchangeReport::default(),
        }
    }

    /// Runs timers until no stat has changed for several rounds, and says whether it came to that.
    pub fn drain_ticks(&mut self) -> bool {
        let mut quiet = 0;
        let mut pulse = self.process.stats().pulse();
        for _ in 0..TICKS_MAX {
            let mut ticked = false;
            for vm in self.vms.iter_mut().chain(&mut self.main) {
                ticked |= vm.tick();
            }
            if !ticked {
                return true;
            }
            let now = self.process.stats().pulse();
            quiet = if now == pulse { quiet + 1 } else { 0 };
            pulse = now;
            if quiet >= QUIET_TICKS {
                return true;
            }
        }
        false
    }

    /// Ends the root contexts and the VMs; stats that no other generation defines go too. Returns what was logged.
    pub fn shut_down(mut self) -> Vec<LogLine> {
        let mut log = Vec::new();
        for vm in self.vms.iter_mut().chain(&mut self.main) {
            vm.shut_down();
            log.extend(vm.take_log());
        }
        log
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.vms.clear();
        self.main = None;
        self.process.stats().release(self.generation);
    }
}

/// An emulated Envoy with one filter.
pub struct Host {
    process: Arc<Process>,
    options: HostOptions,
    workers: Workers,
    log: Vec<LogLine>,
}

impl Host {
    /// Starts canary and workers.
    ///
    /// # Errors
    /// A module that does not start, and a configuration that the filter refuses: with what it logged.
    pub fn start(
        module: &FilterModule,
        plugin: Plugin,
        tags: TagRules,
        options: HostOptions,
    ) -> Result<Self, HostError> {
        let process = Arc::new(Process::new(StatStore::new(tags)));
        let (workers, log) = Workers::start(module, &process, plugin, &options, 0)?;
        Ok(Self { process, options, workers, log })
    }

    /// The workers in force.
    pub fn workers(&mut self) -> &mut Workers {
        &mut self.workers
    }

    /// Runs `exchange` on the VM of `worker` (modulo their number).
    pub fn exchange(&mut self, worker: usize, exchange: &Exchange, plan: ChunkPlan) -> ExchangeReport {
        self.workers.exchange(worker, exchange, plan)
    }

    /// Asks the filter for a page that it answers itself, on the VM of `worker`: `local_reply` of the report, if it does.
    pub fn get(&mut self, worker: usize, path: &str, headers: &[(&str, &str)]) -> ExchangeReport {
        let head = [(":method", "GET"), (":path", path), (":authority", "localhost"), (":scheme", "http")];
        let request_headers = head.iter().chain(headers).copied().collect();
        self.exchange(worker, &Exchange { request_headers, ..Exchange::default() }, ChunkPlan::Whole)
    }

    /// Runs timers until the filter has written what it holds; false if it never comes to rest.
    pub fn drain_ticks(&mut self) -> bool {
        self.workers.drain_ticks()
    }

    /// A listener update: new VMs are configured while the old ones live, and take over. The old ones are handed out to
    /// finish their streams; [`Workers::shut_down`] ends them.
    ///
    /// # Errors
    /// A configuration that the filter refuses; the old workers stay in force, as in Envoy.
    pub fn update(&mut self, module: &FilterModule, plugin: Plugin) -> Result<Workers, HostError> {
        let elapsed = self.workers.vms().first_mut().map_or(0, |vm| vm.clock().elapsed_ns());
        let (workers, log) = Workers::start(module, &self.process, plugin, &self.options, elapsed)?;
        self.log.extend(log);
        Ok(std::mem::replace(&mut self.workers, workers))
    }

    /// What canary and workers logged when they were started.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }

    /// Stats, shared data and faults.
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The faults of the hostcalls.
    pub fn faults(&self) -> &Faults {
        self.process.faults()
    }

    /// `/stats/prometheus`.
    pub fn prometheus(&self, query: &PrometheusQuery) -> Vec<u8> {
        prometheus(self.process.stats(), query)
    }

    /// The store as OpenMetrics, `None` only if prometheus-client fails to write.
    pub fn openmetrics(&self) -> Option<String> {
        openmetrics(self.process.stats()).ok()
    }
}
