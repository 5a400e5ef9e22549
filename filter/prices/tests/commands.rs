//! The commands as a user runs them.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_genops-prices")).args(arguments).output().expect("the tool runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

const SOUND: &str = r#"{"schema": 1, "provider": "acme", "source": "a list", "checked_on": "2026-11-21",
    "unlisted": "parent", "models": {"m": {"prices": [{"rates": {"input": "1", "output": "2"}}]}}}"#;

#[test]
fn the_shipped_book_is_sound() {
    let output = run(&["check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing is wrong"));
}

#[test]
fn check_names_file_model_and_field() {
    let book = tempfile::tempdir().expect("a directory");
    let path = book.path().join("acme.json");
    for (from, to, expected) in [
        ("\"input\"", "\"inptu\"", "acme: m: prices[0].rates.inptu: is no dimension of the book"),
        ("\"1\"", "1", "models.m.prices[0].rates.input"),
        ("\"acme\"", "\"amce\"", "acme: provider: \"amce\" does not match the file's name"),
    ] {
        fs::write(&path, SOUND.replace(from, to)).expect("written");
        for arguments in [&["check", "--book", text(book.path())][..], &["check", text(&path)]] {
            let output = run(arguments);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && stderr.contains(expected), "{arguments:?}: {stderr}");
        }
    }
    fs::write(&path, SOUND).expect("written");
    // A file of its own is checked against the shipped book, which it may refer to.
    let other = book.path().join("other.json");
    fs::write(
        &other,
        r#"{"schema": 1, "provider": "other", "source": "x", "checked_on": "2026-11-21", "same_as": "openai"}"#,
    )
    .expect("written");
    let output = run(&["check", text(&path), text(&other)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The dump of the pinned package, which stands outside the repository.
fn dump() -> Option<PathBuf> {
    listed("genai_prices_0.2.3.json")
}

#[test]
fn import_makes_a_sound_book_and_names_what_changed() {
    let Some(dump) = dump() else { return };
    let book = tempfile::tempdir().expect("a directory");
    let import = || {
        let output = run(&[
            "import",
            "--from",
            "genai-prices",
            "--book",
            text(book.path()),
            "--checked-on",
            "2026-11-21",
            text(&dump),
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let first = import();
    assert!(first.contains("openai: 121 models\n") && first.contains("nothing is wrong"), "{first}");
    let openai = fs::read_to_string(book.path().join("openai.json")).expect("a file of its own");
    assert!(openai.contains("\"checked_on\": \"2026-11-21\"") && openai.contains("\"gpt-5.6-sol\""));
    let vertex = fs::read_to_string(book.path().join("vertex.json")).expect("a file of its own");
    assert!(vertex.contains("\"same_as\": \"google\""));
    // What the list does not know is in it again.
    assert!(openai.contains("\"dall-e-3\"") && openai.contains("\"multipliers\""));
    let deepseek = fs::read_to_string(book.path().join("deepseek.json")).expect("a file of its own");
    assert!(deepseek.contains("china_public_holidays"));
    // A second time nothing changes.
    assert!(!import().contains("openai: "));
}

#[test]
fn the_shipped_book_holds_every_amendment() {
    let book = tempfile::tempdir().expect("a directory");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("book");
    for entry in fs::read_dir(shipped).expect("the book") {
        let path = entry.expect("a file").path();
        fs::copy(&path, book.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    let output = run(&["amend", "--book", text(book.path())]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    // Nothing but the count of what was checked: no file changed.
    assert!(output.status.success() && stdout.lines().count() == 1, "run `genops-prices amend`: {stdout}");
}

#[test]
fn import_refuses_what_it_does_not_understand() {
    let Some(dump) = dump() else { return };
    let book = tempfile::tempdir().expect("a directory");
    let odd = book.path().join("odd.dump");
    let original = fs::read_to_string(dump).expect("text");
    for (from, to, expected) in [
        ("\"output_mtok\"", "\"output_parsecs\"", "price output_parsecs has no dimension in the book yet"),
        ("\"processing\"", "\"phase_of_moon\"", "condition phase_of_moon has no place in the book yet"),
        ("\"anthropic\", \"api_pattern\"", "\"acme\", \"api_pattern\"", "provider acme is in no list"),
    ] {
        assert!(original.contains(from), "{from}");
        fs::write(&odd, original.replace(from, to)).expect("written");
        let output = run(&["import", "--from", "genai-prices", "--book", text(book.path()), text(&odd)]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{stderr}");
    }
}

/// A list of litellm's shape, each entry for one thing that its keys can say.
const LITELLM: &str = r#"{
    "sample_spec": {"litellm_provider": "openai", "input_cost_per_token": 1.0},
    "m-1": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 5.0000000000000004e-08,
        "output_cost_per_token": 2e-06, "cache_read_input_token_cost": 1e-08,
        "cache_creation_input_token_cost": 6.25e-08, "cache_creation_input_token_cost_above_12hr": 1.25e-07,
        "input_cost_per_token_above_272k_tokens": 1e-07,
        "input_cost_per_token_flex": 2.5e-08, "input_cost_per_token_above_272k_tokens_flex": 5e-08,
        "input_cost_per_token_priority": 1e-07, "regional_processing_uplift_multiplier_eu": 1.1,
        "google_maps_grounding_cost_per_query": 0.025, "max_tokens": 1000},
    "xai/x-1": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 1.25e-06,
        "input_cost_per_token_above_200k_tokens": 2.5e-06, "input_cost_per_image_token": 1.25e-06,
        "cache_read_input_token_cost": 2e-07, "output_cost_per_token": 2.5e-06},
    "dashscope/q": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
        {"input_cost_per_token": 3e-07, "output_cost_per_token": 1.5e-06, "range": [0, 32000.0]},
        {"input_cost_per_token": 5e-07, "output_cost_per_token": 2.5e-06, "range": [32000.0, 128000.0]}]},
    "deepseek/d": {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 3e-07,
        "output_cost_per_token": 1.2e-06, "off_peak_pricing": {"input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07, "windows": [{"hours_utc": "10:00-00:00", "weekdays": [1, 5]},
        {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}},
    "azure/a": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1e-06},
    "azure/eu/a": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 1.1e-06},
    "v": {"litellm_provider": "openai", "mode": "video_generation", "output_cost_per_second": 0.1,
        "output_cost_per_second_1080p": 0.12},
    "whisper": {"litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_second": 0.0001,
        "output_cost_per_second": 0.0},
    "zero": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
    "nothing": {"litellm_provider": "openai", "mode": "chat"},
    "elsewhere/m": {"litellm_provider": "elsewhere", "input_cost_per_token": 1e-06}
}"#;

#[test]
fn import_reads_litellm_and_lists_what_it_leaves_out() {
    let book = tempfile::tempdir().expect("a directory");
    let list = book.path().join("list.txt");
    fs::write(&list, LITELLM).expect("written");
    let shipped = run(&["import", "--from", "litellm", text(&list)]);
    assert!(!shipped.status.success() && String::from_utf8_lossy(&shipped.stderr).contains("--book"));
    let output = run(&["import", "--from", "litellm", "--book", text(book.path()), text(&list)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files: Vec<_> = ["openai", "xai", "alibaba", "deepseek", "azure-openai"]
        .map(|id| fs::read_to_string(book.path().join(format!("{id}.json"))).expect(id))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(""))
        .into();
    for (file, expected) in [
        (0, r#""m-1":{"dated":"none","prices":[{"rates":{"input":"0.05","cache_read":"0.01","cache_write":"0.0625","#),
        (0, r#""cache_write_12h":"0.125","output":"2"},"tiers":[{"over":272000,"rates":{"input":"0.1"}}]}]"#),
        (0, r#"{"when":{"service_tier":["flex"]},"rates":{"input":"0.025"},"tiers":[{"over":272000,"#),
        (0, r#""multipliers":[{"when":{"region":["eu"]},"by":"1.1"}]"#),
        (0, r#""prices":[{"rates":{"video_second":"0.1"}}],"variants":[{"when":{"size":["1080p"]},"rates":{"vid"#),
        (0, r#""whisper":{"dated":"none","prices":[{"rates":{"audio_second":"0.36"}}]}"#),
        (1, r#"{"input":"1.25","cache_read":"0.2","output":"2.5"},"tiers":[{"over":199999,"rates":{"input":"2.5"}}]"#),
        (2, r#"{"input":"0.3","output":"1.5"},"tiers":[{"over":32000,"rates":{"input":"0.5","output":"2.5"}}]"#),
        (3, r#"{"windows":["10:00-00:00"],"days":["mon","fri"],"rates":{"input":"0.15","output":"0.6"}}"#),
        (3, r#"{"days":["sat","sun"],"rates":{"input":"0.15","output":"0.6"}}"#),
        (4, r#""variants":[{"when":{"region":["eu"]},"rates":{"input":"1.1"}}]"#),
    ] {
        assert!(files[file].contains(expected), "{expected}\n{}", files[file]);
    }
    let left = fs::read_to_string(book.path().join("left-out.txt")).expect("a report");
    for expected in [
        "google_maps_grounding_cost_per_query has no dimension in the book (1)\n  openai: m-1\n",
        "service_tier priority has no input above 272000 tokens, where the plain rate has one (1)\n  openai: m-1\n",
        "everything is 0: that does not tell free from unknown (1)\n  openai: zero\n",
        "has no price (1)\n  openai: nothing\n",
        "its provider is none of the filter's (1)\n  elsewhere: elsewhere/m\n",
    ] {
        assert!(left.contains(expected), "{expected}\n{left}");
    }
}

/// A file of the price lists that stand outside the repository.
fn listed(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/prices").join(name);
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
        // Not by `eprintln!`: the harness keeps what a test prints that passes.
        let _nobody_listens = writeln!(std::io::stderr(), "NOT RUN: {} is missing", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_entry_of_litellm_is_taken_or_listed() {
    let Some(list) = listed("litellm_1.109.1.json") else { return };
    let book = tempfile::tempdir().expect("a directory");
    let output = run(&["import", "--from", "litellm", "--book", text(book.path()), text(&list)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("nothing is wrong") && stdout.contains("openai: "), "{stdout}");
    let entries: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&fs::read_to_string(list).expect("text")).expect("an object");
    let files = fs::read_dir(book.path()).expect("a directory").map(|entry| entry.expect("an entry").path());
    let all: Vec<String> = files.map(|path| fs::read_to_string(path).expect("text")).collect();
    let all = all.concat().to_lowercase();
    let words: HashSet<&str> = all.split(['"', ' ', '\n', '/']).collect();
    for key in entries.keys().filter(|key| !["sample_spec", "fallback_generalizations"].contains(&key.as_str())) {
        // In the report by its key, in a file by its name.
        let name = key.rsplit_once('/').map_or(key.as_str(), |(_, name)| name).to_lowercase();
        assert!(words.contains(name.as_str()), "{key}");
    }
}
