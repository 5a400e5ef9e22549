//! The two forms that fetchers know, from the same module.
//!
//! *Compat*: an image like any other, whose last layer is a gzipped tar with `plugin.wasm`. Istio, Envoy Gateway, nodes
//! that mount images, `docker create` and all else that knows only ordinary images take it, so it has the plain tag.
//! *Artifact*: the module itself is a layer. Istio's agent and Envoy Gateway insist on exactly two layers there and
//! refuse one (seen on both: all traffic denied, 500); the second one is the bill of materials.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use oci_client::annotations as keys;
use oci_client::config::{Architecture, ConfigFile, Os, Rootfs};
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_LAYER_GZIP_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest,
};
use serde_json::json;

use crate::blob::{Blob, digest};

/// The file that fetchers look for in a compat image.
pub const PLUGIN: &str = "plugin.wasm";
/// Name of the bill of materials, in both forms and beside them.
pub const SBOM: &str = "sbom.cdx.json";

/// Media types of the Wasm artifact image specification.
const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const WASM_CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// CycloneDX's own.
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";

/// Annotation by which the Wasm image specifications tell their forms apart.
const VARIANT: &str = "module.wasm.image/variant";

/// What both forms are made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The module.
    pub wasm: Vec<u8>,
    /// CycloneDX JSON.
    pub sbom: Vec<u8>,
    /// The filter's version.
    pub version: String,
    /// Manifest annotations besides those that are always there.
    pub annotations: BTreeMap<String, String>,
}

/// How an image is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An ordinary image.
    Compat,
    /// The module as a layer.
    Artifact,
}

/// A whole image: what a registry gets, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// How it is put together.
    pub form: Form,
    /// The manifest; its digest is the image's.
    pub manifest: Blob,
    /// Configuration and layers, in the manifest's order.
    pub blobs: Vec<Blob>,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Compat, Self::Artifact];

    /// The tag of this form where the image has `tag`.
    pub fn tag(self, tag: &str) -> String {
        match self {
            Self::Compat => tag.to_owned(),
            Self::Artifact => format!("{tag}-artifact"),
        }
    }

    const fn variant(self) -> &'static str {
        match self {
            Self::Compat => "compat",
            Self::Artifact => "oci",
        }
    }
}

impl Image {
    /// Puts an image together. The same parts give the same bytes on every machine: no time, no owner, no host name
    /// goes in.
    ///
    /// # Errors
    /// A part cannot be written as what it should be; none that is found in practice.
    pub fn new(form: Form, parts: &Parts) -> Result<Self> {
        match form {
            Form::Compat => compat(parts),
            Form::Artifact => artifact(parts),
        }
    }
}

fn compat(parts: &Parts) -> Result<Image> {
    // Fetchers take the last layer.
    let (sbom, sbom_tar) = layer(SBOM, &parts.sbom)?;
    let (plugin, plugin_tar) = layer(PLUGIN, &parts.wasm)?;
    // What `docker build` writes for an image `FROM scratch` on most machines. The content runs anywhere, but an image
    // must name something, and fetchers that choose a platform ask for this one.
    let config = ConfigFile {
        architecture: Architecture::Amd64,
        os: Os::Linux,
        rootfs: Rootfs { diff_ids: vec![sbom_tar, plugin_tar], ..Rootfs::default() },
        ..ConfigFile::default()
    };
    let config = Blob::new(IMAGE_CONFIG_MEDIA_TYPE, serde_json::to_vec(&config)?);
    let layers = [(sbom, SBOM), (plugin, PLUGIN)];
    Image::of(Form::Compat, parts, config, layers)
}

fn artifact(parts: &Parts) -> Result<Image> {
    let config = json!({"type": "envoy_proxy", "abiVersions": ["v0-2-1"], "version": parts.version});
    let config = Blob::new(WASM_CONFIG, config.to_string());
    let content = Blob::new(WASM_CONTENT, parts.wasm.clone());
    let sbom = Blob::new(CYCLONEDX, parts.sbom.clone());
    Image::of(Form::Artifact, parts, config, [(content, PLUGIN), (sbom, SBOM)])
}

impl Image {
    fn of(form: Form, parts: &Parts, config: Blob, layers: [(Blob, &str); 2]) -> Result<Self> {
        let described: Vec<OciDescriptor> =
            layers.iter().map(|(layer, title)| layer.descriptor(Some(title))).collect::<Result<_>>()?;
        let manifest = OciImageManifest {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: config.descriptor(None)?,
            layers: described,
            subject: None,
            artifact_type: None,
            annotations: Some(annotations(form, parts)),
        };
        let manifest = Blob::new(OCI_IMAGE_MEDIA_TYPE, serde_json::to_vec(&manifest)?);
        let blobs = std::iter::once(config).chain(layers.into_iter().map(|(layer, _)| layer)).collect();
        Ok(Self { form, manifest, blobs })
    }
}

