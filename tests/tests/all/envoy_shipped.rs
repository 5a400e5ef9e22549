//! What stands in `envoy/`, as a user loads it.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_tests::envoy::yaml;
use genops_tools::workspace_root;
use serde_json::Value;

use crate::envoy_support::filter;

/// From the repository's root, with the module where the file's first lines tell the user to build it.
#[test]
fn envoy_takes_the_shipped_bootstraps_as_they_are() -> Result<()> {
    ["envoy/envoy.yaml", "envoy/otel/envoy.yaml", "envoy/stats-access-log/envoy.yaml"]
        .into_iter()
        .try_for_each(|file| takes(file).with_context(|| file.to_owned()))
}

fn takes(file: &str) -> Result<()> {
    let root = workspace_root();
    let text = fs::read_to_string(root.join(file))?;
    let module = filter()?;
    let module = module.strip_prefix(&root)?.to_string_lossy();
    ensure!(text.contains(&format!("filename: {module}")), "the module is at {module}");
    let output = Command::new(genops_tools::tool::envoy()?)
        .current_dir(&root)
        .args(["--mode", "validate", "-c", file])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    // Its warnings are the user's first impression. The bool `fail_open` is deprecated, and only it does what is wanted;
    // so is the compressor's `content_type`, whose successor the older Envoys that take this file do not know.
    let meant = |line: &&str| {
        !["PluginConfig.fail_open", "CommonDirectionConfig.content_type"].iter().any(|m| line.contains(m))
    };
    let warns = |line: &&str| line.contains("[warning]") || line.contains("[error]");
    let warnings: Vec<&str> = said.lines().filter(warns).filter(meant).collect();
    ensure!(warnings.is_empty(), "{}", warnings.join("\n"));
    Ok(())
}

fn read(path: &str) -> Result<Value> {
    yaml(&fs::read_to_string(workspace_root().join(path))?).with_context(|| path.to_owned())
}

/// The Istio files parse, and say the same as the bootstrap that is tested on a real Envoy.
#[test]
fn istio_gets_the_same_configuration_and_tags() -> Result<()> {
    let bootstrap = read("envoy/envoy.yaml")?;
    let tags = bootstrap.pointer("/stats_config/stats_tags").context("stats_tags")?;
    ensure!(tags.as_array().is_some_and(|t| t.len() > 10), "{tags}");
    ensure!(*tags == read("envoy/stats_tags.json")?, "stats_tags.json differs");
    let map = read("envoy/istio/bootstrap-override.yaml")?;
    let embedded = map.pointer("/data/custom_bootstrap.json").and_then(Value::as_str).context("a bootstrap")?;
    ensure!(yaml(embedded)?.pointer("/stats_config/stats_tags") == Some(tags), "bootstrap-override.yaml differs");

    let filter = read("envoy/istio/envoyfilter.yaml")?;
    let patch = filter.pointer("/spec/configPatches/0/patch/value/typed_config/config").context("a filter")?;
    let text = patch.pointer("/configuration/value").and_then(Value::as_str).context("a configuration")?;
    let configuration: Value = serde_json::from_str(text)?;
    ensure!(configuration == read("envoy/genops.json")?, "{configuration}");
    genops_core::Config::parse(text.as_bytes())?;
    let shipped =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
    let shipped = bootstrap.pointer(shipped).context("the filter")?;
    for key in ["/vm_config/vm_id", "/vm_config/runtime", "/fail_open", "/name"] {
        ensure!(patch.pointer(key).is_some() && patch.pointer(key) == shipped.pointer(key), "{key} differs");
    }
    Ok(())
}
