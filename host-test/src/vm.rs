//! One VM: an instance of the filter, its root context, its timer and its streams.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use wasmtime::{Instance, Store, StoreLimits, StoreLimitsBuilder, TypedFunc, WasmParams, WasmResults};

use crate::abi::{Faults, GuestMemory, LogLevel, LogLine, MetricIds};
use crate::clock::Clock;
use crate::error::HostError;
use crate::exchange::Headers;
use crate::module::{FilterModule, MEMORY_BYTES_MAX};
use crate::store::{Generation, SharedData, StatStore};

/// Log lines that a VM keeps until somebody takes them; a guest that logs without end costs no more. The oldest go.
const LOG_LINES_MAX: usize = 1_000;

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

    fn enter(&self, vm_id: &str) {
        *self.vms.lock().unwrap_or_else(PoisonError::into_inner).entry(vm_id.to_owned()).or_default() += 1;
    }

    fn leave(&self, vm_id: &str) {
        let mut vms = self.vms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(living) = vms.get_mut(vm_id) else { return };
        *living = living.saturating_sub(1);
        if *living == 0 {
            vms.remove(vm_id);
            self.shared_data.release(vm_id);
        }
    }
}

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
    pub(crate) streams: HashMap<u32, StreamState>,
    log: Vec<LogLine>,
    limits: StoreLimits,
}

impl VmState {
    pub(crate) fn stream(&self) -> Option<&StreamState> {
        self.streams.get(&self.current)
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.current)
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

/// The callbacks that a filter may export.
pub(crate) struct Callbacks {
    on_context_create: Option<TypedFunc<(u32, u32), ()>>,
    on_vm_start: Option<TypedFunc<(u32, u32), u32>>,
    on_configure: Option<TypedFunc<(u32, u32), u32>>,
    on_tick: Option<TypedFunc<u32, ()>>,
    pub(crate) on_request_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_request_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_request_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_response_headers: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_response_body: Option<TypedFunc<(u32, u32, u32), u32>>,
    pub(crate) on_response_trailers: Option<TypedFunc<(u32, u32), u32>>,
    pub(crate) on_log: Option<TypedFunc<u32, ()>>,
    pub(crate) on_done: Option<TypedFunc<u32, u32>>,
    pub(crate) on_delete: Option<TypedFunc<u32, ()>>,
}

fn export<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<VmState>,
    name: &'static str,
) -> Result<Option<TypedFunc<P, R>>, HostError> {
    let Some(function) = instance.get_func(&mut *store, name) else { return Ok(None) };
    let typed = function.typed(&*store);
    typed.map(Some).map_err(|error| HostError::BadExport { name, reason: format!("{error:#}") })
}

impl Callbacks {
    fn of(instance: &Instance, store: &mut Store<VmState>) -> Result<Self, HostError> {
        Ok(Self {
            on_context_create: export(instance, store, "proxy_on_context_create")?,
            on_vm_start: export(instance, store, "proxy_on_vm_start")?,
            on_configure: export(instance, store, "proxy_on_configure")?,
            on_tick: export(instance, store, "proxy_on_tick")?,
            on_request_headers: export(instance, store, "proxy_on_request_headers")?,
            on_request_body: export(instance, store, "proxy_on_request_body")?,
            on_request_trailers: export(instance, store, "proxy_on_request_trailers")?,
            on_response_headers: export(instance, store, "proxy_on_response_headers")?,
            on_response_body: export(instance, store, "proxy_on_response_body")?,
            on_response_trailers: export(instance, store, "proxy_on_response_trailers")?,
            on_log: export(instance, store, "proxy_on_log")?,
            on_done: export(instance, store, "proxy_on_done")?,
            on_delete: export(instance, store, "proxy_on_delete")?,
        })
    }
}

/// A callback that did not return. The VM is dead from here on.
#[derive(Debug)]
pub(crate) struct Trapped;

