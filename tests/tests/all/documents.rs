//! What the Markdown files say: links lead somewhere, commands are commands, the quickstart is what `cargo run` prints, and
//! the table of what was executed names versions that are pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use genops_core::schema::{NAMESPACE, SCHEMAS, Table};
use genops_tests::generated::workspace;
use genops_tests::host_command::genops_host;
use genops_tools::pins;

use crate::envoy_support::filter;

/// Labels, values, modules and settings that look like metrics.
const NO_METRICS: &[&str] = &["primitive_name", "primitive_type", "llm_call", "genops_filter"];

/// Folders without documents of ours.
const ELSEWHERE: [&str; 3] = ["target", ".git", "node_modules"];

/// Every Markdown file, by its path from the root.
fn documents() -> Result<BTreeMap<PathBuf, String>> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !ELSEWHERE.contains(&name.as_str()) {
                below(&path, found)?;
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
        Ok(())
    }
    let (root, mut found) = (workspace(), Vec::new());
    below(&root, &mut found)?;
    found.into_iter().map(|path| Ok((path.strip_prefix(&root)?.to_owned(), fs::read_to_string(&path)?))).collect()
}

/// The text without its fenced blocks, and without what stands in back quotes.
fn prose(text: &str) -> String {
    let outside: String = text.split("```").step_by(2).collect();
    outside.split('`').step_by(2).collect()
}

/// Anchors of headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let outside: String = text.split("```").step_by(2).collect();
    let heading = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_lowercase());
    outside
        .lines()
        .filter_map(heading)
        .map(|title| {
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            let anchor = title.chars().filter(kept).collect::<String>().replace(' ', "-");
            let count = seen.entry(anchor.clone()).and_modify(|count| *count += 1).or_default();
            if *count == 0 { anchor } else { format!("{anchor}-{count}") }
        })
        .collect()
}

fn links(text: &str) -> Vec<String> {
    let after = |rest: &str| rest.split_once(')').map(|(target, _)| target.to_owned());
    prose(text).split("](").skip(1).filter_map(after).collect()
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let (root, documents) = (workspace(), documents()?);
    ensure!(documents.len() >= 20 && documents.contains_key(Path::new("README.md")), "{:?}", documents.keys());
    let (mut broken, mut checked) = (Vec::new(), 0);
    for (path, text) in &documents {
        for target in links(text).iter().filter(|target| !target.contains("://")) {
            checked += 1;
            let (file, anchor) = target.split_once('#').map_or((target.as_str(), None), |(f, a)| (f, Some(a)));
            let folder = path.parent().unwrap_or(Path::new(""));
            let to = if file.is_empty() { root.join(path) } else { root.join(folder).join(file) };
            let there = match anchor {
                _ if !to.exists() => false,
                Some(anchor) => anchors(&fs::read_to_string(&to)?).contains(anchor),
                None => true,
            };
            if !there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    ensure!(checked >= 50, "only {checked} links were found");
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[test]
fn anchors_are_github_s() {
    let text = "# The filter's own scrape\n## `max_stats`\n## TTA.dev\n## TTA.dev\n```sh\n# no heading\n```\n";
    let expected = ["the-filters-own-scrape", "max_stats", "ttadev", "ttadev-1"];
    assert_eq!(anchors(text), expected.into_iter().map(ToOwned::to_owned).collect());
}

/// Commands of fenced `sh` blocks, each on one line, with the folder that they run in.
fn commands(text: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for block in text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let mut folder = PathBuf::new();
        for line in block.replace("\\\n", " ").lines() {
            let line = line.split("  #").next().unwrap_or_default().trim();
            if let Some(to) = line.strip_prefix("cd ") {
                folder = to.into();
            } else if !line.is_empty() && !line.starts_with('#') {
                found.push((folder.clone(), line.to_owned()));
            }
        }
    }
    found
}

/// Asks a program of ours for the help of a command: it says whether the arguments before are ones that it takes.
fn takes(program: &mut Command, arguments: &[&str]) -> Result<()> {
    let output = program.current_dir(workspace()).args(arguments).arg("--help").output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn xtask() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "-p", "xtask", "--"]);
    cargo
}

