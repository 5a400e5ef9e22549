//! From a public price list to the book.
//!
//! The list's own rules for names (prefixes, "contains", expressions) are followed once, here, over lists of names that
//! are known to exist, and what comes out is written as plain names. So the book never accepts a name that nobody has
//! seen, and the filter needs no expressions.

mod clause;
mod fetch;
mod genai;
mod litellm;
mod names;
mod owner;
mod rates;
mod spelling;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use genops_core::price::book::{ProviderFile, SCHEMA, UniqueMap, Unlisted};

use genai::Provider;
use names::KnownNames;
use owner::{Owner, Owners};

pub(crate) use litellm::Condition;
pub use litellm::{LeftOut, litellm};

/// The package whose prices are imported; a new version is a change of this line and a new import.
pub const GENAI_PRICES: &str = "genai-prices==0.2.3";

/// The book's files from genai-prices: from a dump of it, or from the pinned package.
///
/// `names` are files with further model names; `checked_on` is a UTC day (`YYYY-MM-DD`).
///
/// # Errors
/// A package that cannot be fetched, or data that this importer does not understand: it never leaves anything out
/// silently.
pub fn genai_prices(dump: Option<&Path>, names: &[PathBuf], checked_on: &str) -> Result<Vec<ProviderFile>> {
    let text = match dump {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => fetch::dump(GENAI_PRICES)?,
    };
    let providers: Vec<Provider> = serde_json::from_str(&text).context("the dump of genai-prices")?;
    let owners = Owners::read()?;
    for provider in &providers {
        ensure!(owners.knows(&provider.id), "provider {} is in no list of data/providers.json", provider.id);
    }
    let known = KnownNames::read(names, &owners)?;
    let mut files = Vec::new();
    for owner in &owners.providers {
        let provider = providers.iter().find(|provider| provider.id == owner.genai);
        let provider = provider.with_context(|| format!("{} is not in the dump", owner.genai))?;
        let file = provider_file(provider, owner, &providers, &owners, &known, checked_on);
        files.push(file.with_context(|| provider.id.clone())?);
        for id in &owner.same {
            files.push(ProviderFile {
                same_as: Some(owner.id.clone()),
                unlisted: None,
                models: UniqueMap::default(),
                provider: id.clone(),
                ..empty(&owner.id, &from_genai(), checked_on)?
            });
        }
    }
    Ok(files)
}

fn from_genai() -> String {
    GENAI_PRICES.replace("==", " ") + " (MIT)"
}

/// A provider's file without a model.
fn empty(provider: &str, source: &str, checked_on: &str) -> Result<ProviderFile> {
    Ok(ProviderFile {
        schema: SCHEMA,
        provider: provider.to_owned(),
        source: source.to_owned(),
        checked_on: checked_on.parse().map_err(anyhow::Error::msg)?,
        same_as: None,
        unlisted: Some(Unlisted::Parent),
        reasoning_beside: false,
        fallback: Vec::new(),
        free_suffix: None,
        calendars: UniqueMap::default(),
        models: UniqueMap::default(),
    })
}

fn provider_file(
    provider: &Provider,
    owner: &Owner,
    providers: &[Provider],
    owners: &Owners,
    known: &KnownNames,
    checked_on: &str,
) -> Result<ProviderFile> {
    let mut served = Vec::new();
    for id in provider.fallback.iter().flatten() {
        let other =
            providers.iter().find(|other| other.id == *id).with_context(|| format!("{id} is not in the dump"))?;
        served.push((other, owners.of(id)?));
    }
    let spellings = spelling::spellings(provider, owner, &served, known);
    let mut models = Vec::new();
    for (model, spelling) in provider.models.iter().zip(spellings) {
        let Some(spelling) = spelling else {
            eprintln!("{}: {} is left out: names that stand before it take all of its own", owner.id, model.id);
            continue;
        };
        let free = owner.free.contains(&model.id) || model.id.ends_with(":free");
        let id = spelling.id.clone();
        let priced = rates::model(model, owner, spelling, free).with_context(|| model.id.clone())?;
        models.push((id, priced));
    }
    models.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(ProviderFile {
        fallback: served.iter().map(|(_, owner)| owner.id.clone()).collect(),
        reasoning_beside: owner.reasoning_beside,
        free_suffix: owner.free_suffix.clone(),
        models: UniqueMap(models),
        ..empty(&owner.id, &from_genai(), checked_on)?
    })
}
