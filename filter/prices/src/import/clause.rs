//! How genai-prices recognises a model's name.

use fancy_regex::Regex;
use serde::Deserialize;

/// A condition on a name in lower case. Literals are compared without case.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Regex(Expression),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

/// A Python expression, searched for; the few in use read the same in Rust.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Expression(Regex);

impl TryFrom<String> for Expression {
    type Error = fancy_regex::Error;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        Regex::new(&pattern).map(Self)
    }
}

impl Clause {
    /// Whether a name, in lower case, is meant.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Equals(literal) => name == literal.to_lowercase(),
            Self::StartsWith(literal) => name.starts_with(&literal.to_lowercase()),
            Self::EndsWith(literal) => name.ends_with(&literal.to_lowercase()),
            Self::Contains(literal) => name.contains(&literal.to_lowercase()),
            // A pattern too hard to decide does not match: the engine's limit, which none of the list's comes near.
            Self::Regex(Expression(pattern)) => pattern.is_match(name).unwrap_or(false),
            Self::Or(clauses) => clauses.iter().any(|clause| clause.matches(name)),
            Self::And(clauses) => clauses.iter().all(|clause| clause.matches(name)),
        }
    }

    /// Every literal in it, and whether it is a whole name for sure.
    pub(super) fn literals(&self) -> Vec<(&str, bool)> {
        match self {
            Self::Equals(literal) => vec![(literal, true)],
            Self::StartsWith(literal) | Self::EndsWith(literal) | Self::Contains(literal) => vec![(literal, false)],
            Self::Regex(_) => Vec::new(),
            Self::Or(clauses) | Self::And(clauses) => clauses.iter().flat_map(Self::literals).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_read_as_genai_prices_reads_them() -> anyhow::Result<()> {
        let clause: Clause = serde_json::from_str(
            r#"{"and": [{"starts_with": "Gemini-2.5-pro"}, {"regex": "^(?!.*-[tT][tT][sS](?:$|-))"}]}"#,
        )?;
        assert!(clause.matches("gemini-2.5-pro-preview-06-05"));
        assert!(!clause.matches("gemini-2.5-pro-preview-tts"));
        assert!(!clause.matches("models/gemini-2.5-pro"));
        let clause: Clause = serde_json::from_str(r#"{"or": [{"equals": "GLM-5.3"}, {"ends_with": "/glm-5.3"}]}"#)?;
        assert!(clause.matches("glm-5.3") && clause.matches("x/glm-5.3") && !clause.matches("glm-5.3-air"));
        assert_eq!(clause.literals(), [("GLM-5.3", true), ("/glm-5.3", false)]);
        Ok(())
    }
}
