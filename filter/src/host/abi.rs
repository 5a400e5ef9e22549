//! The hostcalls as the ABI declares them (proxy-wasm 0.2.1; cpp-host `exports.h`).
#![allow(clippy::too_many_arguments, reason = "the ABI's own signatures")]

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub(super) fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    pub(super) fn proxy_get_current_time_nanoseconds(nanos: *mut u64) -> u32;
    pub(super) fn proxy_set_tick_period_milliseconds(millis: u32) -> u32;
    pub(super) fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    pub(super) fn proxy_set_buffer_bytes(buffer: u32, start: usize, remove: usize, data: *const u8, size: usize)
    -> u32;
    pub(super) fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, size: usize) -> u32;
    pub(super) fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    pub(super) fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    pub(super) fn proxy_set_effective_context(context: u32) -> u32;
    pub(super) fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    pub(super) fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    pub(super) fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
    pub(super) fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    pub(super) fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    pub(super) fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> u32;
}

/// Off wasm there is no host: every call is refused, so that native builds link and native tests see refusals.
#[cfg(not(target_arch = "wasm32"))]
mod refusing {
    const UNIMPLEMENTED: u32 = 12;

    macro_rules! refused {
        ($($name:ident($($arg:ty),*);)*) => {
            $(pub(in super::super) unsafe fn $name($(_: $arg),*) -> u32 { UNIMPLEMENTED })*
        };
    }
    refused! {
        proxy_log(u32, *const u8, usize);
        proxy_get_current_time_nanoseconds(*mut u64);
        proxy_set_tick_period_milliseconds(u32);
        proxy_get_buffer_bytes(u32, usize, usize, *mut *mut u8, *mut usize);
        proxy_set_buffer_bytes(u32, usize, usize, *const u8, usize);
        proxy_get_header_map_pairs(u32, *mut *mut u8, *mut usize);
        proxy_remove_header_map_value(u32, *const u8, usize);
        proxy_replace_header_map_value(u32, *const u8, usize, *const u8, usize);
        proxy_send_local_response(u32, *const u8, usize, *const u8, usize, *const u8, usize, i32);
        proxy_set_effective_context(u32);
        proxy_get_property(*const u8, usize, *mut *mut u8, *mut usize);
        proxy_set_property(*const u8, usize, *const u8, usize);
        proxy_define_metric(u32, *const u8, usize, *mut u32);
        proxy_increment_metric(u32, i64);
        proxy_record_metric(u32, u64);
        proxy_get_metric(u32, *mut u64);
        proxy_get_shared_data(*const u8, usize, *mut *mut u8, *mut usize, *mut u32);
        proxy_set_shared_data(*const u8, usize, *const u8, usize, u32);
    }
}
#[cfg(not(target_arch = "wasm32"))]
pub(super) use refusing::*;
