//! Pushing to a registry, and pulling back what is there.

use std::net::IpAddr;
use std::str::FromStr as _;

use anyhow::{Context, Result, anyhow, bail, ensure};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};

use crate::blob::{Blob, digest};
use crate::image::Image;

/// Docker Hub's key in docker's configuration file.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A registry that images go to.
pub struct Registry {
    client: Client,
    auth: RegistryAuth,
}

impl Registry {
    /// The registry of `reference`, with the credentials that docker has for it (`docker login`, credential helpers,
    /// `DOCKER_CONFIG`); without any where docker has none. A registry on this machine is spoken to without TLS.
    ///
    /// # Errors
    /// Docker's configuration is there and cannot be read.
    pub fn of(reference: &Reference) -> Result<Self> {
        let host = reference.resolve_registry();
        let key = if reference.registry() == "docker.io" { DOCKER_HUB } else { reference.registry() };
        let auth = match docker_credential::get_credential(key) {
            Ok(DockerCredential::UsernamePassword(user, password)) => RegistryAuth::Basic(user, password),
            // What a token service takes in place of a password (docker's own convention).
            Ok(DockerCredential::IdentityToken(token)) => RegistryAuth::Basic("<token>".to_owned(), token),
            Err(CredentialRetrievalError::ConfigNotFound | CredentialRetrievalError::NoCredentialConfigured) => {
                RegistryAuth::Anonymous
            }
            Err(CredentialRetrievalError::ConfigReadError) if !docker_config_exists() => RegistryAuth::Anonymous,
            Err(e) => bail!("docker's credentials for {key}: {e}"),
        };
        let protocol = if is_local(host) { ClientProtocol::Http } else { ClientProtocol::Https };
        // TLS by ring; a second call finds it installed.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig { protocol, user_agent: "genops-image", ..ClientConfig::default() };
        Ok(Self { client: Client::new(config), auth })
    }

    /// Pushes an image under `reference` and reads the manifest back.
    ///
    /// # Errors
    /// The registry refuses, or has another manifest afterwards.
    pub async fn push(&self, reference: &Reference, image: &Image) -> Result<()> {
        let what = || format!("push {reference}");
        self.client.auth(reference, &self.auth, RegistryOperation::Push).await.with_context(what)?;
        for blob in &image.blobs {
            if !self.client.blob_exists(reference, &blob.digest).await.unwrap_or(false) {
                self.client.push_blob(reference, blob.bytes.clone(), &blob.digest).await.with_context(what)?;
            }
        }
        let Blob { media_type, bytes, digest } = &image.manifest;
        let kind = HeaderValue::from_str(media_type)?;
        self.client.push_manifest_raw(reference, bytes.clone(), kind).await.with_context(what)?;
        let there = self.client.fetch_manifest_digest(reference, &self.auth).await.with_context(what)?;
        ensure!(there == *digest, "{reference}: the registry has {there}, pushed was {digest}");
        Ok(())
    }

    /// Pulls what `reference` names: manifest, configuration and layers, in this order, each with its digest checked.
    ///
    /// # Errors
    /// It is not there, or not whole.
    pub async fn pull(&self, reference: &Reference) -> Result<Vec<Blob>> {
        let accepted = [oci_client::manifest::OCI_IMAGE_MEDIA_TYPE];
        let (bytes, said) = self.client.pull_manifest_raw(reference, &self.auth, &accepted).await?;
        let manifest = Blob::new(accepted[0], bytes);
        ensure!(manifest.digest == said, "{reference}: the manifest is {}, not {said}", manifest.digest);
        let parsed: OciImageManifest = serde_json::from_slice(&manifest.bytes)?;
        let mut all = vec![manifest];
        for descriptor in std::iter::once(&parsed.config).chain(&parsed.layers) {
            let mut bytes = Vec::new();
            self.client.pull_blob(reference, descriptor, &mut bytes).await?;
            ensure!(digest(&bytes) == descriptor.digest, "{reference}: {} is not what it says", descriptor.digest);
            all.push(Blob::new(&descriptor.media_type, bytes));
        }
        Ok(all)
    }
}

/// Reads a reference; one without tag and digest gets `version` as its tag, never `latest`.
///
/// # Errors
/// It is no image reference, or names a digest, which only a manifest can decide.
pub fn reference(text: &str, version: &str) -> Result<Reference> {
    let expected = "expected REGISTRY/REPOSITORY[:TAG], such as ghcr.io/acme/genops-filter";
    let parsed = Reference::from_str(text).map_err(|e| anyhow!("{text:?}: {e}; {expected}"))?;
    ensure!(parsed.digest().is_none(), "{text:?} names a digest; push under a tag, the digest follows from the image");
    // The parser fills in `latest`.
    let name = text.rsplit('/').next().unwrap_or(text);
    let tag = if name.contains(':') { parsed.tag().unwrap_or(version) } else { version };
    Ok(Reference::with_tag(parsed.registry().to_owned(), parsed.repository().to_owned(), tag.to_owned()))
}

/// Loopback by name or address; anything else gets TLS.
fn is_local(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn docker_config_exists() -> bool {
    let directory = std::env::var_os("DOCKER_CONFIG").map(std::path::PathBuf::from);
    let directory = directory.or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
    directory.is_some_and(|directory| directory.join("config.json").exists())
}

/// For error messages that a caller may want to tell apart: the registry asked for credentials.
pub fn unauthorized(error: &anyhow::Error) -> bool {
    let of = |e: &OciDistributionError| {
        // Registries with passwords of their own (no token service) are reported as a server's error.
        matches!(
            e,
            OciDistributionError::UnauthorizedError { .. }
                | OciDistributionError::AuthenticationFailure(_)
                | OciDistributionError::ServerError { code: 401 | 403, .. }
        )
    };
    error.chain().filter_map(|e| e.downcast_ref::<OciDistributionError>()).any(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_tag_gets_the_version() {
        let read = |text| reference(text, "1.2.3").map(|r| r.to_string());
        assert_eq!(read("ghcr.io/acme/genops").expect("a reference"), "ghcr.io/acme/genops:1.2.3");
        assert_eq!(read("ghcr.io/acme/genops:edge").expect("a reference"), "ghcr.io/acme/genops:edge");
        assert_eq!(read("127.0.0.1:5000/genops").expect("a reference"), "127.0.0.1:5000/genops:1.2.3");
        let digest = format!("ghcr.io/acme/genops@sha256:{}", "0".repeat(64));
        for bad in ["", "ghcr.io/UPPER", digest.as_str()] {
            assert!(reference(bad, "1.2.3").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for local in ["localhost:5000", "127.0.0.1:5000", "127.0.0.1", "[::1]:5000"] {
            assert!(is_local(local), "{local}");
        }
        for remote in ["ghcr.io", "10.0.0.1:5000", "localhost.example.com", "registry:5000"] {
            assert!(!is_local(remote), "{remote}");
        }
    }
}
