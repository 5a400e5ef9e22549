//! From litellm's `model_prices_and_context_window.json` to book files.
//!
//! Its figures are taken as they are printed, per token, and its keys by their grammar ([`key`]). What the book cannot
//! say is listed ([`LeftOut`]) and not written. litellm's own rules for models without an entry (half a price for a
//! batch, a price by the size in a name, rules without prices) are guesses and are not followed.

mod book;
mod decimal;
mod entry;
mod key;
mod name;
mod report;
mod sheet;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use genops_core::price::book::{Complaint, Kind, Model, ProviderFile, UniqueMap, check};
use serde::Deserialize;
use serde_json::{Map, Value};

use entry::Entry;
pub use report::LeftOut;
pub(crate) use sheet::Condition;

/// An entry that shows what there can be, and one with rules for names: neither is a model.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Who is who (`data/litellm.json`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// litellm's ids to the filter's.
    providers: BTreeMap<String, String>,
    /// The filter's ids of those at whom a limit of a context belongs to the longer one.
    inclusive: BTreeSet<String>,
    /// What tiers are called on the wire, by the filter's id.
    values: BTreeMap<String, book::Values>,
}

/// The models of one provider, by their name in lower case.
type Models = BTreeMap<String, Found>;

/// What was read of a model: from where, and what.
struct Found {
    key: String,
    name: String,
    mode: String,
    entry: Entry,
    /// Something of its price was left out.
    lacks: bool,
    rank: Rank,
}

/// Which of several entries for one name counts, the least: one that costs something, by litellm's own name for the
/// provider, with that name in front (litellm itself looks there first), without a zone that means everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    zero: bool,
    provider: String,
    bare: bool,
    key_len: usize,
}

/// The book files of a list, and what of it is not in them.
///
/// `source` names the list, `checked_on` is a UTC day (`YYYY-MM-DD`).
///
/// # Errors
/// A file that cannot be read or that is not of litellm's shape.
pub fn litellm(file: &Path, source: &str, checked_on: &str) -> Result<(Vec<ProviderFile>, LeftOut)> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let entries: UniqueMap<Map<String, Value>> = serde_json::from_str(&text::quote_numbers(&text))
        .with_context(|| format!("{} is not litellm's price list", file.display()))?;
    let table: Table = serde_json::from_str(include_str!("../../../data/litellm.json")).context("data/litellm.json")?;
    let mut left = LeftOut::default();
    let mut found: BTreeMap<&str, Models> = BTreeMap::new();
    let mut places = Vec::new();
    for (key, fields) in entries.iter().filter(|(key, _)| !NO_MODELS.contains(key)) {
        let Some(theirs) = fields.get("litellm_provider").and_then(Value::as_str) else {
            left.add("has no litellm_provider", key);
            continue;
        };
        let Some(id) = table.providers.get(theirs) else {
            left.add("its provider is none of the filter's", format!("{theirs}: {key}"));
            continue;
        };
        let name = match name::parse(key, theirs) {
            Ok(name) => name,
            Err(reason) => {
                left.add(reason, format!("{id}: {key}"));
                continue;
            }
        };
        let (entry, fields_left) = entry::read(fields, table.inclusive.contains(id));
        let lacks = !fields_left.is_empty();
        for (field, reason) in fields_left {
            left.add(format!("{field} {reason}"), format!("{id}: {key}"));
        }
        let mode = fields.get("mode").and_then(Value::as_str).unwrap_or_default().to_owned();
        let zero = entry.sheet.is_zero();
        let rank = Rank { zero, provider: theirs.to_owned(), bare: !name.qualified, key_len: key.len() };
        let new = Found { key: key.to_owned(), name: name.model.to_owned(), mode, entry, lacks, rank };
        if name.when.is_empty() {
            add(found.entry(id).or_default(), id, new, &mut left);
        } else {
            places.push((id, name.when, new));
        }
    }
    for (id, when, special) in places {
        add_special(found.entry(id).or_default(), id, &when, special, &mut left);
    }
    let none = book::Values::new();
    let mut files = Vec::new();
    for (id, models) in found {
        let values = table.values.get(id).unwrap_or(&none);
        let priced: Vec<_> = models.into_values().filter_map(|found| finish(id, found, values, &mut left)).collect();
        let mut file = ProviderFile { models: priced.into_iter().collect(), ..super::empty(id, source, checked_on)? };
        drop_unsound(&mut file, &mut left);
        files.extend((!file.models.is_empty()).then_some(file));
    }
    Ok((files, left))
}

