//! The shipped Istio resources, executed: what is in `envoy/istio` goes to istiod as it is, and the counts must be those
//! of a plain Envoy.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use genops_image::image::Form;
use genops_image::push::Registry as Client;
use genops_mesh::istio::{Mesh, Proxy, Workload, comparable};
use genops_mesh::kube::documents;
use genops_mesh::registry::{Options, Registry};
use genops_mesh::space::{PROVIDERS, PROVIDERS_ADDRESS, REGISTRY_ADDRESS, REGISTRY_HOST};
use genops_mesh::tls::TlsFront;
use genops_tests::client::{Request, send_all};
use genops_tests::openai::{ask, chat};
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::Upstream;
use genops_tools::{tool, wasm, workspace_root};
use libtest_mimic::Trial;
use oci_client::Reference;
use serde_json::{Value, json};

use crate::matrix::{exchanges, plain_scrape};
use crate::{authority, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("istio::envoyfilter_with_a_file_and_exact_labels", envoyfilter_with_a_file_and_exact_labels),
        trial("istio::wasmplugin_from_a_registry_in_both_forms", wasmplugin_from_a_registry_in_both_forms),
        trial("istio::wasmplugin_with_a_file", wasmplugin_with_a_file),
        trial("istio::extension_config_from_a_registry", extension_config_from_a_registry),
        trial("istio::extra_stat_tags_and_relabelling", extra_stat_tags_and_relabelling),
        trial("istio::a_sidecar_meters_what_its_application_sends", a_sidecar_meters_what_its_application_sends),
        trial("istio::an_egress_gateway_meters_and_originates_tls", an_egress_gateway_meters_and_originates_tls),
        trial("istio::telemetry_logs_the_record", telemetry_logs_the_record),
    ]
}

/// A file below `envoy/istio`.
pub(crate) fn shipped(name: &str) -> Result<String> {
    let path = workspace_root().join("envoy/istio").join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Providers on 127.0.0.1:443 as the namespace knows them, with the answers of [`exchanges`] behind.
pub(crate) struct Providers {
    pub(crate) upstream: Upstream,
    _front: TlsFront,
}

impl Providers {
    pub(crate) async fn start() -> Result<Self> {
        let upstream = Upstream::start().await?;
        let identity = authority()?.identity(&PROVIDERS)?;
        let front = TlsFront::start(&format!("{PROVIDERS_ADDRESS}:443"), &identity, upstream.address()).await?;
        Ok(Self { upstream, _front: front })
    }
}

/// The registry of the shipped files, with both forms of the image of these sources in it.
pub(crate) async fn registry() -> Result<Registry> {
    let identity = authority()?.identity(&[REGISTRY_HOST])?;
    let address = format!("{REGISTRY_ADDRESS}:443");
    let registry =
        Registry::start(Options { address: Some(&address), tls: Some(&identity), ..Options::default() }).await?;
    let (parts, images) = genops_image::build(&wasm::build()?, std::collections::BTreeMap::new())?;
    for image in &images {
        let place = (REGISTRY_HOST.to_owned(), "genops/genops-filter".to_owned(), image.form.tag(&parts.version));
        let reference = Reference::with_tag(place.0, place.1, place.2);
        Client::of(&reference)?.push(&reference, image).await?;
    }
    Ok(registry)
}

/// A gateway that passes everything on to the provider by its name: the tests' own part.
pub(crate) fn route(mesh: &Mesh, label: &str) -> Result<()> {
    mesh.cluster.apply(&shipped("providers.yaml")?)?;
    let gateway = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "tests", "namespace": "istio-system"},
        "spec": {
            "selector": {"istio": label},
            "servers": [{"port": {"number": 8088, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    });
    let route = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "tests", "namespace": "istio-system"},
        "spec": {
            "hosts": ["*"],
            "gateways": ["tests"],
            "http": [{"route": [{"destination": {"host": PROVIDERS[0], "port": {"number": 80}}}]}],
        },
    });
    mesh.cluster.apply_object(gateway)?;
    mesh.cluster.apply_object(route)
}

