//! What can go wrong in the host, each with what to do about it.

use std::path::PathBuf;

use crate::abi::LogLine;

const PORTABLE_REGEX: &str = "write it without look-ahead and back-references, so that every engine reads it";

/// Failures of the host itself; a guest's wrong answers are data, not errors.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The module file cannot be read.
    #[error("cannot read the filter {}: {source}", path.display())]
    ReadModule {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a WebAssembly module, or one this machine cannot run.
    #[error("not a WebAssembly module that can be loaded: {0}")]
    BadModule(String),
    /// No `proxy_abi_version_*` export.
    #[error(
        "the module exports no proxy-wasm ABI version; Envoy loads 0.2.0 and 0.2.1 (build it with a proxy-wasm SDK)"
    )]
    NoAbiVersion,
    /// Envoy: "Failed to load Wasm module due to a missing import".
    #[error("the module imports {module}.{name}, which no proxy-wasm host offers")]
    UnknownImport {
        /// Import module.
        module: String,
        /// Import name.
        name: String,
    },
    /// An export that the host must call is missing or has another signature.
    #[error("the module's export {name} is missing or of another type: {reason}")]
    BadExport {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The guest trapped at start or configure.
    #[error("the filter crashed in {callback}: {trap}{}", shown(log))]
    Crashed {
        /// The callback.
        callback: &'static str,
        /// The trap.
        trap: String,
        /// What the guest logged.
        log: Vec<LogLine>,
    },
    /// `proxy_on_vm_start` or `proxy_on_configure` returned false: Envoy refuses such a configuration too.
    #[error("the filter refused its configuration in {callback}{}", shown(log))]
    Refused {
        /// The callback.
        callback: &'static str,
        /// What the guest logged: its reason.
        log: Vec<LogLine>,
    },
    /// A component's meter did not open.
    #[error("the component refused its configuration: {0}")]
    Configuration(String),
    /// A `stats_tags` regex that cannot be used.
    #[error("stats_tags: the regex of tag {tag:?} cannot be used: {reason} ({PORTABLE_REGEX})")]
    BadTagRegex {
        /// The tag.
        tag: String,
        /// What is wrong.
        reason: String,
    },
    /// No workers asked for.
    #[error("a host needs at least one worker")]
    NoWorkers,
}

/// The guest's own words, one per line.
fn shown(log: &[LogLine]) -> String {
    log.iter().map(|line| format!("\n  {line}")).collect()
}

impl HostError {
    /// Loading, compiling or linking failed.
    pub(crate) fn module(error: wasmtime::Error) -> Self {
        Self::BadModule(format!("{error:#}"))
    }

    /// Linking failed on an import, in most cases one that nobody knows.
    pub(crate) fn import(error: wasmtime::Error) -> Self {
        match error.downcast_ref::<wasmtime::UnknownImportError>() {
            Some(unknown) => {
                Self::UnknownImport { module: unknown.module().to_owned(), name: unknown.name().to_owned() }
            }
            None => Self::module(error),
        }
    }
}
