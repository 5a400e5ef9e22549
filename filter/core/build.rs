//! Turns the price book (`filter/prices/book/*.json`) into sorted static tables: the filter parses no prices at run
//! time. A book with an error does not build, and the message names file, model and field.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[path = "src/price/book/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the module's other readers are genops-core itself and genops-prices"
)]
mod book;

use book::{Dated, Dimension, Model, ProviderFile, Rate, Tier, UniqueMap, Unlisted};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../prices/book");
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut files = Vec::new();
    let mut checksum = crc32fast::Hasher::new();
    let mut paths = std::fs::read_dir(&directory)?.map(|entry| Ok(entry?.path())).collect::<Fallible<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = std::fs::read_to_string(&path)?;
        checksum.update(text.as_bytes());
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        files.push((stem, book::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?));
    }
    let complaints = book::check(&files);
    if !complaints.is_empty() {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        return Err(format!("the price book in {} is not right:\n{}", directory.display(), lines.join("\n")).into());
    }
    let checked_on = files.iter().map(|(_, file)| file.checked_on).max();
    let checked_on = checked_on.map_or_else(|| "none".to_owned(), |day| day.to_string());
    let version = format!("{checked_on}.{:08x}", checksum.finalize());
    let providers: Vec<ProviderFile> = files.into_iter().map(|(_, file)| file).collect();
    let out = PathBuf::from(env::var("OUT_DIR")?).join("book.rs");
    std::fs::write(out, Tables::default().lay_out(&providers)?.to_source(&version)?)?;
    Ok(())
}

/// The tables while they grow; rows are the text of their Rust expressions.
#[derive(Default)]
struct Tables {
    text: String,
    providers: Vec<String>,
    names: Vec<String>,
    models: Vec<String>,
    entries: Vec<String>,
    /// Interned sets of rates: (dimension, tier, figure).
    sets: Interned<Vec<(u8, u8, u16)>>,
    figures: Interned<u64>,
    tiers: Interned<u64>,
    values: Interned<String>,
}

/// Each value once, by the order of first use.
struct Interned<T> {
    values: Vec<T>,
    index: HashMap<T, usize>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn add(&mut self, value: T) -> usize {
        *self.index.entry(value.clone()).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }
}

type Fallible<T> = Result<T, Box<dyn Error>>;

impl Tables {
    fn lay_out(mut self, files: &[ProviderFile]) -> Fallible<Self> {
        self.text = packed(files);
        let mut ranges = HashMap::new();
        for file in files.iter().filter(|file| file.same_as.is_none()) {
            ranges.insert(file.provider.as_str(), self.models(file)?);
        }
        let mut ids: Vec<&str> = files.iter().map(|file| file.provider.as_str()).collect();
        ids.sort_unstable();
        for id in &ids {
            let file = files.iter().find(|file| file.provider == *id).ok_or("a provider vanished")?;
            let owner = file.same_as.as_deref().unwrap_or(id);
            let owner = files.iter().find(|file| file.provider == owner).ok_or("same_as was checked")?;
            let names = ranges.get(owner.provider.as_str()).ok_or("its models stand in the table")?;
            let fallback: Result<Vec<u8>, _> = owner
                .fallback
                .iter()
                .map(|other| ids.binary_search(&other.as_str()).ok().and_then(|at| u8::try_from(at).ok()))
                .map(|at| at.ok_or("fallback was checked"))
                .collect();
            self.providers.push(format!(
                "Provider {{ id: {id:?}, names: {names:?}, fallback: &{:?}, free_suffix: {:?}, inherits: {}, \
                 reasoning_beside: {} }}",
                fallback?,
                owner.free_suffix,
                owner.unlisted == Some(Unlisted::Parent),
                owner.reasoning_beside
            ));
        }
        Ok(self)
    }

    /// Adds a provider's models; returns the range of its names.
    fn models(&mut self, file: &ProviderFile) -> Fallible<(u16, u16)> {
        let mut names = Vec::new();
        for (id, model) in file.models.iter() {
            let number = u16::try_from(self.models.len())?;
            for name in std::iter::once(id).chain(model.alias.iter().map(String::as_str)) {
                let name = name.to_ascii_lowercase();
                names.push((self.place(&name)?, model.dated == Dated::Any && book::takes_date(&name), number, name));
            }
            self.model(id, model)?;
        }
        names.sort_unstable_by(|a, b| a.3.cmp(&b.3));
        let from = u16::try_from(self.names.len())?;
        for ((at, len), dated, model, _) in &names {
            self.names.push(format!("Name {{ at: {at}, model: {model}, len: {len}, dated: {dated} }}"));
        }
        Ok((from, u16::try_from(names.len())?))
    }

