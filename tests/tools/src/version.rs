//! The version in what a program prints about itself.

use semver::Version;

/// The first `major.minor.patch` in `text`, with its pre-release part where it has one. Reads what Envoy
/// (`.../1.40.0/Clean/...`), Prometheus (`version 3.15.0 (...`) and Go (`go1.27.3`) print.
pub(crate) fn find(text: &str) -> Option<Version> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')))
        .filter_map(|word| Version::parse(word.trim_start_matches(|c: char| c.is_ascii_alphabetic())).ok())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        find(text).map(|v| v.to_string())
    }

    #[test]
    fn what_the_tools_print() {
        let envoy = "\nenvoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(found(envoy).as_deref(), Some("1.40.0"));
        let dev = "envoy  version: 9e55/1.40.0-dev/Modified/RELEASE/BoringSSL";
        assert_eq!(found(dev).as_deref(), Some("1.40.0-dev"));
        assert_ne!(find(dev), find(envoy), "a development build is not the release");
        let prometheus = "prometheus, version 3.15.0 (branch: , revision: unknown)\n  go version: go1.27.3\n";
        assert_eq!(found(prometheus).as_deref(), Some("3.15.0"));
        assert_eq!(found("go version go1.26.8 linux/amd64").as_deref(), Some("1.26.8"));
        assert_eq!(found("v0.34.2").as_deref(), Some("0.34.2"));
    }

    #[test]
    fn what_is_no_version() {
        for text in ["", "unknown", "1.40", "1.2.3.4", "go1.28rc1", "(devel)", "\u{ff11}.2.3"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
