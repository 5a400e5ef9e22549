//! Whom an exchange goes to: rules, metadata, clusters and gateways, from the outside.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use genops_core::config::Config;
use genops_core::detect::{Carrier, Known, Proxy};
use genops_core::{End, Exchange, Head, Record};
use serde_json::json;

/// A proxy with answers written by hand; it notes what it was asked.
#[derive(Default)]
struct Knows {
    route: Option<&'static str>,
    cluster: Option<&'static str>,
    metadata: BTreeMap<&'static str, Vec<(&'static str, &'static str)>>,
    asked: RefCell<Vec<String>>,
}

impl Proxy for Knows {
    fn route_name(&self) -> Option<String> {
        self.asked.borrow_mut().push("route".into());
        self.route.map(Into::into)
    }
    fn cluster_name(&self) -> Option<String> {
        self.asked.borrow_mut().push("cluster".into());
        self.cluster.map(Into::into)
    }
    fn metadata(&self, of: Carrier, namespace: &str) -> Vec<(String, String)> {
        self.asked.borrow_mut().push(format!("{of:?} {namespace}"));
        let key = format!("{of:?} {namespace}");
        let found = self.metadata.get(key.as_str()).into_iter().flatten();
        found.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }
    fn value(&self, of: Known<'_>) -> Option<Vec<u8>> {
        self.asked.borrow_mut().push(format!("{of:?}"));
        None
    }
}

const CHAT: &str = "/v1/chat/completions";

fn answer(model: &str) -> String {
    json!({
        "id": "1", "object": "chat.completion", "model": model, "choices": [],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
    })
    .to_string()
}

struct Case<'a> {
    config: serde_json::Value,
    request: Vec<(&'a str, &'a str)>,
    asks: &'a str,
    response: Vec<(&'a str, &'a str)>,
    answer: String,
}

impl Default for Case<'_> {
    fn default() -> Self {
        let request = vec![
            (":method", "POST"),
            (":authority", "gateway.internal"),
            (":path", CHAT),
            ("content-type", "application/json"),
            ("x-team", "search"),
        ];
        let response = vec![(":status", "200"), ("content-type", "application/json")];
        Self { config: json!({}), request, asks: "gpt-4o", response, answer: answer("gpt-4o-2024-08-06") }
    }
}

impl<'a> Case<'a> {
    fn to(authority: &'a str, path: &'a str) -> Self {
        let mut case = Self::default();
        case.request[1].1 = authority;
        case.request[2].1 = path;
        case
    }

    fn config(mut self, config: serde_json::Value) -> Self {
        self.config = config;
        self
    }

