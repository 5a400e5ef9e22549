//! Who spent it, on the real Envoy: claims of signed tokens, metadata of filters, routes and clusters, labels of the
//! proxy's own workload, headers and baggage; hostile ones too. And what of it reaches the provider: nothing.

use anyhow::{Context, Result, ensure};
use genops_core::Config;
use genops_core::schema::stat_name::tag_rules;
use genops_host::ChunkPlan;
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::identity::Tokens;
use genops_tests::scrape::{difference, parse, sum, timeless};
use genops_tests::upstream::Upstream;
use serde_json::{Value, json};

use crate::envoy_support::{a_stranger_agrees, ask, chat, field, filter, logged, native, native_exchange};

const MODEL: &str = "gpt-4o-mini";
const KEY_OF_CLAIMS: &str = "claims";

/// What Istio's agent would say of the pod.
fn pod() -> Value {
    json!({"LABELS": {"app": "gateway", "genops.ai/team": "own-team", "genops.ai/cost_center": "cc-7"}})
}

fn configuration() -> String {
    json!({
        "provider": "openai",
        "jwt_payload": KEY_OF_CLAIMS,
        "labels": {
            "team": [
                {"jwt": "team"}, {"jwt": ["org", "unit"]}, {"metadata": ["governance", "team"]},
                {"route_metadata": ["acme.billing", "team"]}, {"cluster_metadata": ["acme.billing", "team"]},
                {"header": "x-genops-team"}, {"baggage": "genops.team"}, {"workload_label": "genops.ai/team"},
            ],
            "project": [{"workload_label": "genops.ai/cost_center"}],
            "customer_id": [{"jwt": "https://acme.test/customer"}],
            "feature": [{"baggage": "genops.feature"}],
            "environment": [
                {"caller_label": "genops.ai/environment"}, {"peer": "namespace"}, {"constant": "production"},
            ],
        },
        "value_maps": {"team": {"R&D *": "research"}},
    })
    .to_string()
}

/// What a client sends, and the team, customer and feature that must come of it.
struct Case {
    name: &'static str,
    claims: Option<Value>,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    expected: [&'static str; 3],
}

const fn case(name: &'static str, expected: [&'static str; 3]) -> Case {
    Case { name, claims: None, path: "", headers: &[], expected }
}

fn cases() -> Vec<Case> {
    let others: &[(&str, &str)] = &[("x-genops-team", "header-team"), ("baggage", "genops.team=baggage-team")];
    let claims = |claims: Value| Some(claims);
    vec![
        Case {
            claims: claims(json!({"team": "Claimed", "https://acme.test/customer": "acme_7"})),
            headers: others,
            ..case("claims", ["claimed", "acme_7", ""])
        },
        Case {
            claims: claims(json!({"org": {"unit": "R&D Lyon"}})),
            ..case("nested-and-mapped", ["research", "", ""])
        },
        Case {
            claims: claims(json!({"team": ["only"], "https://acme.test/customer": 9_007_199_254_740_991_u64})),
            ..case("list-and-number", ["only", "9007199254740991", ""])
        },
        // A null is nothing said; what is said and is no value drops the label.
        Case { claims: claims(json!({"team": null, "org": {"unit": "next"}})), ..case("null", ["next", "", ""]) },
        Case { claims: claims(json!({"team": ["a", "b"]})), headers: others, ..case("two", ["", "", ""]) },
        Case { claims: claims(json!({"team": {"a": "b"}})), headers: others, ..case("object", ["", "", ""]) },
        Case {
            claims: claims(json!({"team": true, "https://acme.test/customer": 1.5})),
            ..case("boolean-and-fraction", ["true", "", ""])
        },
        Case {
            claims: claims(json!({"team": "x;.;model=.=evil;.;genops_cost_total_usd_pico"})),
            headers: others,
            ..case("forged-claim", ["", "", ""])
        },
        Case { headers: &[("x-governance", "dynamic-team")], ..case("dynamic", ["dynamic-team", "", ""]) },
        Case { path: "/route", headers: others, ..case("route", ["route-team", "", ""]) },
        Case { path: "/cluster", headers: others, ..case("cluster", ["cluster-team", "", ""]) },
        Case { headers: others, ..case("header", ["header-team", "", ""]) },
        Case {
            headers: &[("baggage", "a=1;p, genops.team = Search%2Deu ;ttl=1, genops.feature=chat%20bot")],
            ..case("baggage", ["search-eu", "", "chat bot"])
        },
        Case {
            headers: &[("baggage", "genops.feature=%00%0A%22x%22;.;"), ("x-genops-team", "a b")],
            ..case("hostile", ["", "", "__\"x\""])
        },
        Case { headers: &[("baggage", "genops.feature=%FF%FE")], ..case("no-utf-8", ["own-team", "", ""]) },
        case("own", ["own-team", "", ""]),
    ]
}

