//! Whom a request goes to, on the real Envoy: the authority is the gateway's own name, and the names and metadata of
//! routes, clusters and hosts tell the provider.

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::Upstream;
use serde_json::{Value, json};

use crate::envoy_support::{chat, field, filter, logged};

const MODEL: &str = "gpt-4o-mini";

/// Rules for one route and one cluster; all else is metadata and names.
const CONFIGURATION: &str = r#"{"routes": {"to-mistral": "mistral"}, "clusters": {"blue*": {"provider": "cohere"}}}"#;

/// First segment of the client's path, and the provider, gateway and API that must come of it.
const EXPECTED: &[(&str, &str, &str, &str)] = &[
    ("by-route", "mistral", "", "chat.completions"),
    ("by-cluster", "cohere", "", "chat.completions"),
    ("by-route-metadata", "groq", "acme", "chat.completions"),
    ("by-cluster-metadata", "fireworks", "", "chat.completions"),
    ("by-host-metadata", "cerebras", "", "chat.completions"),
    ("by-istio-name", "deepseek", "", "chat.completions"),
    // The router's rewrites are not shown to a filter: a path of the gateway's own needs a rule or metadata.
    ("by-rewrite", "together", "", "chat.completions"),
    ("by-nothing", "", "", "chat.completions"),
];

fn genops(fields: &Value) -> Value {
    json!({"filter_metadata": {"genops": fields}})
}

/// One route for each of [`EXPECTED`].
fn routes() -> Value {
    let to =
        |name: &str, cluster: &str| json!({"match": {"prefix": format!("/{name}/")}, "route": {"cluster": cluster}});
    let mut by_route = to("by-route", "openai");
    by_route["name"] = json!("to-mistral");
    let mut by_route_metadata = to("by-route-metadata", "openai");
    // Envoy cannot write a struct with a null in it as a whole.
    by_route_metadata["metadata"] =
        genops(&json!({"provider": "groq", "gateway": "acme", "tags": ["a", "b"], "none": null}));
    let mut by_rewrite = to("by-rewrite", "openai");
    by_rewrite["route"]["host_rewrite_literal"] = json!("api.together.xyz");
    by_rewrite["route"]["prefix_rewrite"] = json!("/v1/chat/completions");
    by_rewrite["metadata"] = genops(&json!({"provider": "together", "api": "chat.completions"}));
    json!([
        by_route,
        to("by-cluster", "blue-1"),
        by_route_metadata,
        to("by-cluster-metadata", "described"),
        to("by-host-metadata", "hosts"),
        to("by-istio-name", "outbound|443||api.deepseek.com"),
        by_rewrite,
        to("by-nothing", "openai"),
    ])
}

fn bootstrap(upstream: &Upstream) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(CONFIGURATION)?;
    bootstrap.listener.routes(routes())?;
    for name in ["blue-1", "outbound|443||api.deepseek.com"] {
        bootstrap.add_cluster(name, |_| Ok(()))?;
    }
    bootstrap.add_cluster("described", |cluster| {
        cluster["metadata"] = genops(&json!({"provider": "fireworks", "weight": 3, "on": true, "in": {"a": "b"}}));
        Ok(())
    })?;
    bootstrap.add_cluster("hosts", |cluster| {
        let host = cluster.pointer_mut("/load_assignment/endpoints/0/lb_endpoints/0").context("a host")?;
        host["metadata"] = genops(&json!({"provider": "cerebras"}));
        Ok(())
    })?;
    Ok(bootstrap)
}

fn ask(name: &str) -> Request {
    // The path of a rewritten request tells no API by itself.
    let path = match name {
        "by-rewrite" => "/by-rewrite/".to_owned(),
        name => format!("/{name}/v1/chat/completions"),
    };
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    Request::new(name, ("POST", "llm.gateway.test", &path), [json], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_metadata_tell_the_provider() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(bootstrap(&upstream)?)).await?;
    let mut requests = Vec::new();
    for (name, ..) in EXPECTED {
        upstream.answer(*name, chat(MODEL, 10, 5));
        requests.push((ask(name), Leave::AtEnd));
    }
    send_all(envoy.address(), requests, 1).await;
    let scrape = envoy.settled(EXPECTED.len()).await?;
    let lines = logged(&envoy.access_log()?)?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    let mut wrong = Vec::new();
    for (name, provider, gateway, api) in EXPECTED {
        let line = lines.iter().find(|l| l.id == *name).context("a line")?;
        let got = [field(line, "provider"), field(line, "gateway"), field(line, "api"), field(line, "input_tokens")];
        let label = if provider.is_empty() { "unknown" } else { provider };
        let complete = [("provider", label), ("outcome", "complete")];
        let counted = sum(&samples, "genops_usage_outcomes_total", &complete);
        if got != [*provider, *gateway, *api, "10"] || counted != 1 {
            wrong.push(format!("{name}: counted {counted}, {got:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}\n{scrape}", wrong.join("\n"));
    envoy.quit().await?;
    Ok(())
}
