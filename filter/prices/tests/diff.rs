//! `genops-prices diff` as a user runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn diff(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_genops-prices");
    Command::new(program).arg("diff").args(arguments).output().expect("the tool runs")
}

/// A book of one provider with these models.
fn book(directory: &Path, name: &str, models: &str) -> String {
    let path = directory.join(name).join("acme.json");
    fs::create_dir(directory.join(name)).expect("a directory");
    let text = format!(
        r#"{{"schema": 1, "provider": "acme", "source": "a list", "checked_on": "2026-11-21",
            "unlisted": "parent", "models": {models}}}"#
    );
    fs::write(path, text).expect("written");
    directory.join(name).to_str().expect("a UTF-8 path").to_owned()
}

const A: &str = r#"{
    "same": {"alias": ["same-too"], "prices": [{"rates": {"input": "1", "output": "2"}}]},
    "dear": {"dated": "any", "prices": [
        {"rates": {"input": "1", "output": "2"}, "tiers": [{"over": 9, "rates": {"input": "2"}}]},
        {"from": "2026-12-01", "rates": {"input": "5", "output": "2"}}],
        "variants": [{"when": {"service_tier": ["fast", "priority"]}, "rates": {"input": "3"}}]},
    "mine": {"prices": [{"rates": {"input": "1"}}]}}"#;
const B: &str = r#"{
    "same-too": {"prices": [{"rates": {"input": "1", "cache_read": "1", "output": "2"}}]},
    "dear-2026-08-21": {"prices": [
        {"rates": {"input": "1", "output": "2.5"}},
        {"windows": ["10:00-12:00"], "rates": {"input": "0.5", "output": "2.5"}}],
        "variants": [{"when": {"service_tier": ["priority"]}, "rates": {"input": "3"}},
            {"when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}}],
        "multipliers": [{"when": {"region": ["eu"]}, "by": "1.1"}]},
    "theirs": {"prices": [{"rates": {"input": "1"}}]}}"#;

#[test]
fn diff_shows_figures_side_by_side_and_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let (a, b) = (book(directory.path(), "a", A), book(directory.path(), "b", B));
    let output = diff(&[&a, &b, "--at", "2026-11-20"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for line in [
        "acme: 1 equal, 1 differ, 1 only in A, 1 only in B\n",
        "  dear-2026-08-21 (A: dear)\n",
        "    output [00:00]: 2 | 2.5\n",
        "    input [00:00 >9]: 2 | 1\n",
        "    input [10:00]: 1 | 0.5\n",
        "    * [service_tier=flex 00:00]: - | priced\n",
        "    input [region=eu 00:00]: 1 | 1.1\n",
        "  mine: only in A\n",
        "  theirs: only in B\n",
    ] {
        assert!(stdout.contains(line), "{line}{stdout}");
    }
    // The word that both know for a tier is taken: nothing differs there.
    assert!(!stdout.contains("service_tier=fast") && !stdout.contains("service_tier=priority"), "{stdout}");
    // On another day another entry is in force.
    let later = diff(&[&a, &b, "--at", "2026-12-01"]);
    assert!(String::from_utf8_lossy(&later.stdout).contains("    input [00:00]: 5 | 1\n"));
    let json = diff(&[&a, &b, "--at", "2026-11-20", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&json["at"], json["rows"].as_array().map(Vec::len)), (&"2026-11-20".into(), Some(4)));
    assert_eq!(json["rows"][0]["cells"][0]["b"], "2.5");
}

#[test]
fn exit_codes_are_those_of_diff() {
    let directory = tempfile::tempdir().expect("a directory");
    let (a, b) = (book(directory.path(), "a", A), book(directory.path(), "b", A));
    assert_eq!(diff(&[&a, &b]).status.code(), Some(0));
    let missing = diff(&[&a, "/nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere"));
    assert_eq!(diff(&[&a, &b, "--at", "tomorrow"]).status.code(), Some(2));
}

#[test]
fn explained_differences_are_none_and_new_ones_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let (a, b) = (book(directory.path(), "a", A), book(directory.path(), "b", B));
    let list = directory.path().join("allow.json");
    let rule = |dimension: &str, has: &str, count: usize| {
        format!(
            r#"{{"provider": "acme", "dimension": "{dimension}", "has": "{has}", "right": "a", "reason": "why",
                "count": {count}}}"#
        )
    };
    let run = |rules: &[String]| {
        fs::write(&list, format!(r#"{{"rules": [{}]}}"#, rules.join(","))).expect("written");
        let output = diff(&[&a, &b, "--at", "2026-11-20", "--allow", list.to_str().expect("UTF-8"), "--explained"]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let all = [rule("*", "both", 0), rule("*", "b", 1), rule("*", "only_a", 1), rule("*", "only_b", 1)];
    let (code, text) = run(&all);
    // The number of figures that both have is told, so that the rule can be written.
    assert!(code == Some(1) && text.contains("  mine: only in A  (why)\n"), "{text}");
    let found = text.lines().find(|line| line.starts_with("explains ")).expect("a wrong number");
    let count: usize = found.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!(count > 5, "{found}");
    let mut right = all.clone();
    right[0] = rule("*", "both", count);
    assert_eq!(run(&right).0, Some(0), "{}", run(&right).1);
    right[0] = rule("input", "both", count - 1);
    let (code, text) = run(&right);
    assert!(code == Some(1) && text.contains("    output [00:00]: 2 | 2.5\n"), "{text}");
    let (code, _) = run(&[r#"{"provider": "acme"}"#.to_owned()]);
    assert_eq!(code, Some(2));
}