/// Where the tests' gateways listen.
pub(crate) fn listener() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8088))
}

/// The file that the annotation `sidecar.istio.io/bootstrapOverride` mounts from the shipped map.
fn bootstrap_override(mesh: &Mesh) -> Result<PathBuf> {
    let map = documents(&shipped("bootstrap-override.yaml")?)?;
    let data = map.first().and_then(|map| map.pointer("/data")).and_then(Value::as_object).context("data")?;
    // The name is Istio's: its injection sets ISTIO_BOOTSTRAP_OVERRIDE to this file of the map.
    let text = data.get("custom_bootstrap.json").and_then(Value::as_str).context("custom_bootstrap.json")?;
    let path = mesh.directory().join("custom_bootstrap.json");
    fs::write(&path, text)?;
    Ok(path)
}

/// Waits until the filter runs in the gateway, sends the exchanges, and gives the merged scrape.
async fn measure(proxy: &Proxy, providers: &Providers) -> Result<String> {
    proxy.meters(listener()).await?;
    let requests = exchanges(&providers.upstream);
    let count = u64::try_from(requests.len())?;
    for request in requests {
        send_all(listener(), vec![request], 1).await;
    }
    proxy.settled(count).await
}

/// The scrape has the same samples as that of a plain Envoy with the same exchanges.
async fn same_as_plain(scrape: &str) -> Result<()> {
    let plain = plain_scrape(tool::envoy()?).await?;
    let (ours, theirs) = (comparable(scrape)?, comparable(&plain)?);
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (ours.iter().collect(), theirs.iter().collect());
    let only = |x: &BTreeSet<_>, y: &BTreeSet<_>| {
        x.difference(y).take(10).map(|s| format!("{s:?}")).collect::<Vec<_>>().join("\n")
    };
    ensure!(a == b && !a.is_empty(), "only here:\n{}\nonly in plain Envoy:\n{}", only(&a, &b), only(&b, &a));
    Ok(())
}

/// A gateway that has taken the shipped `resource` of its own control plane, and what a plain Envoy would count.
async fn gateway_with(resource: &str) -> Result<()> {
    let providers = Providers::start().await?;
    let mesh = Mesh::start(&json!({})).await?;
    route(&mesh, "ingressgateway")?;
    mesh.cluster.apply(resource)?;
    let workload = Workload::gateway("gateway", "ingressgateway").bootstrap(bootstrap_override(&mesh)?);
    let proxy = mesh.proxy(workload).await?;
    let merged = measure(&proxy, &providers).await?;
    same_as_plain(&merged).await?;
    // The agent only adds to what Envoy serves itself.
    ensure!(comparable(&merged)? == comparable(&proxy.scrape().await?)?, "15020 and 15090 differ");
    no_complaints(&proxy.log())?;
    Ok(())
}

/// What agent and Envoy wrote holds nothing about our resources that is worse than a hint.
fn no_complaints(log: &str) -> Result<()> {
    let about_us = |line: &&str| line.contains("wasm") || line.contains("genops") || line.contains("Unable to find");
    let bad = |line: &&str| line.contains("\terror\t") || line.contains("\tcritical\t") || line.contains("rejected");
    let lines: Vec<&str> = log.lines().filter(about_us).filter(bad).collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    Ok(())
}

async fn envoyfilter_with_a_file_and_exact_labels() -> Result<()> {
    gateway_with(&shipped("envoyfilter.yaml")?).await
}

async fn wasmplugin_from_a_registry_in_both_forms() -> Result<()> {
    let _registry = registry().await?;
    let resource = shipped("wasmplugin.yaml")?;
    for form in Form::ALL {
        let tag = form.tag(env!("CARGO_PKG_VERSION"));
        let other = resource.replace(&format!(":{}\n", env!("CARGO_PKG_VERSION")), &format!(":{tag}\n"));
        ensure!(form == Form::Compat || other != resource, "the shipped file names another version");
        gateway_with(&other).await.with_context(|| format!("{form:?}"))?;
    }
    Ok(())
}

