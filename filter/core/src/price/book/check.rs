//! Whether a book makes sense: what the shape alone cannot tell. Every complaint names provider, model and field.

use std::fmt;

use super::{Dimension, Dimensions, FACTOR_DECIMALS, Kind, Model, ProviderFile, Rate, SCHEMA, Tier, UniqueMap, When};

/// Longest model name. Names on price lists stay below 100 bytes; a table entry keeps the length in one byte.
pub const MAX_NAME_BYTES: usize = 200;

/// Region prefixes of Bedrock's cross-region profiles. A model's list of them is kept as bits of 16.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
pub const GEO_PREFIXES: [&str; 9] = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "in", "global"];

/// Most multipliers that can hold at once: three of at most two decimals each keep the arithmetic's six.
const MAX_MULTIPLIERS: usize = 3;

/// No list multiplies by as much; the product of three stays below 2^30 millionths.
const MAX_FACTOR: u64 = 10;

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
        self.push(field.into(), problem.into());
    }

    // Called from everywhere, and never in a hurry: one copy of it.
    #[inline(never)]
    fn push(&mut self, field: String, problem: String) {
        let (provider, model) = (self.provider.to_owned(), self.model.map(ToOwned::to_owned));
        self.found.push(Complaint { provider, model, field, problem });
    }
}

/// Everything that is wrong with a book. The string beside each file is its name without `.json`.
pub fn check(files: &[(String, ProviderFile)]) -> Vec<Complaint> {
    files.iter().flat_map(|(stem, file)| check_among(stem, file, files)).collect()
}

/// Everything that is wrong with one file that refers to no others. `stem` is its name without `.json`.
pub fn check_file(stem: &str, file: &ProviderFile) -> Vec<Complaint> {
    check_among(stem, file, &[])
}

fn check_among(stem: &str, file: &ProviderFile, files: &[(String, ProviderFile)]) -> Vec<Complaint> {
    let mut complaints = Complaints { provider: stem, model: None, found: Vec::new() };
    let c = &mut complaints;
    if file.schema != SCHEMA {
        c.add("schema", format!("{} is not known, this program reads {SCHEMA}", file.schema));
    }
    if file.provider != stem {
        c.add("provider", format!("{:?} does not match the file's name {stem}.json: change either", file.provider));
    }
    if let Some(other) = &file.same_as {
        check_other(c, "same_as", other, files);
        if !file.models.is_empty() || file.unlisted.is_some() || !file.fallback.is_empty() {
            c.add("same_as", "goes with no models, unlisted or fallback: take those out, or it");
        }
        return complaints.found;
    }
    if file.unlisted.is_none() {
        c.add("unlisted", "is missing: say \"parent\" or \"unpriced\"");
    }
    for other in &file.fallback {
        if *other == file.provider {
            c.add("fallback", format!("{other:?} is this file itself: take it out"));
        } else {
            check_other(c, "fallback", other, files);
        }
    }
    for (name, calendar) in file.calendars.iter() {
        let fall = calendar.days.iter().zip(calendar.days.iter().skip(1)).find(|(day, next)| day >= next);
        if let Some((day, next)) = fall {
            c.add(
                format!("calendars.{name}.days"),
                format!("{next} comes after {day}: each day once, the first first"),
            );
        } else if calendar.days.is_empty() {
            c.add(format!("calendars.{name}.days"), "is empty: list the days, or take the calendar out");
        }
    }
    let mut names: Vec<(String, &str)> = Vec::new();
    for (id, model) in file.models.iter() {
        c.model = Some(id);
        for (field, name) in std::iter::once(("name", id)).chain(model.alias.iter().map(|a| ("alias", a.as_str()))) {
            check_name(c, field, name);
            // An alias may repeat its own model's name in lower case only: lookups fold case.
            let lower = name.to_ascii_lowercase();
            if let Some((_, owner)) = names.iter().find(|(known, _)| *known == lower) {
                c.add(field, format!("{name:?} already names {owner:?}: keep it at one model"));
            }
            names.push((lower, id));
        }
        check_model(c, file, model);
    }
    complaints.found
}

