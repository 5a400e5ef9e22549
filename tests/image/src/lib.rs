//! The filter as OCI images, put together here and nowhere else: module, bill of materials, two image forms, checksums.
//! Everything follows from the sources and the Rust toolchain, so the digest does too.
#![forbid(unsafe_code)]

pub mod blob;
pub mod image;
pub mod layout;
pub mod push;
pub mod sbom;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::image::{Form, Image, Parts};
use crate::sbom::Materials;

/// The parts and both forms of the image of the module at `wasm`.
///
/// # Errors
/// The module cannot be read, or cargo does not know the filter.
pub fn build(wasm: &Path, annotations: BTreeMap<String, String>) -> Result<(Parts, [Image; 2])> {
    let wasm = std::fs::read(wasm).with_context(|| format!("read {}", wasm.display()))?;
    let materials = Materials::of_filter()?;
    let (sbom, version) = (materials.cyclonedx(&wasm)?, materials.version()?);
    let parts = Parts { wasm, sbom, version, annotations };
    let images = [Image::new(Form::Compat, &parts)?, Image::new(Form::Artifact, &parts)?];
    Ok((parts, images))
}
