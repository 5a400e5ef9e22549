//! A compiled filter module.

use std::path::Path;

use wasmtime::{InstancePre, Linker, Module};

use crate::abi;
use crate::compiled::{cache_directory, compiled, engine};
use crate::error::HostError;
use crate::vm::VmState;

/// Exports that say which ABI a module speaks (cpp-host `src/bytecode_util.cc`); 0.1.0 modules are not supported.
const ABI_MARKERS: [&str; 2] = ["proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0"];

/// Envoy's limit per VM (cpp-host `limits.h`), in bytes.
pub(crate) const MEMORY_BYTES_MAX: usize = 1 << 30;

/// A filter ready to be instantiated any number of times.
#[derive(Clone)]
pub struct FilterModule {
    pub(crate) pre: InstancePre<VmState>,
    /// Size of the module as given, in bytes.
    size: usize,
}

impl FilterModule {
    /// Compiles `wasm`, or takes the compiled form from the user's cache directory (`GENOPS_CACHE`, else the system's
    /// cache directory with `genops/modules`), where it is put for the next run.
    ///
    /// # Errors
    /// A module that is not WebAssembly, speaks no known ABI or imports what no host offers.
    pub fn new(wasm: &[u8]) -> Result<Self, HostError> {
        Self::with_cache(wasm, cache_directory().as_deref())
    }

    /// As [`FilterModule::new`], from a file.
    ///
    /// # Errors
    /// As there, and a file that cannot be read.
    pub fn from_file(path: &Path) -> Result<Self, HostError> {
        let wasm = std::fs::read(path).map_err(|source| HostError::ReadModule { path: path.to_owned(), source })?;
        Self::new(&wasm)
    }

    /// As [`FilterModule::new`] with the cache in `cache`, or none.
    ///
    /// # Errors
    /// As there.
    pub fn with_cache(wasm: &[u8], cache: Option<&Path>) -> Result<Self, HostError> {
        let engine = engine()?;
        let module: Module = compiled(&engine, wasm, cache)?;
        if !module.exports().any(|export| ABI_MARKERS.contains(&export.name())) {
            return Err(HostError::NoAbiVersion);
        }
        let mut linker = Linker::new(&engine);
        abi::link(&mut linker, &module).map_err(HostError::module)?;
        let pre = linker.instantiate_pre(&module).map_err(HostError::import)?;
        Ok(Self { pre, size: wasm.len() })
    }

    /// Size of the module as given, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }
}
