//! From rules for names to names.

use std::collections::{BTreeMap, BTreeSet};

use genops_core::price::book::{GEO_PREFIXES, takes_date, without_date};

use super::genai::{Model, Provider};
use super::names::KnownNames;
use super::owner::Owner;

/// How one model may be written.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    /// The name that the book goes by.
    pub(super) id: String,
    /// Others, in lower case, without those that a date or a region makes of them.
    pub(super) alias: Vec<String>,
    /// A date may follow.
    pub(super) dated: bool,
    /// Regions that may stand in front.
    pub(super) geo: Vec<String>,
}

/// A day that no snapshot has, in the ways in which it may follow a name.
const PROBES: [&str; 3] = ["-2093-04-05", "-20930405", "@20930405"];

/// How each model of a provider may be written, in the order of the list. `None`: no name leads to it.
///
/// `served` are the providers whose models it serves too: its own rules come first, so it has to list what they take
/// of the others' names.
pub(super) fn spellings(
    provider: &Provider,
    owner: &Owner,
    served: &[(&Provider, &Owner)],
    known: &KnownNames,
) -> Vec<Option<Spelling>> {
    let rules = Rules(provider);
    let mut candidates = candidates(provider, owner, known);
    candidates.extend(served.iter().flat_map(|(provider, owner)| self::candidates(provider, owner, known)));
    let mut names: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); provider.models.len()];
    // Where no name of the provider's own holds a slash, one in a foreign list stands behind a provider or a region.
    let mut literals = provider.models.iter().flat_map(|model| model.clause.literals());
    let slashed = literals.any(|(literal, _)| literal.trim_start_matches('/').contains('/'));
    let proper = |name: &&String| !name.contains(char::is_whitespace) && (slashed || !name.contains('/'));
    for name in candidates.iter().filter(proper) {
        if let Some(set) = rules.model(name).and_then(|index| names.get_mut(index)) {
            set.insert(name);
        }
    }
    let spelling = |(model, names): (&Model, &BTreeSet<&str>)| rules.spelling(owner, model, names);
    let mut spellings: Vec<Option<Spelling>> = provider.models.iter().zip(&names).map(spelling).collect();
    drop_duplicates(&mut spellings);
    spellings
}

/// Names that the rules of a provider may be meant for.
fn candidates(provider: &Provider, owner: &Owner, known: &KnownNames) -> BTreeSet<String> {
    let mut candidates: BTreeSet<String> = known.of(owner).map(ToOwned::to_owned).collect();
    for model in &provider.models {
        candidates.insert(model.id.to_lowercase());
        for (literal, whole) in model.clause.literals() {
            let literal = literal.trim_start_matches('/').to_lowercase();
            if whole || is_whole(&literal) {
                let fits = |suffix: &&String| takes_suffix(&literal, suffix);
                candidates.extend(owner.suffixes.iter().filter(fits).map(|suffix| format!("{literal}{suffix}")));
                candidates.insert(literal);
            }
        }
    }
    candidates
}

/// Whether a literal of a rule is a name and not the start of one: those end in a separator or inside a date.
fn is_whole(literal: &str) -> bool {
    !literal.ends_with(['-', '@', '/', '.', ':', '_']) && !literal.ends_with("-2025") && !literal.ends_with("-0")
}

/// Whether an ending makes sense behind a name: no version after a version, nothing after a preview.
fn takes_suffix(name: &str, suffix: &str) -> bool {
    let versioned = name.rsplit_once("-v").is_some_and(|(_, n)| n.bytes().all(|b| b.is_ascii_digit() || b == b':'));
    let settled = ["-preview", "-latest", suffix].iter().any(|end| name.ends_with(end));
    let doubled = versioned && suffix.starts_with("-v");
    !settled && !doubled && takes_date(name)
}

/// The list's own way from a name to a model.
struct Rules<'a>(&'a Provider);