/// No `created` and no `revision`: either would give the same sources another digest on another day or in a copy
/// without history. A release adds them to its attestation, which names the digest.
fn annotations(form: Form, parts: &Parts) -> BTreeMap<String, String> {
    let own = [
        (keys::ORG_OPENCONTAINERS_IMAGE_TITLE, "genops-filter"),
        (
            keys::ORG_OPENCONTAINERS_IMAGE_DESCRIPTION,
            "Envoy filter that meters LLM traffic: tokens, exact cost, who spent it and how it ended",
        ),
        (keys::ORG_OPENCONTAINERS_IMAGE_VERSION, parts.version.as_str()),
        (keys::ORG_OPENCONTAINERS_IMAGE_LICENSES, "Apache-2.0"),
        (VARIANT, form.variant()),
    ];
    let mut all: BTreeMap<String, String> = own.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    all.extend(parts.annotations.clone());
    all
}

/// A gzipped tar with one file, and the digest of the tar before compression (the image's `diff_id`).
fn layer(name: &str, content: &[u8]) -> Result<(Blob, String)> {
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(content.len())?);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, content).with_context(|| format!("tar of {name}"))?;
    let tar = archive.into_inner()?;
    // Time 0 and no file name in the gzip header; 255 is "unknown" for the operating system (RFC 1952 2.3.1).
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(&tar)?;
    Ok((Blob::new(IMAGE_LAYER_GZIP_MEDIA_TYPE, gzip.finish()?), digest(&tar)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use serde_json::Value;

    use super::*;

    fn parts() -> Parts {
        let annotations = BTreeMap::from([("a.b".to_owned(), "c".to_owned())]);
        Parts { wasm: b"\0asm\x01\0\0\0".to_vec(), sbom: b"{}".to_vec(), version: "1.2.3".to_owned(), annotations }
    }

    fn manifest(image: &Image) -> Value {
        serde_json::from_slice(&image.manifest.bytes).expect("JSON")
    }

    #[test]
    fn a_compat_image_ends_with_the_layer_that_holds_the_plugin() {
        let image = Image::new(Form::Compat, &parts()).expect("an image");
        let said = manifest(&image);
        let last = said.pointer("/layers/1").expect("a last layer");
        assert_eq!(last["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
        let blob = image.blobs.iter().find(|b| last["digest"] == b.digest.as_str()).expect("its blob");
        let mut tar = Vec::new();
        GzDecoder::new(blob.bytes.as_ref()).read_to_end(&mut tar).expect("gzip");
        let config = image.blobs.first().expect("a configuration");
        let config: Value = serde_json::from_slice(&config.bytes).expect("JSON");
        assert_eq!(config.pointer("/rootfs/diff_ids/1").and_then(Value::as_str), Some(digest(&tar).as_str()));
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut entries = archive.entries().expect("a tar");
        let mut plugin = entries.next().expect("an entry").expect("whole");
        assert_eq!(plugin.path().expect("a path").to_str(), Some(PLUGIN));
        let mut content = Vec::new();
        plugin.read_to_end(&mut content).expect("content");
        assert_eq!(content, parts().wasm);
        assert!(entries.next().is_none());
    }

    #[test]
    fn an_artifact_has_exactly_two_layers_and_one_is_the_module_itself() {
        let image = Image::new(Form::Artifact, &parts()).expect("an image");
        let said = manifest(&image);
        assert_eq!(said.pointer("/config/mediaType").and_then(Value::as_str), Some(WASM_CONFIG));
        let layers = said["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), 2);
        let types: Vec<_> = layers.iter().filter_map(|l| l["mediaType"].as_str()).collect();
        assert_eq!(types, [WASM_CONTENT, CYCLONEDX]);
        assert_eq!(image.blobs.get(1).map(|b| b.bytes.as_ref()), Some(parts().wasm.as_slice()));
    }

    #[test]
    fn the_same_parts_are_the_same_bytes_and_each_part_counts() {
        for form in Form::ALL {
            let image = Image::new(form, &parts()).expect("an image");
            assert_eq!(image, Image::new(form, &parts()).expect("an image"));
            let mut others = [parts(), parts(), parts(), parts()];
            others[0].wasm.push(0);
            others[1].sbom.push(b' ');
            others[2].version.push('4');
            others[3].annotations.clear();
            for other in others {
                assert_ne!(image.manifest.digest, Image::new(form, &other).expect("an image").manifest.digest);
            }
        }
    }
}