/// An instance of the filter with its root context.
pub struct Vm {
    pub(crate) store: Store<VmState>,
    pub(crate) callbacks: Callbacks,
    root: u32,
    next_context: u32,
    trap: Option<(&'static str, String)>,
}

/// The VM context is 0 (cpp-host), so roots and streams count from 1.
const FIRST_CONTEXT: u32 = 1;

impl Vm {
    /// Instantiates, starts and configures, as Envoy does on each worker.
    pub(crate) fn start(
        module: &FilterModule,
        process: &Arc<Process>,
        plugin: &Arc<Plugin>,
        generation: Generation,
        clock: Clock,
        seed: u64,
    ) -> Result<Self, HostError> {
        process.enter(&plugin.vm_id);
        let state = VmState {
            process: Arc::clone(process),
            plugin: Arc::clone(plugin),
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
            streams: HashMap::new(),
            log: Vec::new(),
            limits: StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).build(),
        };
        let mut store = Store::new(module.pre.module().engine(), state);
        store.limiter(|state| &mut state.limits);
        let instance = module.pre.instantiate(&mut store).map_err(HostError::module)?;
        store.data_mut().guest = Some(guest_memory(&instance, &mut store)?);
        let callbacks = Callbacks::of(&instance, &mut store)?;
        let mut vm = Self { store, callbacks, root: FIRST_CONTEXT, next_context: FIRST_CONTEXT + 1, trap: None };
        vm.initialize(&instance)?;
        vm.configure()?;
        Ok(vm)
    }

    /// `_initialize` and `main` of a reactor, `_start` of a command (cpp-host `src/wasm.cc` startVm).
    fn initialize(&mut self, instance: &Instance) -> Result<(), HostError> {
        if let Some(initialize) = export::<(), ()>(instance, &mut self.store, "_initialize")? {
            let called = self.call("_initialize", 0, Some(initialize), (), ());
            called.map_err(|Trapped| self.crashed())?;
            if let Some(main) = export::<(u32, u32), u32>(instance, &mut self.store, "main")? {
                self.call("main", 0, Some(main), (0, 0), 0).map_err(|Trapped| self.crashed())?;
            }
        } else {
            let start = export::<(), ()>(instance, &mut self.store, "_start")?;
            self.call("_start", 0, start, (), ()).map_err(|Trapped| self.crashed())?;
        }
        self.store.data_mut().restricted = false;
        Ok(())
    }

    fn configure(&mut self) -> Result<(), HostError> {
        let root = self.root;
        let sizes = {
            let plugin = &self.store.data().plugin;
            (length(&plugin.vm_configuration), length(&plugin.configuration))
        };
        let create = self.callbacks.on_context_create.clone();
        self.call("proxy_on_context_create", root, create, (root, 0), ()).map_err(|Trapped| self.crashed())?;
        let start = self.callbacks.on_vm_start.clone();
        let started = self.call("proxy_on_vm_start", root, start, (root, sizes.0), 1);
        if started.map_err(|Trapped| self.crashed())? == 0 {
            return Err(HostError::Refused { callback: "proxy_on_vm_start", log: self.take_log() });
        }
        self.store.data_mut().configuring = true;
        let configure = self.callbacks.on_configure.clone();
        let configured = self.call("proxy_on_configure", root, configure, (root, sizes.1), 1);
        self.store.data_mut().configuring = false;
        if configured.map_err(|Trapped| self.crashed())? == 0 {
            return Err(HostError::Refused { callback: "proxy_on_configure", log: self.take_log() });
        }
        Ok(())
    }

    fn crashed(&mut self) -> HostError {
        let (callback, trap) = self.trap.clone().unwrap_or_default();
        HostError::Crashed { callback, trap, log: self.take_log() }
    }

