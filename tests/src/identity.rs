//! Identities that tests make for themselves: certificates with SPIFFE ids, and signed tokens.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, SanType,
    SigningKey as _,
};
use serde_json::{Value, json};

/// Name of the key in a token's head.
const KEY_ID: &str = "tests";
/// Who issues tokens.
const TOKEN_ISSUER: &str = "https://issuer.test";

/// A certificate authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Identity {
    certificate: String,
    key: String,
}

/// Signs tokens (EdDSA).
pub struct Tokens(KeyPair);

impl Authority {
    /// A new one, trusted by nobody yet.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// A certificate for this URI.
    ///
    /// # Errors
    /// It cannot stand in a certificate.
    pub fn identity(&self, uri: &str) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }

    fn trusted(&self) -> Value {
        json!({"trusted_ca": {"inline_string": self.certificate}})
    }

    /// Envoy's side of a TLS connection that it accepts: clients may show a certificate, then one of this authority.
    pub fn accepts(&self, own: &Identity) -> Value {
        let context = json!({"tls_certificates": [own.tls()], "validation_context": self.trusted()});
        transport("DownstreamTlsContext", &context)
    }

    /// Envoy's side of a TLS connection that it opens, with a certificate of its own or without.
    pub fn connects(&self, own: Option<&Identity>) -> Value {
        let certificates: Vec<Value> = own.iter().map(|identity| identity.tls()).collect();
        let context = json!({"tls_certificates": certificates, "validation_context": self.trusted()});
        transport("UpstreamTlsContext", &context)
    }
}

impl Identity {
    fn tls(&self) -> Value {
        json!({
            "certificate_chain": {"inline_string": self.certificate},
            "private_key": {"inline_string": self.key},
        })
    }
}

fn transport(kind: &str, common: &Value) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{kind}"),
            "common_tls_context": common,
        },
    })
}

impl Tokens {
    /// With a key of its own.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self> {
        Ok(Self(KeyPair::generate_for(&PKCS_ED25519)?))
    }

    /// A header value `Bearer ...` whose token makes these claims.
    ///
    /// # Errors
    /// `claims` is no object.
    pub fn bearer(&self, claims: &Value) -> Result<String> {
        let mut claims = claims.as_object().context("claims")?.clone();
        claims.insert("iss".into(), json!(TOKEN_ISSUER));
        claims.insert("exp".into(), json!(4_000_000_000_u64));
        let head = json!({"alg": "EdDSA", "typ": "JWT", "kid": KEY_ID});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&Value::Object(claims)));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())?);
        Ok(format!("Bearer {signed}.{signature}"))
    }

    /// Envoy's `jwt_authn` for these tokens, which a request need not have; claims are left under `payload`.
    pub fn filter(&self, payload: &str) -> Value {
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(self.0.public_key_raw()),
        });
        let provider = json!({
            "issuer": TOKEN_ISSUER,
            "local_jwks": {"inline_string": json!({"keys": [key]}).to_string()},
            "payload_in_metadata": payload,
        });
        let either = json!({"requirements": [{"provider_name": "tests"}, {"allow_missing": {}}]});
        json!({
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": {"tests": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": either}}],
            },
        })
    }
}
