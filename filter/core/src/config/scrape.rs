//! Where the filter answers scrapes.

use serde::Deserialize;

use super::ConfigError;

/// Longest path, bytes: a proxy's configuration holds it, no client chooses it.
const PATH_MAX: usize = 1024;

/// The filter's own scrape endpoint ([`crate::scrape`]). Off unless configured: whoever reaches the listener reads it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Scrape {
    /// The path that is answered, without a query.
    pub path: String,
    /// This listener or route is there for scrapes alone: what else passes is not an exchange, and limits and versions
    /// are said by the configuration that meters.
    pub dedicated: bool,
}

impl Default for Scrape {
    fn default() -> Self {
        Self { path: "/metrics".to_owned(), dedicated: false }
    }
}

impl Scrape {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let visible = |b: u8| b.is_ascii_graphic() && b != b'?' && b != b'#';
        let allowed = "a path from its `/` on, without a query, of at most 1024 visible ASCII characters";
        if self.path.starts_with('/') && self.path.len() <= PATH_MAX && self.path.bytes().all(visible) {
            return Ok(());
        }
        Err(ConfigError::new("scrape.path", format!("{:?}", self.path), allowed))
    }
}
