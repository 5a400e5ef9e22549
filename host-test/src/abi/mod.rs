//! The host side of proxy-wasm 0.2.1 (and the WASI preview 1 imports that its modules make), one file per family.
//!
//! Statuses are Envoy's, read in `source/extensions/common/wasm/context.cc` and cpp-host `src/exports.cc`.

mod buffers;
mod clock;
mod fault;
mod headers;
mod log;
pub(crate) mod memory;
mod metrics;
mod misc;
pub(crate) mod pairs;
mod properties;
mod response;
mod shared_data;
mod status;
mod timer;
mod wasi;

use wasmtime::{Caller, Linker, Module};

pub use fault::{Fault, Faults, When};
pub use log::{LogLevel, LogLine};
pub(crate) use memory::GuestMemory;
pub(crate) use metrics::MetricIds;
pub use status::Status;
use status::{Answer, Stop};

use crate::vm::VmState;

/// Families of hostcalls, the unit of fault injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `proxy_log`, `proxy_get_log_level`.
    Log,
    /// `proxy_get_current_time_nanoseconds`.
    Clock,
    /// `proxy_get_buffer_bytes` and its like.
    Buffers,
    /// `proxy_get_header_map_value` and its like.
    Headers,
    /// `proxy_get_property`, `proxy_set_property`.
    Properties,
    /// `proxy_define_metric` and its like.
    Metrics,
    /// `proxy_get_shared_data`, `proxy_set_shared_data`.
    SharedData,
    /// `proxy_set_tick_period_milliseconds`.
    Timer,
    /// Everything else of the ABI.
    Misc,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 9] = [
        Self::Log,
        Self::Clock,
        Self::Buffers,
        Self::Headers,
        Self::Properties,
        Self::Metrics,
        Self::SharedData,
        Self::Timer,
        Self::Misc,
    ];
}

/// Runs one hostcall: restricted phases and injected faults come before `body`, a status comes out.
fn hostcall(
    caller: &mut Caller<'_, VmState>,
    family: Family,
    name: &'static str,
    body: impl FnOnce(&mut Caller<'_, VmState>) -> Answer,
) -> wasmtime::Result<u32> {
    // cpp-host `src/wasm.cc` startVm: during `_initialize`, `main` and the allocator only logging and WASI may be
    // called; anything else traps with this very message.
    if caller.data().restricted && name != "proxy_log" {
        return Err(wasmtime::Error::msg(format!("restricted_callback: {name}")));
    }
    if let Some(status) = caller.data().process.faults().hit(family, name) {
        return Ok(status.0);
    }
    match body(caller) {
        Ok(()) => Ok(Status::OK.0),
        Err(Stop::Status(status)) => Ok(status.0),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// Every import that `module` may make, linked.
pub(crate) fn link(linker: &mut Linker<VmState>, module: &Module) -> wasmtime::Result<()> {
    let all = [
        log::link,
        clock::link,
        buffers::link,
        headers::link,
        properties::link,
        response::link,
        metrics::link,
        shared_data::link,
        timer::link,
        wasi::link,
    ];
    for family in all {
        family(linker)?;
    }
    misc::link_rest(linker, module)
}
