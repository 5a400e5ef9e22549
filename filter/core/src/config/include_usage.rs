//! Which streams are asked for their usage.

use serde::Deserialize;

use super::ConfigError;
#[cfg(feature = "json-schema")]
use super::json_schema;
use crate::inject::not_asked;

/// Most bytes that a request may be made to wait for: what Envoy keeps of one by default is 1 MiB.
const HOLD_MAX: u32 = 64 * 1024 * 1024;

/// Asks streams of OpenAI-compatible chat and text completions for their usage where the client does not, and takes the
/// extra event out of the answer again. Off unless configured.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(transform = json_schema::somebody_to_ask))]
#[serde(deny_unknown_fields, default)]
pub struct IncludeUsage {
    /// Provider ids to ask.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::asked_providers"))]
    pub providers: Vec<String>,
    /// Request authorities to ask, whatever their provider.
    pub authorities: Vec<String>,
    /// 0: an edited request has no `content-length`. Otherwise requests of at most so many bytes wait until they are
    /// read and keep one; that needs `allow_on_headers_stop_iteration: true` beside the filter's configuration in Envoy.
    #[cfg_attr(feature = "json-schema", schemars(range(max = HOLD_MAX)))]
    pub hold_request_bytes: u32,
}

impl IncludeUsage {
    /// Whether an exchange with this provider or authority (with or without its port) is to be asked.
    pub fn covers(&self, provider: Option<&str>, authority: &str) -> bool {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        self.providers.iter().any(|p| Some(p.as_str()) == provider)
            || self.authorities.iter().any(|a| a == authority || a == host)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.providers.is_empty() && self.authorities.is_empty() {
            let allowed = "at least one of `providers` and `authorities`";
            return Err(ConfigError::new("include_usage", "neither", allowed));
        }
        for (at, provider) in self.providers.iter().enumerate() {
            if let Some(why) = not_asked(provider) {
                let found = format!("{provider:?}");
                let allowed = format!("a provider that takes `stream_options`: this one {why}");
                return Err(ConfigError::new(format!("include_usage.providers[{at}]"), found, allowed));
            }
        }
        if self.hold_request_bytes > HOLD_MAX {
            let allowed = format!("a whole number from 0 to {HOLD_MAX}");
            return Err(ConfigError::new("include_usage.hold_request_bytes", self.hold_request_bytes, allowed));
        }
        Ok(())
    }
}
