//! Two books side by side: which models both have, and what they cost there.

mod allow;
mod book;
mod effective;
mod print;

use std::collections::{BTreeMap, BTreeSet};

use genops_core::price::book::{Date, Dimension, Key};
use serde::Serialize;

use crate::import::Condition;
pub use allow::{AllowList, Right, Rule};
pub use book::Book;
use effective::{Effective, Listed, Moment};

/// What stands in one book, or in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All rates are the same.
    Equal,
    /// Some rate is not.
    Differ,
    /// Only the first book has the model.
    OnlyA,
    /// Only the second book has it.
    OnlyB,
}

/// One model, in one book or both.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The filter's id.
    pub provider: String,
    /// As the second book calls it, or the first where only that has it.
    pub model: String,
    /// The first book's name for it, where another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_as: Option<String>,
    /// How it compares.
    pub status: Status,
    /// What differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<Cell>,
    /// Why the whole row is as expected, if the list of explained differences says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One figure that differs. `None`: there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// How served (`service_tier=flex`), at which hour (`01:00`), beyond which context (`>200000`); empty: plainly.
    pub when: String,
    /// What is billed, `*` where one book has no price at all when served so.
    pub dimension: String,
    /// In the first book, US dollars per unit.
    pub a: Option<String>,
    /// In the second book.
    pub b: Option<String>,
    /// Why, if the list of explained differences says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Two books compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The UTC day of the prices.
    pub at: String,
    /// All models, by provider and name.
    pub rows: Vec<Row>,
    /// Explanations of another number of differences than they say, and of how many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<(Rule, usize)>,
}

/// Compares the prices of a UTC day. `providers` are the ones to look at; none: all.
pub fn compare(a: &Book, b: &Book, at: Date, providers: &[String]) -> Comparison {
    let chosen = |id: &&str| providers.is_empty() || providers.iter().any(|provider| provider == id);
    let all: BTreeSet<&str> = a.providers().chain(b.providers()).filter(chosen).collect();
    let mut rows = Vec::new();
    for provider in all {
        compare_provider(a, b, provider, at, &mut rows);
    }
    rows.sort_by(|x: &Row, y: &Row| (&x.provider, &x.model).cmp(&(&y.provider, &y.model)));
    Comparison { at: at.to_string(), rows, stale: Vec::new() }
}

fn compare_provider(a: &Book, b: &Book, provider: &str, at: Date, rows: &mut Vec<Row>) {
    let (names_a, names_b) = (a.names(provider), b.names(provider));
    let row = |model: &str, status, cells| Row {
        provider: provider.to_owned(),
        model: model.to_owned(),
        known_as: None,
        status,
        cells,
        reason: None,
    };
    let mut met: BTreeSet<&str> = BTreeSet::new();
    let mut pair = |one: Listed<'_>, other: Listed<'_>| {
        let cells = cells(one, other, at);
        let status = if cells.is_empty() { Status::Equal } else { Status::Differ };
        let known_as = (one.name != other.name).then(|| one.name.to_owned());
        rows.push(Row { known_as, ..row(other.name, status, cells) });
    };
    let mut only_b = Vec::new();
    for other in b.models(provider) {
        let mut names = std::iter::once(other.name).chain(other.model.alias.iter().map(String::as_str));
        match names.find_map(|name| names_a.find(name)) {
            Some(one) => {
                met.insert(one.name);
                pair(one, other);
            }
            None => only_b.push(other.name),
        }
    }
    let mut only_a = Vec::new();
    for one in a.models(provider).filter(|one| !met.contains(one.name)) {
        let mut names = std::iter::once(one.name).chain(one.model.alias.iter().map(String::as_str));
        match names.find_map(|name| names_b.find(name)) {
            Some(other) => pair(one, other),
            None => only_a.push(one.name),
        }
    }
    rows.extend(only_a.into_iter().map(|name| row(name, Status::OnlyA, Vec::new())));
    rows.extend(only_b.into_iter().map(|name| row(name, Status::OnlyB, Vec::new())));
}

