//! The shipped book beside litellm's list and genai-prices': every figure that differs is explained in
//! `data/differences-*.json`. A new difference fails, and so does one that is gone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use genops_core::price::book::{Date, ProviderFile};
use genops_prices::diff::{self, AllowList, Book, Comparison, Right, Status};
use genops_prices::{directory, import};

/// The day of the prices that are compared.
const AT: &str = "2026-11-20";

fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the price lists that stand outside the repository.
fn listed(name: &str) -> Option<PathBuf> {
    let path = own("../../../shared/prices").join(name);
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is absent, and in CI it must not be", path.display());
        // Not by `eprintln!`: the harness keeps what a test prints that passes.
        let _nobody_listens = writeln!(std::io::stderr(), "NOT RUN: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// The shipped book beside these files, models that both have; the list that explains what differs.
fn compare(files: &[ProviderFile], explanations: &str) -> (Comparison, AllowList) {
    let other = tempfile::tempdir().expect("a directory");
    for file in files {
        directory::write(other.path(), file).expect("written");
    }
    let read = |path: &Path| Book::read(path).expect("a book");
    let at: Date = AT.parse().expect("a day");
    let mut comparison = diff::compare(&read(&own("book")), &read(other.path()), at, &[]);
    comparison.rows.retain(|row| matches!(row.status, Status::Equal | Status::Differ));
    let allow = AllowList::read(&own(explanations)).expect("a list of explanations");
    allow.apply(&mut comparison);
    (comparison, allow)
}

fn assert_explained((comparison, allow): &(Comparison, AllowList)) {
    assert!(comparison.is_expected(), "{}", comparison.text(false));
    for rule in &allow.rules {
        assert!(rule.count > 0, "{} explains nothing: take it out", rule.reason);
    }
    let figures: usize = comparison.rows.iter().map(|row| row.cells.len()).sum();
    assert_eq!(figures, allow.rules.iter().map(|rule| rule.count).sum::<usize>());
}

#[test]
fn every_difference_to_litellm_is_explained() {
    let Some(list) = listed("litellm_1.109.1.json") else { return };
    let (files, _) = import::litellm(&list, "litellm 1.109.1", "2026-11-21").expect("litellm's list");
    let found = compare(&files, "data/differences-litellm.json");
    assert_explained(&found);
    let equal = found.0.rows.iter().filter(|row| row.status == Status::Equal).count();
    assert!(equal > 400, "only {equal} models are the same: is that litellm's list?");
}

#[test]
fn every_difference_to_genai_prices_is_explained_and_ours_is_right() {
    let Some(list) = listed("genai_prices_0.2.3.json") else { return };
    let files = import::genai_prices(Some(&list), &[], "2026-11-21").expect("the package's dump");
    let found = compare(&files, "data/differences-genai.json");
    assert_explained(&found);
    // What is known beyond the list only adds to it.
    assert!(found.1.rules.iter().all(|rule| rule.right == Right::A));
    let equal = found.0.rows.iter().filter(|row| row.status == Status::Equal).count();
    assert!(equal > 2000, "only {equal} models are the same");
}

#[test]
fn explanations_are_lists_where_the_price_lists_are_absent_too() {
    for (name, least) in [("data/differences-litellm.json", 50), ("data/differences-genai.json", 1)] {
        let rules = AllowList::read(&own(name)).expect(name).rules;
        assert!(rules.len() >= least && rules.iter().all(|rule| rule.reason.len() > 10), "{name}");
    }
}

/// Azure's amendment repeats OpenAI's plain prices because it adds tiers to them. An import that moves the ones must not
/// leave the others behind.
#[test]
fn azure_costs_what_openai_does_where_it_repeats_it() {
    let read = |path: &str| directory::read_file(&own(path)).expect("a file of the book").1;
    let (azure, openai) = (read("book/azure-openai.json"), read("book/openai.json"));
    let mut repeated = 0;
    for (name, model) in &azure.models.0 {
        let Some((_, original)) = openai.models.0.iter().find(|(other, _)| other == name) else { continue };
        if model.variants.is_empty() {
            continue;
        }
        assert_eq!(model.prices, original.prices, "{name}: bring amend/azure-openai.json up to date");
        repeated += 1;
    }
    assert!(repeated >= 14, "{repeated}");
}
