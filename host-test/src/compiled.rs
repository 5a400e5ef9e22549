//! The cache of compiled code: wasmtime takes seconds for what the filter is.

use std::fs::File;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine, Module, OptLevel};

use crate::error::HostError;

/// Code that wasmtime compiles and can put into a file.
pub(crate) trait Compiled: Sized {
    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self>;
    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;
    /// # Safety
    /// As wasmtime's: `bytes` come from [`Compiled::serialize`].
    unsafe fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;
}

impl Compiled for Module {
    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, wasm)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    unsafe fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        // SAFETY: the caller's.
        unsafe { Self::deserialize(engine, bytes) }
    }
}

#[cfg(feature = "component")]
impl Compiled for wasmtime::component::Component {
    fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, wasm)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    unsafe fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        // SAFETY: the caller's.
        unsafe { Self::deserialize(engine, bytes) }
    }
}

/// What compiles and runs. A development build, whose own code takes most of the time, has the filter's compiled in two
/// thirds of it (2026-11-22: 22 s, not 33 s) and then replays the corpus as fast.
pub(crate) fn engine() -> Result<Engine, HostError> {
    let mut config = Config::new();
    config.cranelift_opt_level(if cfg!(debug_assertions) { OptLevel::None } else { OptLevel::Speed });
    Engine::new(&config).map_err(HostError::module)
}

/// Where compiled code is kept (`GENOPS_CACHE`, else the system's cache directory with `genops`); `None`: nowhere.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    if let Some(own) = std::env::var_os("GENOPS_CACHE") {
        return (!own.is_empty()).then(|| PathBuf::from(own).join("modules"));
    }
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("genops").join("modules"))
}

/// From the cache, else compiled. A cache that cannot be read or written costs time, never the run.
pub(crate) fn compiled<C: Compiled>(engine: &Engine, wasm: &[u8], cache: Option<&Path>) -> Result<C, HostError> {
    let Some(cache) = cache else { return C::compile(engine, wasm).map_err(HostError::module) };
    let mut hash = Sha256::new();
    hash.update(wasm);
    // Another wasmtime, machine or setting compiles otherwise: its own compatibility hash goes into the name.
    let mut compatibility = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut compatibility);
    hash.update(std::hash::Hasher::finish(&compatibility).to_le_bytes());
    let key: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let file = cache.join(format!("{key}.cwasm"));
    if let Some(code) = cached(engine, &file) {
        return Ok(code);
    }
    // Of several that need it at once, in this or other processes, one compiles; a lock dies with its process.
    // Where it cannot be had, each compiles for itself.
    let _lock = lock(cache);
    if let Some(code) = cached(engine, &file) {
        return Ok(code);
    }
    let code = C::compile(engine, wasm).map_err(HostError::module)?;
    let _slower_next_time = store(&code, &file);
    Ok(code)
}

/// Until it is dropped, nobody else compiles for this cache.
fn lock(cache: &Path) -> std::io::Result<File> {
    std::fs::create_dir_all(cache)?;
    let lock = File::options().create(true).append(true).open(cache.join("compile.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Code from the cache, if the file is there, whole and ours.
fn cached<C: Compiled>(engine: &Engine, file: &Path) -> Option<C> {
    let bytes = std::fs::read(file).ok()?;
    let (digest, body) = bytes.split_first_chunk::<32>()?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    // SAFETY: deserialising runs machine code from the file. It lies in the user's own cache directory, was written by
    // `store` below under a digest of its whole content, which was just checked, and wasmtime refuses what another
    // version or configuration has made. Who can forge it can as well replace this program.
    unsafe { C::deserialize(engine, body) }.ok()
}

/// Written aside and renamed: a reader never sees half a file.
fn store(code: &impl Compiled, file: &Path) -> std::io::Result<()> {
    let body = code.serialize().map_err(std::io::Error::other)?;
    let mut bytes = Sha256::digest(&body).to_vec();
    bytes.extend_from_slice(&body);
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&aside, bytes)?;
    std::fs::rename(&aside, file)
}
