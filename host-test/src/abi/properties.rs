//! Properties: what a stream knows about itself, what the caller of this host adds, and filter state.

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory};
use crate::exchange::Headers;
use crate::vm::{StreamState, VmState};

/// Envoy puts what a filter sets under this prefix of filter state (`Context::setProperty`).
const FILTER_STATE_PREFIX: &[u8] = b"wasm.";

/// The value of a NUL-joined path. Order as in Envoy's `Context::findValue`: known attributes, then filter state.
fn find(state: &VmState, path: &[u8]) -> Option<Vec<u8>> {
    if let Some(value) = plugin(state, path) {
        return Some(value);
    }
    let stream = state.stream()?;
    if let Some(value) = stream.properties.get(path) {
        return Some(value.clone());
    }
    attribute(state, stream, path).or_else(|| {
        let key = [FILTER_STATE_PREFIX, path].concat();
        stream.filter_state.get(&key).cloned()
    })
}

fn plugin(state: &VmState, path: &[u8]) -> Option<Vec<u8>> {
    let plugin = &state.plugin;
    Some(match path {
        b"plugin_name" => plugin.name.clone().into_bytes(),
        b"plugin_root_id" => plugin.root_id.clone().into_bytes(),
        b"plugin_vm_id" => plugin.vm_id.clone().into_bytes(),
        _ => return None,
    })
}

/// The attributes that follow from the exchange itself; integers, durations and timestamps (ns) are 8 bytes LE.
fn attribute(state: &VmState, stream: &StreamState, path: &[u8]) -> Option<Vec<u8>> {
    let mut parts = path.split(|&byte| byte == 0);
    let (room, name, key) = (parts.next()?, parts.next()?, parts.next());
    let number = |value: u64| Some(value.to_le_bytes().to_vec());
    match (room, name, key) {
        (b"request", b"headers", Some(key)) => joined(stream.request_headers.as_ref()?, key),
        (b"response", b"headers", Some(key)) => joined(stream.response_headers.as_ref()?, key),
        (b"request", _, None) => {
            let header = |name: &[u8]| Some(stream.request_headers.as_ref()?.first(name)?.to_vec());
            match name {
                b"path" => header(b":path"),
                b"url_path" => header(b":path")?.split(|&byte| byte == b'?').next().map(<[u8]>::to_vec),
                b"query" => {
                    let path = header(b":path")?;
                    let at = path.iter().position(|&byte| byte == b'?')?;
                    Some(path.get(at + 1..)?.to_vec())
                }
                b"host" => header(b":authority"),
                b"scheme" => header(b":scheme"),
                b"method" => header(b":method"),
                b"referer" => header(b"referer"),
                b"useragent" => header(b"user-agent"),
                b"id" => header(b"x-request-id"),
                b"protocol" => Some(b"HTTP/1.1".to_vec()),
                b"time" => number(stream.started_wall_ns),
                b"size" => number(stream.request_bytes),
                b"duration" if stream.logging => {
                    number(state.clock.elapsed_ns().saturating_sub(stream.started_elapsed_ns))
                }
                _ => None,
            }
        }
        (b"response", b"code", None) if stream.logging => {
            let status = stream.response_headers.as_ref()?.first(b":status")?;
            number(std::str::from_utf8(status).ok()?.parse().ok()?)
        }
        (b"response", b"size", None) if stream.logging => number(stream.response_bytes),
        _ => None,
    }
}

/// `request.headers[x]` joins all values of a header with a comma, unlike the header hostcall.
fn joined(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = headers.all(name).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

fn set(caller: &mut Caller<'_, VmState>, path: (u32, u32), value: (u32, u32)) -> Answer {
    let path = memory::read(caller, path.0, path.1)?;
    let value = memory::read(caller, value.0, value.1)?;
    // A root context has no stream info, so nowhere to put it.
    let stream = caller.data_mut().stream_mut().ok_or(Status::NOT_FOUND)?;
    stream.filter_state.insert([FILTER_STATE_PREFIX, &path].concat(), value);
    Ok(())
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut caller: Caller<'_, VmState>, path: u32, path_len: u32, ptr: u32, size: u32| {
            hostcall(&mut caller, Family::Properties, "proxy_get_property", |caller| {
                let path = memory::read(caller, path, path_len)?;
                let value = find(caller.data(), &path).ok_or(Status::NOT_FOUND)?;
                memory::give(caller, &value, ptr, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut caller: Caller<'_, VmState>, path: u32, path_len: u32, value: u32, value_len: u32| {
            hostcall(&mut caller, Family::Properties, "proxy_set_property", |caller| {
                set(caller, (path, path_len), (value, value_len))
            })
        },
    )?;
    Ok(())
}
