//! The shipped book and how its rows, or those of a user's own book, are read.

use std::borrow::Cow;

use super::book::layout::{
    BoundRow, CalendarRow, CellRow, ConditionRow, EntryRow, HoursRow, ModelRow, MultiplierRow, NameRow, ProviderRow,
    Span, Tables, TermsRow, Text,
};
use super::book::{
    Billing, Calendar, Date, Dimension, Factor, Key, Model as BookModel, Multiplier, Prices, Quantity, Rate, Tier,
    UniqueMap, Variant, Weekdays, When, Window,
};

include!(concat!(env!("OUT_DIR"), "/book.rs"));

/// Version of the shipped book: the newest day on which a file was checked, and a checksum of all files.
pub const BOOK_VERSION: &str = VERSION;

/// A number for the context tiers that `input` tokens fall into: inputs of the same number cost the same rates at every
/// model of the book, so that requests of one number may be summed before they are priced.
pub fn context_class(input: u64) -> usize {
    SHIPPED.tiers.iter().filter(|over| input > **over).count()
}

/// The shipped book.
pub(super) fn shipped() -> &'static Tables {
    &SHIPPED
}

/// A model of one of the books.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model<'t> {
    pub(super) tables: &'t Tables,
    /// Its place in them.
    pub(super) index: u16,
    row: &'t ModelRow,
}

/// A price entry or a variant of a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'t> {
    tables: &'t Tables,
    row: &'t EntryRow,
}

/// A part of a table; empty where the indices do not fit, which the layout rules out.
fn range<T>(table: &[T], span: Span) -> &[T] {
    let from = usize::from(span.from);
    table.get(from..from + usize::from(span.count)).unwrap_or_default()
}

fn at<T>(table: &[T], index: impl Into<usize>) -> Option<&T> {
    table.get(index.into())
}

fn piece(text: &str, place: Text) -> &str {
    text.get(place.at()..place.at() + usize::from(place.len)).unwrap_or_default()
}

impl Tables {
    pub(super) fn text(&self, place: Text) -> &str {
        piece(&self.text, place)
    }

    /// A provider by id.
    pub(super) fn provider(&self, id: &str) -> Option<&ProviderRow> {
        let text: &str = &self.text;
        let index = self.providers.binary_search_by(|row| piece(text, row.id).cmp(id)).ok()?;
        self.providers.get(index)
    }

    /// The providers whose models this one serves too.
    pub(super) fn fallbacks(&self, provider: &ProviderRow) -> impl Iterator<Item = &ProviderRow> {
        range(&self.fallbacks, provider.fallback).iter().filter_map(|index| at(&self.providers, *index))
    }

    /// The row of a spelling, which must be in lower case.
    pub(super) fn name(&self, names: Span, name: &str) -> Option<&NameRow> {
        let text: &str = &self.text;
        let names = range(&self.names, names);
        names.binary_search_by(|row| piece(text, row.text).cmp(name)).ok().and_then(|index| names.get(index))
    }

    pub(super) fn names_in(&self, names: Span) -> &[NameRow] {
        range(&self.names, names)
    }

    /// The calendars with their names, without their sources.
    pub(super) fn to_calendars(&self) -> impl Iterator<Item = (String, Calendar)> {
        // The first one is empty.
        self.calendars.iter().skip(1).map(|row| {
            let days = range(&self.days, row.days).iter().map(|day| Date(*day)).collect();
            (self.text(row.name).to_owned(), Calendar { source: String::new(), days })
        })
    }

    pub(super) fn model(&self, index: u16) -> Option<Model<'_>> {
        Some(Model { tables: self, index, row: at(&self.models, index)? })
    }
}

