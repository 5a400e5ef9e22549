//! Gauges that no stat holds: computed from the counters that the same scrape shows.

use std::collections::BTreeMap;

use super::family::{Part, Shown};
use super::{SeriesId, Values};
use crate::schema::{Computed, Formula, Table, Term, stat_name};

/// The label sets of one computed gauge.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) shown: Shown,
    formula: &'static Formula,
    /// Stat keys of its labels.
    keys: Vec<String>,
    terms: Vec<Summed>,
    pub(super) sets: Vec<GaugeSet>,
    by_labels: BTreeMap<Box<str>, usize>,
}

/// A term of the formula, in the names of a table.
#[derive(Debug)]
struct Summed {
    term: &'static Term,
    family: String,
    /// Stat key and value of the only label value that counts.
    only: Option<(String, &'static str)>,
    /// What a sum of integers is divided by.
    scale: f64,
}

/// The series of one label set of a gauge.
#[derive(Debug)]
pub(super) struct GaugeSet {
    /// Its labels, in the form of stat names.
    pub(super) labels: Box<str>,
    /// By place of their term.
    series: Vec<(usize, SeriesId)>,
}

impl Gauge {
    pub(super) fn new(table: &Table, shown: Shown, keys: Vec<String>, computed: &'static Computed) -> Self {
        let terms = terms(&computed.formula).into_iter().map(|term| {
            let family = table.name(term.family).into_owned();
            #[expect(clippy::cast_precision_loss, reason = "a power of ten below 2^53")]
            let scale = table.named(&family).map_or(1.0, |family| family.fact.unit().scale() as f64);
            let only = term.only.map(|(label, value)| (table.label_key(label).to_owned(), value));
            Summed { term, family, only, scale }
        });
        let (terms, sets) = (terms.collect(), Vec::new());
        Self { shown, formula: &computed.formula, keys, terms, sets, by_labels: BTreeMap::new() }
    }

    /// Adds a series, where a term sums its family.
    pub(super) fn insert(&mut self, family: &str, part: Part, series: SeriesId, pairs: &[(&str, &str)]) {
        if !matches!(part, Part::Value | Part::Count) {
            return;
        }
        let has = |only: &(String, &str)| pairs.iter().any(|(key, value)| *key == only.0 && *value == only.1);
        for at in 0..self.terms.len() {
            let fits = |term: &&Summed| term.family == family && term.only.as_ref().is_none_or(has);
            if self.terms.get(at).filter(fits).is_none() {
                continue;
            }
            let mut labels = String::new();
            for (key, value) in pairs.iter().filter(|(key, _)| self.keys.iter().any(|own| own == key)) {
                labels.extend([key, stat_name::ASSIGN, value, stat_name::END]);
            }
            let set = match self.by_labels.get(labels.as_str()) {
                Some(set) => *set,
                None => {
                    let labels: Box<str> = labels.into();
                    self.by_labels.insert(labels.clone(), self.sets.len());
                    self.sets.push(GaugeSet { labels, series: Vec::new() });
                    self.sets.len() - 1
                }
            };
            if let Some(set) = self.sets.get_mut(set) {
                set.series.push((at, series));
            }
        }
    }

    /// Forgets its series.
    pub(super) fn clear(&mut self) {
        self.sets.clear();
        self.by_labels.clear();
    }

    /// The value for one label set, in the order of a rule over the proxy's own surface: integers are summed, then
    /// divided into the family's unit.
    pub(super) fn value(&self, set: &GaugeSet, values: &mut impl Values) -> Option<f64> {
        self.formula.value(|term| {
            let (at, summed) = self.terms.iter().enumerate().find(|(_, summed)| summed.term == term)?;
            let mut sum: Option<u128> = None;
            for (_, series) in set.series.iter().filter(|(of, _)| *of == at) {
                if let Some(value) = values.value(*series) {
                    sum = Some(sum.unwrap_or(0) + u128::from(value));
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "a scrape is read as float64")]
            sum.map(|sum| sum as f64 / summed.scale)
        })
    }
}

impl GaugeSet {
    /// How many values it takes.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }
}

/// What a formula sums, each once.
fn terms(formula: &'static Formula) -> Vec<&'static Term> {
    let (ratios, target) = match formula {
        Formula::Ratio(ratio) => (std::slice::from_ref(ratio), None),
        Formula::Lowest(ratios, target) | Formula::ErrorBudget(ratios, target) => (*ratios, Some(target)),
    };
    let mut terms: Vec<&Term> = Vec::new();
    for term in ratios.iter().flat_map(|ratio| [&ratio.of, &ratio.over]).chain(target) {
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}
