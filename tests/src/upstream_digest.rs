//! A body's identity, so that tests can hold thousands of them side by side.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Length and SHA-256 of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Bytes.
    pub length: usize,
    hash: [u8; 32],
}

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), hash: Sha256::digest(bytes).into() }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, sha256 ", self.length)?;
        self.hash.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
