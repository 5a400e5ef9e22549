//! A book as sorted tables of numbers and one text: nothing to parse at run time, nothing to allocate.
//!
//! The build script lays out the shipped book and prints the tables as Rust source (their `Debug` form is that); the
//! filter lays out what its configuration adds.

mod rows;

use std::cmp::Ordering;

pub use rows::*;

use super::{
    Billing, Dated, Dimension, Model, Multiplier, ProviderFile, Quantity, Rate, Tier, UniqueMap, Unlisted, When,
};

/// More rows than the tables' numbers can count: far more than any price list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("holds more {0} than this program can count")]
pub struct TooMany(&'static str);

/// Each value once, by the order of first use. Looked for one by one: even the shipped book has few of each, and a
/// hashed map for each kind of row would be a tenth of the filter's code.
struct Interned<T>(Vec<T>);

impl<T: PartialEq> Interned<T> {
    fn add(&mut self, value: T) -> usize {
        let known = self.0.iter().position(|known| *known == value);
        known.unwrap_or_else(|| {
            self.0.push(value);
            self.0.len() - 1
        })
    }
}

/// The places of a list in order. One sort of numbers serves all kinds of rows: see [`Interned`].
pub(crate) fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

/// The tables while they grow.
struct Layout<'a> {
    text: String,
    calendars: &'a UniqueMap<super::Calendar>,
    names: Vec<NameRow>,
    models: Vec<ModelRow>,
    entries: Vec<EntryRow>,
    /// Shape and figures.
    sets: Interned<(u16, Vec<u16>)>,
    shapes: Interned<Vec<CellRow>>,
    figures: Interned<u64>,
    tiers: Interned<u64>,
    terms: Interned<(TermsRow, Vec<MultiplierRow>, Vec<BoundRow>)>,
    hours: Interned<HoursRow>,
    dates: Interned<(Text, Vec<u16>)>,
    whens: Interned<Vec<(u8, Vec<Text>)>>,
}

/// A table's length or index as a smaller number.
fn small<N: TryFrom<usize>>(number: usize, what: &'static str) -> Result<N, TooMany> {
    N::try_from(number).map_err(|_| TooMany(what))
}

/// Lays out a sound book ([`super::check()`]).
///
/// # Errors
/// [`TooMany`] rows.
pub fn lay_out(files: &[ProviderFile]) -> Result<Tables, TooMany> {
    let none = UniqueMap::default();
    let always = HoursRow { days: super::Weekdays::default().0, ..HoursRow::default() };
    let mut layout = Layout {
        text: packed(files),
        calendars: &none,
        names: Vec::new(),
        models: Vec::new(),
        entries: Vec::new(),
        sets: Interned(Vec::new()),
        shapes: Interned(Vec::new()),
        figures: Interned(Vec::new()),
        tiers: Interned(Vec::new()),
        terms: Interned(vec![(TermsRow::default(), Vec::new(), Vec::new())]),
        hours: Interned(vec![always]),
        dates: Interned(vec![(Text::default(), Vec::new())]),
        whens: Interned(Vec::new()),
    };
    let mut names = Vec::new();
    for file in files.iter().filter(|file| file.same_as.is_none()) {
        layout.calendars = &file.calendars;
        names.push((file.provider.as_str(), layout.models(file)?));
    }
    let id = |place: usize| files.get(place).map(|file| &file.provider);
    let places = order(files.len(), &|a, b| id(a).cmp(&id(b)));
    let sorted: Vec<&ProviderFile> = places.into_iter().filter_map(|place| files.get(place)).collect();
    let (mut providers, mut fallbacks) = (Vec::new(), Vec::new());
    for file in &sorted {
        let owner = file.same_as.as_ref().and_then(|id| sorted.iter().find(|other| other.provider == *id));
        let owner = owner.unwrap_or(file);
        let from: u16 = small(fallbacks.len(), "fallbacks")?;
        for id in &owner.fallback {
            if let Some(index) = sorted.iter().position(|file| file.provider == *id) {
                fallbacks.push(small(index, "providers")?);
            }
        }
        providers.push(ProviderRow {
            id: layout.place(&file.provider)?,
            names: names.iter().find(|(id, _)| *id == owner.provider).map(|(_, span)| *span).unwrap_or_default(),
            fallback: Span { from, count: small(fallbacks.len() - usize::from(from), "fallbacks")? },
            free_suffix: layout.place(owner.free_suffix.as_deref().unwrap_or_default())?,
            inherits: owner.unlisted == Some(Unlisted::Parent),
            reasoning_beside: owner.reasoning_beside,
        });
    }
    layout.finish(providers, fallbacks)
}

