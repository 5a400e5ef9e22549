//! `proxy_log` and `proxy_get_log_level`.

use std::fmt;

use wasmtime::{Caller, Linker};

use super::status::Status;
use super::{Family, hostcall, memory};
use crate::vm::VmState;

/// Severity of a log line, as the ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl LogLevel {
    pub(crate) fn from_abi(level: u32) -> Option<Self> {
        Some(match level {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Critical,
            _ => return None,
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// One line that the guest logged, or that was written to its standard output (info) or standard error (error).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Severity.
    pub level: LogLevel,
    /// Text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.level, self.text)
    }
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_log", |mut caller: Caller<'_, VmState>, level: u32, ptr: u32, len: u32| {
        hostcall(&mut caller, Family::Log, "proxy_log", |caller| {
            let level = LogLevel::from_abi(level).ok_or(Status::BAD_ARGUMENT)?;
            let text = memory::read(caller, ptr, len)?;
            caller.data_mut().log(level, &text);
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_log_level", |mut caller: Caller<'_, VmState>, ptr: u32| {
        hostcall(&mut caller, Family::Log, "proxy_get_log_level", |caller| {
            let level = caller.data().plugin.log_level as u32;
            memory::write_u32(caller, ptr, level)
        })
    })?;
    Ok(())
}