    fn model(&mut self, id: &str, model: &Model) -> Fallible<()> {
        let (at, len) = self.place(id)?;
        let first = self.entries.len();
        for prices in &model.prices {
            let set = self.set(&prices.rates, &prices.tiers)?;
            let from = prices.from.map_or(0, |day| day.0);
            let hours = prices.windows.iter().map(|window| (window.start, window.end));
            let hours: Vec<_> = if prices.windows.is_empty() { vec![(0, 0)] } else { hours.collect() };
            for (start, end) in hours {
                self.entry(from, start, end, set, 0, 0);
            }
        }
        let variants = self.entries.len();
        for variant in &model.variants {
            let set = self.set(&variant.rates, &variant.tiers)?;
            let from = variant.from.map_or(0, |day| day.0);
            for (key, values) in &variant.when.0 {
                for value in values {
                    let value = u8::try_from(self.values.add(value.clone()))?;
                    self.entry(from, 0, 0, set, *key as u8, value);
                }
            }
        }
        let geo = book::GEO_PREFIXES.iter().enumerate().filter(|(_, prefix)| model.geo.iter().any(|g| g == *prefix));
        let geo: u16 = geo.map(|(bit, _)| 1 << bit).sum();
        let (prices, variants) = (u8::try_from(variants - first)?, u8::try_from(self.entries.len() - variants)?);
        let free = model.free;
        self.models.push(format!(
            "Model {{ at: {at}, entries: {first}, geo: {geo}, len: {len}, prices: {prices}, variants: {variants}, \
             free: {free} }}"
        ));
        Ok(())
    }

    fn entry(&mut self, from: u16, start: u16, end: u16, set: usize, key: u8, value: u8) {
        self.entries.push(format!(
            "Entry {{ from: {from}, start: {start}, end: {end}, set: {set}, key: {key}, value: {value} }}"
        ));
    }

    /// The number of a set of rates: by dimension, without tier first, then by rising tier.
    fn set(&mut self, rates: &UniqueMap<Rate>, tiers: &[Tier]) -> Fallible<usize> {
        let mut rows = Vec::new();
        let plain = std::iter::once((None, rates));
        for (over, rates) in plain.chain(tiers.iter().map(|tier| (Some(tier.over), &tier.rates))) {
            for (dimension, rate) in rates.iter() {
                let dimension = Dimension::parse(dimension).ok_or("dimensions were checked")?;
                rows.push((dimension as u8, over, u16::try_from(self.figures.add(rate.0))?));
            }
        }
        rows.sort_unstable();
        let row = |(dimension, over, figure): (u8, Option<u64>, u16)| {
            let tier = over.map_or(Ok(0), |over| u8::try_from(self.tiers.add(over) + 1))?;
            Ok::<_, Box<dyn Error>>((dimension, tier, figure))
        };
        let rows: Result<Vec<_>, _> = rows.into_iter().map(row).collect();
        Ok(self.sets.add(rows?))
    }

    /// Where a text stands in the common one.
    fn place(&self, text: &str) -> Fallible<(u32, u8)> {
        let at = self.text.find(text).ok_or("every name was packed")?;
        Ok((u32::try_from(at)?, u8::try_from(text.len())?))
    }

    fn to_source(&self, version: &str) -> Fallible<String> {
        let mut source = String::from("// Made by filter/core/build.rs from filter/prices/book.\n");
        let mut bounds = vec![0u16];
        let mut rates = Vec::new();
        for set in &self.sets.values {
            for (dimension, tier, figure) in set {
                rates.push(format!("RateRow {{ dimension: {dimension}, tier: {tier}, figure: {figure} }}"));
            }
            bounds.push(u16::try_from(rates.len())?);
        }
        let quoted: Vec<String> = self.values.values.iter().map(|value| format!("{value:?}")).collect();
        writeln!(source, "const VERSION: &str = {version:?};")?;
        writeln!(source, "static TEXT: &str = {:?};", self.text)?;
        let numbers = |numbers: &[u64]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (name, kind, rows) in [
            ("PROVIDERS", "Provider", &self.providers),
            ("NAMES", "Name", &self.names),
            ("MODELS", "Model", &self.models),
            ("ENTRIES", "Entry", &self.entries),
            ("SETS", "u16", &bounds.iter().map(ToString::to_string).collect()),
            ("RATES", "RateRow", &rates),
            ("FIGURES", "u64", &numbers(&self.figures.values)),
            ("TIERS", "u64", &numbers(&self.tiers.values)),
            ("VALUES", "&str", &quoted),
        ] {
            writeln!(source, "static {name}: [{kind}; {}] = [\n{}\n];", rows.len(), rows.join(",\n"))?;
        }
        Ok(source)
    }
}

/// One text that holds every name: a name inside a longer one costs nothing.
fn packed(files: &[ProviderFile]) -> String {
    let mut names: Vec<String> = Vec::new();
    for (id, model) in files.iter().flat_map(|file| file.models.iter()) {
        names.push(id.to_owned());
        names.extend(std::iter::once(id).chain(model.alias.iter().map(String::as_str)).map(str::to_ascii_lowercase));
    }
    names.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    names.dedup();
    let mut text = String::new();
    for name in names {
        if !text.contains(&name) {
            text.push_str(&name);
        }
    }
    text
}