    /// Runs a callback in `context`; `absent` stands for one that the filter does not export. The clock moves one
    /// step. A dead VM runs nothing.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &'static str,
        context: u32,
        function: Option<TypedFunc<P, R>>,
        params: P,
        absent: R,
    ) -> Result<R, Trapped> {
        let called = self.call_in_no_time(name, context, function, params, absent);
        self.store.data_mut().clock.step();
        called
    }

    /// As [`Vm::call`], with the clock standing still.
    fn call_in_no_time<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &'static str,
        context: u32,
        function: Option<TypedFunc<P, R>>,
        params: P,
        absent: R,
    ) -> Result<R, Trapped> {
        if self.trap.is_some() {
            return Err(Trapped);
        }
        let Some(function) = function else { return Ok(absent) };
        let before = std::mem::replace(&mut self.store.data_mut().current, context);
        let called = function.call(&mut self.store, params);
        self.store.data_mut().current = before;
        called.map_err(|error| {
            self.trap = Some((name, format!("{error:#}")));
            Trapped
        })
    }

    /// A new stream context.
    pub(crate) fn create_stream(&mut self, stream: StreamState) -> Result<u32, Trapped> {
        let context = self.next_context;
        self.next_context += 1;
        self.store.data_mut().streams.insert(context, stream);
        let create = self.callbacks.on_context_create.clone();
        self.call("proxy_on_context_create", context, create, (context, self.root), ())?;
        Ok(context)
    }

    /// Runs the timer if it is due. It is armed anew when it has run, as in Envoy.
    pub(crate) fn run_due_tick(&mut self) -> bool {
        let state = self.store.data();
        if state.tick_period_ns.is_none() || state.clock.elapsed_ns() < state.next_tick_ns {
            return false;
        }
        let (root, tick) = (self.root, self.callbacks.on_tick.clone());
        // In no time: a stream that a tick falls into must take as long as one without, or figures would depend on the
        // number of workers. What a trap means shows in `trap()`; there is nobody to answer to here.
        let _dead = self.call_in_no_time("proxy_on_tick", root, tick, root, ());
        let state = self.store.data_mut();
        if let Some(period) = state.tick_period_ns {
            state.next_tick_ns = state.clock.elapsed_ns().saturating_add(period);
        }
        true
    }

    /// Moves the clock to the next tick and runs it; false if no timer is set or the VM is dead.
    pub fn tick(&mut self) -> bool {
        let state = self.store.data_mut();
        if self.trap.is_some() || state.tick_period_ns.is_none() {
            return false;
        }
        let wait = state.next_tick_ns.saturating_sub(state.clock.elapsed_ns());
        state.clock.advance(wait);
        self.run_due_tick()
    }

    /// The VM's clock.
    pub fn clock(&mut self) -> &mut Clock {
        &mut self.store.data_mut().clock
    }

    /// The timer's period in nanoseconds, if one is set.
    pub fn tick_period_ns(&self) -> Option<u64> {
        self.store.data().tick_period_ns
    }

    /// What the guest logged since it was last asked.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().take_log()
    }

    /// Callback and reason, if the VM has died.
    pub fn trap(&self) -> Option<(&'static str, &str)> {
        self.trap.as_ref().map(|(callback, reason)| (*callback, reason.as_str()))
    }

    /// Size of the guest's linear memory in bytes.
    pub fn memory_size(&self) -> usize {
        self.store.data().guest.as_ref().map_or(0, |guest| guest.memory.data_size(&self.store))
    }

    /// Ends the root context: `proxy_on_done`, `proxy_on_delete`.
    pub(crate) fn shut_down(&mut self) {
        let (root, done, delete) = (self.root, self.callbacks.on_done.clone(), self.callbacks.on_delete.clone());
        if self.call("proxy_on_done", root, done, root, 1).is_ok() {
            let _dead = self.call("proxy_on_delete", root, delete, root, ());
        }
    }
}

impl Drop for VmState {
    fn drop(&mut self) {
        self.process.leave(&self.plugin.vm_id);
    }
}

fn guest_memory(instance: &Instance, store: &mut Store<VmState>) -> Result<GuestMemory, HostError> {
    let memory = instance
        .get_memory(&mut *store, "memory")
        .ok_or(HostError::BadExport { name: "memory", reason: "not exported".to_owned() })?;
    for name in ["malloc", "proxy_on_memory_allocate"] {
        if let Some(allocate) = export(instance, store, name)? {
            return Ok(GuestMemory { memory, allocate });
        }
    }
    Err(HostError::BadExport {
        name: "proxy_on_memory_allocate",
        reason: "the host cannot hand data to a filter without it or malloc".to_owned(),
    })
}

/// Sizes go to the guest as u32; configurations of 4 GiB do not exist.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
