//! `cargo xtask image`: builds the filter, puts its images together and, if asked, pushes them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use genops_image::push::{Registry, reference, unauthorized};
use genops_image::{build, layout};
use genops_tools::{wasm, workspace_root};
use oci_client::Reference;

/// The filter as OCI images: an ordinary one, and an artifact beside it under `<tag>-artifact`.
#[derive(Parser)]
#[command(name = "cargo xtask image")]
struct Options {
    /// Push to this place: REGISTRY/REPOSITORY[:TAG]; the tag is the filter's version where none is given
    #[arg(long, value_name = "REF")]
    push: Option<String>,
    /// Print the image's manifest digest as the last line
    #[arg(long)]
    digest: bool,
    /// Where the files go
    #[arg(long, value_name = "DIRECTORY", default_value = "target/image")]
    out: PathBuf,
    /// A manifest annotation more; it changes the digest
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
}

fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if key.is_empty() { Err("an empty key".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let annotations: BTreeMap<String, String> = options.annotations.into_iter().collect();
    let (parts, images) = build(&wasm::build()?, annotations)?;
    let out = workspace_root().join(&options.out);
    layout::write(&out, &parts, &images)?;
    println!("{}", out.display());
    for image in &images {
        println!("    {}: {}", image.form.tag(&parts.version), image.manifest.digest);
    }
    if let Some(target) = &options.push {
        let target = reference(target, &parts.version)?;
        let registry = Registry::of(&target)?;
        let tag = target.tag().context("a tag")?;
        for image in &images {
            let place =
                Reference::with_tag(target.registry().to_owned(), target.repository().to_owned(), image.form.tag(tag));
            registry.push(&place, image).await.map_err(|e| {
                let advice = "log in with `docker login`, or give DOCKER_CONFIG a directory with its config.json";
                if unauthorized(&e) { e.context(advice) } else { e }
            })?;
            println!("    pushed {place}@{}", image.manifest.digest);
        }
    }
    if options.digest {
        let [compat, _] = &images;
        println!("{}", compat.manifest.digest);
    }
    Ok(())
}
