//! The commands as a user runs them.

use std::fs;
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/prices/genai_prices_0.2.3.json");
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing", path.display());
        eprintln!("NOT RUN: {} is missing", path.display());
        return None;
    }
    Some(path)
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
    assert!(first.contains("openai: 113 models\n") && first.contains("nothing is wrong"), "{first}");
    let openai = fs::read_to_string(book.path().join("openai.json")).expect("a file of its own");
    assert!(openai.contains("\"checked_on\": \"2026-11-21\"") && openai.contains("\"gpt-5.6-sol\""));
    let vertex = fs::read_to_string(book.path().join("vertex.json")).expect("a file of its own");
    assert!(vertex.contains("\"same_as\": \"google\""));
    // A second time nothing changes.
    assert!(!import().contains("openai: "));
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
