//! A directory of book files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use genops_core::price::book::{self, ProviderFile};

/// Reads one file; beside it its name without `.json`.
///
/// # Errors
/// An unreadable file, or one that is not of the book's format: names the file and the JSON path.
pub fn read_file(path: &Path) -> Result<(String, ProviderFile)> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let file = book::parse(&text).with_context(|| path.display().to_string())?;
    Ok((stem(path), file))
}

/// The paths of all files of a book, sorted.
///
/// # Errors
/// An unreadable directory.
pub fn paths(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

/// Writes a file under its provider's name; says whether that changed anything.
///
/// # Errors
/// An unwritable directory.
pub fn write(directory: &Path, file: &ProviderFile) -> Result<bool> {
    let path = directory.join(format!("{}.json", file.provider));
    let text = serde_json::to_string_pretty(file)? + "\n";
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(true)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