/// Adds a model; of several entries for one name the first by rank counts.
fn add(models: &mut Models, id: &str, new: Found, left: &mut LeftOut) {
    let name = new.name.to_lowercase();
    let Some(known) = models.get_mut(&name) else {
        models.insert(name, new);
        return;
    };
    let same = known.entry == new.entry;
    let other = if new.rank < known.rank { std::mem::replace(known, new) } else { new };
    if same {
        return;
    }
    left.add("another entry for the same name has other rates", format!("{id}: {} (kept: {})", other.key, known.key));
}

/// Adds what a model costs at a place, in a size or in a quality.
fn add_special(models: &mut Models, id: &str, when: &[Condition], special: Found, left: &mut LeftOut) {
    let what = || format!("{id}: {}", special.key);
    let Some(model) = models.get_mut(&special.name.to_lowercase()) else {
        left.add("the price of a place, a size or a quality, where the plain price is not listed", what());
        return;
    };
    let tokens = |entry: &Entry| entry.sheet.base.rates.keys().any(|dimension| dimension.kind() == Kind::Token);
    if tokens(&model.entry) && !tokens(&special.entry) {
        left.add("says by image what is billed by tokens", what());
        return;
    }
    if !special.entry.multipliers.is_empty() || special.entry.off_peak.is_some() {
        left.add("has multipliers or hours of a place", what());
    }
    let mut sheet = special.entry.sheet;
    sheet.settle(&special.mode);
    let base = std::mem::take(&mut sheet.base);
    for (more, laid) in std::iter::once((Vec::new(), base)).chain(sheet.varied) {
        let mut all: Vec<_> = when.to_vec();
        all.extend(more);
        all.sort();
        *model.entry.sheet.laid_mut(all) = laid;
    }
}

/// The model of the book, `None` if nothing can be said of it.
fn finish(id: &str, found: Found, values: &book::Values, left: &mut LeftOut) -> Option<(String, Model)> {
    let Found { key, name, mode, mut entry, lacks, .. } = found;
    let what = format!("{id}: {key}");
    entry.sheet.settle(&mode);
    for (when, problem) in entry.sheet.take_half_said() {
        let when: Vec<_> = when.iter().map(|(key, value)| format!("{} {value}", key.as_str())).collect();
        left.add(format!("{} {problem}", when.join(", ")), &what);
    }
    if entry.sheet.base.rates.is_empty() && entry.sheet.varied.is_empty() {
        left.add(if lacks { "nothing is left of its price" } else { "has no price" }, what);
        return None;
    }
    if entry.sheet.is_zero() {
        left.add("everything is 0: that does not tell free from unknown", what);
        return None;
    }
    Some((name, book::model(entry, values)))
}

/// Takes out models that the book's own check refuses: they would be billed wrong.
fn drop_unsound(file: &mut ProviderFile, left: &mut LeftOut) {
    let complaints = check(&[(file.provider.clone(), file.clone())]);
    let mut unsound = BTreeSet::new();
    for Complaint { provider, model, field, problem } in complaints {
        let Some(model) = model else { continue };
        let rate = field.rsplit("rates.").next().unwrap_or(&field).to_owned();
        if unsound.insert(model.clone()) {
            left.add(format!("{rate} {problem}"), format!("{provider}: {model}"));
        }
    }
    file.models.0.retain(|(name, _)| !unsound.contains(name));
}
