//! Shared data of one `vm_id`.

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory};
use crate::vm::VmState;

fn get(caller: &mut Caller<'_, VmState>, key: (u32, u32), ptr: u32, size: u32, cas_ptr: u32) -> Answer {
    let key = memory::read(caller, key.0, key.1)?;
    let state = caller.data();
    let (value, cas) = state.process.shared_data().get(&state.plugin.vm_id, &key).ok_or(Status::NOT_FOUND)?;
    memory::give(caller, &value, ptr, size)?;
    memory::write_u32(caller, cas_ptr, cas)
}

fn set(caller: &mut Caller<'_, VmState>, key: (u32, u32), value: (u32, u32), cas: u32) -> Answer {
    let key = memory::read(caller, key.0, key.1)?;
    let value = memory::read(caller, value.0, value.1)?;
    let state = caller.data();
    if state.process.shared_data().set(&state.plugin.vm_id, &key, &value, cas) {
        Ok(())
    } else {
        Err(Status::CAS_MISMATCH.into())
    }
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut caller: Caller<'_, VmState>, key: u32, key_len: u32, ptr: u32, size: u32, cas: u32| {
            hostcall(&mut caller, Family::SharedData, "proxy_get_shared_data", |caller| {
                get(caller, (key, key_len), ptr, size, cas)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut caller: Caller<'_, VmState>, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
            hostcall(&mut caller, Family::SharedData, "proxy_set_shared_data", |caller| {
                set(caller, (key, key_len), (value, value_len), cas)
            })
        },
    )?;
    Ok(())
}
