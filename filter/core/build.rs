//! Turns the price book (`filter/prices/book/*.json`) into sorted static tables: the filter parses no prices at run
//! time. A book with an error does not build, and the message names file, model and field.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

#[path = "src/price/book/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the module's other readers are genops-core itself and genops-prices"
)]
mod book;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../prices/book");
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut files = Vec::new();
    let mut checksum = crc32fast::Hasher::new();
    let mut paths = std::fs::read_dir(&directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
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
    let providers: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
    let out = PathBuf::from(env::var("OUT_DIR")?).join("book.rs");
    let tables = book::layout::lay_out(&providers)?.to_source();
    let head = "// Made by filter/core/build.rs from filter/prices/book.\n";
    std::fs::write(out, format!("{head}const VERSION: &str = {version:?};\n\nstatic SHIPPED: Tables = {tables};\n"))?;
    Ok(())
}
