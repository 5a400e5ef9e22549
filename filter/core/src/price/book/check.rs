//! Whether a book makes sense: what the shape alone cannot tell. Every complaint names provider, model and field.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::{Dimension, Kind, Model, ProviderFile, Rate, SCHEMA, Tier, UniqueMap};

/// Longest model name. Names on price lists stay below 100 bytes; a table entry keeps the length in one byte.
pub const MAX_NAME_BYTES: usize = 200;

/// Region prefixes of Bedrock's cross-region profiles. A model's list of them is kept as bits of 16.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
pub const GEO_PREFIXES: [&str; 9] = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "in", "global"];

/// Something that is wrong with the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// In which file.
    pub provider: String,
    /// At which model, if at one.
    pub model: Option<String>,
    /// Which field.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, model, field, problem } = self;
        match model {
            Some(model) => write!(f, "{provider}: {model}: {field}: {problem}"),
            None => write!(f, "{provider}: {field}: {problem}"),
        }
    }
}

struct Complaints<'a> {
    provider: &'a str,
    model: Option<&'a str>,
    found: Vec<Complaint>,
}

impl Complaints<'_> {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.found.push(Complaint {
            provider: self.provider.to_owned(),
            model: self.model.map(ToOwned::to_owned),
            field: field.into(),
            problem: problem.into(),
        });
    }
}

/// Everything that is wrong with a book. The string beside each file is its name without `.json`.
pub fn check(files: &[(String, ProviderFile)]) -> Vec<Complaint> {
    let ids: HashMap<&str, &ProviderFile> = files.iter().map(|(_, file)| (file.provider.as_str(), file)).collect();
    files.iter().flat_map(|(stem, file)| check_file(stem, file, &ids)).collect()
}

fn check_file(stem: &str, file: &ProviderFile, ids: &HashMap<&str, &ProviderFile>) -> Vec<Complaint> {
    let mut complaints = Complaints { provider: stem, model: None, found: Vec::new() };
    let c = &mut complaints;
    if file.schema != SCHEMA {
        c.add("schema", format!("{} is not known, this program reads {SCHEMA}", file.schema));
    }
    if file.provider != stem {
        c.add("provider", format!("{:?} does not match the file's name", file.provider));
    }
    if let Some(other) = &file.same_as {
        match ids.get(other.as_str()) {
            Some(other) if other.same_as.is_none() => {}
            _ => c.add("same_as", format!("{other:?} has no prices of its own")),
        }
        if !file.models.is_empty() || file.unlisted.is_some() || !file.fallback.is_empty() {
            c.add("same_as", "goes with no models, unlisted or fallback");
        }
        return complaints.found;
    }
    if file.unlisted.is_none() {
        c.add("unlisted", "is missing: say \"parent\" or \"unpriced\"");
    }
    for other in &file.fallback {
        if *other == file.provider || ids.get(other.as_str()).is_none_or(|o| o.same_as.is_some()) {
            c.add("fallback", format!("{other:?} has no prices of its own"));
        }
    }
    let mut names: HashMap<String, &str> = HashMap::new();
    for (id, model) in file.models.iter() {
        c.model = Some(id);
        for (field, name) in std::iter::once(("name", id)).chain(model.alias.iter().map(|a| ("alias", a.as_str()))) {
            check_name(c, field, name);
            // An alias may repeat its own model's name in lower case only: lookups fold case.
            if let Some(owner) = names.insert(name.to_ascii_lowercase(), id) {
                c.add(field, format!("{name:?} already names {owner:?}"));
            }
        }
        check_model(c, model);
    }
    complaints.found
}

fn check_name(c: &mut Complaints<'_>, field: &str, name: &str) {
    let odd = |ch: char| ch.is_control() || ch.is_whitespace();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(odd) {
        c.add(field, format!("{name:?} is not a name of 1 to {MAX_NAME_BYTES} bytes without white space"));
    }
}

