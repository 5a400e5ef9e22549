//! The OpenTelemetry Collector, put together by its own builder (`ocb`).

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::fetch::{BUILD_MODULE, GCFLAGS, go, in_module};
use crate::{ToolError, cache::Cache, pins, run};

/// The module of the builder, which is its command too.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder";

/// The library that the generated program starts.
const OTELCOL: &str = "go.opentelemetry.io/collector/otelcol";

/// Builds the builder, and with it the Collector of `pin`, into `directory`.
pub(super) fn build(
    cache: &Cache,
    pin: &pins::Collector,
    go_cache: Option<&Path>,
    directory: &Path,
) -> Result<(), ToolError> {
    let go = go(cache, pin.needs_go)?;
    eprintln!("building the OpenTelemetry Collector {} (minutes, once)", pin.version);
    let work = directory.join("build");
    let (source, generated) = (work.join("source"), work.join("generated"));
    for place in [&source, &generated] {
        fs::create_dir_all(place).map_err(ToolError::io("create", place))?;
    }
    let write = |file: &Path, text: &str| fs::write(file, text).map_err(ToolError::io("write", file));

    write(&source.join("go.mod"), &module("", pin, &[(BUILDER, pin.version)]))?;
    let builder = work.join("ocb");
    let mut build = in_module(&go, &work);
    build.args(["build", "-mod=mod", "-modcacherw", "-trimpath", "-ldflags=-s -w", "-gcflags", GCFLAGS, "-o"]);
    if let Some(shared) = go_cache {
        build.env("GOCACHE", shared);
    }
    run::output(build.arg(&builder).arg(BUILDER), "")?;

    // The builder would run `go mod tidy`, which asks for whatever its components' own tests need. So the module is ours, and
    // the builder writes and compiles the program.
    let all = pin.all();
    write(&generated.join("go.mod"), &module("/otelcol", pin, &all))?;
    let manifest = work.join("manifest.yaml");
    // JSON is YAML.
    write(&manifest, &manifest_of(pin, &go, &generated).to_string())?;
    let mut builder = Command::new(&builder);
    builder.args(["--skip-get-modules", "--ldflags=-s -w"]).arg(format!("--gcflags={GCFLAGS}"));
    builder.arg("--config").arg(&manifest).current_dir(&work);
    for (name, value) in in_module(&go, &work).get_envs() {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        };
    }
    builder.env("GOFLAGS", "-mod=mod -modcacherw -trimpath");
    if let Some(shared) = go_cache {
        builder.env("GOCACHE", shared);
    }
    run::output(&mut builder, "")?;
    let (from, to) = (generated.join("otelcol"), directory.join("otelcol"));
    fs::rename(&from, &to).map_err(ToolError::io("take from the build", &from))?;
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

/// A module of ours that asks for `needed`, each as its path and version.
fn module(name: &str, pin: &pins::Collector, needed: &[(&str, &str)]) -> String {
    let requires: String = needed.iter().map(|(path, version)| format!("require {path} v{version}\n")).collect();
    format!("module {BUILD_MODULE}{name}\n\ngo {}\n\n{requires}", pin.needs_go)
}

/// The builder's manifest.
fn manifest_of(pin: &pins::Collector, go: &Path, output: &Path) -> Value {
    let list = |modules: &[&str], version: &str| -> Vec<Value> {
        modules.iter().map(|module| json!({"gomod": format!("{module} v{version}")})).collect()
    };
    json!({
        "dist": {
            "name": "otelcol",
            "module": format!("{BUILD_MODULE}/otelcol"),
            "version": pin.version,
            "output_path": output,
            "go": go,
        },
        "receivers": list(pin.receivers, pin.version),
        "processors": list(pin.processors, pin.version),
        "exporters": list(pin.exporters, pin.version),
        "providers": list(pin.providers, pin.stable_version),
    })
}

impl pins::Collector {
    /// Its modules and their versions.
    fn all(&self) -> Vec<(&'static str, &'static str)> {
        let components = [self.receivers, self.processors, self.exporters].concat();
        let components = components.into_iter().chain([OTELCOL]).map(|module| (module, self.version));
        components.chain(self.providers.iter().map(|module| (*module, self.stable_version))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_and_the_module_name_the_same_versions() {
        let pin = &pins::COLLECTOR;
        let text = module("/otelcol", pin, &pin.all());
        let manifest = manifest_of(pin, Path::new("go"), Path::new("out"));
        for group in ["receivers", "processors", "exporters", "providers"] {
            let modules = manifest.get(group).and_then(Value::as_array).expect("a list");
            assert!(!modules.is_empty(), "{group}");
            for module in modules.iter().filter_map(|m| m.get("gomod")?.as_str()) {
                assert!(text.contains(&format!("require {module}\n")), "{module} in {text}");
            }
        }
        assert!(text.contains(&format!("require {OTELCOL} v{}\n", pin.version)), "{text}");
    }
}
