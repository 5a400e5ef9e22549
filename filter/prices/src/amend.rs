//! What is known beyond an imported list (`amend/*.json`): put into the book's files after an import.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use genops_core::price::book::{ProviderFile, parse_amendment};

use crate::directory;

/// Changes `files` as the directory says, a file per provider. Says which providers changed.
///
/// # Errors
/// A file that is not of the format, that names no source and day, or that does not fit its provider's file.
pub fn amend(files: &mut [ProviderFile], directory: &Path) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for path in directory::paths(directory)? {
        let place = || path.display().to_string();
        let text = std::fs::read_to_string(&path).with_context(place)?;
        let amendment = parse_amendment(&text).with_context(place)?;
        ensure!(amendment.source.is_some() && amendment.checked_on.is_some(), "{}: says no source or day", place());
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some(file) = files.iter_mut().find(|file| file.provider == stem) else {
            anyhow::bail!("{}: the book has no such provider", place());
        };
        let before = file.clone();
        file.amend(&amendment).with_context(place)?;
        if *file != before {
            changed.push(file.provider.clone());
        }
    }
    Ok(changed)
}
