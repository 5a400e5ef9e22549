//! Which request headers end at the proxy: attribution is the user's own business, not the provider's.

use serde::Deserialize;

use super::ConfigError;
#[cfg(feature = "json-schema")]
use super::json_schema;
use super::source::check_token;
use crate::head::Head;

/// Names of request headers that do not go on; a `*` at the end stands for anything.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(inline, transform = json_schema::header_patterns))]
#[serde(transparent)]
pub struct StripHeaders(Vec<String>);

/// The headers of this product's own.
impl Default for StripHeaders {
    fn default() -> Self {
        Self(vec!["x-genops-*".to_owned()])
    }
}

impl StripHeaders {
    /// Those of `head` that do not go on, each name once.
    pub fn of<'a>(&self, head: &Head<'a>) -> Vec<&'a str> {
        // Nearly always empty, and then nothing is allocated.
        let mut found = Vec::new();
        for (name, _) in head.iter() {
            let fits = |pattern: &String| match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning.as_bytes()),
                None => name == pattern.as_bytes(),
            };
            if self.0.iter().any(fits)
                && let Ok(name) = str::from_utf8(name)
                && !found.contains(&name)
            {
                found.push(name);
            }
        }
        found
    }

    pub(super) fn check(&mut self) -> Result<(), ConfigError> {
        for (at, name) in self.0.iter_mut().enumerate() {
            name.make_ascii_lowercase();
            let path = format!("strip_headers[{at}]");
            let allowed = "a header name, or the beginning of some and `*`, such as `x-genops-*`";
            check_token(&path, name, allowed)?;
            let beginning = name.strip_suffix('*').unwrap_or(name);
            if beginning.is_empty() || beginning.contains('*') {
                return Err(ConfigError::new(path, format!("{name:?}"), allowed));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(patterns: &[&str], names: &[&str]) -> Vec<String> {
        let mut strip = StripHeaders(patterns.iter().map(|p| (*p).to_owned()).collect());
        strip.check().expect("good patterns");
        let head: Head<'_> = names.iter().map(|name| (*name, "v")).collect();
        strip.of(&head).into_iter().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn names_and_beginnings() {
        let names = [":path", "x-genops-team", "x-genops", "x-genops-", "x-team", "x-genops-team", "authorization"];
        let default = stripped(&["x-genops-*"], &names);
        assert_eq!(default, ["x-genops-team", "x-genops-"]);
        assert_eq!(stripped(&["X-Team"], &names), ["x-team"]);
        assert!(stripped(&[], &names).is_empty());
    }

    #[test]
    fn patterns_that_would_take_everything_are_refused() {
        for bad in ["*", "", "x-*-team", "**", "x y", ":path"] {
            let refused = StripHeaders(vec![bad.to_owned()]).check().expect_err(bad).to_string();
            assert!(refused.starts_with("strip_headers[0]: found"), "{refused}");
        }
    }
}
