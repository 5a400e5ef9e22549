//! Which series belong to which family: kept from scrape to scrape, so that a scrape is one walk.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::SeriesId;
use super::family::{Part, Shown};
use super::gauge::Gauge;
use crate::schema::{Fact, Kind, Label, Table, stat_name};
use crate::usage::decimal;

/// The bound of the last bucket; no other comes near it.
const INFINITE: u64 = u64::MAX;

/// The series by family, as far as they were [inserted](Self::insert).
#[derive(Debug, Default)]
pub struct Catalog {
    pub(super) families: Vec<Members>,
    /// Names of stats without their labels.
    stats: BTreeMap<String, (usize, Part)>,
    pub(super) gauges: Vec<Gauge>,
    /// Labels whose stat key is not their name: key, name.
    pub(super) renamed: Vec<(String, String)>,
    /// Counts how often all series had to be put in anew.
    generation: u32,
}

/// The series of one family.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) shown: Shown,
    /// No table has it so far.
    guessed: bool,
    /// One per label set; none where the family is a histogram.
    pub(super) series: Vec<SeriesId>,
    /// One per label set of a histogram.
    pub(super) sets: Vec<Set>,
    by_labels: BTreeMap<Box<str>, usize>,
}

/// The series of one label set of a histogram.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) count: Option<SeriesId>,
    pub(super) sum: Option<SeriesId>,
    /// By bound in billionths, which is their order, too.
    pub(super) buckets: Vec<(u64, SeriesId)>,
}

impl Catalog {
    /// Changes when all series must be put in anew, from the first on.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Adds the families of a table. Several configurations can be in force; the first meaning of a name stands.
    pub fn learn(&mut self, table: &Table) {
        let mut anew = false;
        for family in table.families() {
            match family.fact {
                Fact::Computed(computed) => {
                    let shown = Shown::of(table, family);
                    if self.gauges.iter().all(|gauge| gauge.shown.name != shown.name) {
                        let keys = family.labels.iter().map(|label| table.label_key(*label).to_owned()).collect();
                        self.gauges.push(Gauge::new(table, shown, keys, computed));
                        anew = true;
                    }
                }
                _ => anew |= self.add(Shown::of(table, family), false),
            }
        }
        if anew && self.families.iter().any(|members| !members.series.is_empty() || !members.sets.is_empty()) {
            self.generation = self.generation.wrapping_add(1);
            self.gauges.iter_mut().for_each(Gauge::clear);
            for members in &mut self.families {
                members.series.clear();
                members.sets.clear();
                members.by_labels.clear();
            }
        }
        let renamed = table.tags().into_iter().filter(|(name, key)| name != key);
        for (name, key) in renamed.map(|(name, key)| (name.to_owned(), key.to_owned())) {
            if !self.renamed.iter().any(|(known, _)| *known == key) {
                self.renamed.push((key, name));
            }
        }
    }

    /// Adds a family, or says better what one is that is there. Tells whether one that was guessed was guessed wrong.
    fn add(&mut self, family: Shown, guessed: bool) -> bool {
        let Some(at) = self.families.iter().position(|members| members.shown.name == family.name) else {
            let at = self.families.len();
            self.stats.extend(family.stats().into_iter().map(|(name, part)| (name, (at, part))));
            let (series, sets, by_labels) = (Vec::new(), Vec::new(), BTreeMap::new());
            self.families.push(Members { shown: family, guessed, series, sets, by_labels });
            return false;
        };
        let Some(known) = self.families.get_mut(at) else { return false };
        let same = known.shown.kind == family.kind && known.shown.places == family.places;
        let wrong = known.guessed && !same;
        if wrong {
            self.stats.retain(|_, (of, _)| *of != at);
            self.stats.extend(family.stats().into_iter().map(|(name, part)| (name, (at, part))));
        }
        // Two configurations that give one name two meanings: the first one stands.
        if same || known.guessed {
            let mut schemas = std::mem::take(&mut known.shown.schemas);
            let more: Vec<&str> = family.schemas.iter().filter(|s| !schemas.contains(*s)).copied().collect();
            schemas.extend(more);
            (known.shown, known.guessed) = (Shown { schemas, ..family }, guessed);
        }
        wrong
    }

