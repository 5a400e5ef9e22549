//! A book to compare: files by provider, and its models by any of their names.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use genops_core::price::book::{Dated, GEO_PREFIXES, ProviderFile, without_date};

use super::effective::Listed;
use crate::directory;

/// Files by provider.
#[derive(Debug)]
pub struct Book(BTreeMap<String, ProviderFile>);

/// The models of one provider by name, in lower case; then those of the providers whose models it serves too.
pub(super) struct Names<'a> {
    own: BTreeMap<String, Listed<'a>>,
    served: Vec<BTreeMap<String, Listed<'a>>>,
}

impl Book {
    /// Reads a directory of book files, or one file. A provider with another one's prices has them itself here.
    ///
    /// # Errors
    /// Nothing there, or a file that is not of the book's format.
    pub fn read(path: &Path) -> Result<Self> {
        let paths = if path.is_dir() { directory::paths(path)? } else { vec![path.to_owned()] };
        ensure!(!paths.is_empty(), "{}: there is no book file (*.json) in it", path.display());
        let mut files = BTreeMap::new();
        for path in paths {
            let (_, file) = directory::read_file(&path)?;
            files.insert(file.provider.clone(), file);
        }
        let originals = files.clone();
        for file in files.values_mut() {
            if let Some(original) = file.same_as.take().and_then(|id| originals.get(&id)) {
                *file = ProviderFile { provider: file.provider.clone(), ..original.clone() };
            }
        }
        Ok(Self(files))
    }

    /// Its providers.
    pub(super) fn providers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The models of a provider.
    pub(super) fn models(&self, provider: &str) -> impl Iterator<Item = Listed<'_>> {
        self.0
            .get(provider)
            .into_iter()
            .flat_map(|file| file.models.iter().map(move |(name, model)| Listed { file, name, model, own: true }))
    }

    /// The models of a provider, by name.
    pub(super) fn names(&self, provider: &str) -> Names<'_> {
        let fallback = self.0.get(provider).into_iter().flat_map(|file| &file.fallback);
        Names { own: self.own_names(provider), served: fallback.map(|id| self.own_names(id)).collect() }
    }

    fn own_names(&self, provider: &str) -> BTreeMap<String, Listed<'_>> {
        let mut names = BTreeMap::new();
        for listed in self.models(provider) {
            for name in std::iter::once(listed.name).chain(listed.model.alias.iter().map(String::as_str)) {
                names.insert(name.to_lowercase(), listed);
            }
        }
        names
    }
}

impl<'a> Names<'a> {
    /// The model that a name means: as it is listed, with a date behind it, with a region in front; the provider's own
    /// list first.
    pub(super) fn find(&self, name: &str) -> Option<Listed<'a>> {
        let name = name.to_lowercase();
        find(&self.own, &name).or_else(|| {
            let other = self.served.iter().find_map(|names| find(names, &name))?;
            // The other's name for it may be one that the provider lists itself, at its own price.
            let own = self.own.get(&other.name.to_lowercase()).copied();
            Some(own.unwrap_or(Listed { own: false, ..other }))
        })
    }
}

fn find<'a>(names: &BTreeMap<String, Listed<'a>>, name: &str) -> Option<Listed<'a>> {
    let plain = |name: &str| {
        let dated = |base| names.get(base).filter(|listed| listed.model.dated == Dated::Any);
        names.get(name).or_else(|| without_date(name).find_map(dated)).copied()
    };
    plain(name).or_else(|| {
        let (prefix, rest) = name.split_once('.')?;
        GEO_PREFIXES.contains(&prefix).then_some(())?;
        plain(rest).filter(|listed| listed.model.geo.iter().any(|geo| geo == prefix))
    })
}
