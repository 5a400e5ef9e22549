//! The chart: what it renders is what the other tests execute, or is executed here.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_mesh::istio::comparable;
use genops_mesh::kube::documents;
use genops_tests::client::send_all;
use genops_tests::envoy::{Bootstrap, Envoy, Setup, yaml};
use genops_tests::kubernetes::Definitions;
use genops_tests::scrape::difference;
use genops_tests::upstream::Upstream;
use genops_tools::tool::{self, Tool};
use genops_tools::{pins, wasm, workspace_root};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::matrix::{exchanges, plain_scrape};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("helm::lint_and_kubeconform_take_the_chart", lint_and_kubeconform_take_the_chart),
        trial(
            "helm::istio_and_envoy_gateway_get_the_shipped_resources",
            istio_and_envoy_gateway_get_the_shipped_resources,
        ),
        trial("helm::values_go_where_they_belong", values_go_where_they_belong),
        trial("helm::the_gateway_meters_as_plain_envoy", the_gateway_meters_as_plain_envoy),
        trial("helm::bad_values_are_refused", bad_values_are_refused),
    ]
}

const CHART: &str = "envoy/helm/genops";

/// Values that switch off all that is on by default.
const NOTHING: &[&str] = &["gateway.enabled=false", "rules.enabled=false", "dashboards.enabled=false"];

/// The first Kubernetes with image volumes switched on.
const KUBERNETES: &str = "1.35.0";

fn helm(command: &[&str], settings: &[&str]) -> Result<(bool, String, String)> {
    let mut helm = Command::new(Tool::Helm.resolve()?.path);
    helm.current_dir(workspace_root()).args(command);
    for setting in settings {
        // A JSON value, as `--set` would guess at its type.
        let json = setting.split_once('=').is_some_and(|(_, value)| value.starts_with(['[', '{']));
        helm.args([if json { "--set-json" } else { "--set" }, setting]);
    }
    let output = helm.output()?;
    Ok((
        output.status.success(),
        String::from_utf8(output.stdout)?,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// What `helm template` renders, as text.
fn rendered(settings: &[&str]) -> Result<String> {
    let command = ["template", "genops", CHART, "--namespace", "genops-system", "--kube-version", KUBERNETES];
    let (good, text, problem) = helm(&command, settings)?;
    ensure!(good, "{settings:?}: {problem}");
    Ok(text)
}

fn template(settings: &[&str]) -> Result<Vec<Value>> {
    documents(&rendered(settings)?)
}

fn named<'a>(all: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let is = |d: &&Value| d.get("kind") == Some(&json!(kind)) && d.pointer("/metadata/name") == Some(&json!(name));
    all.iter().find(is).with_context(|| format!("no {kind} {name}"))
}

async fn lint_and_kubeconform_take_the_chart() -> Result<()> {
    let (good, said, problem) = helm(&["lint", "--strict", CHART], &[])?;
    ensure!(good && !said.contains("[WARNING]"), "{said}{problem}");
    let definitions = Definitions::operator()?.and_kubernetes()?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("chart.yaml");
    let check = |text: &str| {
        fs::write(&file, text)?;
        definitions.conform(std::slice::from_ref(&file), &[])
    };
    let url = "module.url=https://example.com/plugin.wasm";
    let all = "rules.sources=[\"genops\",\"genops-kubernetes\",\"kosmos\",\"meter\",\"prompter\",\"tta\"]";
    for settings in [&[][..], &["metrics.kosmos=true", all, url, "module.sha256=00"], &["rules.surface=envoy", all]] {
        let summary = check(&rendered(settings)?)?;
        ensure!(summary.contains("Invalid: 0, Errors: 0, Skipped: 0"), "{settings:?}: {summary}");
        for kind in
            ["Deployment genops-ai", "Service genops-metrics", "ServiceMonitor genops-ai", "PrometheusRule genops"]
        {
            ensure!(summary.contains(kind), "{settings:?}: no {kind} in\n{summary}");
        }
    }
    for (right, wrong) in [("readOnlyRootFilesystem", "readOnlyRootFileSystem"), ("honorLabels", "honourLabels")] {
        let problem = check(&rendered(&[])?.replacen(right, wrong, 1)).err().context("it has no such field")?;
        ensure!(problem.to_string().contains(wrong), "{problem}");
    }
    Ok(())
}

/// A resource with the texts in it read that are JSON themselves: how they are set is no part of what they say.
fn plain(document: &Value) -> Value {
    match document {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).unwrap_or_else(|_| document.clone())
        }
        other => other.clone(),
    }
}

