//! Who calls, by certificate, on the real Envoy: callers' proxies connect to a gateway by mutual TLS, as in a mesh.

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::identity::Authority;
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::Upstream;
use serde_json::{Value, json};

use crate::envoy_support::{chat, field, filter, logged};

const MODEL: &str = "gpt-4o-mini";

/// Caller, its identity, and what must come of it: team by namespace, project by service account, and the customer
/// that its header names, which is believed of the namespace `web` alone.
const CALLERS: &[(&str, Option<&str>, [&str; 3])] = &[
    ("web", Some("spiffe://cluster.local/ns/web/sa/checkout"), ["web", "checkout", "acme"]),
    ("batch", Some("spiffe://cluster.local/ns/batch/sa/night"), ["batch", "night", "unknown"]),
    ("forged", Some("spiffe://evil.local/ns/web/sa/checkout"), ["web", "checkout", "unknown"]),
    ("uri", Some("https://acme.test/ns/web"), ["", "", "unknown"]),
    ("nobody", None, ["", "", "unknown"]),
];

fn gateway_configuration() -> String {
    json!({"provider": "openai", "labels": {
        "team": [{"peer": "namespace"}],
        "project": [{"peer": "service_account"}],
        "customer_id": [
            {"header": "x-genops-customer-id", "trust": ["spiffe://cluster.local/ns/web/sa/*"]},
            {"constant": "unknown"},
        ],
    }})
    .to_string()
}

/// The callers' proxies: one Envoy, a route for each caller.
fn callers(gateway: &Envoy, authority: &Authority) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, gateway.address())?;
    // The gateway meters: this hop hands everything on.
    bootstrap.listener.configure(r#"{"strip_headers": []}"#)?;
    let mut routes = Vec::new();
    for (name, identity, _) in CALLERS {
        let identity = identity.map(|uri| authority.identity(uri)).transpose()?;
        bootstrap.add_cluster(name, |cluster| {
            cluster["transport_socket"] = authority.connects(identity.as_ref());
            Ok(())
        })?;
        routes.push(json!({"match": {"prefix": format!("/{name}/")}, "route": {"cluster": name}}));
    }
    bootstrap.listener.routes(Value::Array(routes))?;
    Ok(bootstrap)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_tell_who_calls_and_whom_to_believe() -> Result<()> {
    let (upstream, authority) = (Upstream::start().await?, Authority::new()?);
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(&gateway_configuration())?;
    let own = authority.identity("spiffe://cluster.local/ns/gateway/sa/gateway")?;
    bootstrap.listener.transport_socket(authority.accepts(&own))?;
    let gateway = Envoy::start(&Setup::new(bootstrap)).await?;
    let callers = Envoy::start(&Setup::new(callers(&gateway, &authority)?)).await?;

    let mut requests = Vec::new();
    for (name, ..) in CALLERS {
        upstream.answer(*name, chat(MODEL, 10, 5));
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}).to_string();
        let path = format!("/{name}/v1/chat/completions");
        let headers: [(&str, &[u8]); 2] = [("content-type", b"application/json"), ("x-genops-customer-id", b"acme")];
        requests.push((Request::new(*name, ("POST", "gateway.test", &path), headers, body), Leave::AtEnd));
    }
    let replies = send_all(callers.address(), requests, 1).await;
    ensure!(replies.iter().all(|r| r.status == Some(200)), "{replies:?}\n{}", callers.log());

    let scrape = gateway.settled(CALLERS.len()).await?;
    let lines = logged(&gateway.access_log()?)?;
    for (name, _, expected) in CALLERS {
        let line = lines.iter().find(|l| l.id == *name).context("a line")?;
        let got = ["team", "project", "customer_id"].map(|label| field(line, &format!("labels/{label}")));
        ensure!(got == expected.map(ToOwned::to_owned), "{name}: {got:?}, expected {expected:?}");
        let [received] = &upstream.received(name)[..] else { anyhow::bail!("{name}: not received once") };
        ensure!(!received.headers.contains_key("x-genops-customer-id"), "{name}: {received:?}");
    }
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    let untrusted = [("label", "customer_id"), ("reason", "untrusted")];
    ensure!(sum(&samples, "genops_label_rejected_total", &untrusted) == 4, "{scrape}");
    callers.quit().await?;
    gateway.quit().await?;
    Ok(())
}