    /// Adds a series by its stat's name: once. A name that is not of our form is left out.
    pub fn insert(&mut self, series: SeriesId, name: &str, kind: Kind) {
        let Some((pairs, stat)) = stat_name::decode(name) else { return };
        let le = pairs.iter().find(|(key, _)| *key == Label::Le.key()).map(|(_, bound)| *bound);
        if !self.stats.contains_key(stat) {
            self.add(Shown::guessed(stat, kind, le.is_some()), true);
        }
        let Some((at, part)) = self.stats.get(stat).copied() else { return };
        let Some(members) = self.families.get_mut(at) else { return };
        match part {
            Part::Value => members.series.push(series),
            Part::Bucket | Part::Count | Part::Sum => {
                let labels = without(name, stat, &[Label::Le.key()]);
                let Some(set) = members.set(&labels) else { return };
                match (part, le) {
                    (Part::Bucket, Some(le)) => set.bucket(le, series),
                    (Part::Sum, _) => set.sum = Some(series),
                    _ => set.count = Some(series),
                }
            }
        }
        let family = members.shown.name.clone();
        for gauge in &mut self.gauges {
            gauge.insert(&family, part, series, &pairs);
        }
    }
}

impl Members {
    fn set(&mut self, labels: &str) -> Option<&mut Set> {
        let at = match self.by_labels.get(labels) {
            Some(at) => *at,
            None => {
                self.by_labels.insert(labels.into(), self.sets.len());
                self.sets.push(Set::default());
                self.sets.len() - 1
            }
        };
        self.sets.get_mut(at)
    }
}

impl Set {
    fn bucket(&mut self, le: &str, series: SeriesId) {
        let bound = if le == "+Inf" { Some(INFINITE) } else { decimal::nano(le.as_bytes()).map(|nano| nano.0) };
        let Some(bound) = bound else { return };
        let at = self.buckets.partition_point(|(other, _)| *other < bound);
        self.buckets.insert(at, (bound, series));
    }

    /// What has no last bucket, no count or no sum yet is not a histogram: its series are still being defined.
    pub(super) fn is_whole(&self) -> bool {
        self.count.is_some() && self.sum.is_some() && self.buckets.last().is_some_and(|(b, _)| *b == INFINITE)
    }
}

/// The labels of a stat's name, in their form there, without those of some keys.
fn without<'a>(name: &'a str, stat: &str, keys: &[&str]) -> Cow<'a, str> {
    let labels = name.strip_suffix(stat).unwrap_or(name);
    let pairs = || labels.split_inclusive(stat_name::END);
    let dropped = |pair: &&str| pair.split_once(stat_name::ASSIGN).is_some_and(|(key, _)| keys.contains(&key));
    match pairs().position(|pair| dropped(&pair)) {
        None => Cow::Borrowed(labels),
        // The last one, as nearly always.
        Some(at) if at + 1 == pairs().count() => {
            Cow::Borrowed(labels.get(..labels.len() - pairs().last().map_or(0, str::len)).unwrap_or(labels))
        }
        Some(_) => Cow::Owned(pairs().filter(|pair| !dropped(pair)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_without_some() {
        for (labels, keys, left) in [
            ("a=.=1;.;le=.=2;.;", &["le"][..], "a=.=1;.;"),
            ("le=.=2;.;a=.=1;.;", &["le"], "a=.=1;.;"),
            ("a=.=1;.;", &["le"], "a=.=1;.;"),
            ("le=.=2;.;", &["le"], ""),
            ("a=.=1;.;b=.=2;.;c=.=3;.;", &["a", "c"], "b=.=2;.;"),
            ("", &["le"], ""),
        ] {
            assert_eq!(without(&format!("{labels}x_total"), "x_total", keys), left);
        }
    }
}