fn labelled(namespace: &str, team: &str) -> Value {
    json!({"filter_metadata": {namespace: {"team": team, "weight": 3, "none": null}}})
}

fn bootstrap(upstream: &Upstream, tokens: &Tokens) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.node_metadata(&pod())?;
    bootstrap.listener.configure(&configuration())?;
    let to = |prefix: &str, cluster: &str| json!({"match": {"prefix": prefix}, "route": {"cluster": cluster}});
    let mut by_route = to("/route/", "openai");
    by_route["metadata"] = labelled("acme.billing", "route-team");
    bootstrap.listener.routes(json!([by_route, to("/cluster/", "described"), to("/", "openai")]))?;
    bootstrap.add_cluster("described", |cluster| {
        cluster["metadata"] = labelled("acme.billing", "cluster-team");
        Ok(())
    })?;
    let rule = json!({
        "header": "x-governance",
        "on_header_present": {"metadata_namespace": "governance", "key": "team", "type": "STRING"},
    });
    bootstrap.listener.filter_before(json!({
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
            "request_rules": [rule],
        },
    }))?;
    bootstrap.listener.filter_before(tokens.filter(KEY_OF_CLAIMS))?;
    Ok(bootstrap)
}

fn request(case: &Case, tokens: &Tokens) -> Result<Request> {
    let token = case.claims.as_ref().map(|claims| tokens.bearer(claims)).transpose()?;
    let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"application/json")];
    headers.extend(case.headers.iter().map(|(name, value)| (*name, value.as_bytes())));
    headers.extend(token.iter().map(|token| ("authorization", token.as_bytes())));
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let path = format!("{}/v1/chat/completions", case.path);
    Ok(Request::new(case.name, ("POST", "llm.gateway.test", &path), headers, body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_source_on_the_real_envoy() -> Result<()> {
    let (upstream, tokens) = (Upstream::start().await?, Tokens::new()?);
    let envoy = Envoy::start(&Setup::new(bootstrap(&upstream, &tokens)?)).await?;
    let cases = cases();
    let mut requests = Vec::new();
    for case in &cases {
        upstream.answer(case.name, chat(MODEL, 10, 5));
        requests.push((request(case, &tokens)?, Leave::AtEnd));
    }
    let replies = send_all(envoy.address(), requests, 1).await;
    ensure!(replies.iter().all(|r| r.status == Some(200)), "{replies:?}\n{}", envoy.log());
    let scrape = envoy.settled(cases.len()).await?;
    let lines = logged(&envoy.access_log()?)?;
    let mut wrong = Vec::new();
    for Case { name, expected, .. } in &cases {
        let line = lines.iter().find(|l| l.id == *name).context("a line")?;
        let got = ["team", "customer_id", "feature"].map(|label| field(line, &format!("labels/{label}")));
        let expected = expected.map(ToOwned::to_owned);
        // The record keeps what the stat name cannot.
        let got = got.map(|value| value.replace(['\0', '\n', ';'], "_").trim_end_matches("_._").to_owned());
        if got != expected {
            wrong.push(format!("{name}: {got:?}, expected {expected:?}"));
        }
        if field(line, "labels/project") != "cc-7" || field(line, "labels/environment") != "production" {
            wrong.push(format!("{name}: {}", line.record));
        }
        let [received] = &upstream.received(name)[..] else { anyhow::bail!("{name}: not received once") };
        if let Some(leaked) = received.headers.keys().find(|key| key.as_str().starts_with("x-genops-")) {
            wrong.push(format!("{name}: {leaked} reached the provider"));
        }
    }
    ensure!(wrong.is_empty(), "{}\n{scrape}", wrong.join("\n"));

    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    let rejected =
        |label, reason| sum(&samples, "genops_label_rejected_total", &[("label", label), ("reason", reason)]);
    ensure!(rejected("team", "invalid_format") == 4, "{scrape}");
    ensure!(rejected("customer_id", "invalid_format") == 1 && rejected("feature", "invalid_utf8") == 1, "{scrape}");
    ensure!(samples.iter().all(|s| s.labels.get("model").is_none_or(|m| m == MODEL)), "a forged model\n{scrape}");
    ensure!(sum(&samples, "genops_tokens_input_total", &[("team", "own-team")]) == 20, "{scrape}");
    a_stranger_agrees(&scrape)?;
    envoy.quit().await?;
    Ok(())
}

/// A route that is matched by a header which the filter takes away is not found again. Who has such routes keeps the
/// headers and has the route remove them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_routes_need_can_be_kept() -> Result<()> {
    let upstream = Upstream::start().await?;
    let by_tier = json!({"name": "x-genops-customer-tier", "string_match": {"exact": "premium"}});
    let routes = json!([
        {
            "match": {"prefix": "/", "headers": [by_tier]},
            "route": {"cluster": "openai"},
            "request_headers_to_remove": ["x-genops-customer-tier", "x-genops-team"],
            "request_headers_to_add": [{"header": {"key": "x-route", "value": "premium"}}],
        },
        {"match": {"prefix": "/"}, "route": {"cluster": "openai"}},
    ]);
    let headers: [(&str, &[u8]); 2] = [("x-genops-customer-tier", b"premium"), ("x-genops-team", b"search")];
    for (id, strip, route) in [("kept", json!([]), Some("premium")), ("stripped", json!(["x-genops-*"]), None)] {
        let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
        let sources = json!({"team": [{"header": "x-genops-team"}]});
        bootstrap.listener.configure(&json!({"labels": sources, "strip_headers": strip}).to_string())?;
        bootstrap.listener.routes(routes.clone())?;
        upstream.answer(id, chat(MODEL, 10, 5));
        let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
        send_all(envoy.address(), vec![(ask(id, MODEL, &headers), Leave::AtEnd)], 1).await;
        let samples = parse(&envoy.settled(1).await?).map_err(anyhow::Error::msg)?;
        ensure!(sum(&samples, "genops_tokens_input_total", &[("team", "search")]) == 10);
        let [received] = &upstream.received(id)[..] else { anyhow::bail!("{id}: not received once") };
        let taken = received.headers.get("x-route").and_then(|v| v.to_str().ok());
        ensure!(taken == route, "{id}: route {taken:?}");
        ensure!(received.headers.keys().all(|key| !key.as_str().starts_with("x-genops-")), "{id}: {received:?}");
        envoy.quit().await?;
    }
    Ok(())
}

/// The native host shows the same headers and properties, and what goes on upstream.
#[test]
fn the_native_host_attributes_and_strips_the_same() -> Result<()> {
    let module = filter()?;
    let mut bootstrap = Bootstrap::shipped(&module, std::net::SocketAddr::from(([127, 0, 0, 1], 9)))?;
    bootstrap.listener.configure(&configuration())?;
    let known: &[(&str, &[u8], &str)] = &[
        ("claim", b"metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0claims\0team", "claim-team"),
        ("dynamic", b"metadata\0filter_metadata\0governance\0team", "dynamic-team"),
        ("route", b"xds\0route_metadata\0filter_metadata\0acme.billing\0team", "route-team"),
        // A host of before Envoy 1.33.
        ("legacy", b"cluster_metadata\0filter_metadata\0acme.billing\0team", "cluster-team"),
    ];
    let mut natives = Vec::new();
    for (id, path, value) in known {
        let request = ask(*id, MODEL, &[("x-genops-team", b"header-team")]);
        let mut native = native_exchange(&request, &chat(MODEL, 10, 5), None);
        native.1.properties.insert(path.to_vec(), value.as_bytes().to_vec());
        let peer = b"spiffe://cluster.local/ns/checkout/sa/web".to_vec();
        native.1.properties.insert(b"connection\0uri_san_peer_certificate".to_vec(), peer);
        natives.push(native);
    }
    let run = native(&bootstrap, &module, 1, natives, ChunkPlan::Whole)?;
    for (id, _, team) in known {
        let record: Value = serde_json::from_str(run.records.get(*id).context("a record")?)?;
        ensure!(record.pointer("/labels/team") == Some(&json!(team)), "{id}: {record}");
        ensure!(record.pointer("/labels/environment") == Some(&json!("checkout")), "{id}: {record}");
    }
    Ok(())
}

/// Labels of the user's own, declared by the tags that the configuration asks for, and labels that nobody wants.
fn with_labels_of_our_own() -> Value {
    json!({
        "provider": "openai",
        "labels": {
            "customer_id": [{"header": "x-genops-customer-id"}],
            "team": "search",
            "cost_center": [{"header": "x-genops-cost-center"}],
            "customer_tier": [{"label": "customer_id"}],
            "region": "eu-1",
            "ticket": [{"header": "x-genops-ticket"}],
        },
        "extra_labels": {
            "cost_center": ["genops_cost_*", "genops_tokens_total"],
            "customer_tier": ["*"],
            "region": ["genops_operation_latency_seconds"],
            "ticket": [],
        },
        "value_maps": {"customer_tier": {"acme*": "premium", "*": "free"}},
        "exclude_labels": ["customer_id", "operation_id"],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_of_our_own_on_the_families_that_were_chosen() -> Result<()> {
    let upstream = Upstream::start().await?;
    let module = filter()?;
    let mut bootstrap = Bootstrap::shipped(&module, upstream.address())?;
    let configuration = with_labels_of_our_own().to_string();
    let tags = tag_rules(&Config::parse(configuration.as_bytes())?.table.tags());
    bootstrap.declare(serde_json::to_value(tags)?)?;
    bootstrap.listener.configure(&configuration)?;
    let envoy = Envoy::start(&Setup::new(bootstrap.clone())).await?;
    let (mut requests, mut natives) = (Vec::new(), Vec::new());
    for (id, customer) in [("premium", "acme_eu"), ("free", "zeta"), ("none", "")] {
        let answer = chat(MODEL, 10, 5);
        let headers: [(&str, &[u8]); 3] = [
            ("x-genops-customer-id", customer.as_bytes()),
            ("x-genops-cost-center", b"cc;.;customer_tier=.=forged;.;"),
            ("x-genops-ticket", b"T-1"),
        ];
        let request = ask(id, MODEL, &headers);
        natives.push(native_exchange(&request, &answer, None));
        upstream.answer(id, answer);
        requests.push((request, Leave::AtEnd));
    }
    send_all(envoy.address(), requests, 1).await;
    let scrape = envoy.settled(3).await?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    let tokens = |tier| sum(&samples, "genops_tokens_total", &[("customer_tier", tier)]);
    ensure!((tokens("premium"), tokens("free"), tokens("forged")) == (15, 15, 0), "{scrape}");
    let seen = |family: &str, label: &str| {
        let of = |name: &str| name.strip_prefix(family).is_some_and(|rest| matches!(rest, "" | "_pico" | "_count"));
        samples.iter().filter(|s| of(&s.name)).any(|s| s.labels.contains_key(label))
    };
    for (family, cost_center, region) in [
        ("genops_cost_total_usd", true, false),
        ("genops_tokens_total", true, false),
        ("genops_tokens_input_total", false, false),
        ("genops_operation_latency_seconds", false, true),
    ] {
        ensure!(seen(family, "cost_center") == cost_center && seen(family, "region") == region, "{family}\n{scrape}");
        ensure!(seen(family, "customer_tier") && seen(family, "team") && !seen(family, "customer_id"), "{family}");
    }
    ensure!(samples.iter().all(|s| !s.labels.contains_key("ticket")), "{scrape}");
    // The record shows what no family does.
    let lines = logged(&envoy.access_log()?)?;
    let line = lines.iter().find(|l| l.id == "premium").context("a line")?;
    let labels = ["customer_id", "customer_tier", "region", "ticket"].map(|l| field(line, &format!("labels/{l}")));
    ensure!(labels == ["acme_eu", "premium", "eu-1", "T-1"], "{}", line.record);

    let host = native(&bootstrap, &module, 1, natives, ChunkPlan::Whole)?;
    let difference = difference(&timeless(&host.scrape), &timeless(&scrape), 20);
    ensure!(difference.is_empty(), "- host, + Envoy:\n{difference}");
    envoy.quit().await?;
    Ok(())
}
