//! Who is who: genai-prices' and litellm's provider ids to the filter's (`data/providers.json`).

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owners {
    pub(super) providers: Vec<Owner>,
    /// genai-prices' ids that are not imported, and why.
    skipped: BTreeMap<String, String>,
}

/// One provider, and what its list does not say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    /// genai-prices' id.
    pub(super) genai: String,
    /// The filter's.
    pub(super) id: String,
    /// Further ids of the filter with the same prices.
    #[serde(default)]
    pub(super) same: Vec<String>,
    /// litellm's ids.
    #[serde(default)]
    pub(super) litellm: Vec<String>,
    /// Endings that its names are known to carry.
    #[serde(default)]
    pub(super) suffixes: Vec<String>,
    /// Names may carry a region in front (Bedrock).
    #[serde(default)]
    pub(super) regions: bool,
    /// Models without prices that are free of charge; others without prices are not known to be.
    #[serde(default)]
    pub(super) free: Vec<String>,
    /// See the book's `free_suffix`.
    #[serde(default)]
    pub(super) free_suffix: Option<String>,
    /// See the book's `reasoning_beside`.
    #[serde(default)]
    pub(super) reasoning_beside: bool,
    /// Web searches are reported but not billed apart, unless they have a rate (Perplexity: the request fee).
    #[serde(default)]
    pub(super) search_included: bool,
}

impl Owners {
    pub(super) fn read() -> Result<Self> {
        serde_json::from_str(include_str!("../../data/providers.json")).context("data/providers.json")
    }

    /// Whether a genai-prices id is imported or skipped on purpose.
    pub(super) fn knows(&self, genai: &str) -> bool {
        self.skipped.contains_key(genai) || self.providers.iter().any(|owner| owner.genai == genai)
    }

    /// Who stands behind a genai-prices id.
    pub(super) fn of(&self, genai: &str) -> Result<&Owner> {
        let owner = self.providers.iter().find(|owner| owner.genai == genai);
        owner.with_context(|| format!("{genai} is in no list of data/providers.json"))
    }
}
