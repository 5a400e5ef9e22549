//! `proxy_get_current_time_nanoseconds`.

use wasmtime::{Caller, Linker};

use super::{Family, hostcall, memory};
use crate::vm::VmState;

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |mut caller: Caller<'_, VmState>, ptr: u32| {
        hostcall(&mut caller, Family::Clock, "proxy_get_current_time_nanoseconds", |caller| {
            let now = caller.data_mut().clock.read_ns();
            memory::write_u64(caller, ptr, now)
        })
    })?;
    Ok(())
}
