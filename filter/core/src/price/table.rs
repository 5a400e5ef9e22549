//! The book as the build script lays it out: sorted static tables of numbers and one text. Nothing to parse, nothing
//! to allocate.

use super::book::Dimension;

/// One provider id. Several may share the same names (`same_as`).
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) id: &'static str,
    /// Range of [`NAMES`], sorted.
    pub(super) names: (u16, u16),
    /// Indices of [`PROVIDERS`], in order of preference.
    pub(super) fallback: &'static [u8],
    pub(super) free_suffix: Option<&'static str>,
    /// A kind of token without a rate costs what its whole costs.
    pub(super) inherits: bool,
    /// Reasoning is told beside the output.
    pub(super) reasoning_beside: bool,
}

/// One spelling of a model, in lower case.
#[derive(Debug)]
pub(super) struct Name {
    at: u32,
    model: u16,
    len: u8,
    /// May be followed by a date.
    pub(super) dated: bool,
}

/// One model: its own spelling and where its entries stand.
#[derive(Debug)]
pub(super) struct Model {
    at: u32,
    entries: u16,
    /// Bit per prefix of `GEO_PREFIXES`.
    pub(super) geo: u16,
    len: u8,
    prices: u8,
    variants: u8,
    pub(super) free: bool,
}

/// A price entry or one value of a variant.
#[derive(Debug)]
pub(super) struct Entry {
    /// First day, in days since 1970; 0: always.
    pub(super) from: u16,
    /// Minutes of the day; both 0: all day.
    pub(super) start: u16,
    pub(super) end: u16,
    set: u16,
    /// [`Key`] as a number; of no meaning in a price entry.
    key: u8,
    value: u8,
}

/// One rate of a set. Sets list a dimension's rate without tier first, then its tiers, rising.
#[derive(Debug)]
pub(super) struct RateRow {
    dimension: u8,
    tier: u8,
    figure: u16,
}

/// What a variant depends on, in the order of the book's `When`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Key {
    ServiceTier,
    Speed,
    Geo,
    Processing,
}

include!(concat!(env!("OUT_DIR"), "/book.rs"));

/// Version of the shipped book: the newest day on which a file was checked, and a checksum of all files.
pub const BOOK_VERSION: &str = VERSION;

/// A number for the context tiers that `input` tokens fall into: inputs of the same number cost the same rates at every
/// model of the book, so that requests of one number may be summed before they are priced.
pub fn context_class(input: u64) -> usize {
    TIERS.iter().filter(|over| input > **over).count()
}

/// A part of a table; empty where the indices do not fit, which the build script rules out.
fn range<T>(table: &'static [T], from: u16, count: u16) -> &'static [T] {
    let from = usize::from(from);
    table.get(from..from + usize::from(count)).unwrap_or_default()
}

fn text(at: u32, len: u8) -> &'static str {
    TEXT.get(at as usize..at as usize + usize::from(len)).unwrap_or_default()
}

impl Provider {
    /// By id.
    pub(super) fn find(id: &str) -> Option<&'static Self> {
        PROVIDERS.binary_search_by(|provider| provider.id.cmp(id)).ok().and_then(|index| PROVIDERS.get(index))
    }

    /// The providers whose models this one serves too.
    pub(super) fn fallbacks(&self) -> impl Iterator<Item = &'static Self> {
        self.fallback.iter().filter_map(|index| PROVIDERS.get(usize::from(*index)))
    }

    /// The entry of a spelling, which must be in lower case.
    pub(super) fn name(&self, name: &str) -> Option<&'static Name> {
        let (from, count) = self.names;
        let names = range(&NAMES, from, count);
        names.binary_search_by(|n| n.text().cmp(name)).ok().and_then(|index| names.get(index))
    }
}

impl Name {
    fn text(&self) -> &'static str {
        text(self.at, self.len)
    }

    /// The model that it names.
    pub(super) fn model(&self) -> Option<&'static Model> {
        MODELS.get(usize::from(self.model))
    }
}

impl Model {
    /// The spelling that labels show.
    pub(super) fn name(&self) -> &'static str {
        text(self.at, self.len)
    }

    /// Price entries in the order of the book.
    pub(super) fn prices(&self) -> &'static [Entry] {
        range(&ENTRIES, self.entries, self.prices.into())
    }

    /// Variants in the order of the book.
    pub(super) fn variants(&self) -> &'static [Entry] {
        range(&ENTRIES, self.entries.saturating_add(self.prices.into()), self.variants.into())
    }
}

impl Entry {
    /// Whether this variant depends on `key` having `value`, in any case.
    pub(super) fn is_for(&self, key: Key, value: &str) -> bool {
        self.key == key as u8 && VALUES.get(usize::from(self.value)).is_some_and(|v| v.eq_ignore_ascii_case(value))
    }

    /// Dimension, the input total that must be exceeded (`None`: no tier), and rate in 1e-15 dollars.
    pub(super) fn rates(&self) -> impl Iterator<Item = (Dimension, Option<u64>, u64)> {
        let set = usize::from(self.set);
        let bounds = SETS.get(set).zip(SETS.get(set + 1));
        let rows = bounds.map_or(&[][..], |(from, to)| range(&RATES, *from, to.saturating_sub(*from)));
        rows.iter().filter_map(|row| {
            let dimension = *Dimension::ALL.get(usize::from(row.dimension))?;
            let figure = *FIGURES.get(usize::from(row.figure))?;
            // Tier 0 stands for none.
            let tier = row.tier.checked_sub(1).and_then(|index| TIERS.get(usize::from(index))).copied();
            Some((dimension, tier, figure))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stay_small() {
        let size = TEXT.len()
            + size_of_val(&NAMES)
            + size_of_val(&MODELS)
            + size_of_val(&ENTRIES)
            + size_of_val(&SETS)
            + size_of_val(&RATES)
            + size_of_val(&FIGURES);
        println!("{size} bytes: {} names in {} bytes of text, {} models", NAMES.len(), TEXT.len(), MODELS.len());
        // The aim for the book inside the filter, which every worker's VM holds once.
        assert!(size <= 350_000, "{size} bytes");
    }

    #[test]
    fn every_name_finds_its_model() {
        for provider in &PROVIDERS {
            let (from, count) = provider.names;
            for name in range(&NAMES, from, count) {
                let found = provider.name(name.text()).and_then(Name::model);
                assert_eq!(found.map(Model::name), name.model().map(Model::name), "{}", name.text());
            }
        }
    }
}
