//! What Assay shows a registry that wants to know its clients.

use std::{fmt, sync::Arc};

use rustls::{
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A client certificate with its chain and its private key, which never shows.
#[derive(Clone)]
pub(in super::super) struct ClientIdentity(Arc<CertifiedKey>);

impl ClientIdentity {
    /// # Errors
    ///
    /// When the key is not that of the first certificate, or the library cannot use it.
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        Ok(Self(Arc::new(key)))
    }

    /// The certificate, and what leads from it to an authority.
    pub(in super::super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    /// For the TLS library's `with_client_cert_resolver`: this one, whatever the registry asks for.
    pub(in super::super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}

/// The same certificate has the same key.
impl PartialEq for ClientIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.chain() == other.chain()
    }
}

impl Eq for ClientIdentity {}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(***)")
    }
}
