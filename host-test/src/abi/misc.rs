//! The rest of proxy-wasm 0.2.1: calls that this host links but does not offer, and imports that nobody offers.

use wasmtime::{ExternType, Linker, Module, Val};

use super::status::Status;
use super::{Family, hostcall};
use crate::vm::VmState;

/// Hostcalls of 0.2.1 that a metering filter has no use for. They answer [`Status::UNIMPLEMENTED`], as hosts without
/// them do (MOSN); a filter must live with that.
const NOT_OFFERED: [&str; 17] = [
    "proxy_get_status",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_call_foreign_function",
    "proxy_done",
    "proxy_clear_route_cache",
    "proxy_get_configuration",
];

/// WASI's errno for a call that the system does not have.
const WASI_ENOSYS: i32 = 52;

const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// Links what is left of the imports of `module`: calls not offered, and WASI calls beyond those in [`super::wasi`].
/// Any other import stays unlinked, and instantiation refuses it by name, as Envoy does.
pub(super) fn link_rest(linker: &mut Linker<VmState>, module: &Module) -> wasmtime::Result<()> {
    for import in module.imports() {
        let (room, name) = (import.module(), import.name());
        let ExternType::Func(ty) = import.ty() else { continue };
        if WASI_MODULES.contains(&room) {
            // A name that is linked already refuses a second definition, and that is what we want.
            let _linked_already = linker.func_new(room, name, ty, |_, _, results| {
                fill(results, WASI_ENOSYS);
                Ok(())
            });
        } else if let Some(&known) = NOT_OFFERED.iter().find(|known| room == "env" && **known == name) {
            linker.func_new("env", known, ty, move |mut caller, _, results| {
                let status = hostcall(&mut caller, Family::Misc, known, |_| Err(Status::UNIMPLEMENTED.into()))?;
                fill(results, status.cast_signed());
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn fill(results: &mut [Val], value: i32) {
    if let Some(first) = results.first_mut() {
        *first = Val::I32(value);
    }
}
