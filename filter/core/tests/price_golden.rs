//! The costs that genai-prices gives for popular models, to the last digit.
//!
//! The file stands outside the repository (it is not ours to ship): `<workspace>/../shared/prices/golden_gp.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use genops_core::price::{Charge, Context, pico_to_decimal, price};
use genops_core::{UnpricedReason, Usage};
use serde_json::Value;

/// genai-prices' provider ids to the filter's, where they differ.
const IDS: [(&str, &str); 5] = [
    ("aws", "aws-bedrock"),
    ("azure", "azure-openai"),
    ("moonshotai", "moonshot"),
    ("voyageai", "voyage"),
    ("x-ai", "xai"),
];

/// 2026-11-19T12:00:00Z, the instant of every row.
const AT: i64 = 1_795_089_600;

/// Rows whose context the list has no rate for: it gives the standard price then, we give none.
const ROWS_WITHOUT_VARIANT: usize = 244;

/// Rows of such a context whose rate the book has from elsewhere (`filter/prices/amend`): Gemini and Nova Pro in the
/// flex and priority tiers, Fireworks and Azure in priority.
const ROWS_OF_OTHER_LISTS: usize = 28;

fn golden() -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/prices/golden_gp.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("the golden file is a JSON list")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{}: {error}", path.display());
            // Not by `eprintln!`: the harness keeps what a test prints that passes.
            let _nobody_listens = writeln!(std::io::stderr(), "NOT RUN: {}: {error}", path.display());
            None
        }
    }
}

fn usage(row: &Value) -> Usage {
    let figure = |key: &str| row["usage"][key].as_u64();
    Usage {
        input: figure("input_tokens"),
        output: figure("output_tokens"),
        cache_read: figure("cache_read_tokens"),
        cache_write: figure("cache_write_tokens"),
        ..Usage::default()
    }
}

/// `2e-05` and `0.0075` as the same kind of text.
fn decimal(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        };
    };
    let exponent: usize = exponent.trim_start_matches('-').parse().expect("a small negative exponent");
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    decimal(&format!("0.{}{whole}{fraction}", "0".repeat(exponent - whole.len())))
}

#[test]
fn every_golden_cost_is_ours() {
    let Some(rows) = golden() else { return };
    assert_eq!(rows.len(), 660);
    let mut standard: BTreeMap<String, &str> = BTreeMap::new();
    let key = |row: &Value| format!("{} {} {}", row["provider"], row["model"], row["usage"]);
    for row in rows.iter().filter(|row| row["context"].is_null()) {
        standard.insert(key(row), row["usd"].as_str().expect("a cost"));
    }
    let mut without_variant = BTreeSet::new();
    let (mut count, mut elsewhere) = (0, 0);
    for row in &rows {
        let theirs = row["provider"].as_str().expect("a provider");
        let provider = IDS.iter().find(|(id, _)| *id == theirs).map_or(theirs, |(_, ours)| ours);
        let (model, usd) = (row["model"].as_str().expect("a model"), row["usd"].as_str().expect("a cost"));
        let context = Context {
            service_tier: row["context"]["service_tier"].as_str(),
            processing: row["context"]["processing"].as_str(),
            ..Context::default()
        };
        let ours = price(&Charge { provider, model, at: AT, usage: &usage(row), context });
        match ours {
            Ok(ours) if pico_to_decimal(ours.pico_usd) == decimal(usd) => {}
            Ok(ours) => {
                let tier = row["context"]["service_tier"].as_str();
                let known = matches!(
                    (provider, tier),
                    ("google" | "aws-bedrock", Some("flex" | "priority"))
                        | ("fireworks" | "azure-openai", Some("priority"))
                );
                let theirs = standard.get(&key(row));
                assert!(known && theirs == Some(&usd), "{} {row}", pico_to_decimal(ours.pico_usd));
                elsewhere += 1;
            }
            Err(UnpricedReason::UnknownTier) => {
                assert_eq!(standard.get(&key(row)), Some(&usd), "the list has a rate of its own here: {row}");
                count += 1;
                without_variant.insert(format!("{provider} {model} {}", row["context"]));
            }
            Err(reason) => panic!("{row}: {}", reason.as_str()),
        }
    }
    for row in &without_variant {
        println!("no rate: {row}");
    }
    assert_eq!((count, elsewhere), (ROWS_WITHOUT_VARIANT, ROWS_OF_OTHER_LISTS));
}
