//! The shipped Envoy Gateway resources, executed.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_image::image::Form;
use genops_mesh::gateway::EnvoyGateway;
use genops_mesh::istio::comparable;
use genops_mesh::kube::documents;
use genops_mesh::space::{REGISTRY_ADDRESS, REGISTRY_HOST};
use genops_mesh::tls::TlsFront;
use genops_tests::client::{Connection, Leave, send_all};
use genops_tests::openai::{ask, chat};
use genops_tools::tool::{self, Tool};
use genops_tools::{wasm, workspace_root};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::failures::{CASES, Case, bad_images};
use crate::istio::{Providers, registry};
use crate::matrix::{exchanges, plain_scrape};
use crate::{authority, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("gateway::an_image_in_both_forms_meters_as_plain_envoy", an_image_in_both_forms_meters_as_plain_envoy),
        trial("gateway::a_url_meters_as_plain_envoy", a_url_meters_as_plain_envoy),
        trial("gateway::what_a_module_that_is_not_had_does", what_a_module_that_is_not_had_does),
        trial("gateway::egctl_takes_every_shipped_resource", egctl_takes_every_shipped_resource),
    ]
}

/// Statuses with `failOpen` and without, in the order of [`CASES`]: 500 where Envoy Gateway cannot have the module, 503 of
/// Envoy where it cannot run it.
const STATUSES: [(u16, u16); 7] = [(200, 500), (200, 500), (200, 500), (200, 500), (200, 500), (200, 503), (200, 503)];

/// The shipped Gateway and its namespace.
const GATEWAY: (&str, &str) = ("default", "llm");

fn listener() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8888))
}

fn shipped(name: &str) -> Result<Vec<Value>> {
    let path = workspace_root().join("envoy/gateway").join(name);
    documents(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)
}

/// Gateway and labels as they are shipped, with `policy`.
fn resources(policy: Vec<Value>) -> Result<Vec<Value>> {
    Ok([shipped("gateway.yaml")?, shipped("envoyproxy.yaml")?, policy].concat())
}

/// Waits until the listener is open, sends, and compares with plain Envoy.
async fn meters(policy: Vec<Value>) -> Result<()> {
    let providers = Providers::start().await?;
    let mut gateway = EnvoyGateway::start(&resources(policy)?, GATEWAY).await?;
    gateway.until("the listener", async |_| TcpStream::connect(listener()).await.ok()).await?;
    // The module comes after the listener; until it is there requests fail or pass uncounted.
    genops_mesh::process::until("the filter", async || {
        ensure!(gateway.scrape().await?.contains("genops_stats_pending"), "no gauge");
        Ok(())
    })
    .await
    .with_context(|| gateway.log())?;
    let requests = exchanges(&providers.upstream);
    let count = u64::try_from(requests.len())?;
    for request in requests {
        send_all(listener(), vec![request], 1).await;
    }
    let scrape = gateway.settled(count).await?;
    let plain = plain_scrape(tool::envoy()?).await?;
    let (ours, theirs) = (comparable(&scrape)?, comparable(&plain)?);
    let only = |x: &[_], y: &[_]| {
        let y: BTreeSet<_> = y.iter().collect();
        x.iter().filter(|s| !y.contains(s)).take(10).map(|s| format!("{s:?}\n")).collect::<String>()
    };
    ensure!(
        ours == theirs && !ours.is_empty(),
        "only here:\n{}\nonly in plain Envoy:\n{}",
        only(&ours, &theirs),
        only(&theirs, &ours)
    );
    gateway.stop().await
}

async fn an_image_in_both_forms_meters_as_plain_envoy() -> Result<()> {
    let _registry = registry().await?;
    for form in Form::ALL {
        let mut policy = shipped("policy.yaml")?;
        let url = policy.iter_mut().find_map(|p| p.pointer_mut("/spec/wasm/0/code/image/url")).context("an image")?;
        let version = env!("CARGO_PKG_VERSION");
        let name = url.as_str().and_then(|url| url.strip_suffix(version)).context("the version of these sources")?;
        *url = json!(format!("{name}{}", form.tag(version)));
        meters(policy).await.with_context(|| format!("{form:?}"))?;
    }
    Ok(())
}

