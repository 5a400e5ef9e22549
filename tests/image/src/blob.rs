//! Bytes with the digest that names them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;
use oci_client::manifest::OciDescriptor;
use sha2::{Digest as _, Sha256};

/// Something that a registry stores under its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// IANA or vendor media type.
    pub media_type: String,
    /// Content.
    pub bytes: Bytes,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

impl Blob {
    /// A blob of `bytes`.
    pub fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { media_type: media_type.to_owned(), digest: digest(&bytes), bytes }
    }

    /// What a manifest says of it; `title` is the file name that pulling tools give it.
    ///
    /// # Errors
    /// It is larger than an OCI size can say.
    pub fn descriptor(&self, title: Option<&str>) -> Result<OciDescriptor> {
        let title = title.map(|title| {
            BTreeMap::from([(oci_client::annotations::ORG_OPENCONTAINERS_IMAGE_TITLE.to_owned(), title.to_owned())])
        });
        Ok(OciDescriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: i64::try_from(self.bytes.len()).context("a blob of more than 2^63 bytes")?,
            annotations: title,
            ..OciDescriptor::default()
        })
    }
}

/// The digest of `bytes` as OCI writes it.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _never = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-4, the one-block example.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), abc);
        let blob = Blob::new("text/plain", "abc");
        let descriptor = blob.descriptor(Some("a.txt")).expect("small");
        assert_eq!((descriptor.digest.as_str(), descriptor.size), (abc, 3));
        assert_eq!(blob.descriptor(None).expect("small").annotations, None);
    }
}
