//! What can go wrong when a tool is resolved or the wasm is built, each with what to do about it.

use std::path::{Path, PathBuf};

/// Why a tool or the wasm is not there. The text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A program that others are started with is not installed.
    #[error("`{program}` is not to be found on PATH; {remedy}")]
    NoProgram {
        /// Name as typed.
        program: String,
        /// What to install, or which variable to set.
        remedy: String,
    },
    /// A program ran and failed.
    #[error("`{command}` failed ({status}){}", tail(.stderr))]
    Failed {
        /// The command as typed.
        command: String,
        /// Exit status in words.
        status: String,
        /// End of its standard error.
        stderr: String,
    },
    /// An environment variable names a tool that cannot be used.
    #[error("{variable}={path}: {reason}; unset {variable} to let the tests fetch the pinned version")]
    Override {
        /// Name of the variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The wasm target is not installed and cannot be installed from here.
    #[error(
        "the Rust target {target} is not installed: {reason}; run `rustup target add {target}`, or install the \
             Rust standard library for {target} the way your toolchain was installed"
    )]
    NoTarget {
        /// Target triple.
        target: &'static str,
        /// Why it was not installed by itself.
        reason: String,
    },
    /// The module was built, but is not what Envoy should run.
    #[error("{path}: {reason}")]
    BadModule {
        /// The module.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// What was fetched is not what was asked for.
    #[error("{what}: {reason}")]
    BadFetch {
        /// The thing fetched.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl ToolError {
    /// For `map_err` on file-system calls.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// The captured end of a program's standard error, or nothing where it went to the terminal.
fn tail(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(":\n{stderr}") }
}