async fn a_url_meters_as_plain_envoy() -> Result<()> {
    let files = tempfile::tempdir()?;
    fs::copy(wasm::build()?, files.path().join("plugin.wasm"))?;
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "8444", "--directory"]).arg(files.path());
    let mut server = genops_mesh::process::Process::start("files", files.path(), &mut command)?;
    let behind = SocketAddr::from(([127, 0, 0, 1], 8444));
    server.until("a connection", async |_| TcpStream::connect(behind).await.ok()).await?;
    let identity = authority()?.identity(&[REGISTRY_HOST])?;
    let _front = TlsFront::start(&format!("{REGISTRY_ADDRESS}:8443"), &identity, behind).await?;
    meters(shipped("policy-http.yaml")?).await
}

/// The shipped policy with another image, mode or configuration.
fn policy(case: &Case, fail_open: bool) -> Result<Vec<Value>> {
    let mut policy = shipped("policy.yaml")?;
    let plugin = policy.iter_mut().find_map(|p| p.pointer_mut("/spec/wasm/0")).context("a plugin")?;
    *plugin = json!({
        "name": "meter",
        "code": {"type": "Image", "image": {"url": case.image, "sha256": case.sha256}},
        "failOpen": fail_open,
        "config": serde_json::from_str::<Value>(case.config)?,
    });
    Ok(policy)
}

async fn what_a_module_that_is_not_had_does() -> Result<()> {
    let _registry = registry().await?;
    bad_images("genops/bad").await?;
    let upstream = Providers::start().await?;
    upstream.upstream.answer("one", chat("gpt-4o-mini", 1, 1));
    let mut found = Vec::new();
    for case in &CASES {
        let mut statuses = Vec::new();
        for fail_open in [true, false] {
            let mut gateway = EnvoyGateway::start(&resources(policy(case, fail_open)?)?, GATEWAY).await?;
            let what = format!("a status: {}, failOpen {fail_open}", case.name);
            // The same twice: what comes before the module's end is no answer yet.
            let status = gateway
                .until(&what, async |_| {
                    let one = ask("one", "gpt-4o-mini", &[]);
                    let first = Connection::new(listener()).send(&one, Leave::AtEnd).await.status?;
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    let second = Connection::new(listener()).send(&one, Leave::AtEnd).await.status?;
                    (first == second).then_some(second)
                })
                .await?;
            statuses.push(status);
            gateway.stop().await?;
        }
        println!("{}: {statuses:?}", case.name);
        found.push((statuses[0], statuses[1]));
    }
    ensure!(found == STATUSES, "{found:?}");
    Ok(())
}

async fn egctl_takes_every_shipped_resource() -> Result<()> {
    let egctl = Tool::Egctl.resolve()?.path;
    let run = |arguments: &[&str], text: &str| {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        fs::write(file.path(), text)?;
        let output = Command::new(&egctl).arg("x").args(arguments).arg("-f").arg(file.path()).output()?;
        let said = String::from_utf8([output.stdout, output.stderr].concat())?;
        // It paints its verdict wherever it writes to.
        let plain = ["\x1b[31m", "\x1b[32m", "\x1b[0m"].iter().fold(said, |said, paint| said.replace(paint, ""));
        anyhow::Ok((output.status.success(), plain))
    };
    let directory = workspace_root().join("envoy/gateway");
    let read = |name: &str| fs::read_to_string(directory.join(name)).with_context(|| name.to_owned());
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    ensure!(names.len() >= 4, "{names:?}");
    for name in &names {
        // It exits well whatever it finds.
        let (_, said) = run(&["validate"], &read(name)?)?;
        ensure!(said.trim_end().ends_with("OK"), "{name}: {said}");
    }
    let wrong = read("policy.yaml")?.replace("failOpen:", "failOpenly:");
    let (_, said) = run(&["validate"], &wrong)?;
    ensure!(!said.trim_end().ends_with("OK"), "an unknown field was taken: {said}");

    let all = ["gateway.yaml", "envoyproxy.yaml", "policy.yaml"];
    let all: Vec<String> = all.iter().map(|name| read(name)).collect::<Result<_>>()?;
    let (good, said) = run(&["translate", "--to", "xds", "-t", "bootstrap"], &all.join("---\n"))?;
    ensure!(good, "{said}");
    let tags: Vec<Value> = serde_json::from_str(&fs::read_to_string(workspace_root().join("envoy/stats_tags.json"))?)?;
    for tag in &tags {
        let regex = tag.get("regex").and_then(Value::as_str).context("a regex")?;
        ensure!(
            said.contains(regex) || said.contains(&regex.replace('\\', "\\\\")),
            "{regex} is not in the bootstrap:\n{said}"
        );
    }
    Ok(())
}
