//! The WASI preview 1 imports of a Rust or C++ module, as cpp-host answers them (`src/exports.cc`): no files, no
//! arguments; standard output and error go to the log.

use wasmtime::{Caller, Linker};

use super::log::LogLevel;
use super::memory;
use super::status::{Answer, Stop};
use crate::vm::VmState;

/// errno values of WASI preview 1.
const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOTSUP: u32 = 58;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const CLOCK_REALTIME: u32 = 0;
const CLOCK_MONOTONIC: u32 = 1;
/// `fd_write` right in an fdstat.
const RIGHT_FD_WRITE: u64 = 64;
/// cpp-host `include/proxy-wasm/limits.h`: most random bytes in one call.
const RANDOM_BYTES_MAX: u32 = 64 * 1024;
/// Bytes of one iovec: address and length.
const IOVEC_BYTES: u32 = 8;
/// Most iovecs in one write; POSIX's usual IOV_MAX.
const IOVECS_MAX: u32 = 1024;

/// An errno for the guest: bad pointers are EFAULT, a trap in the guest unwinds.
fn errno(answer: Answer) -> wasmtime::Result<u32> {
    match answer {
        Ok(()) => Ok(SUCCESS),
        Err(Stop::Status(_)) => Ok(FAULT),
        Err(Stop::Trap(error)) => Err(error),
    }
}

fn fd_write(caller: &mut Caller<'_, VmState>, fd: u32, iovecs: u32, count: u32, written: u32) -> wasmtime::Result<u32> {
    let level = match fd {
        STDOUT => LogLevel::Info,
        STDERR => LogLevel::Error,
        _ => return Ok(BADF),
    };
    if count > IOVECS_MAX {
        return Ok(INVAL);
    }
    let mut text = Vec::new();
    let mut gather = || {
        let table = memory::read(caller, iovecs, count * IOVEC_BYTES)?;
        for entry in table.chunks_exact(IOVEC_BYTES as usize) {
            let word = |at: usize| entry.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
            text.extend(memory::read(caller, word(0), word(4))?);
        }
        Ok(())
    };
    let gathered = errno(gather())?;
    if gathered != SUCCESS {
        return Ok(gathered);
    }
    let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if !text.is_empty() {
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        caller.data_mut().log(level, line);
    }
    errno(memory::write_u32(caller, written, size))
}

fn environ_get(caller: &mut Caller<'_, VmState>, mut array: u32, mut buffer: u32) -> wasmtime::Result<u32> {
    let plugin = caller.data().plugin.clone();
    for (key, value) in &plugin.environment {
        let text = format!("{key}={value}\0");
        let put =
            memory::write_u32(caller, array, buffer).and_then(|()| memory::write(caller, buffer, text.as_bytes()));
        let put = errno(put)?;
        if put != SUCCESS {
            return Ok(put);
        }
        array = array.wrapping_add(4);
        buffer = buffer.wrapping_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    Ok(SUCCESS)
}

fn environ_sizes(caller: &mut Caller<'_, VmState>, count: u32, bytes: u32) -> Answer {
    let plugin = caller.data().plugin.clone();
    // "=" and the NUL behind each pair.
    let size: usize = plugin.environment.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
    memory::write_u32(caller, count, u32::try_from(plugin.environment.len()).unwrap_or(u32::MAX))?;
    memory::write_u32(caller, bytes, u32::try_from(size).unwrap_or(u32::MAX))
}

fn random_get(caller: &mut Caller<'_, VmState>, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    if len > RANDOM_BYTES_MAX {
        return Ok(INVAL);
    }
    let mut bytes = vec![0; len as usize];
    caller.data_mut().random.fill(&mut bytes);
    errno(memory::write(caller, ptr, &bytes))
}

fn clock_time_get(caller: &mut Caller<'_, VmState>, clock: u32, ptr: u32) -> wasmtime::Result<u32> {
    let time = match clock {
        CLOCK_REALTIME => caller.data().clock.wall_ns(),
        CLOCK_MONOTONIC => caller.data().clock.elapsed_ns(),
        _ => return Ok(NOTSUP),
    };
    errno(memory::write_u64(caller, ptr, time))
}

fn fdstat(caller: &mut Caller<'_, VmState>, fd: u32, ptr: u32) -> wasmtime::Result<u32> {
    if fd != STDOUT && fd != STDERR {
        return Ok(BADF);
    }
    let words = [0, RIGHT_FD_WRITE, 0].map(u64::to_le_bytes).concat();
    errno(memory::write(caller, ptr, &words))
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    for room in ["wasi_snapshot_preview1", "wasi_unstable"] {
        linker.func_wrap(
            room,
            "fd_write",
            |mut caller: Caller<'_, VmState>, fd: u32, iovecs: u32, count: u32, written: u32| {
                fd_write(&mut caller, fd, iovecs, count, written)
            },
        )?;
        linker.func_wrap(room, "fd_fdstat_get", |mut caller: Caller<'_, VmState>, fd: u32, ptr: u32| {
            fdstat(&mut caller, fd, ptr)
        })?;
        linker.func_wrap(room, "fd_prestat_get", |_: Caller<'_, VmState>, _fd: u32, _ptr: u32| BADF)?;
        linker.func_wrap(room, "fd_close", |_: Caller<'_, VmState>, _fd: u32| SUCCESS)?;
        linker.func_wrap(room, "environ_get", |mut caller: Caller<'_, VmState>, array: u32, buffer: u32| {
            environ_get(&mut caller, array, buffer)
        })?;
        linker.func_wrap(room, "environ_sizes_get", |mut caller: Caller<'_, VmState>, count: u32, bytes: u32| {
            errno(environ_sizes(&mut caller, count, bytes))
        })?;
        linker.func_wrap(room, "args_get", |_: Caller<'_, VmState>, _array: u32, _buffer: u32| SUCCESS)?;
        linker.func_wrap(room, "args_sizes_get", |mut caller: Caller<'_, VmState>, count: u32, bytes: u32| {
            let zero = memory::write_u32(&mut caller, count, 0);
            errno(zero.and_then(|()| memory::write_u32(&mut caller, bytes, 0)))
        })?;
        linker.func_wrap(
            room,
            "clock_time_get",
            |mut caller: Caller<'_, VmState>, clock: u32, _precision: u64, ptr: u32| {
                clock_time_get(&mut caller, clock, ptr)
            },
        )?;
        linker.func_wrap(room, "random_get", |mut caller: Caller<'_, VmState>, ptr: u32, len: u32| {
            random_get(&mut caller, ptr, len)
        })?;
        linker.func_wrap(room, "sched_yield", |_: Caller<'_, VmState>| SUCCESS)?;
        linker.func_wrap(room, "proc_exit", |_: Caller<'_, VmState>, code: u32| -> wasmtime::Result<()> {
            Err(wasmtime::Error::msg(format!("the module called proc_exit({code})")))
        })?;
    }
    Ok(())
}