fn is_command(folder: &Path, line: &str) -> Result<()> {
    // Variables for the command; what follows a pipe is not ours.
    let words: Vec<&str> = line.split(" | ").next().unwrap_or_default().split_whitespace().collect();
    let words: Vec<&str> =
        words.into_iter().skip_while(|word| word.split('=').next().is_some_and(is_variable)).collect();
    let root = workspace();
    match words.as_slice() {
        ["cargo", "xtask", arguments @ ..] => takes(&mut xtask(), arguments)?,
        ["cargo", "run"] => {}
        ["cargo", "run", "--", arguments @ ..]
        | ["cargo", "run", "--release", "--", arguments @ ..]
        | ["cargo", "run", "--features", "component", "--", arguments @ ..] => {
            takes(&mut Command::new(genops_host()?), arguments)?;
        }
        ["genops-host", arguments @ ..] => takes(&mut Command::new(genops_host()?), arguments)?,
        ["cargo", "test" | "run", "-p", package, ..] => {
            let members = fs::read_to_string(root.join("Cargo.lock"))?;
            ensure!(members.contains(&format!("name = \"{package}\"")), "no package {package}");
        }
        ["curl", arguments @ ..] => {
            let shipped = resources(&root.join("envoy"))?;
            let ports = arguments.iter().filter_map(|word| word.trim_matches(['\'', '"']).split_once("localhost:"));
            for (_, rest) in ports {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                let named = regex::Regex::new(&format!(r"(?:port_value: |:){port}\b"))?;
                ensure!(named.is_match(&shipped), "nothing shipped has a port {port}");
            }
        }
        [] => bail!("no command"),
        // Somebody else's program: what it is given must be there.
        _ => {}
    }
    let ours = |path: &str| root.join(folder).join(path);
    for path in words.iter().map(|word| word.rsplit('=').next().unwrap_or(word)) {
        let shipped =
            ["envoy/", "examples/", "filter/", "tests/", "host-test/"].iter().any(|room| path.starts_with(room));
        let configuration = line.contains("--config.file=") && path.ends_with(".yml");
        ensure!(!(shipped || configuration) || ours(path).exists(), "no {path}");
    }
    Ok(())
}

/// All YAML below a folder.
fn resources(folder: &Path) -> Result<String> {
    let mut all = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all += &resources(&path)?;
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            all += &fs::read_to_string(&path)?;
        }
    }
    Ok(all)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
}

/// Those of the runbooks are run by `prometheus_cost`, against a real Prometheus.
#[test]
fn every_command_is_one() -> Result<()> {
    filter()?;
    let mut checked = 0;
    for (path, text) in documents()?.iter().filter(|(path, _)| !path.starts_with("envoy/prometheus/runbooks")) {
        for (folder, line) in commands(text) {
            is_command(&folder, &line).with_context(|| format!("{}: {line}", path.display()))?;
            checked += 1;
        }
    }
    ensure!(checked >= 12, "only {checked} commands were found");
    for wrong in
        ["cargo xtask tset", "cargo xtask start grafana", "genops-host serve --upstraem x", "curl localhost:65535/"]
    {
        ensure!(is_command(Path::new(""), wrong).is_err(), "{wrong} is taken");
    }
    Ok(())
}

/// The fenced block behind a mark or a sentence.
fn block<'t>(text: &'t str, behind: &str) -> Result<&'t str> {
    let (_, rest) = text.split_once(behind).with_context(|| format!("no {behind:?}"))?;
    let (_, rest) = rest.split_once("```text\n").context("no block")?;
    rest.split_once("```").map(|(block, _)| block).context("an open block")
}

