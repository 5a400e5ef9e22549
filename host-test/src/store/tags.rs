//! Tag extraction: how Envoy takes labels out of a stat name (`source/common/stats/tag_extractor_impl.cc`,
//! `tag_producer_impl.cc`), seen again on the real 1.40.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::error::HostError;

/// A rule of `stats_config.stats_tags`. Group 1 is cut out of the name, group 2 is the value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagRule {
    /// Name of the label.
    pub tag_name: String,
    /// ECMAScript regex, searched for in the full name (`wasmcustom.` included).
    pub regex: String,
}

/// What a name comes apart into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// The name without its tags and without trailing dots.
    pub name: Vec<u8>,
    /// Tags in the order that Envoy prints them.
    pub tags: Vec<(String, Vec<u8>)>,
}

/// One way to find a tag.
enum Finder {
    /// A user's or a default regex.
    Regex(Regex),
    /// A default `$.<token>.**` rule: the first of the name's tokens is the value, if the second is this one.
    FirstBefore(&'static str),
}

struct Extractor {
    tag: String,
    /// The literal first token of an anchored regex: only names that begin with it are searched.
    prefix: Option<String>,
    finder: Finder,
}

/// A tag found in a name: interval to cut, and value.
struct Found {
    cut: (usize, usize),
    value: Vec<u8>,
}

/// Envoy's default rules that can hit a `wasmcustom.` name (`source/common/config/well_known_names.cc`); all others
/// begin with another fixed token. In Envoy's order.
const DEFAULT_REGEXES: [(&str, &str); 2] =
    [("envoy.response_code", r"_rq(_(\d{3}))$"), ("envoy.response_code_class", r"_rq_((\d))xx$")];
const DEFAULT_FIRST_BEFORE: [(&str, &str); 2] =
    [("envoy.local_http_ratelimit_prefix", "http_local_rate_limit"), ("envoy.rbac_prefix", "rbac")];

/// The rules of a bootstrap, compiled, in the order in which Envoy tries them.
#[derive(Default)]
pub struct TagRules {
    extractors: Vec<Extractor>,
}

impl TagRules {
    /// The user's rules, behind Envoy's defaults if `use_all_default_tags` (which a bootstrap has unless it says no).
    ///
    /// # Errors
    /// A regex that does not compile, has no group 1, or needs look-ahead or back-references.
    pub fn new(rules: &[TagRule], use_all_default_tags: bool) -> Result<Self, HostError> {
        let mut all = Vec::new();
        if use_all_default_tags {
            for (tag, regex) in DEFAULT_REGEXES {
                all.push(extractor(tag, regex)?);
            }
            for (tag, token) in DEFAULT_FIRST_BEFORE {
                all.push(Extractor { tag: tag.to_owned(), prefix: None, finder: Finder::FirstBefore(token) });
            }
        }
        for rule in rules {
            all.push(extractor(&rule.tag_name, &rule.regex)?);
        }
        // Those without a prefix token come first, whatever the order of insertion.
        let (mut extractors, prefixed): (Vec<_>, Vec<_>) = all.into_iter().partition(|rule| rule.prefix.is_none());
        extractors.extend(prefixed);
        Ok(Self { extractors })
    }