    fn run(&self, proxy: &impl Proxy) -> Record {
        // 2026-06-01, when all of these models were priced.
        let at = 1_780_272_000_000_000_000;
        let config = Rc::new(Config::parse(self.config.to_string().as_bytes()).expect("a configuration"));
        let mut exchange = Exchange::behind(config, &self.request.iter().copied().collect::<Head<'_>>(), at, proxy);
        exchange.request_body(json!({"model": self.asks, "messages": []}).to_string().as_bytes());
        exchange.response_head_behind(&self.response.iter().copied().collect::<Head<'_>>(), proxy);
        exchange.response_body(self.answer.as_bytes(), || at);
        exchange.response_end();
        exchange.finish(End::Client, at + 1_000_000)
    }
}

fn provider(record: &Record) -> &str {
    record.provider.as_deref().unwrap_or_default()
}

fn cost(record: &Record) -> Option<u64> {
    record.cost_usd.map(|pico| pico.0)
}

#[test]
fn an_owner_that_the_authority_names_costs_no_question() {
    let proxy = Knows { cluster: Some("outbound|443||api.mistral.ai"), ..Knows::default() };
    let record = Case::to("api.openai.com", CHAT).run(&proxy);
    assert_eq!((provider(&record), proxy.asked.take().len()), ("openai", 0));
    // The same with a default for what nothing names.
    let record = Case::default().config(json!({"provider": "openai"})).run(&proxy);
    assert_eq!((provider(&record), proxy.asked.take().len()), ("openai", 0));
    assert!(record.gateway.is_none() && record.upstream_provider.is_none());
}

#[test]
fn rules_win_in_their_order() {
    let proxy = Knows { route: Some("chat-eu"), cluster: Some("blue/openai"), ..Knows::default() };
    let all = json!({
        "routes": {"chat-eu": {"provider": "mistral"}, "chat-*": {"provider": "groq"}},
        "clusters": {"blue/*": "together"},
        "paths": {"/v1/": "deepseek", "/v1/chat": {"provider": "xai"}},
        "authorities": {"gateway.internal": "cohere"},
    });
    let without = |names: &[&str]| {
        let mut config = all.clone();
        names.iter().for_each(|name| drop(config.as_object_mut().expect("a map").remove(*name)));
        provider(&Case::default().config(config).run(&proxy)).to_owned()
    };
    assert_eq!(without(&[]), "mistral");
    assert_eq!(without(&["routes"]), "together");
    assert_eq!(without(&["routes", "clusters"]), "xai");
    assert_eq!(without(&["routes", "clusters", "paths"]), "cohere");
    // Even over an authority that the table knows.
    let record = Case::to("api.openai.com", CHAT).config(json!({"clusters": {"blue/*": "together"}})).run(&proxy);
    assert_eq!(provider(&record), "together");
    // A port does not count in an authority, nor does case.
    let record = Case::to("Gateway.Internal:8443", CHAT).config(json!({"authorities": {"GATEWAY.internal": "groq"}}));
    assert_eq!(provider(&record.run(&())), "groq");
    let starred = Case::to("a.llm.internal", CHAT).config(json!({"authorities": {"*.llm.internal": "groq"}}));
    assert_eq!(provider(&starred.run(&())), "groq");
}

#[test]
fn each_field_comes_from_the_first_rule_that_has_it() {
    let config = json!({
        "routes": {"r": {"gateway": "kong", "region": "eu"}},
        "clusters": {"c": {"provider": "mistral", "gateway": "other"}},
    });
    let proxy = Knows { route: Some("r"), cluster: Some("c"), ..Knows::default() };
    let record = Case::default().config(config).run(&proxy);
    assert_eq!(provider(&record), "mistral");
    assert_eq!(record.gateway.as_deref(), Some("kong"));
    assert_eq!(record.upstream_provider.as_deref(), Some("mistral"));
}

#[test]
fn metadata_says_where_nothing_else_does() {
    let of = |key: &'static str, fields: &[(&'static str, &'static str)]| Knows {
        metadata: BTreeMap::from([(key, fields.to_vec())]),
        ..Knows::default()
    };
    for key in ["Route genops", "Cluster genops", "Host genops"] {
        let record = Case::default().run(&of(key, &[("provider", "mistral")]));
        assert_eq!(provider(&record), "mistral", "{key}");
    }
    // Rules that say nothing of this exchange leave metadata as it is.
    let rules = json!({"routes": {"other": "xai"}, "clusters": {"other": "xai"}});
    let record = Case::default().config(rules).run(&of("Route genops", &[("provider", "mistral")]));
    assert_eq!(provider(&record), "mistral");
    // What is no id says nothing, and the other fields still count.
    let odd = of("Route genops", &[("provider", "Mistral AI"), ("gateway", "envoy-ai-gateway"), ("api", "nonsense")]);
    let record = Case::default().run(&odd);
    assert_eq!((record.provider.as_deref(), record.gateway.as_deref()), (None, Some("envoy-ai-gateway")));
    // A namespace of the configuration's goes before the authority, and `genops` is not read then.
    let own = of("Route acme.llm", &[("provider", "mistral")]);
    let record = Case::to("api.openai.com", CHAT).config(json!({"metadata": "acme.llm"})).run(&own);
    assert_eq!(provider(&record), "mistral");
    let record =
        Case::default().config(json!({"metadata": "acme.llm"})).run(&of("Route genops", &[("provider", "xai")]));
    assert_eq!(record.provider, None);
    let silent = of("Route genops", &[("provider", "xai")]);
    let record = Case::default().config(json!({"metadata": ""})).run(&silent);
    assert_eq!(record.provider, None);
    assert!(silent.asked.take().iter().all(|asked| !asked.contains("genops")));
}

#[test]
fn a_cluster_named_after_its_host_names_the_owner() {
    let istio = Knows { cluster: Some("outbound|443||eu.api.openai.com"), ..Knows::default() };
    let record = Case::default().run(&istio);
    assert_eq!(provider(&record), "openai");
    // A cluster's plain name is anybody's.
    let plain = Knows { cluster: Some("openai"), ..Knows::default() };
    assert_eq!(Case::default().run(&plain).provider, None);
}

#[test]
fn a_host_that_answered_says_what_a_path_does_not() {
    let host = Knows {
        metadata: BTreeMap::from([("Host genops", vec![("provider", "openai"), ("api", "chat.completions")])]),
        ..Knows::default()
    };
    let case = Case::to("gateway.internal", "/ask").config(json!({"labels": {"team": {"header": "x-team"}}}));
    let record = case.run(&host);
    assert_eq!((provider(&record), record.api, record.input_tokens), ("openai", "chat.completions", Some(1000)));
    assert_eq!(record.dimensions.attribution.team.as_deref(), Some("search"));
    assert_eq!(cost(&record), Some(7_500_000_000));
}

#[test]
fn what_stays_unknown_is_no_llm_exchange() {
    let record = Case::to("gateway.internal", "/ask").run(&Knows::default());
    assert_eq!((record.outcome.as_str(), record.input_tokens, record.provider.as_deref()), ("not_llm", None, None));
    assert!(record.dimensions.attribution.team.is_none());
    // A known owner's unknown path is not guessed at either, whatever its body looks like.
    let record = Case::to("api.openai.com", "/v9/novelty").run(&Knows::default());
    assert_eq!(record.outcome.as_str(), "not_llm");
}

#[test]
fn an_api_in_a_rule_reads_a_path_that_tells_none() {
    let rules = json!({"paths": {"/ask": {"provider": "openai", "api": "chat.completions"}}});
    let record = Case::to("gateway.internal", "/ask").config(rules.clone()).run(&());
    assert_eq!((record.outcome.as_str(), record.request_model.as_deref()), ("complete", Some("gpt-4o")));
    // What the path tells holds; lookups stay lookups.
    let record = Case::to("gateway.internal", "/ask/v1/embeddings").config(rules.clone()).run(&());
    assert_eq!(record.api, "embeddings");
    let mut get = Case::to("gateway.internal", "/ask").config(rules);
    get.request[0].1 = "GET";
    assert_eq!(get.run(&()).outcome.as_str(), "not_llm");
    let off = json!({"paths": {"/": {"api": "other"}}});
    assert_eq!(Case::default().config(off).run(&()).outcome.as_str(), "not_llm");
}

#[test]
fn deployments_and_arns_have_the_models_that_the_configuration_says() {
    let mut case = Case::to("a.openai.azure.com", "/openai/deployments/Prod%2DChat/chat/completions");
    case.answer = answer("internal-name");
    assert_eq!(case.run(&()).unpriced_reason.map(|r| r.as_str()), Some("unknown_model"));
    let record = case.config(json!({"models": {"prod-chat": "gpt-4o"}})).run(&());
    assert_eq!((record.canonical_model.as_deref(), cost(&record)), (Some("gpt-4o"), Some(7_500_000_000)));
    assert_eq!(record.model.as_deref(), Some("internal-name"));

    let arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x1";
    let path = format!("/model/{}/converse", arn.replace(':', "%3A").replace('/', "%2F"));
    let mut case = Case::to("bedrock-runtime.us-east-1.amazonaws.com", &path);
    case.answer = json!({"usage": {"inputTokens": 1000, "outputTokens": 500, "totalTokens": 1500}}).to_string();
    assert_eq!(case.run(&()).unpriced_reason.map(|r| r.as_str()), Some("opaque_model"));
    let record = case.config(json!({"models": {arn: "amazon.nova-pro-v1:0"}})).run(&());
    assert_eq!(cost(&record), Some(2_400_000_000), "{record:?}");

    // A rule's own names go before the common ones, and its `model` before any name.
    let config = json!({
        "models": {"dep": "gpt-4o-mini"},
        "authorities": {"gateway.internal": {"provider": "openai", "models": {"dep": "gpt-4o"}}},
    });
    let mut case = Case::default().config(config);
    (case.asks, case.answer) = ("dep", answer("dep"));
    assert_eq!(case.run(&()).canonical_model.as_deref(), Some("gpt-4o"));
    let record = case.config(json!({"authorities": {"*": {"provider": "openai", "model": "gpt-4o-mini"}}})).run(&());
    assert_eq!(record.canonical_model.as_deref(), Some("gpt-4o-mini"));
}

#[test]
fn bought_capacity_costs_nothing_until_it_spills_over() {
    let config = json!({"authorities": {"a.openai.azure.com": {"billing": "provisioned"}}});
    let mut case = Case::to("a.openai.azure.com", "/openai/deployments/d/chat/completions").config(config);
    let record = case.run(&());
    assert_eq!((cost(&record), record.unpriced_reason), (Some(0), None));
    assert!(record.to_json().contains(r#""cost_source":"provisioned""#));
    case.response.push(("x-ms-spillover-from-deployment", "d"));
    assert_eq!(cost(&case.run(&())), Some(7_500_000_000));
}

#[test]
fn gateways_that_pass_on_are_priced_as_whom_they_asked() {
    let gateway = |case: &Case<'_>| {
        let record = case.run(&());
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        (text(&record.provider), text(&record.gateway), text(&record.upstream_provider))
    };
    let three = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    let mut litellm = Case::to("0.0.0.0:4000", "/chat/completions");
    litellm.response.push(("x-litellm-version", "1.63.11"));
    assert_eq!(gateway(&litellm), three("litellm", "litellm", ""));
    litellm.response.push(("x-litellm-model-api-base", "https://api.openai.com"));
    assert_eq!(gateway(&litellm), three("openai", "litellm", "openai"));
    // What the configuration names stays named; its default does not stand against what the gateway says.
    litellm.config = json!({"authorities": {"0.0.0.0": "mistral"}});
    assert_eq!(gateway(&litellm).0, "mistral");
    litellm.config = json!({"provider": "mistral"});
    assert_eq!(gateway(&litellm), three("openai", "litellm", "openai"));

    let mut portkey = Case::to("api.portkey.ai", CHAT);
    assert_eq!(gateway(&portkey), three("portkey", "portkey", ""));
    // A client's word counts only where the configuration says so.
    portkey.request.push(("x-portkey-provider", "@openai"));
    assert_eq!(gateway(&portkey), three("portkey", "portkey", ""));
    portkey.config = json!({"trust_gateway_headers": true});
    assert_eq!(gateway(&portkey), three("openai", "portkey", "openai"));
    let mut portkey = Case::to("api.portkey.ai", CHAT);
    portkey.response.push(("x-portkey-provider", "azure-openai"));
    assert_eq!(gateway(&portkey), three("azure-openai", "portkey", "azure-openai"));

    let mut kong = Case::default();
    kong.response.push(("x-kong-llm-model", "mistral/mistral-tiny"));
    assert_eq!(gateway(&kong), three("mistral", "kong", "mistral"));

    let mut pydantic = Case::to("localhost:8787", "/google-vertex/v1/chat/completions");
    pydantic.response.push(("pydantic-ai-gateway-price-estimate", "0.0002USD"));
    assert_eq!(gateway(&pydantic), three("vertex", "pydantic", "vertex"));

    let cloudflare = Case::to("gateway.ai.cloudflare.com", "/v1/a/g/openai/chat/completions");
    assert_eq!(gateway(&cloudflare), three("openai", "cloudflare", "openai"));
    let mut compat = Case::to("gateway.ai.cloudflare.com", "/v1/a/g/compat/chat/completions");
    compat.asks = "google-ai-studio/gemini-2.5-flash";
    assert_eq!(gateway(&compat), three("google", "cloudflare", "google"));
    compat.asks = "dynamic/mine";
    assert_eq!(gateway(&compat), three("cloudflare", "cloudflare", ""));

    assert_eq!(gateway(&Case::to("oai.helicone.ai", CHAT)), three("openai", "helicone", "openai"));
    // A header of this kind from a provider itself changes nothing.
    let mut openai = Case::to("api.openai.com", CHAT);
    openai.response.push(("x-portkey-provider", "mistral"));
    assert_eq!(gateway(&openai), three("openai", "", ""));
}

#[test]
fn gateways_that_bill_stay_the_provider() {
    let mut openrouter = Case::to("openrouter.ai", "/api/v1/chat/completions");
    openrouter.response.push(("x-provider-name", "Amazon Bedrock"));
    let record = openrouter.run(&());
    assert_eq!((provider(&record), record.gateway.as_deref()), ("openrouter", Some("openrouter")));
    assert_eq!(record.upstream_provider.as_deref(), Some("aws-bedrock"));
    // In the body, where there is no such header.
    let body = |extra: serde_json::Value| {
        let mut body: serde_json::Value = serde_json::from_str(&answer("gpt-4o")).expect("JSON");
        body.as_object_mut().expect("a map").extend(extra.as_object().expect("a map").clone());
        body.to_string()
    };
    let mut openrouter = Case::to("openrouter.ai", "/api/v1/chat/completions");
    openrouter.answer = body(json!({"provider": "Google AI Studio"}));
    assert_eq!(openrouter.run(&()).upstream_provider.as_deref(), Some("google"));
    openrouter.answer = body(json!({"provider": "Some New House"}));
    assert_eq!(openrouter.run(&()).upstream_provider.as_deref(), Some("some-new-house"));
    let mut vercel = Case::to("ai-gateway.vercel.sh", CHAT);
    let routing =
        json!({"gateway": {"routing": {"resolvedProvider": "anthropic", "finalProvider": "vertexAnthropic"}}});
    vercel.answer = body(json!({"choices": [{"index": 0, "message": {"provider_metadata": routing}}]}));
    let record = vercel.run(&());
    assert_eq!((provider(&record), record.upstream_provider.as_deref()), ("vercel", Some("vertex")));
    // Where no gateway is known of, a body's word for itself says nothing.
    let mut plain = Case::to("api.openai.com", CHAT);
    plain.answer = body(json!({"provider": "mistral"}));
    assert_eq!(plain.run(&()).upstream_provider, None);
    let copilot = Case::to("api.githubcopilot.com", "/chat/completions").run(&());
    assert_eq!((provider(&copilot), copilot.gateway.as_deref()), ("github-copilot", Some("github-copilot")));
}
