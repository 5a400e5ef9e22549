//! Kubernetes manifests against the definitions of what they are: Kubernetes' own description of its resources, and the
//! Prometheus operator's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_tools::{schemas, tool};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::envoy::yaml;

/// Definitions as JSON schemas, in a directory of their own.
pub struct Definitions(TempDir);

impl Definitions {
    /// Those of the Prometheus operator.
    ///
    /// # Errors
    /// They cannot be fetched.
    pub fn operator() -> Result<Self> {
        let own = tempfile::tempdir()?;
        for file in fs::read_dir(schemas::prometheus_operator()?)? {
            of_definition(&yaml(&fs::read_to_string(file?.path())?)?, own.path())?;
        }
        Ok(Self(own))
    }

    /// And Kubernetes' own.
    ///
    /// # Errors
    /// They cannot be fetched.
    pub fn and_kubernetes(self) -> Result<Self> {
        of_kubernetes(&serde_json::from_str(&fs::read_to_string(schemas::kubernetes()?)?)?, self.0.path())?;
        Ok(self)
    }

    /// kubeconform's summary of `manifests`, with unknown fields as errors; kinds in `skip` are not looked at.
    ///
    /// # Errors
    /// A manifest does not conform: with what kubeconform says.
    pub fn conform(&self, manifests: &[PathBuf], skip: &[&str]) -> Result<String> {
        let mut kubeconform = Command::new(tool::kubeconform()?);
        let pattern = "{{ .ResourceKind }}-{{ .Group }}-{{ .ResourceAPIVersion }}.json";
        kubeconform.args(["-strict", "-verbose", "-summary", "-schema-location"]).arg(self.0.path().join(pattern));
        if !skip.is_empty() {
            kubeconform.args(["-skip", &skip.join(",")]);
        }
        let output = kubeconform.args(manifests).output()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(output.status.success(), "{said}");
        Ok(said)
    }
}

/// Turns a `CustomResourceDefinition` into the JSON schemas of its versions, closed to unknown fields where the
/// definition does not open them.
fn of_definition(definition: &Value, into: &Path) -> Result<()> {
    let text = |at: &str| definition.pointer(at).and_then(Value::as_str).with_context(|| at.to_owned());
    let (kind, group) = (text("/spec/names/kind")?.to_lowercase(), text("/spec/group")?);
    for version in definition.pointer("/spec/versions").and_then(Value::as_array).context("versions")? {
        let name = version.get("name").and_then(Value::as_str).context("a version")?;
        let mut schema = version.pointer("/schema/openAPIV3Schema").context("a schema")?.clone();
        close(&mut schema);
        // The definition says of it only that it is an object.
        if let Some(metadata) = schema.pointer_mut("/properties/metadata") {
            *metadata = json!({"type": "object"});
        }
        fs::write(into.join(format!("{kind}-{group}-{name}.json")), schema.to_string())?;
    }
    Ok(())
}

/// Turns Kubernetes' `swagger.json` into one JSON schema for each kind, with the definitions that it refers to.
fn of_kubernetes(swagger: &Value, into: &Path) -> Result<()> {
    let mut definitions = swagger.get("definitions").context("definitions")?.clone();
    close(&mut definitions);
    // Said to be a text, meant as either.
    if let Some(either) = definitions.get_mut("io.k8s.apimachinery.pkg.util.intstr.IntOrString") {
        *either = json!({"type": ["string", "integer"]});
    }
    let definitions = definitions.as_object().context("definitions")?;
    for (name, definition) in definitions {
        let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        // What many groups have (`DeleteOptions`) is no manifest.
        let Some([kind]) = kinds.map(Vec::as_slice) else { continue };
        let text = |key: &str| kind.get(key).and_then(Value::as_str).context("a kind");
        let (kind, group, version) = (text("kind")?.to_lowercase(), text("group")?, text("version")?);
        // kubeconform takes the version of the core group for its name.
        let group = if group.is_empty() { version } else { group };
        let mut needed = Map::new();
        collect(name, definitions, &mut needed);
        let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": needed});
        fs::write(into.join(format!("{kind}-{group}-{version}.json")), schema.to_string())?;
    }
    Ok(())
}

/// `name` and all that it refers to.
fn collect(name: &str, all: &Map<String, Value>, needed: &mut Map<String, Value>) {
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some(definition) = all.get(&name).filter(|_| !needed.contains_key(&name)) else { continue };
        references(definition, &mut open);
        needed.insert(name, definition.clone());
    }
}

fn references(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/definitions/")) {
                into.push(name.to_owned());
            }
            map.values().for_each(|value| references(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

/// Kubernetes drops fields that a definition does not name; here they are errors, for a misspelt one does nothing.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(close);
            let open =
                map.contains_key("additionalProperties") || map.contains_key("x-kubernetes-preserve-unknown-fields");
            if map.get("properties").is_some_and(Value::is_object) && !open {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}
