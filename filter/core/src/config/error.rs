//! Configuration errors that say where, what was found and what is allowed.

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// JSON path from the root, such as `labels.team[0].header`; `.` is the root.
    pub path: String,
    /// What was found there and what is allowed.
    pub problem: String,
}

impl ConfigError {
    pub(super) fn new(path: impl Into<String>, found: impl std::fmt::Display, allowed: impl std::fmt::Display) -> Self {
        Self { path: path.into(), problem: format!("found {found}, allowed is {allowed}") }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
    pub(super) fn from_json(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self { path: error.path().to_string(), problem: error.inner().to_string() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
    pub(super) fn trailing(error: serde_json::Error) -> Self {
        Self { path: ".".into(), problem: error.to_string() }
    }
}
