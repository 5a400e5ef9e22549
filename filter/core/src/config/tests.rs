use super::*;

fn message(json: &str) -> String {
    Config::parse(json.as_bytes()).expect_err("must be refused").to_string()
}

#[test]
fn nothing_is_the_default() {
    assert_eq!(Config::parse(b"").expect("default"), Config::default());
    assert_eq!(Config::parse(b" \n").expect("default"), Config::default());
    assert_eq!(Config::parse(b"{}").expect("default"), Config::default());
    assert_eq!(Config::parse(br#"{"$schema": "./genops.schema.json"}"#).expect("for editors"), Config::default());
}

#[test]
fn errors_name_path_found_and_allowed() {
    let unknown = message(r#"{"label": {}}"#);
    assert!(unknown.starts_with("label: unknown field `label`") && unknown.contains("`labels`"), "{unknown}");
    let range = message(r#"{"flush_interval_ms": 0}"#);
    assert_eq!(range, "flush_interval_ms: found 0, allowed is a whole number from 1 to 60000");
    let source = message(r#"{"labels": {"team": [{"headr": "x-team"}]}}"#);
    assert!(source.starts_with("labels.team[0]") && source.contains("`header`"), "{source}");
    let number = message(r#"{"labels": {"team": 3}}"#);
    assert!(number.starts_with("labels.team: ") && number.contains('3'), "{number}");
    let label = message(r#"{"labels": {"teem": "a"}}"#);
    assert!(label.contains("labels.teem") && label.contains("`team`"), "{label}");
    let constant = message(r#"{"labels": {"team": "No Spaces"}}"#);
    assert!(constant.starts_with("labels.team") && constant.contains("No Spaces"), "{constant}");
    let header = message(r#"{"labels": {"team": {"header": "X Team"}}}"#);
    assert!(header.starts_with("labels.team"), "{header}");
    let schema = message(r#"{"schemas": ["genop"]}"#);
    assert!(schema.starts_with("schemas[0]") && schema.contains("`genops`"), "{schema}");
    assert!(message("{").contains("line 1"), "{}", message("{"));
    assert!(message("{} x").contains("line 1"), "{}", message("{} x"));
    assert!(message(r#"{"provider": "Open AI"}"#).starts_with("provider: found \"Open AI\""));
}

#[test]
fn errors_in_rules_name_rule_and_field() {
    for (json, parts) in [
        (r#"{"routes": {"r": {"provider": "Open AI"}}}"#, ["routes.r.provider: found \"Open AI\"", "a-z, 0-9"]),
        (r#"{"clusters": {"c": {"provder": "openai"}}}"#, ["clusters.c.provder: unknown field", "`provider`"]),
        (r#"{"clusters": {"c": 3}}"#, ["clusters.c: invalid type: integer `3`", "a provider id, or an object"]),
        (r#"{"clusters": []}"#, ["clusters: invalid type: sequence", "an object"]),
        (r#"{"routes": {"r": {"api": "chat"}}}"#, ["routes.r.api: found \"chat\"", "chat.completions"]),
        (r#"{"routes": {"r": {"billing": "free"}}}"#, ["routes.r.billing: unknown variant `free`", "`provisioned`"]),
        (r#"{"routes": {"r": {"models": {"d": ""}}}}"#, ["routes.r.models.d: found \"\"", "1 to 256 bytes"]),
        (r#"{"routes": {"r": {"region": ""}}}"#, ["routes.r.region: found \"\"", "a text of 1 to"]),
        (r#"{"routes": {"": "openai"}}"#, ["routes.: found \"\"", "a name"]),
        (r#"{"paths": {"v1": "openai"}}"#, ["paths.v1: found \"v1\"", "beginning of a path"]),
        (r#"{"authorities": {"h": {"gateway": "A B"}}}"#, ["authorities.h.gateway: found \"A B\"", "a-z, 0-9"]),
        (r#"{"models": {"d": 4}}"#, ["models.d: invalid type: integer `4`", "a string"]),
        (r#"{"scrape": {"path": "metrics"}}"#, ["scrape.path: found \"metrics\"", "from its `/` on"]),
        (r#"{"scrape": {"path": "/m?x"}}"#, ["scrape.path: found \"/m?x\"", "without a query"]),
        (r#"{"scrape": {"port": 8000}}"#, ["scrape.port: unknown field `port`", "`path`"]),
        (r#"{"scrape": true}"#, ["scrape: invalid type: boolean `true`", "an object"]),
        (r#"{"$schema": {}}"#, ["$schema: invalid type: map", "a string"]),
        (r#"{"metadata": 1}"#, ["metadata: invalid type: integer `1`", "a string"]),
        (r#"{"trust_gateway_headers": "yes"}"#, ["trust_gateway_headers: invalid type", "a boolean"]),
    ] {
        let said = message(json);
        assert!(said.starts_with(parts[0]) && said.contains(parts[1]), "{json}: {said}");
    }
}

#[test]
fn a_full_configuration() {
    let json = r#"{
        "schemas": ["genops"], "provider": "openai", "authorities": {"llm.internal": "mistral"},
        "routes": {"eu-*": {"provider": "azure-openai", "region": "swedencentral", "billing": "provisioned",
                            "gateway": "kong", "model": "gpt-4o", "models": {"d": "gpt-4o"}}},
        "clusters": {"outbound|443||llm.internal": "groq"}, "paths": {"/ask": {"api": "responses"}},
        "models": {"D": "gpt-4o"}, "metadata": "acme.llm", "trust_gateway_headers": true,
        "labels": {"team": [{"header": "X-GenOps-Team"}, {"constant": "platform"}], "environment": "production"},
        "model_label": "response", "max_label_cardinality": 50, "max_stats": 1000, "flush_interval_ms": 10,
        "filter_state": ["record", "cost_usd"]
    }"#;
    let config = Config::parse(json.as_bytes()).expect("valid");
    let team: Vec<&Origin> =
        config.labels.sources(crate::schema::Label::Team).iter().map(|source| &source.origin).collect();
    assert_eq!(team, [&Origin::Header("x-genops-team".into()), &Origin::Constant("platform".into())]);
    assert_eq!(config.filter_state, [FilterStateKey::Record, FilterStateKey::CostUsd]);
    assert_eq!(config.models.get("d"), Some("gpt-4o"));
    let rule = config.routes.named("eu-1").expect("a rule");
    assert_eq!((rule.billing, rule.region.as_deref()), (Some(Billing::Provisioned), Some("swedencentral")));
    let cluster = config.clusters.named("outbound|443||llm.internal").expect("a rule");
    assert_eq!(cluster.provider.as_deref(), Some("groq"));
}
