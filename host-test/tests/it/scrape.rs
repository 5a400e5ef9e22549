//! Envoy's scrape, byte for byte: `tests/goldens` were printed by a real Envoy 1.40.0 that ran the same guest with the
//! same configuration and rules (`tests/goldens/README.md`).

use genops_host::PrometheusQuery;
use regex::bytes::Regex;

use super::guests::{COUNTER, GAUGE, HISTOGRAM, guest, host, rules, stats_configuration};

/// In the order of the bootstrap. The second `model` is unanchored: Envoy tries it first, and warns of the other.
const RULES: &[(&str, &str)] = &[
    ("model", r"^wasmcustom\.(?:.*?;\.;)?(model=\.=(.*?);\.;)"),
    ("team", r"^wasmcustom\.(?:.*?;\.;)?(team=\.=(.*?);\.;)"),
    ("opt", r"^wasmcustom\.(opt=(x)?;)"),
    ("my-label.x", r"(lab=(.*?);)"),
    ("model", r"(model=\.=(.*?);\.;)"),
    ("over1", r"^wasmcustom\.a(bc(d)e)"),
    ("over2", r"^wasmcustom\.abc(de(f)g)"),
];

const STATS: &[(u8, &[u8], u64)] = &[
    (COUNTER, b"model=.=gpt-4o;.;team=.=a;.;x_total", 3),
    (COUNTER, b"team=.=a;.;model=.=gpt-4o;.;x_total", 4),
    // not UTF-8, empty value, unmatched group
    (COUNTER, b"model=.=a\xffb;.;x_total", 1),
    (COUNTER, b"model=.=;.;x_total", 1),
    (COUNTER, b"opt=;y_total", 1),
    (COUNTER, b"opt=x;y_total", 2),
    // names
    (COUNTER, b"h\xc3\xa9llo", 1),
    (COUNTER, b"a\xffb", 1),
    (COUNTER, b"1digit", 1),
    (COUNTER, b"..lead", 1),
    (COUNTER, b"trail..", 1),
    (COUNTER, b"mid..dle", 1),
    // order, and groups that read alike
    (COUNTER, b"a-b", 1),
    (COUNTER, b"a.b", 2),
    (COUNTER, b"a:b", 3),
    (COUNTER, b"a", 7),
    (COUNTER, b"a.b.c", 9),
    // default tags
    (COUNTER, b"q_rq_200", 1),
    (COUNTER, b"q_rq_2xx", 1),
    (COUNTER, b"rbac.x", 1),
    (COUNTER, b"http_local_rate_limit.x", 1),
    // values
    (COUNTER, b"model=.=qu\"o\\te;.;x_total", 1),
    (COUNTER, b"model=.=new\nline;.;x_total", 1),
    (COUNTER, b"model=.=cr\rx;.;x_total", 1),
    (COUNTER, b"model=.=\xc3\xa9\xe2\x80\xa8z;.;x_total", 1),
    (COUNTER, b"", 1),
    (COUNTER, b"lab=v;z", 1),
    (COUNTER, b"abcdefgh", 1),
    (COUNTER, b"zero", 0),
    (COUNTER, b"model=.=evil;.;model=.=b;.;x_total", 5),
    (COUNTER, b"nul\x00x", 1),
    (COUNTER, b"1.x", 1),
    (COUNTER, b"model=.=m;.;", 1),
    (COUNTER, b"9model=.=m;.;", 1),
    (GAUGE, b"gauge", u64::MAX),
    (GAUGE, b"model=.=gpt-4o;.;gauge", 5),
    (GAUGE, b"zero_gauge", 0),
    (GAUGE, b"x_total", 6),
    (HISTOGRAM, b"h", 105),
    (HISTOGRAM, b"h", 0),
    (HISTOGRAM, b"h", 7),
    (HISTOGRAM, b"h", 123_456_789),
    (HISTOGRAM, b"model=.=gpt-4o;.;h", 3),
    (HISTOGRAM, b"h2", 99_999),
    (HISTOGRAM, b"hbig", i64::MAX as u64),
];

fn shown(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii())).collect()
}

#[test]
fn is_what_a_real_envoy_prints() {
    let host = host(&guest("stats.wat"), &stats_configuration(STATS), rules(RULES));
    let ours = host.prometheus(&PrometheusQuery::default());
    let envoy = include_bytes!("../goldens/envoy-1.40.0.prom");
    for (line, (ours, envoy)) in shown(&ours).lines().zip(shown(envoy).lines()).enumerate() {
        assert_eq!(ours, envoy, "line {}", line + 1);
    }
    assert_eq!(ours, envoy);
}

#[test]
fn used_only_and_filter_choose_stats() {
    // A gauge set to 0 and a counter with 0 recorded count as used, as in the golden: only what nobody wrote is left
    // out.
    let host = host(&guest("stats.wat"), &stats_configuration(STATS), rules(RULES));
    let used = PrometheusQuery { used_only: true, ..PrometheusQuery::default() };
    assert_eq!(shown(&host.prometheus(&used)), shown(include_bytes!("../goldens/envoy-1.40.0.usedonly.prom")));
    // The filter sees full names, tags and namespace included.
    for (filter, lines) in [("model=.=gpt-4o;.;x", 2), ("^wasmcustom\\.zero$", 2), ("^zero", 0)] {
        let query = PrometheusQuery { filter: Some(Regex::new(filter).expect("compiles")), used_only: false };
        assert_eq!(shown(&host.prometheus(&query)).lines().count(), lines, "{filter}");
    }
}