/// Every figure that differs between two models.
fn cells(a: Listed<'_>, b: Listed<'_>, at: Date) -> Vec<Cell> {
    let plain = |listed: Listed<'_>| (listed.model.free, listed.model.prices.is_empty());
    match (plain(a), plain(b)) {
        ((true, _), (true, _)) | ((false, true), (false, true)) => return Vec::new(),
        ((false, false), (false, false)) => {}
        (one, other) => {
            let word = |(free, _): (bool, bool), empty: bool| match (free, empty) {
                (true, _) => Some("free".to_owned()),
                (_, true) => None,
                _ => Some("priced".to_owned()),
            };
            let (a, b) = (word(one, one.1), word(other, other.1));
            return vec![Cell { when: String::new(), dimension: "*".to_owned(), a, b, reason: None }];
        }
    }
    let minutes: BTreeSet<u16> = std::iter::once(0).chain(a.minutes()).chain(b.minutes()).collect();
    let tiers: BTreeSet<u64> = std::iter::once(0).chain(a.tiers()).chain(b.tiers()).collect();
    let mut cells = Vec::new();
    // Figures that differ plainly, and those of the hour and the context before: told once where they go on.
    let mut plainly: BTreeMap<(u16, u64, &str), Figures> = BTreeMap::new();
    for told in ways(a, b, at) {
        let mut hour_before: BTreeMap<(u64, &str), Figures> = BTreeMap::new();
        for minute in &minutes {
            let mut context_before: BTreeMap<&str, Figures> = BTreeMap::new();
            for over in &tiers {
                let moment = Moment { day: at, minute: *minute, told: &told, over: *over };
                let found = differing(a.at(&moment), b.at(&moment));
                context_before.retain(|dimension, _| found.iter().any(|(other, _)| other == dimension));
                for (dimension, figures) in found {
                    let mut repeats = context_before.insert(dimension, figures.clone()).as_ref() == Some(&figures);
                    repeats |= hour_before.insert((*over, dimension), figures.clone()).as_ref() == Some(&figures);
                    let place = (*minute, *over, dimension);
                    if told.is_empty() {
                        plainly.insert(place, figures.clone());
                    } else {
                        repeats |= plainly.get(&place) == Some(&figures);
                    }
                    if !repeats {
                        let when = words(&told, (minutes.len() > 1).then_some(*minute), *over);
                        let (a, b) = figures;
                        cells.push(Cell { when, dimension: dimension.to_owned(), a, b, reason: None });
                    }
                }
            }
        }
    }
    cells
}

/// A price in each book.
type Figures = (Option<String>, Option<String>);

/// The dimensions whose price is not the same, and both prices.
fn differing(a: Option<Effective>, b: Option<Effective>) -> Vec<(&'static str, Figures)> {
    let priced = || Some("priced".to_owned());
    let (a, b) = match (a, b) {
        (None, None) => return Vec::new(),
        (Some(_), None) => return vec![("*", (priced(), None))],
        (None, Some(_)) => return vec![("*", (None, priced()))],
        (Some(a), Some(b)) => (a, b),
    };
    let all: BTreeSet<Dimension> = a.dimensions().chain(b.dimensions()).collect();
    let figure = |side: &Effective, dimension| side.get(dimension).map(|amount| amount.to_string());
    let row = |dimension: Dimension| (dimension.as_str(), (figure(&a, dimension), figure(&b, dimension)));
    all.into_iter().map(row).filter(|(_, (a, b))| a != b).collect()
}

/// The ways to be served that either book has prices for; first the plain one.
fn ways(a: Listed<'_>, b: Listed<'_>, at: Date) -> Vec<Vec<Condition>> {
    let mut ways = vec![Vec::new()];
    for when in a.ways(at).chain(b.ways(at)) {
        // Of several words for one tier the one that both books know.
        let known = |listed: Listed<'_>, told: &[Condition]| {
            let moment = Moment { day: at, minute: 0, told, over: 0 };
            listed.at(&moment).is_some()
        };
        let mut told: Vec<Condition> = Vec::new();
        for (key, values) in &when.0 {
            let word = |value: &String| (*key, value.replace('*', "any"));
            let both = values.iter().map(word).find(|told| {
                let told = std::slice::from_ref(told);
                known(a, told) && known(b, told)
            });
            told.extend(both.or_else(|| values.first().map(word)));
        }
        told.sort();
        if !ways.contains(&told) {
            ways.push(told);
        }
    }
    ways
}

fn words(told: &[Condition], minute: Option<u16>, over: u64) -> String {
    let mut words: Vec<String> =
        told.iter().map(|(key, value): &(Key, String)| format!("{}={value}", key.as_str())).collect();
    words.extend(minute.map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)));
    words.extend((over > 0).then(|| format!(">{over}")));
    words.join(" ")
}