fn check_model(c: &mut Complaints<'_>, model: &Model) {
    for prefix in &model.geo {
        if !GEO_PREFIXES.contains(&prefix.as_str()) {
            c.add("geo", format!("{prefix:?} is none of {}", GEO_PREFIXES.join(", ")));
        }
    }
    if model.free && !(model.prices.is_empty() && model.variants.is_empty()) {
        c.add("free", "goes with no prices");
    }
    if model.prices.is_empty() && !model.variants.is_empty() {
        c.add("variants", "need prices that they vary");
    }
    for (index, prices) in model.prices.iter().enumerate() {
        let field = format!("prices[{index}]");
        let priced = check_rates(c, &field, &prices.rates, &prices.tiers);
        check_coverage(c, &field, &priced);
        for (number, variant) in model.variants.iter().enumerate() {
            let varied = variant.rates.iter().filter_map(|(key, _)| Dimension::parse(key));
            check_coverage(
                c,
                &format!("{field} with variants[{number}]"),
                &priced.iter().copied().chain(varied).collect(),
            );
        }
    }
    for (index, variant) in model.variants.iter().enumerate() {
        let field = format!("variants[{index}]");
        check_rates(c, &field, &variant.rates, &variant.tiers);
        let plain = |value: &String| !value.is_empty() && *value == value.trim().to_ascii_lowercase();
        if variant.when.values().is_empty() || !variant.when.values().iter().all(plain) {
            c.add(format!("{field}.when"), "is a list of lower-case values");
        }
    }
}

/// Keys are dimensions, tiers rise and only change what has a rate. Returns what is priced.
fn check_rates(c: &mut Complaints<'_>, field: &str, rates: &UniqueMap<Rate>, tiers: &[Tier]) -> BTreeSet<Dimension> {
    let mut priced = BTreeSet::new();
    for (key, _) in rates.iter() {
        match Dimension::parse(key) {
            Some(dimension) => _ = priced.insert(dimension),
            None => c.add(format!("{field}.rates.{key}"), "is no dimension of the book"),
        }
    }
    if priced.is_empty() {
        c.add(format!("{field}.rates"), "has no rate");
    }
    let mut last = None;
    for (index, tier) in tiers.iter().enumerate() {
        let at = format!("{field}.tiers[{index}]");
        if last.is_some_and(|last| tier.over <= last) {
            c.add(format!("{at}.over"), "is not more than in the tier before it");
        }
        last = Some(tier.over);
        for (key, _) in tier.rates.iter() {
            if Dimension::parse(key).is_none_or(|dimension| !priced.contains(&dimension)) {
                c.add(format!("{at}.rates.{key}"), "has no rate outside the tier");
            }
        }
    }
    priced
}

/// Tokens are taken out of the kinds that they are part of, so those need rates; and two kinds that can overlap need
/// a rate for the overlap, or it would be billed twice.
fn check_coverage(c: &mut Complaints<'_>, field: &str, priced: &BTreeSet<Dimension>) {
    let token = |d: &&Dimension| d.kind() == Kind::Token;
    for part in priced {
        for whole in part.parents() {
            if !priced.contains(whole) {
                c.add(format!("{field}.rates.{}", part.as_str()), format!("needs a rate of {} too", whole.as_str()));
            }
        }
    }
    for overlap in Dimension::ALL.iter().filter(token) {
        let both = overlap.parents().len() > 1 && overlap.parents().iter().all(|d| priced.contains(d));
        if both && !priced.contains(overlap) {
            let parents: Vec<_> = overlap.parents().iter().map(|d| d.as_str()).collect();
            c.add(format!("{field}.rates"), format!("{} need a rate of {}", parents.join(" and "), overlap.as_str()));
        }
    }
    // Reasoning that is spoken, tool results that are images: no provider prices such a pair, and no unit names it.
    let unnamed = [Dimension::Reasoning, Dimension::Citation, Dimension::InputTool, Dimension::CacheWrite];
    let modal = |d: &Dimension| {
        use Dimension as D;
        matches!(d, D::InputAudio | D::InputImage | D::InputVideo | D::OutputAudio | D::OutputImage | D::OutputVideo)
    };
    for kind in unnamed.iter().filter(|kind| priced.contains(kind)) {
        for other in priced.iter().filter(|other| modal(other) && other.parents() == kind.parents()) {
            let pair = format!("{} and {} may overlap, which no dimension names", kind.as_str(), other.as_str());
            c.add(format!("{field}.rates"), pair);
        }
    }
}
