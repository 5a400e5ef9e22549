//! Programs of crates.io, built with the versions of their own lock files.
//!
//! `cargo install --locked` would do, if a crate could be told which features its dependencies have. So its archive is fetched
//! from where cargo fetches it, unpacked, and asks for the feature itself: cargo builds each crate once, with all features that
//! anybody asks for.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{ToolError, cargo, pins, run};

/// Where the archives are (`dl` in <https://index.crates.io/config.json>).
const ARCHIVES: &str = "https://static.crates.io/crates";

/// Fetches an archive, compares its digest and unpacks it. In Python, which is here anyway.
const FETCH: &str = "\
import hashlib, io, sys, tarfile, urllib.request
url, pin, to = sys.argv[1:]
try:
    archive = urllib.request.urlopen(url).read()
except OSError as error:
    sys.exit(f'{error}')
found = hashlib.sha256(archive).hexdigest()
if found != pin:
    sys.exit(f'its SHA-256 is {found}, the pin is {pin}')
tarfile.open(fileobj=io.BytesIO(archive)).extractall(to)
";

/// A development build without what debuggers read: an optimised one of many crates takes a multiple of the time, and nothing
/// here waits for the program.
const QUICKLY: [&str; 3] = ["profile.dev.debug=false", "profile.dev.incremental=false", "profile.dev.strip=true"];

/// Builds the program of `pin` into `directory`.
pub(super) fn build(pin: &pins::Crate, directory: &Path) -> Result<(), ToolError> {
    eprintln!("building {} {} (minutes, once)", pin.name, pin.version);
    let work = directory.join("build");
    fs::create_dir_all(&work).map_err(ToolError::io("create", &work))?;
    let source = fetch(pin, &work)?;
    ask_for_features(pin, &source)?;
    let target = work.join("target");
    let mut build = in_package(&source);
    build.args(["build", "--quiet", "--locked", "--bin", pin.name, "--target-dir"]).arg(&target);
    for setting in QUICKLY {
        build.args(["--config", setting]);
    }
    run::output(&mut build, cargo::REMEDY)?;
    let (from, to) = (target.join("debug").join(pin.name), directory.join(pin.name));
    fs::rename(&from, &to).map_err(ToolError::io("take from the build", &from))?;
    // What it was built from stays in cargo's own cache, which cargo itself sweeps.
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

/// The unpacked source below `work`.
fn fetch(pin: &pins::Crate, work: &Path) -> Result<PathBuf, ToolError> {
    let name = format!("{}-{}", pin.name, pin.version);
    let url = format!("{ARCHIVES}/{}/{name}.crate", pin.name);
    let mut python = Command::new("python3");
    python.args(["-c", FETCH, &url, pin.sha256]).arg(work);
    run::output(&mut python, "install Python 3.9 or newer").map_err(|error| match error {
        // Without the script, which is no command that anybody typed.
        ToolError::Failed { stderr, .. } => ToolError::BadFetch { what: url, reason: stderr },
        other => other,
    })?;
    Ok(work.join(name))
}

/// Adds the pinned features to the manifest, and to the lock file what follows from them. That may name crates that it has, and
/// no others.
fn ask_for_features(pin: &pins::Crate, source: &Path) -> Result<(), ToolError> {
    let (manifest, lock) = (source.join("Cargo.toml"), source.join("Cargo.lock"));
    let read = |file: &Path| fs::read_to_string(file).map_err(ToolError::io("read", file));
    let text = read(&manifest)? + &additions(pin);
    fs::write(&manifest, text).map_err(ToolError::io("write", &manifest))?;
    let before = read(&lock)?;
    // Leaves alone what the lock file has.
    run::output(in_package(source).args(["update", "--quiet", "--workspace"]), cargo::REMEDY)?;
    let after = read(&lock)?;
    let more: Vec<&str> = digests(&after).difference(&digests(&before)).copied().collect();
    if more.is_empty() {
        return Ok(());
    }
    let reason = format!("its features {:?} need crates that its lock file has not: {more:?}", pin.features);
    Err(ToolError::BadFetch { what: pin.name.to_owned(), reason })
}

/// What stands behind the manifest's own text.
fn additions(pin: &pins::Crate) -> String {
    // A root of its own, whatever the cache lies in.
    let mut text = String::from("\n[workspace]\n");
    for (name, version, feature) in pin.features {
        // Writing to a string does not fail.
        let _ = write!(text, "\n[dependencies.{name}]\nversion = \"={version}\"\nfeatures = [\"{feature}\"]\n");
    }
    text
}

/// The digests in a lock file: each is one version of one crate.
fn digests(lock: &str) -> BTreeSet<&str> {
    lock.lines().filter_map(|line| line.strip_prefix("checksum = ")).collect()
}

fn in_package(source: &Path) -> Command {
    let mut command = cargo::command();
    command.current_dir(source);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_asks_for_the_feature_in_the_version_of_the_lock_file() {
        let text = additions(&pins::CARGO_COMPONENT);
        assert!(
            text.contains("[dependencies.libdbus-sys]\nversion = \"=0.2.5\"\nfeatures = [\"vendored\"]\n"),
            "{text}"
        );
        assert!(pins::CARGO_COMPONENT.sha256.len() == 64);
    }

    #[test]
    fn a_crate_that_comes_in_is_seen_and_a_new_edge_is_none() {
        let before = "[[package]]\nname = \"a\"\nchecksum = \"1\"\ndependencies = [\n \"b\",\n]\n";
        let edge = before.replace(" \"b\",", " \"b\",\n \"c\",");
        assert_eq!(digests(before), digests(&edge));
        let more = format!("{before}\n[[package]]\nname = \"c\"\nchecksum = \"2\"\n");
        assert_ne!(digests(before), digests(&more));
    }
}
