//! Writes what `envoy/` says from the schema tables; `--check` only tells what would change.

use std::{fs, process::ExitCode};

use genops_tests::generated::{files, workspace};

fn main() -> ExitCode {
    let check = std::env::args().any(|a| a == "--check");
    let files = match files() {
        Ok(files) => files,
        Err(problem) => {
            eprintln!("generate: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut stale = false;
    for (path, text) in files {
        let target = workspace().join(&path);
        if fs::read_to_string(&target).is_ok_and(|now| now == text) {
            continue;
        }
        stale = true;
        println!("{}: {}", if check { "stale" } else { "written" }, path.display());
        if !check && let Err(error) = fs::write(&target, text) {
            eprintln!("generate: {}: {error}", target.display());
            return ExitCode::FAILURE;
        }
    }
    if check && stale {
        eprintln!("generate: run `cargo xtask generate`");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