fn shipped(directory: &str, name: &str) -> Result<Vec<Value>> {
    let path = workspace_root().join("envoy").join(directory).join(format!("{name}.yaml"));
    let mut all = documents(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)?;
    // Part of Istio's mesh configuration, no resource.
    all.retain(|d| d.get("kind") != Some(&json!("IstioOperator")));
    Ok(all)
}

async fn istio_and_envoy_gateway_get_the_shipped_resources() -> Result<()> {
    let mut seen = BTreeSet::new();
    for (directory, switch) in [("istio", "istio"), ("gateway", "envoyGateway")] {
        for entry in fs::read_dir(workspace_root().join("envoy").join(directory))? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let name = file.strip_suffix(".yaml").context(file.clone())?;
            if name == "extra-stat-tags" {
                continue;
            }
            let (on, which) = (format!("{switch}.enabled=true"), format!("{switch}.resources=[\"{name}\"]"));
            let url = "module.url=https://registry.example.com:8443/plugin.wasm";
            let settings = [NOTHING, &[on.as_str(), which.as_str(), url]].concat();
            let (mut ours, mut theirs) = (template(&settings)?, shipped(directory, name)?);
            // Helm puts them in the order in which a cluster takes them.
            for all in [&mut ours, &mut theirs] {
                all.sort_by_cached_key(|d| format!("{:?} {:?}", d.get("kind"), d.pointer("/metadata/name")));
            }
            ensure!(!theirs.is_empty() && ours.len() == theirs.len(), "{name}: {} documents", ours.len());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                ensure!(plain(ours) == plain(theirs), "{name}:\n{ours:#}\nshipped:\n{theirs:#}");
            }
            seen.insert(name.to_owned());
        }
    }
    ensure!(seen.len() >= 13, "{seen:?}");
    // The default values carry the shipped configuration.
    let values = yaml(&fs::read_to_string(workspace_root().join(CHART).join("values.yaml"))?)?;
    let genops: Value = serde_json::from_str(&fs::read_to_string(workspace_root().join("envoy/genops.json"))?)?;
    ensure!(values.get("config") == Some(&genops), "{values:#}");
    Ok(())
}

