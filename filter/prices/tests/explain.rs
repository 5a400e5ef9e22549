//! `genops-prices explain` as a user runs it.

use std::fs;
use std::process::{Command, Output};

const AT: [&str; 2] = ["--at", "2026-11-20T12:00:00Z"];

fn explain(provider: &str, model: &str, usage: &str, more: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_genops-prices");
    let question = ["explain", "--provider", provider, "--model", model, "--usage", usage];
    Command::new(program).args(question).args(AT).args(more).output().expect("the tool runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_cost_is_told_line_by_line() {
    let usage =
        r#"{"prompt_tokens": 300000, "prompt_tokens_details": {"cached_tokens": 100000}, "completion_tokens": 4000}"#;
    let output = explain("openai", "gpt-5.6-sol-2031-01-01", usage, &[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        "model \"gpt-5.6-sol-2031-01-01\" is gpt-5.6-sol: a date behind a listed name\n",
        "(from 2026-08-21): the last one in force\n",
        "    context of 300000 tokens is above 272000: its rates\n",
        "  input: 200000 x 8 / 1000000 = 1.6\n",
        "  cache_read: 100000 x 0.8 / 1000000 = 0.08\n",
        "  output: 4000 x 30 / 1000000 = 0.12\n",
        "sum 1.8, rounded once, half to even, to 1e-12 dollars\n",
        "cost 1.8 USD (1800000000000 pico-USD, computed)\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    // The same in our own field names, in a tier.
    let ours = r#"{"input": 300000, "cache_read": 100000, "output": 4000}"#;
    let text = stdout(&explain("openai", "gpt-5.6-sol", ours, &["--tier", "flex"]));
    assert!(text.contains("  variant service_tier flex") && text.contains("cost 0.9 USD"), "{text}");
}

#[test]
fn fractions_without_end_are_marked() {
    let text = stdout(&explain("groq", "whisper-large-v3", r#"{"input_audio_seconds": "12.5"}"#, &[]));
    assert!(text.contains("12.5 x 0.111 / 3600 = 0.000385416666666666666666..."), "{text}");
    assert!(text.contains("cost 0.000385416667 USD"), "{text}");
}

#[test]
fn what_has_no_cost_says_why_and_what_to_do() {
    let usage = r#"{"input": 1, "output": 1}"#;
    for (provider, model, more, expected) in [
        ("acme", "m", &[][..], "unpriced: unknown_provider: the book has no such provider"),
        ("openai", "gpt-99", &[], "unpriced: unknown_model: the provider's list has no such name"),
        ("openai", "gpt-4o", &["--tier", "warp"], "  served with service_tier \"warp\", and no price says what that"),
        ("openai", "tts-1", &[], "  input was used, and has no rate\n"),
    ] {
        let output = explain(provider, model, usage, more);
        let text = stdout(&output);
        assert!(output.status.code() == Some(1) && text.contains(expected), "{expected}: {text}");
    }
    let odd = explain("openai", "gpt-4o", r#"{"inptu": 1}"#, &[]);
    let stderr = String::from_utf8_lossy(&odd.stderr).into_owned();
    assert!(
        odd.status.code() == Some(2) && stderr.contains("found inptu") && stderr.contains("cache_read"),
        "{stderr}"
    );
}

#[test]
fn prices_of_the_users_own_count() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("prices.json");
    let path_text = path.to_str().expect("UTF-8");
    fs::write(&path, r#"{"openai": {"models": {"mine": {"prices": [{"rates": {"input": "3", "output": "6"}}]}}}}"#)
        .expect("written");
    let text = stdout(&explain("openai", "mine", r#"{"input": 1000}"#, &["--prices", path_text]));
    assert!(text.contains("+user") && text.contains("cost 0.003 USD"), "{text}");
    fs::write(&path, r#"{"openai": {"models": {"mine": {"prices": [{"rates": {"inptu": "3"}}]}}}}"#).expect("written");
    let output = explain("openai", "mine", r#"{"input": 1000}"#, &["--prices", path_text]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && stderr.contains("openai.models.mine.prices[0].rates.inptu"), "{stderr}");
}
