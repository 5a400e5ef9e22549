//! The images on disk, as an OCI image layout that `skopeo`, `crane` and others read, with the module and the bill of
//! materials as plain files beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use oci_client::manifest::{ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OciImageIndex};

use crate::blob::{Blob, digest};
use crate::image::{Image, PLUGIN, Parts, SBOM};

/// Annotation that names a manifest of a layout (OCI image specification, annotations).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What `sha256sum --check` reads.
pub const CHECKSUMS: &str = "SHA256SUMS";

/// Writes everything into `directory`, in place of what an earlier build left there.
///
/// # Errors
/// The file system refuses.
pub fn write(directory: &Path, parts: &Parts, images: &[Image]) -> Result<()> {
    let blobs = directory.join("oci/blobs/sha256");
    clear(directory)?;
    fs::create_dir_all(&blobs).with_context(|| format!("create {}", blobs.display()))?;
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    files.insert(PLUGIN.into(), parts.wasm.clone());
    files.insert(SBOM.into(), parts.sbom.clone());
    files.insert("oci/oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    files.insert("oci/index.json".into(), index(parts, images)?);
    for blob in images.iter().flat_map(|image| image.blobs.iter().chain([&image.manifest])) {
        files.insert(blob_path(blob), blob.bytes.to_vec());
    }
    let mut sums = String::new();
    for (path, bytes) in &files {
        let place = directory.join(path);
        fs::write(&place, bytes).with_context(|| format!("write {}", place.display()))?;
        let sum = digest(bytes);
        writeln!(sums, "{}  {}", sum.trim_start_matches("sha256:"), path.display())?;
    }
    fs::write(directory.join(CHECKSUMS), sums).with_context(|| format!("write {CHECKSUMS}"))
}

/// Empties a directory that an earlier build wrote. Any other that holds something is left alone: it may be the user's.
fn clear(directory: &Path) -> Result<()> {
    let Ok(mut entries) = fs::read_dir(directory) else { return Ok(()) };
    if entries.next().is_none() {
        return Ok(());
    }
    ensure!(
        directory.join(CHECKSUMS).is_file(),
        "{} holds other things than images; name an empty directory, or one that `cargo xtask image` made",
        directory.display()
    );
    fs::remove_dir_all(directory).with_context(|| format!("clear {}", directory.display()))
}

fn blob_path(blob: &Blob) -> PathBuf {
    Path::new("oci/blobs").join(blob.digest.replace(':', "/"))
}

fn index(parts: &Parts, images: &[Image]) -> Result<Vec<u8>> {
    let entry = |image: &Image| {
        let name = image.form.tag(&parts.version);
        anyhow::Ok(ImageIndexEntry {
            media_type: image.manifest.media_type.clone(),
            digest: image.manifest.digest.clone(),
            size: image.manifest.descriptor(None)?.size,
            platform: None,
            annotations: Some(BTreeMap::from([(REF_NAME.to_owned(), name)])),
            artifact_type: None,
        })
    };
    let index = OciImageIndex {
        schema_version: 2,
        media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
        manifests: images.iter().map(entry).collect::<Result<_>>()?,
        artifact_type: None,
        annotations: None,
    };
    Ok(serde_json::to_vec(&index)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Form;

    fn parts(wasm: &[u8]) -> Parts {
        let (sbom, version) = (b"{}".to_vec(), "1.2.3".to_owned());
        Parts { wasm: wasm.to_vec(), sbom, version, annotations: BTreeMap::new() }
    }

    #[test]
    fn the_index_leads_to_every_blob_and_an_earlier_build_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let out = directory.path().join("image");
        for wasm in [&b"one"[..], b"two"] {
            let parts = parts(wasm);
            let images: Vec<Image> =
                Form::ALL.into_iter().map(|form| Image::new(form, &parts).expect("an image")).collect();
            write(&out, &parts, &images).expect("written");
        }
        let index = fs::read(out.join("oci/index.json")).expect("an index");
        let index: OciImageIndex = serde_json::from_slice(&index).expect("an index");
        let mut expected = 0;
        for (entry, tag) in index.manifests.iter().zip(["1.2.3", "1.2.3-artifact"]) {
            assert_eq!(entry.annotations.as_ref().and_then(|a| a.get(REF_NAME)).map(String::as_str), Some(tag));
            let path = out.join("oci/blobs").join(entry.digest.replace(':', "/"));
            let manifest = fs::read(path).expect("a manifest");
            assert_eq!(digest(&manifest), entry.digest);
            let manifest: oci_client::manifest::OciImageManifest =
                serde_json::from_slice(&manifest).expect("a manifest");
            for blob in manifest.layers.iter().chain([&manifest.config]) {
                let bytes = fs::read(out.join("oci/blobs").join(blob.digest.replace(':', "/"))).expect("a blob");
                assert_eq!((digest(&bytes), i64::try_from(bytes.len()).ok()), (blob.digest.clone(), Some(blob.size)));
            }
            expected += 2 + manifest.layers.len();
        }
        let blobs = fs::read_dir(out.join("oci/blobs/sha256")).expect("blobs").count();
        assert_eq!(blobs, expected);
        assert_eq!(fs::read(out.join(PLUGIN)).expect("the module"), b"two");
        let sums = fs::read_to_string(out.join(CHECKSUMS)).expect("checksums");
        assert_eq!(sums.lines().count(), blobs + 4);
    }

    #[test]
    fn a_directory_that_is_not_ours_is_left_alone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let theirs = directory.path().join("thesis.tex");
        fs::write(&theirs, "years of work").expect("a file");
        assert!(write(directory.path(), &parts(b"one"), &[]).is_err());
        assert!(theirs.is_file());
    }
}
