//! Writes what `envoy/` says from the schema tables; `--check` only tells what would change. `--for CONFIG` writes no file
//! but prints the tags that a configuration of the user's own needs.

use std::{fs, path::Path, process::ExitCode};

use genops_tests::generated::{files, tags_for, workspace};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, config] = &arguments[..]
        && mode == "--for"
    {
        return match tags_for(Path::new(config)) {
            Ok(tags) => {
                print!("{tags}");
                ExitCode::SUCCESS
            }
            Err(problem) => {
                eprintln!("generate: {problem}");
                ExitCode::FAILURE
            }
        };
    }
    let check = arguments.iter().any(|a| a == "--check");
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
        let write = || {
            target.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&target, text)
        };
        if !check && let Err(error) = write() {
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