async fn wasmplugin_with_a_file() -> Result<()> {
    let resource = shipped("wasmplugin.yaml")?;
    let url = resource.lines().find(|line| line.trim_start().starts_with("url:")).context("an url")?;
    gateway_with(&resource.replace(url, &format!("  url: file://{}", genops_mesh::space::MOUNTED_MODULE))).await
}

async fn extension_config_from_a_registry() -> Result<()> {
    let _registry = registry().await?;
    gateway_with(&shipped("envoyfilter-oci.yaml")?).await
}

/// The shipped mesh configuration, and the relabelling that its second part wants from Prometheus.
async fn extra_stat_tags_and_relabelling() -> Result<()> {
    let parts = documents(&shipped("extra-stat-tags.yaml")?)?;
    let config = parts.first().and_then(|part| part.pointer("/spec/meshConfig")).context("a mesh configuration")?;
    let providers = Providers::start().await?;
    let mesh = Mesh::start(config).await?;
    route(&mesh, "ingressgateway")?;
    mesh.cluster.apply(&shipped("envoyfilter.yaml")?)?;
    let proxy = mesh.proxy(Workload::gateway("gateway", "ingressgateway")).await?;
    let merged = measure(&proxy, &providers).await?;
    let rules = parts.get(1).and_then(|part| part.get("metric_relabel_configs")).and_then(Value::as_array);
    let relabelled = relabel(&merged, rules.context("metric_relabel_configs")?)?;
    same_as_plain(&relabelled).await
}

/// What Prometheus makes of a scrape by rules of the two shapes that are shipped; any other shape is an error.
fn relabel(scrape: &str, rules: &[Value]) -> Result<String> {
    let mut renames = Vec::new();
    for pair in rules.chunks(2) {
        let text = |at: usize, key: &str| pair.get(at).and_then(|rule| rule.pointer(key)).and_then(Value::as_str);
        let from = text(0, "/source_labels/0").context("source_labels")?;
        let to = text(0, "/target_label").context("target_label")?;
        ensure!(text(0, "/regex") == Some("(.+)") && text(1, "/regex") == Some(from), "{pair:?}");
        ensure!(text(1, "/action") == Some("labeldrop"), "{pair:?}");
        renames.push((from, to));
    }
    let mut out = String::new();
    for line in scrape.lines() {
        let mut line = line.to_owned();
        for (from, to) in &renames {
            for before in ["{", ","] {
                line = line.replace(&format!("{before}{from}=\""), &format!("{before}{to}=\""));
            }
        }
        out += &line;
        out.push('\n');
    }
    Ok(out)
}

async fn a_sidecar_meters_what_its_application_sends() -> Result<()> {
    let _registry = registry().await?;
    let providers = Providers::start().await?;
    let mesh = Mesh::start(&json!({})).await?;
    no_mtls(&mesh)?;
    mesh.cluster.apply(&shipped("providers.yaml")?)?;
    mesh.cluster.apply(&shipped("wasmplugin-sidecar.yaml")?)?;
    let workload = Workload::sidecar("assistant").bootstrap(bootstrap_override(&mesh)?);
    let proxy = mesh.proxy(workload).await?;
    let to = SocketAddr::from(([127, 0, 0, 1], 80));
    proxy.meters(to).await?;
    send_all(to, exchanges(&providers.upstream).into_iter().take(1).collect(), 1).await;
    let samples = parse(&proxy.settled(1).await?).map_err(anyhow::Error::msg)?;
    let tokens = sum(&samples, "genops_tokens_input_total", &[("provider", "openai"), ("team", "search")]);
    ensure!(tokens == 1000, "{tokens} tokens\n{samples:?}");
    Ok(())
}

/// Stock Envoy has no certificates of a mesh here.
fn no_mtls(mesh: &Mesh) -> Result<()> {
    mesh.cluster.apply_object(json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "DISABLE"}},
    }))
}