impl Rules<'_> {
    /// The number of the first model that matches; a compact date is read as a dashed one where nothing does.
    fn model(&self, name: &str) -> Option<usize> {
        let first = |name: &str| self.0.models.iter().position(|model| model.clause.matches(name));
        first(name).or_else(|| first(&dashed_date(name)?))
    }

    fn spelling(&self, owner: &Owner, model: &Model, names: &BTreeSet<&str>) -> Option<Spelling> {
        let own = |name: &str| self.model(name).is_some_and(|at| std::ptr::eq(&raw const self.0.models[at], model));
        // "ft:gpt-3.5-turbo-" is a rule, not a name.
        let id = match model.id.trim_end_matches('-') {
            trimmed if own(&trimmed.to_lowercase()) => trimmed,
            _ => &model.id,
        };
        let mut alias: BTreeSet<&str> =
            names.iter().copied().filter(|name| !name.ends_with('-') && *name != id.to_lowercase()).collect();
        if alias.is_empty() && !own(&id.to_lowercase()) {
            return None;
        }
        let lower = id.to_lowercase();
        let all: Vec<&str> = alias.iter().copied().chain([lower.as_str()]).collect();
        let takes = |name: &&&str| takes_date(name);
        let leads = |name: &str, probe: &str| self.model(&format!("{name}{probe}")).map(|at| &self.0.models[at].id);
        let found: BTreeSet<_> =
            all.iter().filter(takes).flat_map(|name| PROBES.iter().filter_map(|probe| leads(name, probe))).collect();
        // Bedrock's names carry dates inside, before their version.
        let dated = !owner.regions && found.len() == 1 && found.contains(&model.id);
        if dated {
            let undated = |name: &str| without_date(name).any(|base| all.contains(&base) && takes_date(base));
            let redundant: Vec<&str> = alias.iter().copied().filter(|name| undated(name)).collect();
            redundant.iter().for_each(|name| _ = alias.remove(name));
        }
        let geo = if owner.regions { self.regions(&all, &own) } else { Vec::new() };
        let regional = |name: &str| {
            let (prefix, rest) = name.split_once('.')?;
            (geo.iter().any(|g| g == prefix) && all.contains(&rest)).then_some(())
        };
        alias.retain(|name| regional(name).is_none());
        let alias = alias.into_iter().map(ToOwned::to_owned).collect();
        Some(Spelling { id: id.to_owned(), alias, dated, geo })
    }

    /// Regions that may stand before every vendor-qualified name of a model.
    fn regions(&self, names: &[&str], own: &dyn Fn(&str) -> bool) -> Vec<String> {
        let plain = |name: &&&str| {
            name.split_once('.').is_some_and(|(first, _)| !GEO_PREFIXES.contains(&first) && first != "regional")
                && !name.starts_with("claude")
        };
        let bases: Vec<&&str> = names.iter().filter(plain).collect();
        let open = |prefix: &&&str| {
            **prefix != "global" && !bases.is_empty() && bases.iter().all(|base| own(&format!("{prefix}.{base}")))
        };
        GEO_PREFIXES.iter().filter(open).map(|prefix| (*prefix).to_owned()).collect()
    }
}

/// `-20930405` as `-2093-04-05`.
fn dashed_date(name: &str) -> Option<String> {
    let (base, date) = name.rsplit_once('-')?;
    let digits = date.len() == 8 && date.starts_with("20") && date.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("{base}-{}-{}-{}", &date[..4], &date[4..6], &date[6..]))
}

/// A name that two models end up with belongs to the one that the list names first.
fn drop_duplicates(spellings: &mut [Option<Spelling>]) {
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (index, spelling) in spellings.iter().enumerate() {
        if let Some(spelling) = spelling {
            owners.entry(spelling.id.to_lowercase()).or_insert(index);
        }
    }
    for (index, slot) in spellings.iter_mut().enumerate() {
        let Some(spelling) = slot else { continue };
        spelling.alias.retain(|name| *owners.entry(name.clone()).or_insert(index) == index);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `id | aliases | dated | regions` of each model of a provider with these rules.
    fn spelled(regions: bool, rules: &serde_json::Value) -> anyhow::Result<Vec<String>> {
        let model = |(id, clause)| json!({"id": id, "match": clause, "prices": {}, "variants": []});
        let models: Vec<_> = rules.as_object().into_iter().flatten().map(model).collect();
        let provider: Provider = serde_json::from_value(json!({"id": "acme", "fallback": null, "models": models}))?;
        let owner: Owner =
            serde_json::from_value(json!({"genai": "acme", "id": "acme", "regions": regions, "suffixes": ["-v1"]}))?;
        let spelled = spellings(&provider, &owner, &[], &KnownNames::default());
        let text = |s: Spelling| format!("{} | {} | {} | {}", s.id, s.alias.join(" "), s.dated, s.geo.join(" "));
        Ok(spelled.into_iter().map(|s| s.map_or_else(|| "-".to_owned(), text)).collect())
    }

    #[test]
    fn rules_become_names_and_dates_become_a_flag() -> anyhow::Result<()> {
        let rules = json!({
            "a-model": {"or": [{"equals": "a-model"}, {"regex": "^a-model-\\d{4}-\\d{2}-\\d{2}$"}]},
            "b-model": {"or": [{"equals": "b-model"}, {"equals": "b-model-2026-01-01"}]},
            "c-model-": {"starts_with": "c-model-"},
        });
        let expected = ["a-model |  | true | ", "b-model | b-model-2026-01-01 | false | ", "c-model- |  | true | "];
        assert_eq!(spelled(false, &rules)?, expected);
        Ok(())
    }

    #[test]
    fn the_first_rule_that_matches_keeps_the_name() -> anyhow::Result<()> {
        let rules = json!({
            "a": {"or": [{"equals": "a"}, {"ends_with": "-b"}]},
            "a-b": {"equals": "a-b"},
        });
        assert_eq!(spelled(false, &rules)?, ["a | -b a-b | false | ", "-"]);
        Ok(())
    }

    #[test]
    fn regions_become_a_list() -> anyhow::Result<()> {
        let rules = json!({
            "global.x.m-v1:0": {"contains": "global.x.m"},
            "regional.x.m-v1:0": {"or": [{"starts_with": "x.m"}, {"contains": "us.x.m"}, {"contains": "eu.x.m"}]},
        });
        assert_eq!(
            spelled(true, &rules)?,
            ["global.x.m-v1:0 | global.x.m global.x.m-v1 | false | ", "regional.x.m-v1:0 | x.m x.m-v1 | false | us eu"]
        );
        Ok(())
    }
}
