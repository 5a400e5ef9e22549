//! A TLS front for the replay upstream: providers speak TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::certs::Identity;
use crate::process::until;

/// Takes TLS connections and passes on what is in them; it stops when dropped.
pub struct TlsFront {
    accepting: AbortHandle,
}

impl TlsFront {
    /// Listens on `address` as `identity`, in front of `behind`.
    ///
    /// # Errors
    /// The address is taken, or the identity is none.
    pub async fn start(address: &str, identity: &Identity, behind: SocketAddr) -> Result<Self> {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        // A front that was dropped a moment ago is closed by the runtime, in its own time.
        let listener =
            until("the address", async || TcpListener::bind(address).await.with_context(|| address.to_owned())).await?;
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that breaks off is no matter of ours: the test looks at what the proxies say.
                    if let (Ok(mut front), Ok(mut back)) =
                        (acceptor.accept(socket).await, TcpStream::connect(behind).await)
                    {
                        let _ended = copy_bidirectional(&mut front, &mut back).await;
                    }
                });
            }
        });
        Ok(Self { accepting: accepting.abort_handle() })
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
