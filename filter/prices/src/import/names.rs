//! Model names that are known to exist, by provider: what the list's open rules are tried on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::owner::{Owner, Owners};

/// In lower case, by the filter's provider id.
#[derive(Debug, Default)]
pub(super) struct KnownNames(BTreeMap<String, BTreeSet<String>>);

/// The part of litellm's entries that is of use: whose name it is.
#[derive(Deserialize)]
struct LitellmEntry {
    litellm_provider: Option<String>,
}

impl KnownNames {
    /// Our own list (`data/names.json`) and further files.
    pub(super) fn read(files: &[PathBuf], owners: &Owners) -> Result<Self> {
        let own = serde_json::from_str(include_str!("../../data/names.json")).context("data/names.json")?;
        let own: BTreeMap<String, Vec<String>> = own;
        let mut known = Self::default();
        for (id, names) in own {
            let owner = owners.providers.iter().find(|owner| owner.id == id);
            let owner = owner.with_context(|| format!("data/names.json: {id} is no provider"))?;
            names.iter().for_each(|name| known.add(owner, name));
        }
        for path in files {
            known.add_file(path, owners).with_context(|| path.display().to_string())?;
        }
        Ok(known)
    }

    /// The names of a provider.
    pub(super) fn of(&self, owner: &Owner) -> impl Iterator<Item = &str> {
        self.0.get(&owner.id).into_iter().flatten().map(String::as_str)
    }

    fn add(&mut self, owner: &Owner, name: &str) {
        self.0.entry(owner.id.clone()).or_default().insert(name.to_lowercase());
    }

    fn add_file(&mut self, path: &Path, owners: &Owners) -> Result<()> {
        match serde_json::from_str(&std::fs::read_to_string(path)?)? {
            Value::Object(entries) => {
                for (name, entry) in entries {
                    let entry: LitellmEntry = serde_json::from_value(entry)?;
                    let Some(id) = entry.litellm_provider else { continue };
                    for owner in owners.providers.iter().filter(|owner| owner.litellm.contains(&id)) {
                        spellings(&name, &id).for_each(|name| self.add(owner, name));
                    }
                }
            }
            Value::Array(rows) => {
                for row in rows {
                    let row: Vec<Value> = serde_json::from_value(row)?;
                    let [Value::String(provider), Value::String(name), ..] = &row[..] else {
                        bail!("a row is [provider, model, ...]");
                    };
                    for owner in owners.providers.iter().filter(|owner| owner.genai == *provider) {
                        self.add(owner, name);
                    }
                }
            }
            _ => bail!("is neither litellm's price list nor a list of [provider, model]"),
        }
        Ok(())
    }
}

/// litellm writes `provider/name`, `provider/region/name` or the name alone, and some names hold a slash themselves:
/// every tail behind its provider is tried, as only real names match.
fn spellings<'a>(name: &'a str, provider: &str) -> impl Iterator<Item = &'a str> {
    let own = name.split_once('/').filter(|(first, _)| provider.starts_with(first)).map_or(name, |(_, rest)| rest);
    let tails = own.match_indices('/').filter_map(|(at, _)| own.get(at + 1..));
    std::iter::once(own).chain(tails)
}

#[cfg(test)]
mod tests {
    use super::spellings;

    #[test]
    fn litellm_prefixes_come_off() {
        let tails = |name, provider| spellings(name, provider).collect::<Vec<_>>();
        assert_eq!(tails("gpt-4o", "openai"), ["gpt-4o"]);
        assert_eq!(tails("vertex_ai/claude-opus-4", "vertex_ai-anthropic_models"), ["claude-opus-4"]);
        assert_eq!(tails("azure/eu/gpt-4o", "azure"), ["eu/gpt-4o", "gpt-4o"]);
        assert_eq!(tails("groq/openai/gpt-oss-20b", "groq"), ["openai/gpt-oss-20b", "gpt-oss-20b"]);
    }
}
