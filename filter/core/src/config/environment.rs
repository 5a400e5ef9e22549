//! What the VM's environment says where the configuration is silent: the variables by which the source systems' exporters are
//! set up. Envoy gives a VM only those that its `vm_config.environment_variables` names.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::{Config, ConfigError};
use crate::schema::Label;

/// Variables, and the key of the configuration that each stands in for.
pub const VARIABLES: [(&str, &str); 7] = [
    ("PROMETHEUS_NAMESPACE", "namespace"),
    ("PROMETHEUS_MAX_CARDINALITY", "max_label_cardinality"),
    ("PROMETHEUS_SAMPLING_RATE", "sampling_rate"),
    ("PROMETHEUS_INCLUDE_LABELS", "include_labels"),
    ("PROMETHEUS_EXCLUDE_LABELS", "exclude_labels"),
    ("PROMETHEUS_METRICS_PATH", "scrape.path"),
    ("METRICS_ENV", "labels.environment"),
];

impl Config {
    /// Fills in what `json`, of which this is the reading, does not say. Gives the variables that were used, by key.
    pub(super) fn fill_in(
        &mut self,
        json: &[u8],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<&'static str, &'static str>, ConfigError> {
        let written: BTreeMap<String, IgnoredAny> = serde_json::from_slice(json).unwrap_or_default();
        let mut used = BTreeMap::new();
        for (name, key) in VARIABLES {
            let Some(value) = variable(name).filter(|value| !value.is_empty()) else { continue };
            let silent = match key {
                "namespace" if !written.contains_key(key) => {
                    self.namespace = value;
                    true
                }
                "max_label_cardinality" if !written.contains_key(key) => {
                    self.max_label_cardinality = value
                        .trim()
                        .parse()
                        .map_err(|_| ConfigError::new(in_environment(name), format!("{value:?}"), "a whole number"))?;
                    true
                }
                "sampling_rate" if !written.contains_key(key) => {
                    self.sampling_rate = serde_json::from_str(&value).map_err(|error| ConfigError {
                        path: in_environment(name),
                        problem: format!("found {value:?}: {error}"),
                    })?;
                    true
                }
                "include_labels" if !written.contains_key(key) => {
                    self.include_labels = list(&value);
                    true
                }
                "exclude_labels" if !written.contains_key(key) => {
                    self.exclude_labels = list(&value);
                    true
                }
                // It names the path, it does not open the endpoint.
                "scrape.path" => self.scrape.as_mut().is_some_and(|scrape| scrape.set_default_path(value)),
                "labels.environment" => self.labels.set_default(Label::Environment, value),
                _ => false,
            };
            if silent {
                used.insert(key, name);
            }
        }
        Ok(used)
    }
}

/// What stands between commas.
fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
}

/// How errors name a variable.
pub(super) fn in_environment(variable: &str) -> String {
    format!("{variable} in the VM's environment")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let of = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Config::parse_in(json.as_bytes(), of)
    }

    const ALL: [(&str, &str); 6] = [
        ("PROMETHEUS_SAMPLING_RATE", "0.5"),
        ("PROMETHEUS_EXCLUDE_LABELS", "feature, trace_id"),
        ("PROMETHEUS_NAMESPACE", "acme"),
        ("PROMETHEUS_MAX_CARDINALITY", "77"),
        ("PROMETHEUS_METRICS_PATH", "/genops"),
        ("METRICS_ENV", "prod"),
    ];

    #[test]
    fn the_environment_stands_in_for_what_is_not_said() {
        let same = |json: &str, said: &str| {
            assert_eq!(parse(json, &ALL).expect(json), parse(said, &[]).expect(said), "{json}");
        };
        let rest = r#""sampling_rate": 0.5, "exclude_labels": ["feature", "trace_id"], "namespace": "acme", "max_label_cardinality": 77, "labels": {"environment": "prod"}"#;
        same("", &format!("{{{rest}}}"));
        same("{}", &format!("{{{rest}}}"));
        same(r#"{"scrape": {}}"#, &format!(r#"{{{rest}, "scrape": {{"path": "/genops"}}}}"#));
        let labels = r#""labels": {"team": "a", "environment": {"header": "x-env"}}"#;
        same(
            &format!(
                r#"{{{labels}, "namespace": "b", "scrape": {{"path": "/m"}}, "max_label_cardinality": 5,
                "sampling_rate": 1, "exclude_labels": []}}"#
            ),
            &format!(r#"{{{labels}, "namespace": "b", "scrape": {{"path": "/m"}}, "max_label_cardinality": 5}}"#),
        );
        assert_eq!(parse("{}", &[("METRICS_ENV", ""), ("OTHER", "x")]).expect("empty is unset"), Config::default());
    }

    #[test]
    fn errors_name_the_variable() {
        for (name, value, parts) in [
            ("PROMETHEUS_MAX_CARDINALITY", "many", ["found \"many\"", "a whole number"]),
            ("PROMETHEUS_MAX_CARDINALITY", "0", ["found 0", "from 1 to 1000000"]),
            ("PROMETHEUS_NAMESPACE", "a b", ["found \"a b\"", "a prefix of"]),
            ("PROMETHEUS_SAMPLING_RATE", "half", ["found \"half\"", ""]),
            ("PROMETHEUS_INCLUDE_LABELS", "teem", ["teem", ""]),
            ("PROMETHEUS_METRICS_PATH", "metrics", ["found \"metrics\"", "from its `/` on"]),
        ] {
            let said = parse(r#"{"scrape": {}}"#, &[(name, value)]).expect_err(value).to_string();
            assert!(said.starts_with(&format!("{name} in the VM's environment: ")), "{said}");
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
        // It is a constant, and must be a value that the label takes.
        let said = parse("{}", &[("METRICS_ENV", &"x".repeat(65))]).expect_err("too long").to_string();
        assert!(said.starts_with("METRICS_ENV in the VM's environment: "), "{said}");
    }
}
