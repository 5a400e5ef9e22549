//! Where the filter answers scrapes.

use serde::Deserialize;

use super::ConfigError;

/// Where the sources' exporters answer.
const DEFAULT_PATH: &str = "/metrics";
/// Longest path, bytes: a proxy's configuration holds it, no client chooses it.
pub(super) const PATH_MAX: usize = 1024;

/// The filter's own scrape endpoint. Off unless configured: whoever reaches the listener reads it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Scrape {
    // `None`: not said, until the configuration is checked.
    /// The path that is answered, without a query.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "super::json_schema::scrape_path"))]
    path: Option<String>,
    /// This listener or route is there for scrapes alone: what else passes is not an exchange, and limits and versions
    /// are said by the configuration that meters.
    pub dedicated: bool,
}

impl Scrape {
    /// The path that is answered, without a query.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(DEFAULT_PATH)
    }

    /// Takes a path where none is said. Tells whether that was so.
    pub(super) fn set_default_path(&mut self, path: String) -> bool {
        let silent = self.path.is_none();
        self.path.get_or_insert(path);
        silent
    }

    pub(super) fn check(&mut self) -> Result<(), ConfigError> {
        let path = self.path().to_owned();
        let visible = |b: u8| b.is_ascii_graphic() && b != b'?' && b != b'#';
        let allowed = "a path from its `/` on, without a query, of at most 1024 visible ASCII characters";
        if !path.starts_with('/') || path.len() > PATH_MAX || !path.bytes().all(visible) {
            return Err(ConfigError::new("scrape.path", format!("{path:?}"), allowed));
        }
        self.path = Some(path);
        Ok(())
    }
}