impl<'t> Model<'t> {
    /// The spelling that labels show.
    pub(super) fn name(self) -> &'t str {
        self.tables.text(self.row.text)
    }

    /// Bit per prefix of `GEO_PREFIXES` that its names may carry.
    pub(super) fn geo(self) -> u16 {
        self.terms().map_or(0, |terms| terms.geo)
    }

    /// Whether a date may follow those of its names that take one.
    pub(super) fn dated(self) -> bool {
        self.row.dated
    }

    fn entries(self, from: u16, count: u8) -> impl DoubleEndedIterator<Item = Entry<'t>> {
        let rows = range(&self.tables.entries, Span { from, count: count.into() });
        rows.iter().map(move |row| Entry { tables: self.tables, row })
    }

    /// Price entries in the order of the book.
    pub(super) fn prices(self) -> impl DoubleEndedIterator<Item = Entry<'t>> {
        self.entries(self.row.entries, self.row.prices)
    }

    /// Variants in the order of the book.
    pub(super) fn variants(self) -> impl DoubleEndedIterator<Item = Entry<'t>> {
        self.entries(self.row.entries.saturating_add(self.row.prices.into()), self.row.variants)
    }

    /// What few models have.
    pub(super) fn terms(self) -> Option<&'t TermsRow> {
        at(&self.tables.terms, self.row.terms).filter(|_| self.row.terms > 0)
    }

    pub(super) fn multipliers(self) -> &'t [MultiplierRow] {
        self.terms().map_or(&[], |terms| range(&self.tables.multipliers, terms.multipliers))
    }

    pub(super) fn bounds(self) -> &'t [BoundRow] {
        self.terms().map_or(&[], |terms| range(&self.tables.bounds, terms.bounds))
    }
}

impl<'t> Entry<'t> {
    /// First day, in days since 1970; 0: always.
    pub(super) fn from(self) -> u16 {
        self.row.from
    }

    /// In which hours; `None`: always.
    pub(super) fn hours(self) -> Option<&'t HoursRow> {
        at(&self.tables.hours, self.row.hours).filter(|_| self.row.hours > 0)
    }

    /// Whether the hours do not begin on a day since 1970.
    pub(super) fn excepts(self, hours: &HoursRow, day: i64) -> bool {
        let days = at(&self.tables.calendars, hours.calendar).map_or(&[][..], |row| range(&self.tables.days, row.days));
        u16::try_from(day).is_ok_and(|day| days.binary_search(&day).is_ok())
    }

    /// Which conditions it has, as a variant.
    pub(super) fn when(self) -> u8 {
        self.row.when
    }

    /// Dimension, the input total that must be exceeded (`None`: no tier), and rate in 1e-15 dollars.
    pub(super) fn rates(self) -> impl Iterator<Item = (Dimension, Option<u64>, u64)> {
        let tables = self.tables;
        let set = tables.rates.get(usize::from(self.row.rates)..).and_then(<[u16]>::split_first);
        let (shape, rates) = set.map_or((None, &[][..]), |(shape, rates)| (at(&tables.shapes, *shape), rates));
        let cells = shape.map_or(&[][..], |span| range(&tables.cells, *span));
        let (figures, tiers): (&[u64], &[u64]) = (&tables.figures, &tables.tiers);
        cells.iter().zip(rates).filter_map(move |(cell, figure): (&CellRow, &u16)| {
            let dimension = *at(&Dimension::ALL, cell.dimension)?;
            // Tier 0 stands for none.
            let tier = cell.tier.checked_sub(1).and_then(|index| at(tiers, index)).copied();
            Some((dimension, tier, *at(figures, *figure)?))
        })
    }
}

impl Tables {
    /// The conditions of a variant or a multiplier, with their patterns.
    pub(super) fn conditions(&self, when: u8) -> impl Iterator<Item = (Key, impl Iterator<Item = &str>)> {
        let rows = at(&self.whens, when).map_or(&[][..], |span| range(&self.conditions, *span));
        rows.iter().filter_map(|row: &ConditionRow| {
            let patterns = range(&self.values, row.values).iter().map(|place| self.text(*place));
            Some((*at(&Key::ALL, row.key)?, patterns))
        })
    }
}

/// Back from the tables to the book's own form, for what a user adds to a shipped model.
impl Model<'_> {
    /// The model without its aliases: those stay where they are.
    pub(super) fn to_book(self) -> BookModel {
        let terms = self.terms().copied().unwrap_or_default();
        let bound =
            |row: &BoundRow| Some((at(&Dimension::ALL, row.dimension)?.as_str().to_owned(), Quantity(row.quantity)));
        let bounds = |most: bool| self.bounds().iter().filter(move |row| row.most == most).filter_map(bound).collect();
        let geo = super::book::GEO_PREFIXES.iter().enumerate().filter(|(bit, _)| self.geo() >> bit & 1 == 1);
        BookModel {
            geo: geo.map(|(_, prefix)| (*prefix).to_owned()).collect(),
            free: terms.free,
            prices: self.prices().map(Entry::to_prices).collect(),
            variants: self.variants().map(|entry| self.to_variant(entry)).collect(),
            multipliers: self.multipliers().iter().map(|row| self.to_multiplier(row)).collect(),
            min: bounds(false),
            max: bounds(true),
            billing: terms.provisioned.then_some(Billing::Provisioned),
            ..BookModel::default()
        }
    }

    fn when(self, when: u8) -> When {
        let texts = |patterns: &mut dyn Iterator<Item = &str>| patterns.map(ToOwned::to_owned).collect();
        When(self.tables.conditions(when).map(|(key, mut patterns)| (key, texts(&mut patterns))).collect())
    }

    pub(super) fn to_multiplier(self, row: &MultiplierRow) -> Multiplier {
        Multiplier { from: date(row.from), when: self.when(row.when), by: Factor(row.by.into()) }
    }

    pub(super) fn to_variant(self, entry: Entry<'_>) -> Variant {
        let (rates, tiers) = entry.to_rates();
        Variant { from: date(entry.row.from), when: self.when(entry.row.when), rates, tiers }
    }
}