#[test]
fn the_quickstart_prints_what_the_readme_shows() -> Result<()> {
    filter()?;
    let output = Command::new(genops_host()?).current_dir(workspace()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    let readme = fs::read_to_string(workspace().join("README.md"))?;
    let table = block(&readme, "<!-- quickstart -->")?;
    ensure!(printed.contains(table), "README.md has another table than:\n{printed}");
    let excerpt = block(&readme, "and, of the scrape")?;
    ensure!(excerpt.lines().count() > 5, "an excerpt of {} lines", excerpt.lines().count());
    for line in excerpt.lines() {
        ensure!(printed.lines().any(|p| p == line), "README.md shows {line:?}, which is not printed");
    }
    Ok(())
}

/// Metrics that documents name are there: in a schema, as a stat of Envoy's, or as a part of a histogram.
#[test]
fn every_metric_that_is_named_is_one() -> Result<()> {
    let table = Table::new(SCHEMAS, NAMESPACE);
    let parts = ["", "_bucket", "_count", "_sum"];
    let known = |name: &str| {
        table.stat(name).is_some()
            || parts.iter().filter_map(|part| name.strip_suffix(part)).any(|family| table.named(family).is_some())
    };
    let name = regex::Regex::new(r"\b(genops|primitive|starlette|prompter|llm)_[a-z0-9_]+[a-z0-9]\b(\*|_\*)?")?;
    let mut wrong = BTreeSet::new();
    for (path, text) in documents()?.iter().filter(|(path, _)| path.starts_with("envoy") || path.ends_with("README.md"))
    {
        for found in name.find_iter(text).map(|found| found.as_str()).filter(|found| !found.ends_with('*')) {
            if !known(found) && !NO_METRICS.contains(&found) {
                wrong.insert(format!("{}: {found}", path.display()));
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// Rows of a table below a heading, by cell.
fn table<'t>(text: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let section = text.split_once(heading).map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or_default());
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn what_was_executed_names_files_and_pinned_versions() -> Result<()> {
    let root = workspace();
    let text = fs::read_to_string(root.join("envoy/README.md"))?;
    let pinned = fs::read_to_string(root.join("tests/tools/src/pins.rs"))?;
    ensure!(pinned.contains(pins::ENVOY.version), "pins.rs");
    let rows = table(&text, "## What was executed");
    ensure!(rows.len() >= 6, "{rows:?}");
    let version = regex::Regex::new(r"\b\d+\.\d+\.\d+\b")?;
    for row in &rows {
        let [what, with, state] = row.as_slice() else { bail!("{row:?}: three cells") };
        ensure!(state.contains("executed") || state.contains("not"), "{row:?}: executed or not?");
        for found in version.find_iter(with) {
            ensure!(pinned.contains(&format!("{:?}", found.as_str())), "{row:?}: {} is not pinned", found.as_str());
        }
        for path in what.split('`').skip(1).step_by(2).filter(|path| path.contains(['.', '*', '/'])) {
            let folder =
                path.split_once('*').map_or(path, |(before, _)| before.rsplit_once('/').map_or("", |(f, _)| f));
            ensure!(root.join("envoy").join(folder).exists(), "{row:?}: no {path}");
        }
        // Tests that say so are there.
        for test in
            state.split('`').skip(1).step_by(2).filter(|test| test.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        {
            let rooms = ["tests/tests/all", "tests/mesh/tests/mesh"];
            let there = rooms.iter().any(|room| root.join(room).join(format!("{test}.rs")).exists());
            ensure!(there, "{row:?}: no tests {test}");
        }
    }
    // And every resource has a row in the list of files.
    for folder in ["", "istio", "gateway"] {
        for entry in fs::read_dir(root.join("envoy").join(folder))? {
            let entry = entry?;
            let name = Path::new(folder).join(entry.file_name()).to_string_lossy().into_owned();
            ensure!(entry.file_type()?.is_dir() || name == "README.md" || text.contains(&name), "no row for {name}");
        }
    }
    Ok(())
}
