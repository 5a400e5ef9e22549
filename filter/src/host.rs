//! The only room that names a hostcall. Own `extern` wrappers that return statuses: the SDK's helpers panic on a status
//! that they did not foresee (`proxy-wasm` 0.2.5 `hostcalls.rs`; reference: `envoy.md` 5).
//!
//! Every function is total: a refused call is a `None`, an `Err(Status)` or nothing done.
#![allow(unsafe_code, reason = "the ABI is made of raw pointers")]

mod abi;

use std::cell::RefCell;
use std::ptr;

use genops_core::detect::{Carrier, Known, METADATA_KEYS, Proxy};

/// A status as the ABI numbers it; not an enum, because hosts return numbers that no list foresees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u32);

impl Status {
    const OK: u32 = 0;
    /// The id, key or property does not exist.
    pub(crate) const NOT_FOUND: Self = Self(1);
    /// A compare-and-swap found another value.
    pub(crate) const CAS_MISMATCH: Self = Self(8);

    fn ok(raw: u32) -> Result<(), Self> {
        if raw == Self::OK { Ok(()) } else { Err(Self(raw)) }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host status {}", self.0)
    }
}

/// Log levels of the ABI that the filter uses.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Level {
    Warn = 3,
    Error = 4,
}

/// Header maps of the ABI.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Map {
    RequestHeaders = 0,
    ResponseHeaders = 2,
}

/// Buffers of the ABI.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    PluginConfiguration = 7,
}

/// Metric types of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MetricType {
    Counter = 0,
    Gauge = 1,
}

/// Writes one line to the proxy's log. Never a body, never a key.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: pointer and length are of one live str.
    let _refused = unsafe { abi::proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// Nanoseconds since the Unix epoch; 0 where the host has no clock.
pub(crate) fn now() -> u64 {
    let mut nanos = 0;
    // SAFETY: the host writes one u64 to a live place.
    match unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanos) } {
        Status::OK => nanos,
        _ => 0,
    }
}

/// Sets the period of the current context's root tick; 0 stops it.
pub(crate) fn set_tick_period(millis: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::ok(unsafe { abi::proxy_set_tick_period_milliseconds(millis) })
}

