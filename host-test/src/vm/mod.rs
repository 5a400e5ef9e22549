//! One VM: an instance of the filter, its root context, its timer and its streams.

mod callbacks;
mod state;

use std::sync::Arc;

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::abi::LogLine;
use crate::clock::Clock;
use crate::error::HostError;
use crate::module::FilterModule;
use crate::process::{Plugin, Process};
use crate::store::Generation;
use callbacks::{Callbacks, export, guest_memory};
pub(crate) use state::{StreamState, VmState};

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
        let state = VmState::new(Arc::clone(process), Arc::clone(plugin), generation, clock, seed);
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
        let state = self.store.data_mut();
        let before = (std::mem::replace(&mut state.current, context), state.effective.take());
        let called = function.call(&mut self.store, params);
        let state = self.store.data_mut();
        (state.current, state.effective) = before;
        called.map_err(|error| {
            self.trap = Some((name, format!("{error:#}")));
            Trapped
        })
    }

    /// A new stream context.
    pub(crate) fn create_stream(&mut self, stream: StreamState) -> Result<u32, Trapped> {
        let context = self.next_context;
        self.next_context = self.next_context.wrapping_add(1).max(FIRST_CONTEXT + 1);
        self.store.data_mut().streams.insert(context, stream);
        let create = self.callbacks.on_context_create.clone();
        let created = self.call("proxy_on_context_create", context, create, (context, self.root), ());
        if created.is_err() {
            self.store.data_mut().streams.remove(&context);
        }
        created.map(|()| context)
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

    /// When the timer is due, on the clock's elapsed time in nanoseconds.
    pub(crate) fn next_tick_ns(&self) -> u64 {
        self.store.data().next_tick_ns
    }

    /// What the guest logged since it was last asked.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().take_log()
    }

    /// Callback and reason, if the VM has died.
    pub fn trap(&self) -> Option<(&'static str, &str)> {
        self.trap.as_ref().map(|(callback, reason)| (*callback, reason.as_str()))
    }

    /// The guest's linear memory as it stands.
    pub fn memory(&self) -> &[u8] {
        self.store.data().guest.as_ref().map_or(&[], |guest| guest.memory.data(&self.store))
    }

    /// Ends the root context: `proxy_on_done`, `proxy_on_delete`.
    pub(crate) fn shut_down(&mut self) {
        let (root, done, delete) = (self.root, self.callbacks.on_done.clone(), self.callbacks.on_delete.clone());
        if self.call("proxy_on_done", root, done, root, 1).is_ok() {
            let _dead = self.call("proxy_on_delete", root, delete, root, ());
        }
    }
}

/// Sizes go to the guest as u32; configurations of 4 GiB do not exist.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
