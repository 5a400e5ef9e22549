//! Where output goes: a file, or standard output.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use super::CliError;

/// A destination on the command line; `-` is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Stdout,
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) })
    }
}

impl Destination {
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Stdout => stdout(bytes),
            Self::File(path) => {
                std::fs::write(path, bytes).map_err(|source| CliError::Write { path: path.clone(), source })
            }
        }
    }
}

/// Standard output; a reader that has gone away (`| head`) is no error.
pub(crate) fn stdout(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::Stdout(error)),
        _ => Ok(()),
    }
}