async fn values_go_where_they_belong() -> Result<()> {
    let all = template(&[
        "config={\"sampling_rate\":0.5}",
        "module.image=registry.test/g:1",
        "namespace=metering",
        "istio.enabled=true",
        "istio.namespace=mesh",
        "istio.resources=[\"wasmplugin\",\"wasmplugin-sidecar\",\"envoyfilter-oci\",\"telemetry\"]",
        "istio.selector={\"istio\":null,\"gateway\":\"llm\"}",
        "istio.sidecar={\"namespace\":\"shop\",\"selector\":{\"app\":\"shop\"}}",
        "envoyGateway.enabled=true",
        "envoyGateway.namespace=eg",
        "envoyGateway.gateway={\"namespace\":\"shop\",\"name\":\"front\"}",
    ])?;
    let text = serde_json::to_string(&all)?;
    for old in ["istio-system", "envoy-gateway-system", "registry.example.com", "ingressgateway"] {
        ensure!(!text.contains(old), "{old} is still there");
    }
    let configurations: Vec<&Value> = all
        .iter()
        .filter_map(|d| {
            let places = ["/spec/pluginConfig", "/spec/wasm/0/config"];
            places.iter().find_map(|place| d.pointer(place))
        })
        .collect();
    ensure!(configurations.len() == 3, "{configurations:?}");
    ensure!(configurations.iter().all(|c| c.get("sampling_rate") == Some(&json!(0.5))), "{configurations:?}");
    let filter = plain(named(&all, "EnvoyFilter", "genops")?);
    let rate = "/spec/configPatches/1/patch/value/typed_config/config/configuration/value/sampling_rate";
    ensure!(filter.pointer(rate) == Some(&json!(0.5)), "{filter:#}");
    let selectors: BTreeSet<String> = all
        .iter()
        .filter(|d| d.get("kind") == Some(&json!("WasmPlugin")))
        .map(|d| d.pointer("/spec/selector/matchLabels").unwrap_or(&Value::Null).to_string())
        .collect();
    ensure!(
        selectors == BTreeSet::from([r#"{"app":"shop"}"#.to_owned(), r#"{"gateway":"llm"}"#.to_owned()]),
        "{selectors:?}"
    );
    let route = named(&all, "HTTPRoute", "openai")?;
    ensure!(route.pointer("/spec/parentRefs/0/name") == Some(&json!("front")), "{route:#}");
    let service = named(&all, "Service", "genops-metrics")?;
    ensure!(service.pointer("/metadata/namespace") == Some(&json!("metering")), "{service:#}");
    Ok(())
}

/// The bootstrap of the gateway's pods.
fn bootstrap(settings: &[&str]) -> Result<Value> {
    let all = template(settings)?;
    let map = named(&all, "ConfigMap", "genops-ai")?;
    yaml(map.pointer("/data/envoy.yaml").and_then(Value::as_str).context("a bootstrap")?)
}

/// Envoy's own verdict; a module that lies in the pod is taken from here.
fn valid(bootstrap: &Value) -> Result<()> {
    let module = wasm::build()?;
    let text = bootstrap.to_string().replace("/genops/plugin.wasm", &module.to_string_lossy());
    let file = tempfile::Builder::new().suffix(".json").tempfile()?;
    fs::write(file.path(), text)?;
    let output = Command::new(tool::envoy()?).args(["--mode", "validate", "-c"]).arg(file.path()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

async fn the_gateway_meters_as_plain_envoy() -> Result<()> {
    let ours = bootstrap(&[])?;
    valid(&ours)?;
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::from_document(ours, &wasm::build()?, upstream.address())?)).await?;
    let requests = exchanges(&upstream);
    let count = requests.len();
    for request in requests {
        send_all(envoy.address(), vec![request], 1).await;
    }
    let scrape = envoy.settled(count).await?;
    envoy.quit().await?;
    let theirs = plain_scrape(tool::envoy()?).await?;
    ensure!(comparable(&scrape)? == comparable(&theirs)?, "{}", difference(&theirs, &scrape, 20));

    let two = "gateway.providers=[{\"name\":\"openai\",\"host\":\"api.openai.com\"},\
               {\"name\":\"anthropic\",\"host\":\"api.anthropic.com\"}]";
    let url = "module.url=http://modules.test:8080/plugin.wasm";
    let sha256 = format!("module.sha256={}", "0".repeat(64));
    let remote = bootstrap(&[two, url, &sha256, "gateway.environment.GENOPS_INVALID_CONFIG=inert"])?;
    valid(&remote)?;
    let clusters = remote.pointer("/static_resources/clusters").and_then(Value::as_array).context("clusters")?;
    let names: Vec<&Value> = clusters.iter().filter_map(|c| c.get("name")).collect();
    ensure!(names == ["openai", "anthropic", "module"], "{names:?}");
    let manager = remote.pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config");
    let configuration = manager.and_then(|m| m.pointer("/http_filters/0/typed_config/config")).map(plain);
    let owners = configuration.as_ref().and_then(|c| c.pointer("/configuration/value/clusters"));
    ensure!(owners == Some(&json!({"openai": "openai", "anthropic": "anthropic"})), "{configuration:?}");
    Ok(())
}

async fn bad_values_are_refused() -> Result<()> {
    let command = ["template", "genops", CHART, "--kube-version", KUBERNETES];
    for (setting, word) in [
        ("gateway.replicas=none", "replicas"),
        ("gatway.enabled=false", "gatway"),
        ("rules.sources=[\"gnops\"]", "rules"),
        ("istio={\"enabled\":true,\"resources\":[\"wasmplug\"]}", "resources"),
        ("module.url=https://example.com/plugin.wasm", "sha256"),
        ("config=text", "config"),
        ("gateway.providers=[]", "providers"),
    ] {
        let (good, _, problem) = helm(&command, &[setting])?;
        ensure!(!good && problem.contains(word), "{setting}: {problem}");
    }
    let (good, _, problem) = helm(&["template", "genops", CHART, "--kube-version", "1.27.0"], &[])?;
    ensure!(!good && problem.contains("kubeVersion"), "{problem}");
    ensure!(Tool::Helm.pin() == pins::HELM.version);
    Ok(())
}
