//! Header and trailer maps.

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory, pairs};
use crate::exchange::Headers;
use crate::vm::VmState;

/// Map types, as the ABI numbers them; 4 to 7 belong to gRPC and HTTP calls, which this host does not make.
const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const RESPONSE_TRAILERS: u32 = 3;
const MAP_TYPE_MAX: u32 = 7;

fn map(state: &VmState, kind: u32) -> Option<&Headers> {
    let stream = state.stream()?;
    match kind {
        REQUEST_HEADERS => stream.request_headers.as_ref(),
        REQUEST_TRAILERS => stream.request_trailers.as_ref(),
        RESPONSE_HEADERS => stream.response_headers.as_ref(),
        RESPONSE_TRAILERS => stream.response_trailers.as_ref(),
        _ => None,
    }
}

fn map_mut(state: &mut VmState, kind: u32) -> Result<&mut Headers, Status> {
    let stream = state.stream_mut().ok_or(Status::BAD_ARGUMENT)?;
    match kind {
        REQUEST_HEADERS => stream.request_headers.as_mut(),
        REQUEST_TRAILERS => stream.request_trailers.as_mut(),
        RESPONSE_HEADERS => stream.response_headers.as_mut(),
        RESPONSE_TRAILERS => stream.response_trailers.as_mut(),
        _ => None,
    }
    .ok_or(Status::BAD_ARGUMENT)
}

fn check(kind: u32) -> Answer {
    if kind > MAP_TYPE_MAX { Err(Status::BAD_ARGUMENT.into()) } else { Ok(()) }
}

fn get(caller: &mut Caller<'_, VmState>, kind: u32, key: (u32, u32), ptr: u32, size: u32) -> Answer {
    check(kind)?;
    let key = memory::read(caller, key.0, key.1)?;
    let state = caller.data();
    let Some(map) = map(state, kind) else {
        // Envoy `Context::getHeaderMapValue`: maps may be missing in the log phase, and only there that is not the
        // caller's fault.
        let logging = state.stream().is_some_and(|stream| stream.logging);
        return Err(if logging { Status::NOT_FOUND } else { Status::BAD_ARGUMENT }.into());
    };
    let value = map.first(&key).ok_or(Status::NOT_FOUND)?.to_vec();
    memory::give(caller, &value, ptr, size)
}

/// A map that is not there is empty, and that is OK (Envoy `Context::getHeaderMapPairs`).
fn get_pairs(caller: &mut Caller<'_, VmState>, kind: u32, ptr: u32, size: u32) -> Answer {
    check(kind)?;
    let bytes = map(caller.data(), kind).map(pairs::encode).unwrap_or_default();
    memory::give(caller, &bytes, ptr, size)
}

fn set_pairs(caller: &mut Caller<'_, VmState>, kind: u32, ptr: u32, size: u32) -> Answer {
    check(kind)?;
    let bytes = memory::read(caller, ptr, size)?;
    let headers = pairs::decode(&bytes)?;
    *map_mut(caller.data_mut(), kind)? = headers;
    Ok(())
}

fn size(caller: &mut Caller<'_, VmState>, kind: u32, ptr: u32) -> Answer {
    check(kind)?;
    let bytes = map_mut(caller.data_mut(), kind)?.byte_size();
    memory::write_u32(caller, ptr, u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// How a write changes a map.
#[derive(Clone, Copy)]
enum Edit {
    Add,
    Replace,
    Remove,
}

fn edit(caller: &mut Caller<'_, VmState>, how: Edit, kind: u32, key: (u32, u32), value: (u32, u32)) -> Answer {
    check(kind)?;
    let key = memory::read(caller, key.0, key.1)?;
    let value = memory::read(caller, value.0, value.1)?;
    let map = map_mut(caller.data_mut(), kind)?;
    match how {
        Edit::Add => map.push(&key, &value),
        Edit::Replace => map.replace(&key, &value),
        Edit::Remove => map.remove(&key),
    }
    Ok(())
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut caller: Caller<'_, VmState>, kind: u32, key: u32, key_len: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Headers, "proxy_get_header_map_value", |caller| {
                get(caller, kind, (key, key_len), ptr, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut caller: Caller<'_, VmState>, kind: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Headers, "proxy_get_header_map_pairs", |caller| {
                get_pairs(caller, kind, ptr, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |mut caller: Caller<'_, VmState>, kind: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Headers, "proxy_set_header_map_pairs", |caller| {
                set_pairs(caller, kind, ptr, size)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_header_map_size", |mut caller: Caller<'_, VmState>, kind: u32, ptr: u32| {
        hostcall(&mut caller, Family::Headers, "proxy_get_header_map_size", |caller| size(caller, kind, ptr))
    })?;
    for (name, how) in [("proxy_add_header_map_value", Edit::Add), ("proxy_replace_header_map_value", Edit::Replace)] {
        linker.func_wrap(
            "env",
            name,
            move |mut caller: Caller<'_, VmState>, kind: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
                hostcall(&mut caller, Family::Headers, name, |caller| {
                    edit(caller, how, kind, (key, key_len), (value, value_len))
                })
            },
        )?;
    }
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut caller: Caller<'_, VmState>, kind: u32, key: u32, key_len: u32| {
            hostcall(&mut caller, Family::Headers, "proxy_remove_header_map_value", |caller| {
                edit(caller, Edit::Remove, kind, (key, key_len), (0, 0))
            })
        },
    )?;
    Ok(())
}