/// Application -> sidecar -> egress gateway with the filter -> provider by TLS.
async fn an_egress_gateway_meters_and_originates_tls() -> Result<()> {
    let _registry = registry().await?;
    let providers = Providers::start().await?;
    let mesh = Mesh::start(&json!({})).await?;
    no_mtls(&mesh)?;
    for file in ["providers.yaml", "egress-gateway.yaml"] {
        mesh.cluster.apply(&shipped(file)?)?;
    }
    // As the file says: the same plugin with another selector.
    mesh.cluster.apply(&shipped("wasmplugin.yaml")?.replace("istio: ingressgateway", "istio: egressgateway"))?;
    egress_service(&mesh)?;
    let egress = Workload { address: "127.0.0.3", ..Workload::gateway("egress", "egressgateway") };
    let egress = mesh.proxy(egress.bootstrap(bootstrap_override(&mesh)?)).await?;
    egress.meters(SocketAddr::from(([127, 0, 0, 3], 8081))).await?;
    let app = mesh.proxy(Workload { number: 1, ..Workload::sidecar("assistant") }).await?;

    providers.upstream.answer("one", chat("gpt-4o-mini", 1000, 20));
    let to = SocketAddr::from(([127, 0, 0, 1], 80));
    let one = ask("one", "gpt-4o-mini", &[("x-genops-team", b"search")]);
    app.answers(to, &one, 200).await?;
    let samples = parse(&egress.settled(1).await?).map_err(anyhow::Error::msg)?;
    let good = sum(&samples, "genops_usage_outcomes_total", &[("provider", "openai"), ("outcome", "complete")]);
    ensure!(good == 1, "{good} complete\n{samples:?}");
    ensure!(sum(&samples, "genops_tokens_input_total", &[("team", "search")]) == 1000, "{samples:?}");
    ensure!(app.scrape().await?.is_empty(), "the sidecar meters too: everything would count twice");
    // The provider saw plain HTTP only inside TLS that Envoy had checked: nothing else listens on its address.
    ensure!(providers.upstream.received("one").len() == 1, "{:?}", providers.upstream.received("one"));
    // What is not listed does not leave the namespace `default`.
    let other = Request::new("one", ("GET", "api.mistral.ai", "/"), [], "");
    app.answers(to, &other, 502).await?;
    Ok(())
}

/// Istio's own egress gateway, as its chart makes it.
fn egress_service(mesh: &Mesh) -> Result<()> {
    let name = "istio-egressgateway";
    let labels = json!({"istio": "egressgateway"});
    mesh.cluster.apply_object(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "istio-system", "labels": labels},
        "spec": {
            "clusterIP": "10.0.0.3",
            "selector": labels,
            "ports": [{"name": "http2", "port": 80, "targetPort": 8081, "protocol": "TCP"}],
        },
    }))?;
    mesh.cluster.apply_object(json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "istio-system", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http2", "port": 8081, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["127.0.0.3"], "conditions": {"ready": true}}],
    }))
}

async fn telemetry_logs_the_record() -> Result<()> {
    let parts = documents(&shipped("telemetry.yaml")?)?;
    let (installed, resources) = parts.split_first().context("two parts")?;
    let providers = Providers::start().await?;
    let mesh = Mesh::start(installed.pointer("/spec/meshConfig").context("a mesh configuration")?).await?;
    route(&mesh, "ingressgateway")?;
    mesh.cluster.apply(&shipped("envoyfilter.yaml")?)?;
    for resource in resources {
        mesh.cluster.apply_object(resource.clone())?;
    }
    let workload = Workload::gateway("gateway", "ingressgateway").bootstrap(bootstrap_override(&mesh)?);
    let proxy = mesh.proxy(workload).await?;
    measure(&proxy, &providers).await?;
    let record = genops_mesh::process::until("a log line", async || {
        let log = proxy.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| line.get("genops").cloned()).find(|r| !r.is_null()).context("no record in the log")
    })
    .await?;
    let record = match record {
        Value::String(text) => serde_json::from_str(&text)?,
        other => other,
    };
    ensure!(record.get("provider") == Some(&json!("openai")) && record.get("outcome").is_some(), "{record}");
    Ok(())
}
