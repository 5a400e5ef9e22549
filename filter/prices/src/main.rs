//! `genops-prices`: see the library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use genops_core::price;
use genops_core::price::book::{self, ProviderFile};
use genops_prices::diff::{self, AllowList, Book, Status};
use genops_prices::explain::{self, Question};
use genops_prices::{amend, directory, import};
use jiff::Timestamp;
use jiff::civil::Date;

/// Where the shipped book stands in the repository.
const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/book");

/// What is known beyond the imported list.
const AMENDMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/amend");

/// Beside the files of an import: what of the list is not in them.
const LEFT_OUT: &str = "left-out.txt";

/// Exit code of a comparison that could not be made, as diff(1) has it: 1 says that something differs.
const TROUBLE: u8 = 2;

/// Keeps the price book of the GenOps filter.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a book's files from a public price list.
    Import {
        /// The list's format.
        #[arg(long)]
        from: From,
        /// Files with model names to look for: litellm's price list, or [[provider, model, ...], ...] (genai-prices).
        #[arg(long)]
        names: Vec<PathBuf>,
        /// The directory to write to. Needed for litellm; genai-prices goes to the shipped book if not given.
        #[arg(long)]
        book: Option<PathBuf>,
        /// The day that the files are marked with; today if not given.
        #[arg(long)]
        checked_on: Option<Date>,
        /// What the files name as their source; the list's name if not given (litellm).
        #[arg(long)]
        source: Option<String>,
        /// The list: a JSON dump of genai-prices, numbers as text (without it the pinned package is fetched), or
        /// litellm's model_prices_and_context_window.json.
        file: Option<PathBuf>,
    },
    /// Put what is known beyond an imported list (`amend/*.json`) into the book's files. An import does so by itself.
    Amend {
        /// The directory that holds the book.
        #[arg(long, default_value = BOOK)]
        book: PathBuf,
        /// The directory that holds the changes.
        #[arg(long, default_value = AMENDMENTS)]
        from: PathBuf,
    },
    /// Compare two books: exit code 0 if they say the same, 1 if not, 2 in trouble.
    Diff {
        /// A directory of book files, or one of them.
        a: PathBuf,
        /// Another one.
        b: PathBuf,
        /// The UTC day of the prices; today if not given.
        #[arg(long)]
        at: Option<Date>,
        /// Only these providers.
        #[arg(long = "provider")]
        providers: Vec<String>,
        /// Only models that both have.
        #[arg(long)]
        common: bool,
        /// A list of explained differences: only others count.
        #[arg(long)]
        allow: Option<PathBuf>,
        /// Print what is explained too, with its reason.
        #[arg(long)]
        explained: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show line by line how the cost of an exchange comes about: exit code 1 if it has none, 2 in trouble.
    Explain {
        /// The filter's id of the provider.
        #[arg(long)]
        provider: String,
        /// The model as the wire names it.
        #[arg(long)]
        model: String,
        /// What was used: JSON in our field names, or a usage object as the provider writes it.
        #[arg(long)]
        usage: String,
        /// When the request started (RFC 3339); now if not given.
        #[arg(long)]
        at: Option<Timestamp>,
        /// The service tier that it was served in; `batch` for a batch.
        #[arg(long)]
        tier: Option<String>,
        /// The speed that it was served at.
        #[arg(long)]
        speed: Option<String>,
        /// Where the model ran.
        #[arg(long)]
        geo: Option<String>,
        /// The region that the host or the path names.
        #[arg(long)]
        region: Option<String>,
        /// Your prices: JSON as the filter's configuration has it under `prices`.
        #[arg(long)]
        prices: Option<PathBuf>,
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
    /// litellm's JSON file.
    Litellm,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let trouble = if matches!(command, Command::Diff { .. } | Command::Explain { .. }) {
        ExitCode::from(TROUBLE)
    } else {
        ExitCode::FAILURE
    };
    run(command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        trouble
    })
}

/// The UTC day.
fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Import { from, names, book, checked_on, source, file } => {
            let checked_on = checked_on.unwrap_or_else(today).to_string();
            match from {
                From::GenaiPrices => {
                    let mut files = import::genai_prices(file.as_deref(), &names, &checked_on)?;
                    amend::amend(&mut files, Path::new(AMENDMENTS))?;
                    write(&book.unwrap_or_else(|| BOOK.into()), &files)
                }
                From::Litellm => import_litellm(book, file, source, &checked_on),
            }
        }
        Command::Diff { a, b, at, providers, common, allow, explained, json } => {
            let at = at.unwrap_or_else(today).to_string().parse().map_err(anyhow::Error::msg)?;
            let allow = allow.map(|path| AllowList::read(&path)).transpose()?;
            let mut comparison = diff::compare(&Book::read(&a)?, &Book::read(&b)?, at, &providers);
            if common {
                comparison.rows.retain(|row| !matches!(row.status, Status::OnlyA | Status::OnlyB));
            }
            allow.iter().for_each(|allow| allow.apply(&mut comparison));
            if json {
                println!("{}", serde_json::to_string_pretty(&comparison)?);
            } else {
                print!("{}", comparison.text(explained));
            }
            Ok(if comparison.is_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Explain { provider, model, usage, at, tier, speed, geo, region, prices } => {
            let context = price::Context {
                service_tier: tier.as_deref(),
                speed: speed.as_deref(),
                geo: geo.as_deref(),
                region: region.as_deref(),
                ..price::Context::default()
            };
            let (text, priced) = explain::explain(&Question {
                provider: &provider,
                model: &model,
                usage: &usage,
                at: at.unwrap_or_else(Timestamp::now).as_second(),
                context,
                prices: prices.as_deref(),
            })?;
            print!("{text}");
            Ok(if priced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Amend { book, from } => {
            let mut files = Vec::new();
            for path in directory::paths(&book)? {
                files.push(directory::read_file(&path)?.1);
            }
            amend::amend(&mut files, &from)?;
            write(&book, &files)
        }
        Command::Check { book, files } => check(&book, &files),
    }
}

/// Writes files to a book, names those that changed, and checks the book.
fn write(book: &Path, files: &[ProviderFile]) -> Result<ExitCode> {
    for file in files {
        if directory::write(book, file)? {
            println!("{}: {} models", file.provider, file.models.0.len());
        }
    }
    check(book, &[])
}

fn import_litellm(
    book: Option<PathBuf>,
    file: Option<PathBuf>,
    source: Option<String>,
    checked_on: &str,
) -> Result<ExitCode> {
    let file = file.context("name the file: litellm's model_prices_and_context_window.json")?;
    let book = book.context("say with --book where to write: the shipped book is made from genai-prices")?;
    fs::create_dir_all(&book).with_context(|| book.display().to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (files, left) = import::litellm(&file, &source.unwrap_or(name), checked_on)?;
    let report = book.join(LEFT_OUT);
    fs::write(&report, left.to_string()).with_context(|| report.display().to_string())?;
    for (count, reason) in left.summary() {
        eprintln!("left out {count}: {reason}");
    }
    eprintln!("each of them: {}", report.display());
    write(&book, &files)
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
