//! Sources in their order, from configurations as users write them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Config;
use crate::detect::Carrier;

/// A proxy that knows what the test says; it notes what it was asked.
#[derive(Default)]
struct Knows {
    values: BTreeMap<&'static str, Vec<u8>>,
    asked: RefCell<Vec<String>>,
}

impl Proxy for Knows {
    fn route_name(&self) -> Option<String> {
        None
    }
    fn cluster_name(&self) -> Option<String> {
        None
    }
    fn metadata(&self, _: Carrier, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
    fn value(&self, of: Known<'_>) -> Option<Vec<u8>> {
        let key = match of {
            Known::Metadata(path) => format!("dynamic {}", path.join("/")),
            Known::RouteMetadata(path) => format!("route {}", path.join("/")),
            Known::ClusterMetadata(path) => format!("cluster {}", path.join("/")),
            Known::PeerId => "peer".to_owned(),
            Known::WorkloadLabel(name) => format!("own {name}"),
            Known::CallerLabel(name) => format!("caller {name}"),
        };
        self.asked.borrow_mut().push(key.clone());
        self.values.get(key.as_str()).cloned()
    }
}

fn knows(values: &[(&'static str, &str)]) -> Knows {
    Knows { values: values.iter().map(|(k, v)| (*k, v.as_bytes().to_vec())).collect(), ..Knows::default() }
}

fn config(json: Value) -> Config {
    Config::parse(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refused(json: Value) -> String {
    Config::parse(json.to_string().as_bytes()).expect_err("must be refused").to_string()
}

type Rejected = Vec<(Label, Rejection)>;

fn read(config: &Config, head: &[(&str, &str)], proxy: &Knows) -> (Attribution, Rejected) {
    let head: Head<'_> = head.iter().copied().collect();
    let mut rejected = Vec::new();
    let found = attribution(&config.labels, &head, proxy, |label, reason| rejected.push((label, reason)));
    (found, rejected)
}

fn team(config: &Config, head: &[(&str, &str)], proxy: &Knows) -> Option<String> {
    read(config, head, proxy).0.team
}

#[test]
fn every_source_has_its_turn() {
    let config = config(json!({"jwt_payload": "claims", "labels": {"team": [
        {"jwt": ["org", "team"]}, {"metadata": ["governance", "team"]}, {"route_metadata": ["genops", "team"]},
        {"cluster_metadata": ["genops", "team"]}, {"peer": "namespace"}, {"caller_label": "genops.ai/team"},
        {"workload_label": "genops.ai/team"}, {"header": "X-GenOps-Team"}, {"baggage": "genops.team"},
        {"constant": "none"},
    ]}}));
    let mut proxy = knows(&[
        ("dynamic envoy.filters.http.jwt_authn/claims/org/team", "jwt"),
        ("dynamic governance/team", "dynamic"),
        ("route genops/team", "route"),
        ("cluster genops/team", "cluster"),
        ("peer", "spiffe://cluster.local/ns/peer/sa/x"),
        ("caller genops.ai/team", "caller"),
        ("own genops.ai/team", "own"),
    ]);
    let mut head = vec![("x-genops-team", "Header"), ("baggage", "genops.team=bag%67age")];
    let keys: Vec<&str> = vec![
        "dynamic envoy.filters.http.jwt_authn/claims/org/team",
        "dynamic governance/team",
        "route genops/team",
        "cluster genops/team",
        "peer",
        "caller genops.ai/team",
        "own genops.ai/team",
    ];
    for (at, expected) in ["jwt", "dynamic", "route", "cluster", "peer", "caller", "own"].into_iter().enumerate() {
        assert_eq!(team(&config, &head, &proxy).as_deref(), Some(expected));
        // Only what no earlier source had was asked for.
        assert_eq!(proxy.asked.take(), keys[..=at]);
        proxy.values.remove(keys[at]);
    }
    assert_eq!(team(&config, &head, &proxy).as_deref(), Some("header"));
    head.remove(0);
    assert_eq!(team(&config, &head, &proxy).as_deref(), Some("baggage"));
    head.remove(0);
    assert_eq!(team(&config, &head, &proxy).as_deref(), Some("none"));
}

#[test]
fn headers_and_constants_ask_the_proxy_nothing() {
    let config = config(json!({"labels": {"team": [{"header": "x-genops-team"}, {"constant": "a"}], "project": "p"}}));
    let proxy = Knows::default();
    read(&config, &[("x-genops-team", "b")], &proxy);
    read(&config, &[], &proxy);
    assert!(proxy.asked.borrow().is_empty());
}

#[test]
fn a_bad_value_drops_the_label_and_nothing_falls_back() {
    let sources = json!([{"jwt": "team"}, {"header": "x-genops-team"}, {"constant": "others"}]);
    let config = config(json!({"labels": {"team": sources}}));
    let claim = "dynamic envoy.filters.http.jwt_authn/jwt_payload/team";
    for (value, reason) in [
        (b"No Team!".to_vec(), Rejection::InvalidFormat),
        (1.5f64.to_le_bytes().to_vec(), Rejection::InvalidFormat),
        (b"\xff\xfe".to_vec(), Rejection::InvalidUtf8),
        (vec![b'a'; 65], Rejection::TooLong),
    ] {
        let proxy = Knows { values: [(claim, value)].into(), ..Knows::default() };
        let (found, rejected) = read(&config, &[("x-genops-team", "search")], &proxy);
        assert_eq!((found.team, rejected), (None, vec![(Label::Team, reason)]));
    }
    // A number is a name, too.
    let proxy = Knows { values: [(claim, 42f64.to_le_bytes().to_vec())].into(), ..Knows::default() };
    assert_eq!(team(&config, &[], &proxy).as_deref(), Some("42"));
}

#[test]
fn a_source_that_is_not_believed_is_passed_over_and_said() {
    let sources = json!([{"header": "x-genops-team", "trust": ["spiffe://mesh/ns/web/*"]}, {"constant": "others"}]);
    let config = config(json!({"labels": {"team": sources, "project": [{"peer": "service_account"}]}}));
    let head = [("x-genops-team", "search")];
    let (found, rejected) = read(&config, &head, &knows(&[("peer", "spiffe://mesh/ns/web/sa/checkout")]));
    assert_eq!((found.team.as_deref(), found.project.as_deref()), (Some("search"), Some("checkout")));
    assert!(rejected.is_empty());
    for stranger in [knows(&[("peer", "spiffe://mesh/ns/other/sa/x")]), knows(&[])] {
        let (found, rejected) = read(&config, &head, &stranger);
        assert_eq!(found.team.as_deref(), Some("others"));
        assert_eq!(rejected, [(Label::Team, Rejection::Untrusted)]);
        // Asked for once, though two sources need it.
        assert_eq!(stranger.asked.borrow().len(), 1);
        // Without the header there is nothing to believe.
        assert!(read(&config, &[], &stranger).1.is_empty());
    }
}

#[test]
fn values_fold_into_others() {
    let config = config(json!({
        "labels": {
            "team": [{"header": "x-team"}],
            "customer_id": [{"header": "x-customer"}],
            "project": [{"label": "customer_id"}],
        },
        "value_maps": {
            "team": {"R&D": "research", "search-*": "search", "search-eu-1": "edge"},
            "project": {"acme": "key accounts", "*": "all others"},
        },
    }));
    let seen = |head: &[(&str, &str)]| read(&config, head, &Knows::default());
    let team = |value: &str| seen(&[("x-team", value)]).0.team;
    assert_eq!(team("R&D").as_deref(), Some("research"));
    assert_eq!(team("Search-US").as_deref(), Some("search"));
    assert_eq!(team("search-eu-1").as_deref(), Some("edge"));
    assert_eq!(team("billing").as_deref(), Some("billing"));
    assert_eq!(seen(&[("x-team", "B&B")]).1, [(Label::Team, Rejection::InvalidFormat)]);
    let acme = seen(&[("x-customer", "acme")]).0;
    assert_eq!((acme.customer_id.as_deref(), acme.project.as_deref()), (Some("acme"), Some("key accounts")));
    assert_eq!(seen(&[("x-customer", "zeta")]).0.project.as_deref(), Some("all others"));
    assert_eq!(seen(&[]).0.project, None);
}

#[test]
fn errors_say_where_what_and_what_is_allowed() {
    let labels = |label: &str, sources: Value| json!({"labels": {label: sources}});
    for (json, begins, says) in [
        (labels("teem", json!("a")), "labels.teem: found \"teem\"", "`team`"),
        (labels("team", json!([{}])), "labels.team[0]: found 0 of them", "exactly one of header"),
        (labels("team", json!([{"header": "a", "jwt": "b"}])), "labels.team[0]: found 2 of them", "exactly one"),
        (labels("team", json!([{"headr": "a"}])), "labels.team[0]", "`header`"),
        (labels("team", json!([{"header": "x team"}])), "labels.team[0].header", "a header name"),
        (labels("team", json!([{"baggage": "a b"}])), "labels.team[0].baggage", "a baggage key"),
        (labels("team", json!([{"jwt": []}])), "labels.team[0].jwt: found []", "not empty"),
        (labels("team", json!([{"jwt": 3}])), "labels.team[0].jwt", "a name, or a list of names"),
        (labels("team", json!([{"metadata": "genops"}])), "labels.team[0].metadata", "at least one key"),
        (labels("team", json!([{"peer": "ns"}])), "labels.team[0].peer", "`namespace`"),
        (labels("team", json!([{"peer": "id", "trust": []}])), "labels.team[0].trust: found []", "spiffe://"),
        (labels("team", json!([{"label": "model"}])), "labels.team[0].label: found \"model\"", "`project`"),
        (labels("team", json!([{"label": "team"}])), "labels.team[0].label: found \"team\"", "none of them another"),
        (labels("team", json!([{"label": "project"}])), "labels.team[0].label", "a label that has sources"),
        (json!({"value_maps": {"team": {"a": "B C"}}}), "value_maps.team.a: found \"B C\"", "`team` takes"),
        (json!({"value_maps": {"model": {}}}), "value_maps.model: found \"model\"", "`team`"),
        (json!({"value_maps": []}), "value_maps: invalid type: sequence", "an object"),
        (json!({"strip_headers": ["*"]}), "strip_headers[0]: found \"*\"", "`x-genops-*`"),
        (json!({"jwt_payload": ""}), "jwt_payload: found \"\"", "a name"),
    ] {
        let said = refused(json.clone());
        assert!(said.starts_with(begins) && said.contains(says), "{json}: {said}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_labels_stay_bounded(
        header in proptest::collection::vec(any::<u8>(), 0..200),
        baggage in proptest::collection::vec(any::<u8>(), 0..300),
        claim in proptest::collection::vec(any::<u8>(), 0..200),
        peer in ".{0,80}",
    ) {
        let config = config(json!({"labels": {
            "team": [{"header": "x-team"}],
            "project": [{"jwt": "project"}],
            "customer_id": [{"baggage": "k"}],
            "environment": [{"peer": {"segment": "k"}}],
            "feature": [{"baggage": "k"}, {"header": "x-team"}],
        }}));
        let baggage = [b"k=", &baggage[..]].concat();
        let head: Head<'_> = [(&b"x-team"[..], &header[..]), (b"baggage", &baggage)].into_iter().collect();
        let proxy = Knows {
            values: [
                ("dynamic envoy.filters.http.jwt_authn/jwt_payload/project", claim),
                ("peer", peer.into_bytes()),
            ].into(),
            ..Knows::default()
        };
        let mut rejected = Vec::new();
        let found = attribution(&config.labels, &head, &proxy, |label, reason| rejected.push((label, reason)));
        for label in Attribution::LABELS {
            if let Some(value) = found.get(label) {
                prop_assert!(!value.is_empty() && value.len() <= MAX_LABEL_BYTES && value.trim() == value);
                prop_assert!(rejected.iter().all(|(l, _)| *l != label));
            }
        }
    }
}

#[test]
fn labels_of_the_users_own() {
    let config = config(json!({
        "extra_labels": {"tier": ["genops_tokens_*"], "cost_center": ["*"], "ticket": []},
        "labels": {"tier": [{"label": "team"}], "team": [{"header": "x-team"}], "cost_center": "cc-1",
                   "ticket": [{"header": "x-ticket"}]},
        "value_maps": {"tier": {"search": "gold"}},
        "label_limits": {"tier": 5, "model": 100},
    }));
    let (found, rejected) = read(&config, &[("x-team", "Search"), ("x-ticket", &"t".repeat(65))], &Knows::default());
    let own: Vec<(&str, &str)> = found.extra.iter().map(|extra| (&*extra.name, extra.value.as_str())).collect();
    assert_eq!(own, [("cost_center", "cc-1"), ("tier", "gold")]);
    let known: Vec<(&str, &str)> = found.known().collect();
    assert_eq!(known, [("team", "search"), ("cost_center", "cc-1"), ("tier", "gold")]);
    let [(ticket, Rejection::TooLong)] = rejected[..] else { panic!("{rejected:?}") };
    assert_eq!(config.table.label_name(ticket), "ticket");
    let has = |family: &str, label: &str| {
        let family = config.table.named(family).expect(family);
        family.labels.iter().any(|l| config.table.label_name(*l) == label)
    };
    assert!(has("genops_tokens_total", "tier") && !has("genops_cost_total_usd", "tier"));
    assert!(has("genops_cost_total_usd", "cost_center") && !has("genops_series_overflow_total", "cost_center"));
    let limits: Vec<(&str, u32)> = config.limits.iter().map(|(l, most)| (config.table.label_name(*l), *most)).collect();
    assert_eq!(limits, [("model", 100), ("tier", 5)]);
    // A folded value replaces the known one.
    let mut folded = found;
    let tier = folded.extra[1].label;
    folded.set(tier, Some("other".to_owned()));
    assert_eq!(folded.get(tier), Some("other"));
    folded.set(tier, None);
    assert_eq!(folded.get(tier), None);
}

#[test]
fn labels_that_are_not_wanted() {
    let labels = |config: &Config, family: &str| -> Vec<String> {
        let family = config.table.named(family).expect(family);
        family.labels.iter().map(|label| config.table.label_name(*label).to_owned()).collect()
    };
    let excluded = config(json!({"exclude_labels": ["customer_id", "operation_id", "trace_id", "model"]}));
    assert_eq!(labels(&excluded, "genops_tokens_total"), ["provider", "team", "project", "environment", "feature"]);
    // The filter's own families are not of exchanges.
    assert_eq!(labels(&excluded, "genops_include_usage_total"), ["provider", "outcome"]);
    let only = json!({"include_labels": ["team", "x", "feature"], "exclude_labels": ["feature"], "extra_labels": {"x": ["*"]}});
    assert_eq!(labels(&config(only), "genops_cost_total_usd"), ["team", "x"]);
}

#[test]
fn errors_of_labels_of_the_users_own() {
    for (json, begins, says) in [
        (json!({"extra_labels": {"team": ["*"]}}), "extra_labels.team: found \"team\"", "another name"),
        (json!({"extra_labels": {"Bad name": ["*"]}}), "extra_labels.Bad name", "a label name"),
        (json!({"extra_labels": {"x": ["genops_tokns_total"]}}), "extra_labels.x[0]: found", "genops_tokens_total"),
        (json!({"extra_labels": {"x": "*"}}), "extra_labels.x: invalid type: string", "a sequence"),
        (json!({"labels": {"x": "a"}}), "labels.x: found \"x\"", "`extra_labels` declares"),
        (json!({"include_labels": ["operation_id", "typ"]}), "include_labels[1]: found \"typ\"", "customer_id"),
        (json!({"exclude_labels": ["type"]}), "exclude_labels[0]: found \"type\"", "operation_type"),
        (json!({"label_limits": {"team": 0}}), "label_limits.team: found 0", "from 1 to 1000000"),
        (json!({"label_limits": {"tem": 1}}), "label_limits.tem: found \"tem\"", "team"),
        (json!({"sampling_rate": 1.5}), "sampling_rate: found 1.5", "from 0 to 1"),
    ] {
        let said = refused(json.clone());
        assert!(said.starts_with(begins) && said.contains(says), "{json}: {said}");
    }
}
