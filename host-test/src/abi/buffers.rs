//! Body and configuration buffers.

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory};
use crate::vm::VmState;

/// Buffer types, as the ABI numbers them.
const HTTP_REQUEST_BODY: u32 = 0;
const HTTP_RESPONSE_BODY: u32 = 1;
const DOWNSTREAM_DATA: u32 = 2;
const UPSTREAM_DATA: u32 = 3;
const HTTP_CALL_RESPONSE_BODY: u32 = 4;
const GRPC_RECEIVE_BUFFER: u32 = 5;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const CALL_DATA: u32 = 8;

/// The bytes behind a buffer type. A body that is not there is empty, not missing: Envoy's `getBuffer` hands out its
/// one buffer object whether or not a callback has filled it.
fn contents(state: &VmState, buffer: u32) -> Result<&[u8], Status> {
    Ok(match buffer {
        HTTP_REQUEST_BODY => state.stream().map_or(&[], |stream| stream.request_body.as_slice()),
        HTTP_RESPONSE_BODY => state.stream().map_or(&[], |stream| stream.response_body.as_slice()),
        DOWNSTREAM_DATA | UPSTREAM_DATA | CALL_DATA => &[],
        VM_CONFIGURATION => &state.plugin.vm_configuration,
        PLUGIN_CONFIGURATION if state.configuring => &state.plugin.configuration,
        PLUGIN_CONFIGURATION | HTTP_CALL_RESPONSE_BODY | GRPC_RECEIVE_BUFFER => return Err(Status::NOT_FOUND),
        _ => return Err(Status::BAD_ARGUMENT),
    })
}

fn get(caller: &mut Caller<'_, VmState>, buffer: u32, start: u32, max: u32, ptr: u32, size: u32) -> Answer {
    let bytes = contents(caller.data(), buffer)?;
    let start = start as usize;
    if start > bytes.len() {
        // cpp-host computes a length that wraps, and its allocation fails.
        return Err(Status::INVALID_MEMORY_ACCESS.into());
    }
    let end = start.saturating_add(max as usize).min(bytes.len());
    let part = bytes.get(start..end).unwrap_or_default().to_vec();
    if part.is_empty() {
        // OK, and the guest's pointers stay as they were (cpp-host `get_buffer_bytes`).
        return Ok(());
    }
    memory::give(caller, &part, ptr, size)
}

fn status(caller: &mut Caller<'_, VmState>, buffer: u32, length: u32, flags: u32) -> Answer {
    let size = contents(caller.data(), buffer)?.len();
    memory::write_u32(caller, length, u32::try_from(size).unwrap_or(u32::MAX))?;
    memory::write_u32(caller, flags, 0)
}

/// Envoy `Buffer::copyFrom`: at offset 0 drain `length` and prepend, at or past the end append, else refused.
fn set(caller: &mut Caller<'_, VmState>, buffer: u32, start: u32, length: u32, ptr: u32, size: u32) -> Answer {
    let data = memory::read(caller, ptr, size)?;
    contents(caller.data(), buffer)?;
    let Some(stream) = caller.data_mut().stream_mut() else { return Err(Status::BAD_ARGUMENT.into()) };
    let (open, body) = match buffer {
        HTTP_REQUEST_BODY => (stream.request_body_open, &mut stream.request_body),
        HTTP_RESPONSE_BODY => (stream.response_body_open, &mut stream.response_body),
        _ => return Err(Status::BAD_ARGUMENT.into()),
    };
    if !open {
        return Err(Status::BAD_ARGUMENT.into());
    }
    if start == 0 {
        let drained = (length as usize).min(body.len());
        body.splice(..drained, data);
    } else if start as usize >= body.len() {
        body.extend_from_slice(&data);
    } else {
        return Err(Status::BAD_ARGUMENT.into());
    }
    Ok(())
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut caller: Caller<'_, VmState>, buffer: u32, start: u32, max: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Buffers, "proxy_get_buffer_bytes", |caller| {
                get(caller, buffer, start, max, ptr, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |mut caller: Caller<'_, VmState>, buffer: u32, length: u32, flags: u32| {
            hostcall(&mut caller, Family::Buffers, "proxy_get_buffer_status", |caller| {
                status(caller, buffer, length, flags)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |mut caller: Caller<'_, VmState>, buffer: u32, start: u32, length: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Buffers, "proxy_set_buffer_bytes", |caller| {
                set(caller, buffer, start, length, ptr, size)
            })
        },
    )?;
    Ok(())
}
