//! The image, in a real registry and from another folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::str::FromStr as _;

use anyhow::{Context, Result, ensure};
use genops_image::image::{Form, Image};
use genops_image::push::Registry as Client;
use genops_mesh::registry::{Options, Registry};
use genops_tools::{wasm, workspace_root};
use libtest_mimic::Trial;
use oci_client::Reference;
use tempfile::TempDir;

use crate::trial;

/// User `meter` with the password `secret`, as `htpasswd -nbB` writes it.
const USERS: &str = "meter:$2b$04$687lPNEVh1ULXAiuXXIdCOD7HvyXe1OLQEAU0XTTPEtwihEgZJTa6\n";
/// The same, base64, as docker's configuration keeps it.
const LOGIN: &str = "bWV0ZXI6c2VjcmV0";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("image::pulled_is_what_was_built", pulled_is_what_was_built),
        trial("image::credentials_are_those_of_docker", credentials_are_those_of_docker),
        trial("image::another_folder_gives_the_same_digest", another_folder_gives_the_same_digest),
    ]
}

/// `cargo xtask image`, without the task runner in between: here is no network to look for updates in.
fn image(root: &Path, arguments: &[&OsStr], docker: &Path) -> Result<Output> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from);
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--offline", "-p", "genops-image", "--"])
        .args(arguments)
        .env("CARGO_TARGET_DIR", target)
        .env("DOCKER_CONFIG", docker);
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    Ok(command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH").output()?)
}

fn last_line(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", output.status);
    let text = String::from_utf8(output.stdout.clone())?;
    Ok(text.lines().next_back().context("a line")?.to_owned())
}

async fn pulled_is_what_was_built() -> Result<()> {
    let directory = TempDir::with_prefix("genops-image-")?;
    let registry = Registry::start(Options::default()).await?;
    let place = format!("{}/genops/genops-filter", registry.address());
    let out = directory.path().join("image");
    let push = [OsStr::new("--push"), place.as_ref(), "--digest".as_ref(), "--out".as_ref(), out.as_os_str()];
    let said = last_line(&image(&workspace_root(), &push, directory.path())?)?;

    let (parts, images) = genops_image::build(&wasm::build()?, std::collections::BTreeMap::new())?;
    let [compat, _] = &images;
    ensure!(said == compat.manifest.digest, "printed {said}, built {}", compat.manifest.digest);
    let reference = Reference::from_str(&format!("{place}:{}", parts.version))?;
    let client = Client::of(&reference)?;
    for image in &images {
        let reference = Reference::from_str(&format!("{place}:{}", image.form.tag(&parts.version)))?;
        let pulled = client.pull(&reference).await?;
        let built: Vec<_> = std::iter::once(&image.manifest).chain(&image.blobs).cloned().collect();
        ensure!(pulled == built, "{reference} is not what was built");
        // By digest, as whoever pins it asks.
        let pinned = Reference::from_str(&format!("{place}@{}", image.manifest.digest))?;
        ensure!(client.pull(&pinned).await? == built, "{pinned} is not what was built");
    }
    // The module itself, as a user finds it beside the layout.
    ensure!(fs::read(out.join("plugin.wasm"))? == parts.wasm);
    let sums = Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&out).output()?;
    ensure!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    Ok(())
}

async fn credentials_are_those_of_docker() -> Result<()> {
    let directory = TempDir::with_prefix("genops-image-")?;
    let registry = Registry::start(Options { htpasswd: Some(USERS), ..Options::default() }).await?;
    let place = format!("{}/genops/genops-filter:edge", registry.address());
    let out = directory.path().join("image");
    let push = [OsStr::new("--push"), place.as_ref(), "--out".as_ref(), out.as_os_str()];

    let anonymous = image(&workspace_root(), &push, directory.path())?;
    let said = String::from_utf8_lossy(&anonymous.stderr).into_owned();
    ensure!(!anonymous.status.success() && said.contains("docker login"), "{said}");

    let login = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address());
    fs::write(directory.path().join("config.json"), login("bWV0ZXI6d3Jvbmc="))?;
    ensure!(!image(&workspace_root(), &push, directory.path())?.status.success(), "a wrong password was taken");
    fs::write(directory.path().join("config.json"), login(LOGIN))?;
    last_line(&image(&workspace_root(), &push, directory.path())?)?;
    Ok(())
}

/// Another folder, another target directory for the module, nothing built before.
async fn another_folder_gives_the_same_digest() -> Result<()> {
    let directory = TempDir::with_prefix("genops-elsewhere-")?;
    let elsewhere = directory.path().join("another/folder");
    copy_sources(&workspace_root(), &elsewhere)?;
    let out = directory.path().join("image");
    let arguments = [OsStr::new("--digest"), "--out".as_ref(), out.as_os_str()];
    let there = last_line(&image(&elsewhere, &arguments, directory.path())?)?;
    ensure!(elsewhere.join("target/wasm").is_dir(), "the module was not built there");
    let (_, images) = genops_image::build(&wasm::build()?, std::collections::BTreeMap::new())?;
    let here: Vec<&Image> = images.iter().filter(|image| image.form == Form::Compat).collect();
    ensure!(
        here.iter().all(|image| image.manifest.digest == there),
        "there {there}, here {:?}",
        here.first().map(|i| &i.manifest.digest)
    );
    Ok(())
}

/// The files that git knows, and those that it would take.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    let list = Command::new("git")
        .current_dir(from)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()?;
    ensure!(list.status.success(), "git ls-files: {}", String::from_utf8_lossy(&list.stderr));
    let names = String::from_utf8(list.stdout)?;
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let (source, target) = (from.join(name), to.join(name));
        if source.is_file() {
            fs::create_dir_all(target.parent().context("a folder")?)?;
            fs::copy(&source, &target).with_context(|| name.to_owned())?;
        }
    }
    Ok(())
}
