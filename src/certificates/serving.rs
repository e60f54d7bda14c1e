//! The certificate that the webhook shows, with its key.

use std::{collections::BTreeSet, fmt};

use rcgen::PublicKeyData as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{
    Bundle, TrustedAuthority,
    authority::read_key,
    x509::{Parts, Validity},
};
use crate::limits;

/// A certificate and the key that belongs to it.
pub struct ServingCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    key_pem: String,
    validity: Validity,
    names: BTreeSet<String>,
}

impl ServingCertificate {
    /// Reads both from PEM. None when one of them cannot be read, or they do not belong together.
    pub fn read(certificate: &[u8], key: &[u8]) -> Option<Self> {
        if certificate.len() as u64 > limits::CERTIFICATE_FILE_BYTES {
            return None;
        }
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .take(limits::CA_BUNDLE_AUTHORITIES)
            .collect::<Result<_, _>>()
            .ok()?;
        let parts = Parts::read(chain.first()?)?;
        let pair = read_key(key)?;
        (pair.subject_public_key_info() == parts.public_key).then_some(Self {
            key: PrivateKeyDer::try_from(pair.serialize_der()).ok()?,
            key_pem: pair.serialize_pem(),
            chain,
            validity: parts.validity,
            names: parts.names,
        })
    }

    /// The certificate, and any issuing ones after it.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Its private key.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// From when to when it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// What it names.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Whether one of these authorities issued it, for a server.
    pub fn is_issued_by_any(&self, bundle: &Bundle) -> bool {
        bundle.iter().any(|authority| self.is_issued_by(authority))
    }

    /// Whether this authority issued it, for a server. That neither has expired is another question.
    pub fn is_issued_by(&self, authority: &TrustedAuthority) -> bool {
        let Some(leaf) = self.chain.first() else {
            return false;
        };
        let seconds = u64::try_from(self.validity.start().as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let (Ok(anchor), Ok(leaf)) = (
            anchor_from_trusted_cert(authority.der()),
            EndEntityCert::try_from(leaf),
        ) else {
            return false;
        };
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &[anchor], &[], at, usage, None, None)
            .is_ok()
    }

    /// The chain in PEM.
    pub fn certificate_pem(&self) -> String {
        let chain = self.chain.iter();
        chain
            .map(|der| super::entries::pem("CERTIFICATE", der))
            .collect()
    }

    /// The key in PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl PartialEq for ServingCertificate {
    /// A key belongs to its certificate, so the certificates are enough.
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for ServingCertificate {}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServingCertificate")
            .field("names", &self.names)
            .field("validity", &self.validity)
            .field("key", &"***")
            .finish_non_exhaustive()
    }
}