fn date(days: u16) -> Option<Date> {
    (days > 0).then_some(Date(days))
}

impl Entry<'_> {
    /// Whether it is the same row of the same table.
    pub(super) fn is_same(self, other: Entry<'_>) -> bool {
        std::ptr::eq(self.row, other.row)
    }

    pub(super) fn to_prices(self) -> Prices {
        let (rates, tiers) = self.to_rates();
        let from = date(self.row.from);
        let Some(hours) = self.hours() else { return Prices { from, rates, tiers, ..Prices::default() } };
        let window = Window { start: hours.start, end: hours.end };
        let calendar = at(&self.tables.calendars, hours.calendar).filter(|_| hours.calendar > 0);
        Prices {
            from,
            windows: (window.start != window.end).then_some(window).into_iter().collect(),
            days: Weekdays(hours.days),
            except: calendar.map(|row: &CalendarRow| self.tables.text(row.name).to_owned()),
            rates,
            tiers,
        }
    }

    fn to_rates(self) -> (UniqueMap<Rate>, Vec<Tier>) {
        let (mut plain, mut tiers) = (UniqueMap::default(), Vec::<Tier>::new());
        for (dimension, over, figure) in self.rates() {
            let rate = (dimension.as_str().to_owned(), Rate(figure));
            let Some(over) = over else {
                plain.0.push(rate);
                continue;
            };
            match tiers.iter_mut().find(|tier| tier.over == over) {
                Some(tier) => tier.rates.0.push(rate),
                None => {
                    let place = tiers.iter().take_while(|tier| tier.over < over).count();
                    tiers.insert(place, Tier { over, rates: UniqueMap(vec![rate]) });
                }
            }
        }
        (plain, tiers)
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::layout::lay_out;
    use super::super::book::{ProviderFile, SCHEMA, Unlisted};
    use super::*;

    #[test]
    fn tables_stay_small() {
        let size = SHIPPED.size();
        let (names, models) = (SHIPPED.names.len(), SHIPPED.models.len());
        println!("{size} bytes: {names} names in {} bytes of text, {models} models", SHIPPED.text.len());
        // The aim for the book inside the filter, which every worker's VM holds once.
        assert!(size <= 350_000, "{size} bytes");
    }

    #[test]
    fn every_name_finds_its_model() {
        for provider in SHIPPED.providers.iter() {
            for row in range(&SHIPPED.names, provider.names) {
                let name = SHIPPED.text(row.text);
                assert_eq!(SHIPPED.name(provider.names, name).map(|found| found.model), Some(row.model), "{name}");
            }
        }
    }

    #[test]
    fn models_go_there_and_back() {
        for index in 0..u16::try_from(SHIPPED.models.len()).expect("counted by a u16") {
            let model = SHIPPED.model(index).expect("is in the table");
            let book = model.to_book();
            let file = ProviderFile {
                schema: SCHEMA,
                provider: "acme".to_owned(),
                source: "the tables".to_owned(),
                checked_on: Date(20_000),
                same_as: None,
                unlisted: Some(Unlisted::Parent),
                reasoning_beside: false,
                fallback: Vec::new(),
                free_suffix: None,
                calendars: SHIPPED.to_calendars().collect(),
                models: UniqueMap(vec![(model.name().to_owned(), book.clone())]),
            };
            let again = lay_out(&[file]).expect("few rows");
            assert_eq!(again.model(0).map(Model::to_book), Some(book), "{}", model.name());
        }
    }
}
