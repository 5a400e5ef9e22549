//! Running other programs: one place that says plainly what is missing or what failed.

use std::{
    io::{ErrorKind, Read},
    process::{Command, Stdio},
};

use crate::ToolError;

/// Lines of standard error that an error repeats: enough for a compiler's or pip's last words.
const STDERR_LINES: usize = 30;

/// Runs `command`, captures both streams and gives its standard output.
///
/// # Errors
/// The program is missing (`remedy` says what to install) or ends with failure.
pub(crate) fn output(command: &mut Command, remedy: &str) -> Result<String, ToolError> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| missing(command, remedy, &e))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(failed(command, output.status, last_lines(&stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// As [`output`], with standard error left on the terminal: for long runs that show their own progress.
pub(crate) fn output_shown(command: &mut Command, remedy: &str) -> Result<String, ToolError> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| missing(command, remedy, &e))?;
    let mut out = Vec::new();
    let read = child.stdout.take().map(|mut pipe| pipe.read_to_end(&mut out));
    let status = child.wait().map_err(|e| failed(command, "cannot wait", e.to_string()))?;
    if let Some(Err(e)) = read {
        return Err(failed(command, "its output cannot be read", e.to_string()));
    }
    if !status.success() {
        return Err(failed(command, status, String::new()));
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn missing(command: &Command, remedy: &str, error: &std::io::Error) -> ToolError {
    if error.kind() == ErrorKind::NotFound {
        let program = command.get_program().to_string_lossy().into_owned();
        return ToolError::NoProgram { program, remedy: remedy.to_owned() };
    }
    failed(command, "it could not be started", error.to_string())
}

fn failed(command: &Command, status: impl std::fmt::Display, stderr: String) -> ToolError {
    ToolError::Failed { command: line(command), status: status.to_string(), stderr }
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.iter().skip(lines.len().saturating_sub(STDERR_LINES)).copied().collect::<Vec<_>>().join("\n")
}
