//! `genops-prices`: see the library.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use genops_core::price::book;
use genops_prices::{directory, import};
use jiff::civil::Date;

/// Where the shipped book stands in the repository.
const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/book");

/// Keeps the price book of the GenOps filter.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the book's files from a public price list.
    Import {
        /// The list's format.
        #[arg(long)]
        from: From,
        /// Files with model names to look for: litellm's price list, or [[provider, model, ...], ...].
        #[arg(long)]
        names: Vec<PathBuf>,
        /// The directory to write to.
        #[arg(long, default_value = BOOK)]
        book: PathBuf,
        /// The day that the files are marked with; today if not given.
        #[arg(long)]
        checked_on: Option<Date>,
        /// A JSON dump of the list, numbers as text. Without it the pinned package is fetched.
        file: Option<PathBuf>,
    },
    /// Check a book, or single files against one.
    Check {
        /// The directory that holds the book.
        #[arg(long, default_value = BOOK)]
        book: PathBuf,
        /// Only these files; what they refer to is looked for in the book.
        files: Vec<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// The PyPI package genai-prices.
    GenaiPrices,
}

fn main() -> Result<ExitCode> {
    match Cli::parse().command {
        Command::Import { from: From::GenaiPrices, names, book, checked_on, file } => {
            let today = || jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let checked_on = checked_on.unwrap_or_else(today).to_string();
            let files = import::genai_prices(file.as_deref(), &names, &checked_on)?;
            for file in &files {
                if directory::write(&book, file)? {
                    println!("{}: {} models", file.provider, file.models.0.len());
                }
            }
            check(&book, &[])
        }
        Command::Check { book, files } => check(&book, &files),
    }
}

/// Prints what is wrong. Fails when anything is.
fn check(book: &Path, only: &[PathBuf]) -> Result<ExitCode> {
    let named: Vec<_> = only.iter().map(|path| directory::read_file(path)).collect::<Result<_>>()?;
    let mut files = Vec::new();
    for path in directory::paths(book)? {
        let (stem, file) = directory::read_file(&path)?;
        if named.iter().all(|(other, _)| *other != stem) {
            files.push((stem, file));
        }
    }
    let stems: Vec<String> = named.iter().map(|(stem, _)| stem.clone()).collect();
    files.extend(named);
    let mut complaints = book::check(&files);
    complaints.retain(|complaint| stems.is_empty() || stems.contains(&complaint.provider));
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() {
        let models: usize = files.iter().map(|(_, file)| file.models.0.len()).sum();
        println!("{} files, {models} models: nothing is wrong", files.len());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}
