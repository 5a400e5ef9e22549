//! The bill of materials of the module: CycloneDX 1.6 JSON from `cargo metadata`, without a time, a serial number or a
//! path, so that it is as reproducible as the module.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use genops_tools::{wasm, workspace_root};
use serde_json::{Value, json};

use crate::blob::digest;

/// The package whose module it is.
const FILTER: &str = "genops-filter";

/// What `cargo metadata` knows of the filter.
pub struct Materials {
    metadata: Metadata,
    /// The packages that are compiled into the module, the filter first.
    packages: Vec<PackageId>,
    rustc: String,
}

impl Materials {
    /// Asks cargo and rustc.
    ///
    /// # Errors
    /// One of them does not run, or there is no filter.
    pub fn of_filter() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(workspace_root().join("Cargo.toml"))
            .other_options(["--locked", "--filter-platform", wasm::TARGET].map(str::to_owned))
            .exec()?;
        let packages = compiled_in(&metadata, &built_for_wasm()?)?;
        // The standard library is in the module, too.
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).current_dir(workspace_root()).arg("--version").output().context("rustc")?;
        ensure!(output.status.success(), "rustc --version: {}", output.status);
        let rustc = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self { metadata, packages, rustc })
    }

    /// The filter's version.
    ///
    /// # Errors
    /// There is no filter.
    pub fn version(&self) -> Result<String> {
        let filter = self.packages.first().context("the filter")?;
        Ok(self.metadata[filter].version.to_string())
    }

    /// The document for the module `wasm`.
    ///
    /// # Errors
    /// There is no filter.
    pub fn cyclonedx(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        let (filter, libraries) = self.packages.split_first().context("the filter")?;
        let mut main = component(&self.metadata[filter], "application");
        let sum = digest(wasm).trim_start_matches("sha256:").to_owned();
        let facts = json!({
            "hashes": [{"alg": "SHA-256", "content": sum}],
            "properties": [
                {"name": "cargo:target", "value": wasm::TARGET},
                {"name": "rustc:version", "value": self.rustc},
            ],
        });
        if let (Some(main), Value::Object(facts)) = (main.as_object_mut(), facts) {
            main.extend(facts);
        }
        let document = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": main},
            "components": libraries.iter().map(|id| component(&self.metadata[id], "library")).collect::<Vec<_>>(),
            "dependencies": self.dependencies(),
        });
        Ok(serde_json::to_vec_pretty(&document)?)
    }

    fn dependencies(&self) -> Vec<Value> {
        let all: BTreeSet<&PackageId> = self.packages.iter().collect();
        let edges = edges(&self.metadata);
        self.packages
            .iter()
            .map(|id| {
                let inside = edges.get(id).into_iter().flatten().filter(|&&to| all.contains(to));
                let to: BTreeSet<String> = inside.map(|&to| purl(&self.metadata[to])).collect();
                json!({"ref": purl(&self.metadata[id]), "dependsOn": to})
            })
            .collect()
    }
}

fn component(package: &Package, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name.as_str(),
        "version": package.version.to_string(),
        "purl": purl(package),
    });
    if let (Some(licence), Some(component)) = (&package.license, component.as_object_mut()) {
        // Cargo's old way to write "or", which is no SPDX expression.
        let expression = licence.replace('/', " OR ");
        component.insert("licenses".to_owned(), json!([{"expression": expression}]));
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// Normal dependencies by package: what procedural macros and build scripts use is not in the module.
fn edges(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .map(|node| {
            let normal = |d: &&cargo_metadata::NodeDep| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
            let built = |id: &&PackageId| !metadata[*id].targets.iter().any(|t| t.is_proc_macro());
            (&node.id, node.deps.iter().filter(normal).map(|d| &d.pkg).filter(built).collect())
        })
        .collect()
}

/// Name and version of what a build of the filter alone compiles in. `cargo metadata` resolves features for the whole
/// workspace, and so knows optional dependencies that only a native build has.
fn built_for_wasm() -> Result<BTreeSet<(String, String)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .current_dir(workspace_root())
        .args(["tree", "--locked", "--package", FILTER, "--target", wasm::TARGET, "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .context("cargo tree")?;
    ensure!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout)?;
    let package = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some((name.to_owned(), rest.split_whitespace().next()?.to_owned()))
    };
    Ok(text.lines().filter_map(package).collect())
}

fn compiled_in(metadata: &Metadata, built: &BTreeSet<(String, String)>) -> Result<Vec<PackageId>> {
    let filter = metadata.workspace_packages().into_iter().find(|p| p.name == FILTER).context("no genops-filter")?;
    let edges = edges(metadata);
    let (mut seen, mut todo) = (BTreeSet::new(), vec![&filter.id]);
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            todo.extend(edges.get(id).into_iter().flatten());
        }
    }
    // By name and version: package ids hold the folder of the workspace.
    let key = |id: &PackageId| (metadata[id].name.to_string(), metadata[id].version.to_string());
    let mut libraries: Vec<&PackageId> =
        seen.into_iter().filter(|id| **id != filter.id && built.contains(&key(id))).collect();
    libraries.sort_by_key(|id| (metadata[*id].name.to_string(), metadata[*id].version.clone()));
    Ok(std::iter::once(&filter.id).chain(libraries).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_what_is_in_the_module_and_nothing_of_this_machine() {
        let materials = Materials::of_filter().expect("cargo metadata");
        let text = String::from_utf8(materials.cyclonedx(b"module").expect("a document")).expect("UTF-8");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let components = document["components"].as_array().expect("components");
        let names: BTreeSet<&str> = components.iter().filter_map(|c| c["name"].as_str()).collect();
        for inside in ["genops-core", "proxy-wasm", "serde_json", "flate2", "structured-zstd"] {
            assert!(names.contains(inside), "{inside} is in the module: {names:?}");
        }
        for outside in ["zlib-rs", "wasmtime", "tokio", "serde_derive", "syn", "clap", "genops-prices", "proptest"] {
            assert!(!names.contains(outside), "{outside} is not in the module");
        }
        assert!(!text.contains(&workspace_root().display().to_string()), "{text}");
        let references: BTreeSet<&str> = components.iter().filter_map(|c| c["bom-ref"].as_str()).collect();
        assert_eq!(references.len(), components.len(), "each reference is one component");
        for dependency in document["dependencies"].as_array().expect("dependencies") {
            for to in dependency["dependsOn"].as_array().expect("a list") {
                assert!(references.contains(to.as_str().expect("a reference")), "{to}");
            }
        }
    }
}
