//! The server's certificate: from files or self-signed, exchangeable while connections are open.

use std::{fmt, io, path::PathBuf, sync::Arc};

use arc_swap::ArcSwapOption;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{io::AsyncReadExt, sync::watch};

use crate::{
    certificates::{ServingCertificate, expiry},
    limits,
    telemetry::Metrics,
};

/// Where the certificate comes from.
#[derive(Clone, Debug, Default)]
pub enum CertificateSource {
    /// Made at the start, for this machine's loopback names.
    #[default]
    SelfSigned,
    /// From files, read again when they change.
    Files(CertificateFiles),
    /// From whoever holds the other end. Until there is one, nobody can connect and the server is not ready.
    Given(watch::Receiver<Option<Arc<ServingCertificate>>>),
}

/// Where a certificate and its key are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should, in PEM.
    #[error("{} holds no {expected} in PEM", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
    },
    /// They do not belong together, or the library refuses them.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// A self-signed one could not be made.
    #[error("a self-signed certificate could not be made")]
    SelfSigned(#[source] rcgen::Error),
}

/// The two files' content. Holds a private key, so it is never printed.
#[derive(Eq, PartialEq)]
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate made for this process.
pub(super) struct SelfSigned {
    pub(super) key: CertifiedKey,
    pub(super) pem: String,
}

/// What new connections are shown, once there is something.
#[derive(Debug)]
pub(super) struct CurrentCertificate {
    key: ArcSwapOption<CertifiedKey>,
    reloads: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

impl CertificateFiles {
    pub(super) async fn read(&self) -> Result<Pair, CertificateError> {
        Ok(Pair {
            certificate: read(&self.certificate).await?,
            key: read(&self.key).await?,
        })
    }

    /// The pair as a usable key. Fails when a rotation was half done while the files were read.
    pub(super) fn parse(&self, pair: &Pair) -> Result<CertifiedKey, CertificateError> {
        let certificates = CertificateDer::pem_slice_iter(&pair.certificate)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| CertificateError::Pem {
                path: self.certificate.clone(),
                expected: "certificate",
            })?;
        let key = PrivateKeyDer::from_pem_slice(&pair.key).map_err(|_| CertificateError::Pem {
            path: self.key.clone(),
            expected: "private key",
        })?;
        CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider())
            .map_err(CertificateError::Unusable)
    }
}

impl CurrentCertificate {
    /// None yet.
    pub(super) fn none(metrics: Arc<Metrics>) -> Self {
        Self {
            key: ArcSwapOption::empty(),
            reloads: watch::Sender::new(0),
            metrics,
        }
    }

    /// From now on new connections are shown this one.
    pub(super) fn replace(&self, key: CertifiedKey) {
        if let Some(expiry) = key.cert.first().and_then(|leaf| expiry(leaf)) {
            self.metrics.set_certificate_expiry(expiry);
        }
        if self.key.swap(Some(Arc::new(key))).is_some() {
            self.reloads.send_modify(|reloads| *reloads += 1);
        }
    }

    pub(super) fn is_there(&self) -> bool {
        self.key.load().is_some()
    }

    pub(super) fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.key.load_full()
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair(***)")
    }
}

/// A certificate that was given, as a usable key.
pub(super) fn usable(given: &ServingCertificate) -> Result<CertifiedKey, CertificateError> {
    let chain = given.chain().to_vec();
    CertifiedKey::from_der(chain, given.key(), &aws_lc_rs::default_provider())
        .map_err(CertificateError::Unusable)
}

/// TLS 1.2 and 1.3, HTTP/2 preferred.
pub(super) fn tls_config(
    certificate: Arc<CurrentCertificate>,
) -> Result<ServerConfig, CertificateError> {
    let provider: CryptoProvider = aws_lc_rs::default_provider();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(CertificateError::Unusable)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For this machine only: `localhost` and both loopback addresses.
pub(super) fn self_signed() -> Result<SelfSigned, CertificateError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(CertificateError::SelfSigned)?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|reason| CertificateError::Unusable(rustls::Error::General(reason.to_owned())))?;
    let chain = vec![made.cert.der().clone()];
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(CertificateError::Unusable)?;
    Ok(SelfSigned {
        key,
        pem: made.cert.pem(),
    })
}

async fn read(path: &std::path::Path) -> Result<Vec<u8>, CertificateError> {
    let failed = |source| CertificateError::Read {
        path: path.to_owned(),
        source,
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut content = Vec::new();
    file.take(limits::CERTIFICATE_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .await
        .map_err(failed)?;
    if content.len() as u64 > limits::CERTIFICATE_FILE_BYTES {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(content)
}
