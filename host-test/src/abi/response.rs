//! Responses that the filter makes itself, and calls on behalf of another context.

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory, pairs};
use crate::exchange::LocalReply;
use crate::vm::VmState;

/// The one root context of a VM of this host.
const ROOT: u32 = 1;

/// Envoy sends it when the callback has returned, and takes one for a stream (`Context::sendLocalResponse`). Without a
/// stream it does nothing and says OK.
fn send(
    caller: &mut Caller<'_, VmState>,
    status: u32,
    details: (u32, u32),
    body: (u32, u32),
    headers: (u32, u32),
) -> Answer {
    let details = memory::read(caller, details.0, details.1)?;
    let body = memory::read(caller, body.0, body.1)?;
    let headers = memory::read(caller, headers.0, headers.1)?;
    let headers = pairs::decode(&headers)?;
    let status = u16::try_from(status).map_err(|_| Status::BAD_ARGUMENT)?;
    if let Some(stream) = caller.data_mut().stream_mut().filter(|stream| stream.response_headers.is_none()) {
        let details = String::from_utf8_lossy(&details).into_owned();
        stream.local_reply.get_or_insert(LocalReply { status, headers, body, details });
    }
    Ok(())
}

/// Until the callback returns (cpp-host `SaveRestoreContext`).
fn set_effective(state: &mut VmState, context: u32) -> Answer {
    if context != ROOT && !state.streams.contains_key(&context) {
        return Err(Status::BAD_ARGUMENT.into());
    }
    state.effective = Some(context);
    Ok(())
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut caller: Caller<'_, VmState>,
         status: u32,
         details: u32,
         details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         _grpc_status: i32| {
            hostcall(&mut caller, Family::Misc, "proxy_send_local_response", |caller| {
                send(caller, status, (details, details_len), (body, body_len), (headers, headers_len))
            })
        },
    )?;
    linker.func_wrap("env", "proxy_set_effective_context", |mut caller: Caller<'_, VmState>, context: u32| {
        hostcall(&mut caller, Family::Misc, "proxy_set_effective_context", |caller| {
            set_effective(caller.data_mut(), context)
        })
    })?;
    Ok(())
}
