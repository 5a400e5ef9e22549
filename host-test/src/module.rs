//! A compiled filter module, and the cache of compiled modules.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine, InstancePre, Linker};

use crate::abi;
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
        let engine = Engine::new(&Config::new()).map_err(HostError::module)?;
        let module = compiled(&engine, wasm, cache)?;
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

fn cache_directory() -> Option<PathBuf> {
    if let Some(own) = std::env::var_os("GENOPS_CACHE") {
        return (!own.is_empty()).then(|| PathBuf::from(own).join("modules"));
    }
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("genops").join("modules"))
}

/// From the cache, else compiled. A cache that cannot be read or written costs time, never the run.
fn compiled(engine: &Engine, wasm: &[u8], cache: Option<&Path>) -> Result<wasmtime::Module, HostError> {
    let Some(cache) = cache else { return wasmtime::Module::new(engine, wasm).map_err(HostError::module) };
    let mut hash = Sha256::new();
    hash.update(wasm);
    // Another wasmtime, machine or setting compiles otherwise: its own compatibility hash goes into the name.
    let mut compatibility = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut compatibility);
    hash.update(std::hash::Hasher::finish(&compatibility).to_le_bytes());
    let key: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let file = cache.join(format!("{key}.cwasm"));
    if let Some(module) = cached(engine, &file) {
        return Ok(module);
    }
    let module = wasmtime::Module::new(engine, wasm).map_err(HostError::module)?;
    let _slower_next_time = store(&module, cache, &file);
    Ok(module)
}

/// A module from the cache, if the file is there, whole and ours.
fn cached(engine: &Engine, file: &Path) -> Option<wasmtime::Module> {
    let bytes = std::fs::read(file).ok()?;
    let (digest, body) = bytes.split_first_chunk::<32>()?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    // SAFETY: deserialising runs machine code from the file. It lies in the user's own cache directory, was written by
    // `store` below under a digest of its whole content, which was just checked, and wasmtime refuses what another
    // version or configuration has made. Who can forge it can as well replace this program.
    unsafe { wasmtime::Module::deserialize(engine, body) }.ok()
}

/// Written aside and renamed: a reader never sees half a file.
fn store(module: &wasmtime::Module, cache: &Path, file: &Path) -> std::io::Result<()> {
    let body = module.serialize().map_err(std::io::Error::other)?;
    let mut bytes = Sha256::digest(&body).to_vec();
    bytes.extend_from_slice(&body);
    std::fs::create_dir_all(cache)?;
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&aside, bytes)?;
    std::fs::rename(&aside, file)
}