/// Another provider that is named has prices of its own.
fn check_other(c: &mut Complaints<'_>, field: &str, other: &str, files: &[(String, ProviderFile)]) {
    let named = files.iter().map(|(_, file)| file).find(|file| file.provider == other);
    match named.map(|file| &file.same_as) {
        Some(None) => {}
        Some(Some(owner)) => c.add(field, format!("{other:?} has the prices of {owner:?}: name that one")),
        None => c.add(field, format!("{other:?} is no provider of the book")),
    }
}

fn check_name(c: &mut Complaints<'_>, field: &str, name: &str) {
    let odd = |ch: char| ch.is_control() || ch.is_whitespace();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(odd) {
        c.add(field, format!("{name:?} is not a name of 1 to {MAX_NAME_BYTES} bytes without white space"));
    }
}

fn check_model(c: &mut Complaints<'_>, file: &ProviderFile, model: &Model) {
    for prefix in &model.geo {
        if !GEO_PREFIXES.contains(&prefix.as_str()) {
            c.add("geo", format!("{prefix:?} is none of {}", GEO_PREFIXES.join(", ")));
        }
    }
    if model.free && !(model.prices.is_empty() && model.variants.is_empty()) {
        c.add("free", "goes with no prices and variants: take those out, or it");
    }
    if model.prices.is_empty() && !model.variants.is_empty() {
        c.add("variants", "vary nothing: add prices, `[{\"rates\": {}}]` where there are only the variants");
    }
    for (index, prices) in model.prices.iter().enumerate() {
        let field = format!("prices[{index}]");
        let priced = check_rates(c, &field, &prices.rates, &prices.tiers);
        if prices.rates.is_empty() && model.variants.is_empty() {
            c.add(format!("{field}.rates"), "has no rate: give one, or take the entry out");
        }
        if let Some(name) = prices.except.as_deref().filter(|name| file.calendars.get(name).is_none()) {
            let all: Vec<&str> = file.calendars.iter().map(|(name, _)| name).collect();
            let all = if all.is_empty() { "no `calendars`".to_owned() } else { all.join(", ") };
            c.add(format!("{field}.except"), format!("{name:?} is no calendar of this file, which has {all}"));
        }
        check_coverage(c, &field, priced);
        for (number, variant) in model.variants.iter().enumerate() {
            let mut varied = priced;
            variant.rates.iter().filter_map(|(key, _)| Dimension::parse(key)).for_each(|d| varied.insert(d));
            check_coverage(c, &format!("{field} with variants[{number}]"), varied);
        }
    }
    for (index, variant) in model.variants.iter().enumerate() {
        let field = format!("variants[{index}]");
        check_rates(c, &field, &variant.rates, &variant.tiers);
        if variant.rates.is_empty() {
            c.add(format!("{field}.rates"), "has no rate: give one, or take the variant out");
        }
        check_when(c, &field, &variant.when);
    }
    let mut keys: Vec<u16> = Vec::new();
    for (index, multiplier) in model.multipliers.iter().enumerate() {
        let field = format!("multipliers[{index}]");
        check_when(c, &field, &multiplier.when);
        let set = multiplier.when.0.iter().fold(0, |set, (key, _)| set | 1 << *key as u8);
        if !keys.contains(&set) {
            keys.push(set);
        }
        if multiplier.by.0 == 0 || multiplier.by.0 >= MAX_FACTOR * 10u64.pow(FACTOR_DECIMALS as u32) {
            let one = 10u64.pow(FACTOR_DECIMALS as u32);
            let found = format!("{}.{:0width$}", multiplier.by.0 / one, multiplier.by.0 % one, width = FACTOR_DECIMALS);
            c.add(format!("{field}.by"), format!("{found} is not more than 0 and less than {MAX_FACTOR}"));
        }
    }
    if keys.len() > MAX_MULTIPLIERS {
        c.add("multipliers", format!("depend on {} sets of keys, at most {MAX_MULTIPLIERS} are kept", keys.len()));
    }
    let bounds = [("min", &model.min), ("max", &model.max)];
    for (field, key, quantity) in bounds.iter().flat_map(|(f, b)| b.iter().map(move |(k, q)| (f, k, q))) {
        let measured = |d: &Dimension| matches!(d.kind(), Kind::Count | Kind::Measure);
        if Dimension::parse(key).filter(measured).is_none() || quantity.0 == 0 {
            let all: Vec<_> = Dimension::ALL.iter().filter(|d| measured(d)).map(|d| d.as_str()).collect();
            c.add(format!("{field}.{key}"), format!("is no quantity above 0 of one of {}", all.join(", ")));
        }
    }
}