impl Layout<'_> {
    /// Adds a provider's models; returns where its names stand.
    fn models(&mut self, file: &ProviderFile) -> Result<Span, TooMany> {
        let mut names = Vec::new();
        for (id, model) in file.models.iter() {
            let number = small(self.models.len(), "models")?;
            for name in std::iter::once(id).chain(model.alias.iter().map(String::as_str)) {
                let name = name.to_ascii_lowercase();
                let text = self.place(&name)?;
                names.push((name, NameRow { text, model: number }));
            }
            self.model(id, model)?;
        }
        let text = |place: usize| names.get(place).map(|(text, _): &(String, NameRow)| text);
        let places = order(names.len(), &|a, b| text(a).cmp(&text(b)));
        let span = Span { from: small(self.names.len(), "names")?, count: small(names.len(), "names")? };
        self.names.extend(places.into_iter().filter_map(|place| names.get(place)).map(|(_, row)| *row));
        Ok(span)
    }

    fn model(&mut self, id: &str, model: &Model) -> Result<(), TooMany> {
        let text = self.place(id)?;
        let first = self.entries.len();
        for prices in &model.prices {
            let rates = self.set(&prices.rates, &prices.tiers)?;
            let from = prices.from.map_or(0, |day| day.0);
            let days = prices.days.0;
            let calendar = prices.except.as_deref().map_or(Ok(0), |name| self.calendar(name))?;
            let hours = prices.windows.iter().map(|window| (window.start, window.end));
            let hours: Vec<_> = if prices.windows.is_empty() { vec![(0, 0)] } else { hours.collect() };
            for (start, end) in hours {
                let hours = small(self.hours.add(HoursRow { start, end, days, calendar }), "hours")?;
                self.entries.push(EntryRow { from, rates, hours, when: 0 });
            }
        }
        let variants = self.entries.len();
        for variant in &model.variants {
            let rates = self.set(&variant.rates, &variant.tiers)?;
            let from = variant.from.map_or(0, |day| day.0);
            let when = self.when(&variant.when)?;
            self.entries.push(EntryRow { from, rates, hours: 0, when });
        }
        let terms = self.terms(model)?;
        self.models.push(ModelRow {
            text,
            entries: small(first, "entries")?,
            prices: small(variants - first, "prices of one model")?,
            variants: small(self.entries.len() - variants, "variants of one model")?,
            terms,
            dated: model.dated == Dated::Any,
        });
        Ok(())
    }

    /// The number of a model's terms.
    fn terms(&mut self, model: &Model) -> Result<u8, TooMany> {
        let multipliers = model.multipliers.iter().map(|Multiplier { from, when, by }| {
            let (from, when) = (from.map_or(0, |day| day.0), self.when(when)?);
            Ok(MultiplierRow { from, by: u16::try_from(by.0).map_err(|_| TooMany("hundredths"))?, when })
        });
        let multipliers = multipliers.collect::<Result<_, _>>()?;
        let bound = |most: bool| {
            move |(name, Quantity(quantity)): (&str, &Quantity)| {
                let dimension = Dimension::parse(name)? as u8;
                Some(BoundRow { quantity: *quantity, dimension, most })
            }
        };
        let least = model.min.iter().filter_map(bound(false));
        let bounds = least.chain(model.max.iter().filter_map(bound(true))).collect();
        let geo = super::GEO_PREFIXES.iter().enumerate().filter(|(_, prefix)| model.geo.iter().any(|g| g == *prefix));
        let row = TermsRow {
            geo: geo.map(|(bit, _)| 1 << bit).sum(),
            free: model.free,
            provisioned: model.billing == Some(Billing::Provisioned),
            ..TermsRow::default()
        };
        small(self.terms.add((row, multipliers, bounds)), "terms")
    }

    fn calendar(&mut self, name: &str) -> Result<u8, TooMany> {
        let days = self.calendars.get(name).map_or_else(Vec::new, |c| c.days.iter().map(|day| day.0).collect());
        let name = self.place(name)?;
        small(self.dates.add((name, days)), "calendars")
    }

    /// The number of a list of conditions.
    fn when(&mut self, when: &When) -> Result<u8, TooMany> {
        let mut conditions = Vec::new();
        for (key, values) in &when.0 {
            let values = values.iter().map(|value| self.place(value)).collect::<Result<_, _>>()?;
            conditions.push((*key as u8, values));
        }
        small(self.whens.add(conditions), "conditions")
    }

    /// The number of a set of rates: by dimension, without tier first, then by rising tier.
    fn set(&mut self, rates: &UniqueMap<Rate>, tiers: &[Tier]) -> Result<u16, TooMany> {
        let (mut cells, mut figures) = (Vec::new(), Vec::new());
        for dimension in Dimension::ALL {
            let (dimension, name) = (dimension as u8, dimension.as_str());
            if let Some(rate) = rates.get(name) {
                cells.push(CellRow { dimension, tier: 0 });
                figures.push(small(self.figures.add(rate.0), "figures")?);
            }
            for tier in tiers {
                let Some(rate) = tier.rates.get(name) else { continue };
                cells.push(CellRow { dimension, tier: small(self.tiers.add(tier.over) + 1, "tiers")? });
                figures.push(small(self.figures.add(rate.0), "figures")?);
            }
        }
        let shape = small(self.shapes.add(cells), "shapes of rates")?;
        small(self.sets.add((shape, figures)), "sets of rates")
    }

    /// Where a text stands in the common one, which has it.
    #[inline(never)]
    fn place(&self, text: &str) -> Result<Text, TooMany> {
        Text::new(self.text.find(text).unwrap_or_default(), text.len())
    }

    fn finish(mut self, providers: Vec<ProviderRow>, fallbacks: Vec<u8>) -> Result<Tables, TooMany> {
        let (mut begins, mut rates) = (Vec::new(), Vec::new());
        for (shape, figures) in self.sets.0 {
            begins.push(small(rates.len(), "rates")?);
            rates.push(shape);
            rates.extend(figures);
        }
        // Entries had the set's number.
        for entry in &mut self.entries {
            entry.rates = begins.get(usize::from(entry.rates)).copied().unwrap_or_default();
        }
        let (mut shapes, mut cells) = (Vec::new(), Vec::new());
        for shape in self.shapes.0 {
            shapes.push(Span { from: small(cells.len(), "cells")?, count: small(shape.len(), "cells")? });
            cells.extend(shape);
        }
        let (mut terms, mut multipliers, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        for (row, more, limits) in self.terms.0 {
            let [multiplied, bounded] = [
                Span { from: small(multipliers.len(), "multipliers")?, count: small(more.len(), "multipliers")? },
                Span { from: small(bounds.len(), "bounds")?, count: small(limits.len(), "bounds")? },
            ];
            terms.push(TermsRow { multipliers: multiplied, bounds: bounded, ..row });
            multipliers.extend(more);
            bounds.extend(limits);
        }
        let (mut calendars, mut days) = (Vec::new(), Vec::new());
        for (name, dates) in self.dates.0 {
            let span = Span { from: small(days.len(), "days")?, count: small(dates.len(), "days")? };
            calendars.push(CalendarRow { name, days: span });
            days.extend(dates);
        }
        let (mut whens, mut conditions, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for list in self.whens.0 {
            whens.push(Span { from: small(conditions.len(), "conditions")?, count: small(list.len(), "conditions")? });
            for (key, texts) in list {
                let span = Span { from: small(values.len(), "values")?, count: small(texts.len(), "values")? };
                conditions.push(ConditionRow { values: span, key });
                values.extend(texts);
            }
        }
        Ok(Tables {
            text: self.text.into(),
            providers: providers.into(),
            names: self.names.into(),
            models: self.models.into(),
            entries: self.entries.into(),
            rates: rates.into(),
            shapes: shapes.into(),
            cells: cells.into(),
            figures: self.figures.0.into(),
            tiers: self.tiers.0.into(),
            fallbacks: fallbacks.into(),
            terms: terms.into(),
            multipliers: multipliers.into(),
            bounds: bounds.into(),
            hours: self.hours.0.into(),
            calendars: calendars.into(),
            days: days.into(),
            whens: whens.into(),
            conditions: conditions.into(),
            values: values.into(),
        })
    }
}

/// One text that holds everything that rows name: a name inside a longer one costs nothing.
fn packed(files: &[ProviderFile]) -> String {
    let mut names: Vec<String> = Vec::new();
    for file in files {
        names.push(file.provider.clone());
        names.extend(file.free_suffix.clone());
        for (id, model) in file.models.iter() {
            names.push(id.to_owned());
            names
                .extend(std::iter::once(id).chain(model.alias.iter().map(String::as_str)).map(str::to_ascii_lowercase));
            names.extend(model.prices.iter().filter_map(|prices| prices.except.clone()));
            let whens = model.variants.iter().map(|v| &v.when).chain(model.multipliers.iter().map(|m| &m.when));
            names.extend(whens.flat_map(|when| &when.0).flat_map(|(_, values)| values).cloned());
        }
    }
    let length = |place: usize| names.get(place).map(String::len);
    let mut text = String::new();
    for name in order(names.len(), &|a, b| length(b).cmp(&length(a))).into_iter().filter_map(|place| names.get(place)) {
        if !text.contains(name.as_str()) {
            text.push_str(name);
        }
    }
    text
}