/// Takes over memory that the host allocated in the guest by `proxy_on_memory_allocate`, which gives a boxed slice.
fn take(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: the SDK's allocator made it as `Box<[u8]>` of exactly this size, and nobody else holds it.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

/// Calls `fill` with places for a pointer and a size, and takes over what it gave.
fn fetch(fill: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    Status::ok(fill(&raw mut data, &raw mut size))?;
    Ok(take(data, size))
}

/// Up to `size` bytes from the start of a buffer; empty where there is none.
pub(crate) fn buffer(which: Buffer, size: usize) -> Vec<u8> {
    buffer_from(which, 0, size)
}

/// Up to `size` bytes of a buffer from `start` on; empty where there are none.
pub(crate) fn buffer_from(which: Buffer, start: usize, size: usize) -> Vec<u8> {
    // SAFETY: both places are live.
    fetch(|d, s| unsafe { abi::proxy_get_buffer_bytes(which as u32, start, size, d, s) }).unwrap_or_default()
}

/// Puts `bytes` in place of the first `remove` bytes of a buffer. Only in the callback that was given the buffer.
pub(crate) fn replace_front(which: Buffer, remove: usize, bytes: &[u8]) -> Result<(), Status> {
    // SAFETY: the bytes are live.
    Status::ok(unsafe { abi::proxy_set_buffer_bytes(which as u32, 0, remove, bytes.as_ptr(), bytes.len()) })
}

/// Takes a header out of a map.
pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Status> {
    // SAFETY: the name is live.
    Status::ok(unsafe { abi::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// Sets a header, in place of all of its name. Only before the map's headers have gone on.
pub(crate) fn set_header(map: Map, name: &str, value: &str) -> Result<(), Status> {
    // SAFETY: both texts are live.
    Status::ok(unsafe {
        abi::proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Answers the current stream's request; the response goes out when the callback has returned.
pub(crate) fn local_response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<(), Status> {
    /// Not gRPC (cpp-host `exports.cc`: any negative number).
    const NO_GRPC: i32 = -1;
    let (headers, details) = (serialised(headers), "genops_scrape");
    // SAFETY: all texts are live.
    Status::ok(unsafe {
        abi::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC,
        )
    })
}

/// Makes later calls of this callback act on another context: a tick answers a stream's request so.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::ok(unsafe { abi::proxy_set_effective_context(context) })
}

/// A map as the ABI takes it; [`pairs`] reads it.
fn serialised(map: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = word(map.len()).to_vec();
    for (key, value) in map {
        out.extend(word(key.as_ref().len()));
        out.extend(word(value.as_ref().len()));
    }
    for (key, value) in map {
        out.extend([key.as_ref(), b"\0", value.as_ref(), b"\0"].concat());
    }
    out
}

/// A header map, serialised as the ABI does; [`pairs`] reads it. Empty where there is none.
pub(crate) fn header_map(which: Map) -> Vec<u8> {
    // SAFETY: both places are live.
    fetch(|d, s| unsafe { abi::proxy_get_header_map_pairs(which as u32, d, s) }).unwrap_or_default()
}

/// Reads a serialised map: `u32 count`, `count` times `u32 key size, u32 value size`, then keys and values each with a
/// closing NUL, all little endian. A map that ends early gives the pairs that are whole.
pub(crate) fn pairs(map: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let word = |at: usize| -> Option<usize> {
        let bytes = map.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let count = word(0).unwrap_or(0).min(map.len() / 8);
    let mut data = 4 + count * 8;
    (0..count).map_while(move |i| {
        let (key_size, value_size) = (word(4 + i * 8)?, word(8 + i * 8)?);
        let key = map.get(data..data.checked_add(key_size)?)?;
        let value_at = data + key_size + 1;
        let value = map.get(value_at..value_at.checked_add(value_size)?)?;
        data = value_at + value_size + 1;
        Some((key, value))
    })
}

/// A property by its path.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    try_property(path).ok()
}

fn try_property(path: &[&str]) -> Result<Vec<u8>, Status> {
    let path = path.join("\0");
    // SAFETY: the path is live, both places are live.
    fetch(|d, s| unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), d, s) })
}

/// A property of the stream that carries a text, by its paths: hosts of before Envoy 1.33 know some only by the second
/// (Higress is 1.27; the first are there from 1.25 on).
fn text_property(paths: [&[&str]; 2]) -> Option<String> {
    let text = paths.iter().find_map(|path| property(path))?;
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}

/// What Envoy knows of where a request goes.
///
/// The route is known at the request's headers and its cluster with it, the host once the upstream has answered. What
/// the router wrote over the request's own `:authority` and `:path` is not shown: after the request's headers have gone
/// on, Envoy has none of them for a filter until it logs (seen on 1.40).
pub(crate) struct Upstream;

impl Proxy for Upstream {
    fn route_name(&self) -> Option<String> {
        text_property([&["xds", "route_name"], &["route_name"]])
    }

    fn cluster_name(&self) -> Option<String> {
        text_property([&["xds", "cluster_name"], &["cluster_name"]])
    }

    fn metadata(&self, of: Carrier, namespace: &str) -> Vec<(String, String)> {
        let name = match of {
            Carrier::Route => "route_metadata",
            Carrier::Cluster => "cluster_metadata",
            Carrier::Host => "upstream_host_metadata",
        };
        let path = ["xds", name, "filter_metadata", namespace];
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
        // A `google.protobuf.Struct` comes as a serialised map: one call for all its texts. Numbers and the like are
        // bytes there that are no use here.
        let modern = try_property(&path);
        let map = match if modern == Err(Status::NOT_FOUND) { try_property(&path[1..]) } else { modern } {
            Ok(map) => map,
            Err(Status::NOT_FOUND) => return Vec::new(),
            // Envoy cannot write a struct that holds a null (`serializeValue` in its `wasm/context.cc`), but its fields.
            Err(_) => {
                let field = |key: &&str| property(&[&path[..], &[*key]].concat()).and_then(text);
                return METADATA_KEYS.iter().filter_map(|key| Some(((*key).to_owned(), field(key)?))).collect();
            }
        };
        pairs(&map).filter_map(|(key, value)| Some((text(key.to_vec())?, text(value.to_vec())?))).collect()
    }

    fn value(&self, of: Known<'_>) -> Option<Vec<u8>> {
        let below = |top: &[&str], path: &[String]| {
            let keys = path.iter().map(String::as_str);
            property(&top.iter().copied().chain(["filter_metadata"]).chain(keys).collect::<Vec<_>>())
        };
        match of {
            Known::Metadata(path) => below(&["metadata"], path),
            Known::RouteMetadata(path) => {
                below(&["xds", "route_metadata"], path).or_else(|| below(&["route_metadata"], path))
            }
            Known::ClusterMetadata(path) => {
                below(&["xds", "cluster_metadata"], path).or_else(|| below(&["cluster_metadata"], path))
            }
            // An ambient waypoint ends the mesh's own connection before this one, and keeps whose it was.
            Known::PeerId => property(&["connection", "uri_san_peer_certificate"])
                .or_else(|| property(&["filter_state", "io.istio.peer_principal"])),
            Known::WorkloadLabel(name) => workload_label(name),
            // Istio's `peer_metadata` filter, for labels that its `additional_labels` name.
            Known::CallerLabel(name) => property(&["filter_state", "downstream_peer", "labels", name]),
        }
    }
}

/// A label of the proxy's own workload, as Istio's agent puts the pod's labels into the node's metadata. It cannot
/// change while the proxy runs, so it is asked for once.
fn workload_label(name: &str) -> Option<Vec<u8>> {
    thread_local! {
        /// As many as the configuration has sources of this kind.
        static LABELS: RefCell<Vec<(String, Option<Vec<u8>>)>> = const { RefCell::new(Vec::new()) };
    }
    LABELS.with_borrow_mut(|labels| {
        if let Some((_, value)) = labels.iter().find(|(known, _)| known == name) {
            return value.clone();
        }
        let path = ["xds", "node", "metadata", "LABELS", name];
        let value = property(&path).or_else(|| property(&path[1..]));
        labels.push((name.to_owned(), value.clone()));
        value
    })
}

/// Sets filter state `wasm.<key>`.
pub(crate) fn set_filter_state(key: &str, value: &str) -> Result<(), Status> {
    // SAFETY: both texts are live.
    Status::ok(unsafe { abi::proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// Defines a metric (Envoy 1.40: a new stat costs 8 to 13 us per declared tag; a new id every time, so keep it).
pub(crate) fn define_metric(kind: MetricType, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: the name is live, the id's place is live.
    Status::ok(unsafe { abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter or moves a gauge. An offset of 0 is an error of the ABI.
pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::ok(unsafe { abi::proxy_increment_metric(id, offset) })
}

/// Sets a gauge; on a counter it adds (Envoy), so 0 only marks it used.
pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: no pointers.
    Status::ok(unsafe { abi::proxy_record_metric(id, value) })
}

/// The process-wide value of a counter or gauge.
pub(crate) fn metric(id: u32) -> Result<u64, Status> {
    let mut value = 0;
    // SAFETY: the value's place is live.
    Status::ok(unsafe { abi::proxy_get_metric(id, &raw mut value) })?;
    Ok(value)
}

/// A shared value and its compare-and-swap token.
pub(crate) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), Status> {
    let mut cas = 0;
    // SAFETY: the key is live, all places are live.
    let value = fetch(|d, s| unsafe { abi::proxy_get_shared_data(key.as_ptr(), key.len(), d, s, &raw mut cas) })?;
    Ok((value, cas))
}

/// Sets a shared value if its token is still `cas`; 0 sets it whatever it is.
pub(crate) fn set_shared_data(key: &str, value: &[u8], cas: u32) -> Result<(), Status> {
    // SAFETY: key and value are live.
    Status::ok(unsafe { abi::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_comes_back_and_a_cut_map_gives_its_whole_pairs() {
        let map: [(&[u8], &[u8]); 2] = [(b":path", b"/v1"), (b"x", b"\xff")];
        let bytes = serialised(&map);
        assert_eq!(pairs(&bytes).collect::<Vec<_>>(), map);
        for cut in 0..bytes.len() {
            assert!(pairs(&bytes[..cut]).count() <= 2);
        }
        assert_eq!(pairs(&[0xff; 64]).count(), 0);
    }
}
