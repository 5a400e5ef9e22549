//! Guests and hosts for the tests.

use std::path::Path;

use genops_host::{FilterModule, Host, HostError, HostOptions, Plugin, TagRule, TagRules};

/// Types of stats, as the ABI numbers them.
pub(crate) const COUNTER: u8 = 0;
pub(crate) const GAUGE: u8 = 1;
pub(crate) const HISTOGRAM: u8 = 2;

/// Compiles a guest from `tests/guests`, without a cache.
pub(crate) fn guest(name: &str) -> FilterModule {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name);
    let wasm = wat::parse_file(path).expect("the guest is valid text");
    FilterModule::with_cache(&wasm, None).expect("the guest loads")
}

/// A module from text.
pub(crate) fn module(text: &str) -> Result<FilterModule, HostError> {
    FilterModule::with_cache(&wat::parse_str(text).expect("valid text"), None)
}

pub(crate) fn rules(rules: &[(&str, &str)]) -> TagRules {
    let rules: Vec<TagRule> =
        rules.iter().map(|(tag, regex)| TagRule { tag_name: (*tag).to_owned(), regex: (*regex).to_owned() }).collect();
    TagRules::new(&rules, true).expect("the rules compile")
}

/// A host of one worker.
pub(crate) fn host(module: &FilterModule, configuration: &[u8], tags: TagRules) -> Host {
    Host::start(module, Plugin::new(configuration), tags, HostOptions::default()).expect("the host starts")
}

/// A configuration of the guest `stats.wat`.
pub(crate) fn stats_configuration(stats: &[(u8, &[u8], u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, name, value) in stats {
        out.push(*kind);
        out.extend_from_slice(&u32::try_from(name.len()).expect("short").to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(&value.to_le_bytes());
    }
    out
}
