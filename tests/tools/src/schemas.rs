//! What Kubernetes manifests are checked against, fetched once into the user's cache.

use std::path::PathBuf;

use crate::{ToolError, cache::Cache, pins, tool};

/// Where the operator's module keeps the definitions of its resources, one YAML document each.
const IN_OPERATOR: &str = "example/prometheus-operator-crd";

/// The directory of the Prometheus operator's `CustomResourceDefinition`s, as YAML.
///
/// # Errors
/// They cannot be fetched.
pub fn prometheus_operator() -> Result<PathBuf, ToolError> {
    let cache = Cache::of_user()?;
    let (_, version) = pins::PROMETHEUS_OPERATOR;
    let entry = cache.get_or_fill(&format!("prometheus-operator-crds-{version}"), |directory| {
        eprintln!("fetching the Prometheus operator's definitions {version} (7 MB, once)");
        tool::module_files(&cache, pins::PROMETHEUS_OPERATOR, IN_OPERATOR, &directory.join("crds"))
    })?;
    Ok(entry.join("crds"))
}