fn check_when(c: &mut Complaints<'_>, field: &str, when: &When) {
    let plain = |value: &str| {
        let stars = value.matches('*').count();
        !value.is_empty() && *value == value.trim().to_ascii_lowercase() && stars <= usize::from(value.ends_with('*'))
    };
    if when.0.is_empty() {
        c.add(format!("{field}.when"), "is empty: say when it holds, or put the rates into prices");
    }
    for (key, values) in &when.0 {
        let at = format!("{field}.when.{}", key.as_str());
        if values.is_empty() {
            c.add(&at, "has no value: list those that it holds for");
        }
        for value in values.iter().filter(|value| !plain(value)) {
            c.add(&at, format!("{value:?} is not a word in lower case, with `*` only at its end"));
        }
    }
}

/// Keys are dimensions, tiers rise and only change what has a rate. Returns what is priced.
fn check_rates(c: &mut Complaints<'_>, field: &str, rates: &UniqueMap<Rate>, tiers: &[Tier]) -> Dimensions {
    let mut priced = Dimensions::NONE;
    for (key, _) in rates.iter() {
        match Dimension::parse(key) {
            Some(dimension) => priced.insert(dimension),
            None => c.add(format!("{field}.rates.{key}"), no_dimension()),
        }
    }
    let mut last = None;
    for (index, tier) in tiers.iter().enumerate() {
        let at = format!("{field}.tiers[{index}]");
        if let Some(last) = last.filter(|last| tier.over <= *last) {
            let found = format!("{} is not more than {last} in the tier before it: let tiers rise", tier.over);
            c.add(format!("{at}.over"), found);
        }
        last = Some(tier.over);
        for (key, _) in tier.rates.iter() {
            match Dimension::parse(key) {
                Some(dimension) if priced.contains(dimension) => {}
                Some(_) => c.add(format!("{at}.rates.{key}"), "has no rate outside the tier: give it one there too"),
                None => c.add(format!("{at}.rates.{key}"), no_dimension()),
            }
        }
    }
    priced
}

fn no_dimension() -> String {
    let all: Vec<_> = Dimension::ALL.iter().map(|dimension| dimension.as_str()).collect();
    format!("is no dimension of the book, which are {}", all.join(", "))
}

/// Tokens are taken out of the kinds that they are part of, so those need rates; and two kinds that can overlap need
/// a rate for the overlap, or it would be billed twice.
fn check_coverage(c: &mut Complaints<'_>, field: &str, priced: Dimensions) {
    let token = |d: &&Dimension| d.kind() == Kind::Token;
    for part in Dimension::ALL.into_iter().filter(|part| priced.contains(*part)) {
        for whole in part.parents() {
            if !priced.contains(*whole) {
                c.add(format!("{field}.rates.{}", part.as_str()), format!("needs a rate of {} too", whole.as_str()));
            }
        }
    }
    for overlap in Dimension::ALL.iter().filter(token) {
        let both = overlap.parents().len() > 1 && overlap.parents().iter().all(|d| priced.contains(*d));
        if both && !priced.contains(*overlap) {
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
    for kind in unnamed.iter().filter(|kind| priced.contains(**kind)) {
        for other in priced.iter().filter(|other| modal(other) && other.parents() == kind.parents()) {
            let (kind, other) = (kind.as_str(), other.as_str());
            let pair = format!("{kind} and {other} may overlap, which no dimension names: give a rate to one of them");
            c.add(format!("{field}.rates"), pair);
        }
    }
}

#[cfg(test)]
mod tests;
