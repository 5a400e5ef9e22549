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

/// Where Kubernetes' module keeps the description of its API.
const IN_KUBERNETES: &str = "api/openapi-spec";

/// Kubernetes' `swagger.json` (OpenAPI 2), which describes every resource of its own.
///
/// # Errors
/// It cannot be fetched.
pub fn kubernetes() -> Result<PathBuf, ToolError> {
    let cache = Cache::of_user()?;
    let (_, version) = pins::KUBERNETES;
    let entry = cache.get_or_fill(&format!("kubernetes-api-{version}"), |directory| {
        eprintln!("fetching Kubernetes' description of its API {version} (40 MB, once)");
        tool::module_files(&cache, pins::KUBERNETES, IN_KUBERNETES, &directory.join("api"))
    })?;
    Ok(entry.join("api/swagger.json"))
}
