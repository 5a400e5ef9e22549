//! Envoy's `/stats/prometheus`, byte for byte (`source/server/admin/prometheus_stats.cc`).

use std::cmp::Ordering;
use std::sync::Arc;

use regex::bytes::Regex;

use super::number::g32;
use crate::store::{DEFAULT_BUCKETS, Kind, NAMESPACE, Stat, StatStore};

/// What the admin endpoint's query says.
#[derive(Clone, Debug, Default)]
pub struct PrometheusQuery {
    /// `filter=`: searched for in the full stat name.
    pub filter: Option<Regex>,
    /// `usedonly`: only stats that were ever written.
    pub used_only: bool,
}

/// The scrape. Bytes, not text: Envoy checks no UTF-8 in label values.
///
/// One section per kind, no blank line, no `# HELP`, no end marker. A stat's group is its name without tags; groups
/// and the stats in them stand in token order; two groups that read alike get two `# TYPE` lines.
pub fn prometheus(store: &StatStore, query: &PrometheusQuery) -> Vec<u8> {
    let mut out = Vec::new();
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        let mut stats = store.stats(kind);
        stats.retain(|stat| {
            (!query.used_only || stat.used()) && query.filter.as_ref().is_none_or(|filter| filter.is_match(stat.name()))
        });
        section(&mut out, kind, stats);
    }
    out
}

fn section(out: &mut Vec<u8>, kind: Kind, mut stats: Vec<Arc<Stat>>) {
    stats.sort_by(|a, b| by_token(&a.extracted().name, &b.extracted().name).then_with(|| by_token(a.name(), b.name())));
    for group in stats.chunk_by(|a, b| a.extracted().name == b.extracted().name) {
        let Some(name) = group.first().and_then(|stat| metric_name(&stat.extracted().name)) else { continue };
        let kind_name = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        for part in [b"# TYPE ", name.as_slice(), b" ", kind_name.as_bytes(), b"\n"] {
            out.extend_from_slice(part);
        }
        for stat in group {
            let labels = labels(stat);
            if kind == Kind::Histogram {
                histogram(out, &name, &labels, stat);
            } else {
                line(out, &name, "", &labels, &[], &stat.value().to_string());
            }
        }
    }
}

fn histogram(out: &mut Vec<u8>, name: &[u8], labels: &[u8], stat: &Stat) {
    let histogram = stat.histogram();
    let count = histogram.count().to_string();
    for bound in DEFAULT_BUCKETS {
        let le = format!("le=\"{}\"", g32(bound));
        line(out, name, "_bucket", labels, le.as_bytes(), &histogram.cumulative(bound).to_string());
    }
    line(out, name, "_bucket", labels, b"le=\"+Inf\"", &count);
    line(out, name, "_sum", labels, &[], &g32(histogram.sum()));
    line(out, name, "_count", labels, &[], &count);
}

fn line(out: &mut Vec<u8>, name: &[u8], suffix: &str, labels: &[u8], last_label: &[u8], value: &str) {
    out.extend_from_slice(name);
    out.extend_from_slice(suffix.as_bytes());
    out.push(b'{');
    out.extend_from_slice(labels);
    if !labels.is_empty() && !last_label.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(last_label);
    out.extend_from_slice(b"} ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// `SymbolTable::lessThan`: dot-separated tokens, each compared by bytes, a shorter list before a longer one. Not the
/// order of the strings, because `.` itself is never compared.
fn by_token(a: &[u8], b: &[u8]) -> Ordering {
    a.split(|&byte| byte == b'.').cmp(b.split(|&byte| byte == b'.'))
}

/// Bytes outside `[a-zA-Z0-9_]` become `_`, one for each.
pub(super) fn sanitised(name: &[u8]) -> String {
    name.iter().map(|&byte| if word(char::from(byte)) { char::from(byte) } else { '_' }).collect()
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The metric name of a group: without Envoy's wasm namespace, `envoy_` before any other. `None` drops the group: an
/// empty name, or one that begins with a digit.
///
/// Names in the namespace go through RE2, others byte by byte: there a character of several bytes becomes one `_`, and
/// bytes that are not UTF-8 stay as they are (both seen on 1.40).
pub(super) fn metric_name(extracted: &[u8]) -> Option<Vec<u8>> {
    let own = extracted.strip_prefix(NAMESPACE.as_bytes()).and_then(|rest| rest.strip_prefix(b"."));
    let Some(own) = own else { return Some(format!("envoy_{}", sanitised(extracted)).into_bytes()) };
    let mut name = Vec::with_capacity(own.len());
    for chunk in own.utf8_chunks() {
        name.extend(chunk.valid().chars().map(|c| if word(c) { c as u8 } else { b'_' }));
        name.extend_from_slice(chunk.invalid());
    }
    name.first().is_some_and(|first| !first.is_ascii_digit()).then_some(name)
}

/// `name="value"` joined by commas, in the order of extraction.
fn labels(stat: &Stat) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in &stat.extracted().tags {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(sanitised(name.as_bytes()).as_bytes());
        out.extend_from_slice(b"=\"");
        for &byte in value {
            match byte {
                b'\\' => out.extend_from_slice(br"\\"),
                b'\n' => out.extend_from_slice(br"\n"),
                b'"' => out.extend_from_slice(br#"\""#),
                other => out.push(other),
            }
        }
        out.push(b'"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_not_strings() {
        // '-' sorts before '.', so a string comparison would put "a-b" first.
        assert_eq!(by_token(b"a.b", b"a-b"), Ordering::Less);
        assert_eq!(by_token(b"a", b"a.b"), Ordering::Less);
        assert_eq!(by_token(b"a.b", b"a.b"), Ordering::Equal);
    }

    #[test]
    fn names() {
        assert_eq!(metric_name(b"wasmcustom.a:b-c").as_deref(), Some(b"a_b_c".as_slice()));
        assert_eq!(metric_name(b"wasmcustom.1a"), None);
        assert_eq!(metric_name(b"cluster.x\xc3\xa9").as_deref(), Some(b"envoy_cluster_x__".as_slice()));
    }
}
