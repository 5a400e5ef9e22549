//! What Istio does with a module that it cannot have, in both modes: the table in `envoy/README.md`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use genops_image::blob::Blob;
use genops_image::image::{Form, Image, Parts};
use genops_image::push::Registry as Client;
use genops_mesh::istio::{Mesh, Workload};
use genops_mesh::space::REGISTRY_HOST;
use genops_tests::openai::{ask, chat};
use libtest_mimic::Trial;
use oci_client::Reference;
use serde_json::{Value, json};

use crate::istio::{Providers, listener, registry, route, shipped};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("istio::what_a_module_that_is_not_had_does", what_a_module_that_is_not_had_does),
        trial("istio::a_bad_update_replaces_a_good_module", a_bad_update_replaces_a_good_module),
    ]
}

/// A way to have no module: what the plugin says, and the status that clients then get with FAIL_OPEN and FAIL_CLOSE.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) image: &'static str,
    pub(crate) sha256: Option<&'static str>,
    pub(crate) config: &'static str,
}

/// Nothing has this digest.
const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub(crate) const CASES: [Case; 7] = [
    case("registry down", "127.0.0.9:5000/genops/genops-filter:0.1.0"),
    case("no such tag", "registry.example.com/genops/genops-filter:no-such"),
    Case { sha256: Some(WRONG), ..case("wrong checksum", "registry.example.com/genops/genops-filter:0.1.0") },
    case("artifact with one layer", "registry.example.com/genops/bad:one-layer"),
    case("no wasm in the image", "registry.example.com/genops/bad:no-wasm"),
    case("a module that is no filter", "registry.example.com/genops/bad:no-filter"),
    Case {
        config: r#"{"no_such_key": true}"#,
        ..case("configuration refused", "registry.example.com/genops/genops-filter:0.1.0")
    },
];

const fn case(name: &'static str, image: &'static str) -> Case {
    Case { name, image, sha256: None, config: "{}" }
}

/// Statuses with FAIL_OPEN and FAIL_CLOSE, in the order of [`CASES`]. The agent makes up for what it cannot fetch, in the mode
/// that is asked for. What it could fetch and Envoy cannot run is Envoy's: with Istio's `failure_policy: FAIL_OPEN` 1.40 answers
/// 500 all the same. Envoy Gateway sets the older `fail_open`, which passes.
const STATUSES: [(Option<u16>, Option<u16>); 7] = [
    (Some(200), Some(403)),
    (Some(200), Some(403)),
    (Some(200), Some(403)),
    (Some(200), Some(403)),
    (Some(200), Some(403)),
    (Some(500), Some(500)),
    (Some(500), Some(500)),
];

/// Images that are none of ours, beside the good ones.
pub(crate) async fn bad_images(repository: &str) -> Result<()> {
    let parts = |wasm: &[u8]| Parts {
        wasm: wasm.to_vec(),
        sbom: b"{}".to_vec(),
        version: "0.0.0".to_owned(),
        annotations: BTreeMap::new(),
    };
    let mut one_layer = Image::new(Form::Artifact, &parts(b"\0asm\x01\0\0\0"))?;
    let mut manifest: Value = serde_json::from_slice(&one_layer.manifest.bytes)?;
    manifest.pointer_mut("/layers").and_then(Value::as_array_mut).context("layers")?.truncate(1);
    one_layer.manifest = Blob::new(&one_layer.manifest.media_type.clone(), manifest.to_string());
    let images = [
        ("one-layer", one_layer),
        ("no-wasm", Image::new(Form::Compat, &parts(b"this is text"))?),
        ("no-filter", Image::new(Form::Compat, &parts(b"\0asm\x01\0\0\0"))?),
    ];
    for (tag, image) in &images {
        let reference = Reference::with_tag(REGISTRY_HOST.to_owned(), repository.to_owned(), (*tag).to_owned());
        Client::of(&reference)?.push(&reference, image).await?;
    }
    Ok(())
}

/// The shipped plugin with another image, mode or configuration.
fn plugin(case: &Case, strategy: &str) -> Result<Value> {
    let text = shipped("wasmplugin.yaml")?;
    let mut plugin = genops_mesh::kube::documents(&text)?.into_iter().next().context("a plugin")?;
    let spec = plugin.pointer_mut("/spec").and_then(Value::as_object_mut).context("a specification")?;
    spec.insert("url".to_owned(), json!(format!("oci://{}", case.image)));
    spec.insert("failStrategy".to_owned(), json!(strategy));
    spec.insert("pluginConfig".to_owned(), serde_json::from_str(case.config)?);
    if let Some(sha256) = case.sha256 {
        spec.insert("sha256".to_owned(), json!(sha256));
    }
    Ok(plugin)
}

async fn what_a_module_that_is_not_had_does() -> Result<()> {
    let _registry = registry().await?;
    bad_images("genops/bad").await?;
    let providers = Providers::start().await?;
    providers.upstream.answer("one", chat("gpt-4o-mini", 1, 1));
    let mesh = Mesh::start(&json!({})).await?;
    let mut found = Vec::new();
    for case in &CASES {
        let mut statuses = Vec::new();
        for strategy in ["FAIL_OPEN", "FAIL_CLOSE"] {
            mesh.cluster.clear();
            route(&mesh, "ingressgateway")?;
            mesh.cluster.apply_object(plugin(case, strategy)?)?;
            let proxy = mesh.proxy(Workload::gateway("gateway", "ingressgateway")).await?;
            statuses.push(proxy.status(listener(), &ask("one", "gpt-4o-mini", &[])).await?);
            proxy.stop();
        }
        println!("{}: {statuses:?}", case.name);
        found.push((statuses[0], statuses[1]));
    }
    ensure!(found == STATUSES, "{found:?}");
    Ok(())
}

/// Unlike plain Envoy, which keeps the last good configuration, the agent puts a filter that allows or denies in place
/// of the module that it could not fetch.
async fn a_bad_update_replaces_a_good_module() -> Result<()> {
    let _registry = registry().await?;
    let providers = Providers::start().await?;
    providers.upstream.answer("one", chat("gpt-4o-mini", 1, 1));
    let mesh = Mesh::start(&json!({})).await?;
    let one = ask("one", "gpt-4o-mini", &[]);
    for (strategy, after) in [("FAIL_OPEN", 200), ("FAIL_CLOSE", 403)] {
        mesh.cluster.clear();
        route(&mesh, "ingressgateway")?;
        let good = case("good", "registry.example.com/genops/genops-filter:0.1.0");
        mesh.cluster.apply_object(plugin(&good, strategy)?)?;
        let proxy = mesh.proxy(Workload::gateway("gateway", "ingressgateway")).await?;
        proxy.meters(listener()).await?;
        proxy.answers(listener(), &one, 200).await?;
        mesh.cluster.apply_object(plugin(&CASES[1], strategy)?)?;
        genops_mesh::process::until("the agent's complaint", async || {
            proxy.log().contains("error in converting the wasm config").then_some(()).context("none yet")
        })
        .await?;
        proxy.answers(listener(), &one, after).await.with_context(|| strategy.to_owned())?;
        proxy.stop();
    }
    Ok(())
}