    /// Name and tags of a full stat name. Every rule sees the original name; what they cut is united and removed at
    /// the end; of two rules for one tag the first that matches wins.
    pub fn extract(&self, full: &[u8]) -> Extracted {
        let first_token = full.split(|&byte| byte == b'.').next().unwrap_or_default();
        let mut tags: Vec<(String, Vec<u8>)> = Vec::new();
        let mut cuts = Vec::new();
        for rule in &self.extractors {
            if rule.prefix.as_ref().is_some_and(|prefix| prefix.as_bytes() != first_token) {
                continue;
            }
            if tags.iter().any(|(tag, _)| *tag == rule.tag) {
                continue;
            }
            if let Some(found) = rule.finder.find(full) {
                tags.push((rule.tag.clone(), found.value));
                cuts.push(found.cut);
            }
        }
        Extracted { name: without(full, cuts), tags }
    }
}

impl Finder {
    fn find(&self, full: &[u8]) -> Option<Found> {
        match self {
            Self::Regex(regex) => {
                let groups = regex.captures(full)?;
                let removed = groups.get(1)?;
                if removed.is_empty() {
                    return None;
                }
                // An empty or unmatched group 2 gives an empty value (seen on 1.40; older readings say group 1).
                let value = groups.get(2).map_or_else(Vec::new, |value| value.as_bytes().to_vec());
                Some(Found { cut: (removed.start(), removed.end()), value })
            }
            Self::FirstBefore(token) => {
                let mut tokens = full.split(|&byte| byte == b'.');
                let value = tokens.next()?;
                (tokens.next()? == token.as_bytes()).then(|| Found { cut: (0, value.len() + 1), value: value.to_vec() })
            }
        }
    }
}

fn extractor(tag: &str, regex: &str) -> Result<Extractor, HostError> {
    let bad = |reason: String| HostError::BadTagRegex { tag: tag.to_owned(), reason };
    // std::regex over char: bytes, not code points, and `.` stops at line ends of either kind.
    let compiled =
        RegexBuilder::new(regex).unicode(false).crlf(true).build().map_err(|error| bad(error.to_string()))?;
    if compiled.captures_len() < 2 {
        return Err(bad("it has no group 1, which Envoy needs to know what to cut out".to_owned()));
    }
    Ok(Extractor { tag: tag.to_owned(), prefix: prefix_token(regex), finder: Finder::Regex(compiled) })
}

/// Envoy `TagExtractorImplBase::extractRegexPrefix`: `^`, a word, then `\.` or `(?=\.)`.
fn prefix_token(regex: &str) -> Option<String> {
    let rest = regex.strip_prefix('^')?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (word, tail) = rest.split_at_checked(end)?;
    (!word.is_empty() && (tail.starts_with(r"\.") || tail.starts_with(r"(?=\.)"))).then(|| word.to_owned())
}

/// `full` without the intervals, and without the dots that are left at its end.
fn without(full: &[u8], mut cuts: Vec<(usize, usize)>) -> Vec<u8> {
    cuts.sort_unstable();
    let mut kept = Vec::with_capacity(full.len());
    let mut at = 0;
    for (start, end) in cuts {
        if start > at {
            kept.extend_from_slice(full.get(at..start).unwrap_or_default());
        }
        at = at.max(end);
    }
    kept.extend_from_slice(full.get(at..).unwrap_or_default());
    while kept.last() == Some(&b'.') {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, &str)]) -> TagRules {
        let rules: Vec<TagRule> = rules
            .iter()
            .map(|(tag, regex)| TagRule { tag_name: (*tag).to_owned(), regex: (*regex).to_owned() })
            .collect();
        TagRules::new(&rules, true).expect("rules compile")
    }

    fn extract(rules: &TagRules, name: &[u8]) -> (String, Vec<(String, String)>) {
        let extracted = rules.extract(name);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&extracted.name), extracted.tags.iter().map(|(tag, value)| (tag.clone(), text(value))).collect())
    }

    const MODEL: (&str, &str) = ("model", r"^wasmcustom\.(?:.*?;\.;)?(model=\.=(.*?);\.;)");
    const TEAM: (&str, &str) = ("team", r"(team=\.=(.*?);\.;)");

    #[test]
    fn rules_without_a_prefix_token_come_first() {
        let (name, tags) = extract(&rules(&[MODEL, TEAM]), b"wasmcustom.model=.=a;.;team=.=b;.;x_total");
        assert_eq!(name, "wasmcustom.x_total");
        assert_eq!(tags, [("team".into(), "b".into()), ("model".into(), "a".into())]);
    }

    #[test]
    fn a_prefixed_rule_is_not_tried_on_other_names() {
        let (name, tags) = extract(&rules(&[MODEL]), b"cluster.model=.=a;.;x");
        assert_eq!((name.as_str(), tags.len()), ("cluster.model=.=a;.;x", 0));
    }

    #[test]
    fn overlapping_cuts_are_united() {
        let rules = rules(&[("a", r"(bc(d)e)"), ("b", r"(de(f)g)")]);
        let (name, tags) = extract(&rules, b"wasmcustom.abcdefgh");
        assert_eq!(name, "wasmcustom.ah");
        assert_eq!(tags.len(), 2);
    }

    #[test]
    fn a_look_ahead_is_refused_with_the_tag_s_name() {
        let rule = TagRule { tag_name: "t".into(), regex: r"^wasmcustom(?=\.)\.((x))".into() };
        let error = TagRules::new(&[rule], true).err().expect("refused").to_string();
        assert!(error.contains("\"t\"") && error.contains("look-ahead"), "{error}");
    }

    #[test]
    fn prefix_tokens() {
        assert_eq!(prefix_token(r"^wasmcustom\.(x)"), Some("wasmcustom".into()));
        assert_eq!(prefix_token(r"^wasm(custom\.(x))"), None);
        assert_eq!(prefix_token(r"wasmcustom\.(x)"), None);
        assert_eq!(prefix_token(r"^\.(x)"), None);
    }
}
