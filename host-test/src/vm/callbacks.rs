//! The exports of a filter.

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::VmState;
use crate::abi::GuestMemory;
use crate::error::HostError;

/// The callbacks that a filter may export.
pub(crate) struct Callbacks {
    pub(super) on_context_create: Option<TypedFunc<(u32, u32), ()>>,
    pub(super) on_vm_start: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) on_configure: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) on_tick: Option<TypedFunc<u32, ()>>,
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

pub(super) fn export<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<VmState>,
    name: &'static str,
) -> Result<Option<TypedFunc<P, R>>, HostError> {
    let Some(function) = instance.get_func(&mut *store, name) else { return Ok(None) };
    let typed = function.typed(&*store);
    typed.map(Some).map_err(|error| HostError::BadExport { name, reason: format!("{error:#}") })
}

impl Callbacks {
    pub(super) fn of(instance: &Instance, store: &mut Store<VmState>) -> Result<Self, HostError> {
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

/// Memory and allocator: without them the host can hand a filter nothing.
pub(super) fn guest_memory(instance: &Instance, store: &mut Store<VmState>) -> Result<GuestMemory, HostError> {
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
