//! Reading and writing the guest's linear memory. Every address comes from the guest, so every access is checked.

use wasmtime::{Caller, Memory, TypedFunc};

use super::status::{Answer, Status, Stop};
use crate::vm::VmState;

/// What the host needs of an instantiated guest to hand it data.
#[derive(Clone)]
pub(crate) struct GuestMemory {
    pub(crate) memory: Memory,
    /// `malloc`, else `proxy_on_memory_allocate` (cpp-host `src/wasm.cc` getFunctions).
    pub(crate) allocate: TypedFunc<u32, u32>,
}

/// A copy of `len` bytes at `ptr`.
pub(crate) fn read(caller: &Caller<'_, VmState>, ptr: u32, len: u32) -> Answer<Vec<u8>> {
    let guest = caller.data().guest.as_ref().ok_or(Status::INVALID_MEMORY_ACCESS)?;
    let start = ptr as usize;
    let end = start.checked_add(len as usize).ok_or(Status::INVALID_MEMORY_ACCESS)?;
    let bytes = guest.memory.data(caller).get(start..end).ok_or(Status::INVALID_MEMORY_ACCESS)?;
    Ok(bytes.to_vec())
}

/// Writes `bytes` at `ptr`.
pub(crate) fn write(caller: &mut Caller<'_, VmState>, ptr: u32, bytes: &[u8]) -> Answer {
    let memory = caller.data().guest.as_ref().ok_or(Status::INVALID_MEMORY_ACCESS)?.memory;
    memory.write(caller, ptr as usize, bytes).map_err(|_| Status::INVALID_MEMORY_ACCESS.into())
}

/// Writes a little-endian u32 at `ptr`.
pub(crate) fn write_u32(caller: &mut Caller<'_, VmState>, ptr: u32, value: u32) -> Answer {
    write(caller, ptr, &value.to_le_bytes())
}

/// Writes a little-endian u64 at `ptr`.
pub(crate) fn write_u64(caller: &mut Caller<'_, VmState>, ptr: u32, value: u64) -> Answer {
    write(caller, ptr, &value.to_le_bytes())
}

/// Hands `bytes` to the guest: allocates with the guest's own allocator and writes address and size where the guest
/// asked. Empty data is a null address and size 0, without an allocation (cpp-host `include/proxy-wasm/wasm.h`
/// copyToPointerSize).
pub(crate) fn give(caller: &mut Caller<'_, VmState>, bytes: &[u8], ptr_ptr: u32, size_ptr: u32) -> Answer {
    let mut address = 0;
    let size = u32::try_from(bytes.len()).map_err(|_| Status::INVALID_MEMORY_ACCESS)?;
    if size > 0 {
        let allocate = caller.data().guest.as_ref().ok_or(Status::INVALID_MEMORY_ACCESS)?.allocate.clone();
        // Hostcalls made by an allocator are restricted in Envoy as those of `_initialize` are.
        let restricted = std::mem::replace(&mut caller.data_mut().restricted, true);
        let allocated = allocate.call(&mut *caller, size).map_err(Stop::Trap);
        caller.data_mut().restricted = restricted;
        address = allocated?;
        if address == 0 {
            return Err(Status::INVALID_MEMORY_ACCESS.into());
        }
        write(caller, address, bytes)?;
    }
    write_u32(caller, ptr_ptr, address)?;
    write_u32(caller, size_ptr, size)
}
