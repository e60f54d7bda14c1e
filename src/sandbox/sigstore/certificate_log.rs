//! The log of certificates (RFC 6962).

use jiff::Timestamp;
use rcgen::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::{SandboxError, SigningKeyPair, claims::der_length};

/// The log that vouches for having seen a certificate.
#[derive(Debug)]
pub(super) struct CertificateLog {
    key: SigningKeyPair,
}

impl CertificateLog {
    pub(super) fn new() -> Result<Self, SandboxError> {
        Ok(Self {
            key: SigningKeyPair::generate()?,
        })
    }

    pub(super) fn key(&self) -> &SigningKeyPair {
        &self.key
    }

    /// RFC 6962 §3.2: a timestamp of this certificate, which has none in it yet.
    pub(super) fn timestamp(
        &self,
        precertificate: &Certificate,
        issuer_spki: &[u8],
        at: Timestamp,
        extensions: &[u8],
    ) -> Result<Vec<u8>, SandboxError> {
        let parsed = x509_cert::Certificate::from_der(precertificate.der())?;
        let tbs = parsed.tbs_certificate.to_der()?;
        let milliseconds = at.as_millisecond().to_be_bytes();
        let extensions = vector::<2>(extensions)?;

        let mut signed = vec![V1, CERTIFICATE_TIMESTAMP];
        signed.extend(milliseconds);
        signed.extend(PRECERT_ENTRY);
        signed.extend(sigstore_crypto::sha256(issuer_spki).as_bytes());
        signed.extend(vector::<3>(&tbs)?);
        signed.extend(&extensions);

        let mut timestamp = vec![V1];
        timestamp.extend(self.key.id());
        timestamp.extend(milliseconds);
        timestamp.extend(extensions);
        timestamp.extend(SHA256_ECDSA);
        timestamp.extend(vector::<2>(&self.key.sign(&signed)?)?);
        Ok(timestamp)
    }
}

/// RFC 6962 §3.3: the value of the certificate extension.
pub(super) fn timestamp_list(timestamps: &[Vec<u8>]) -> Result<Vec<u8>, SandboxError> {
    let mut listed = Vec::new();
    for timestamp in timestamps {
        listed.extend(vector::<2>(timestamp)?);
    }
    let list = vector::<2>(&listed)?;
    let mut octet_string = vec![0x04];
    octet_string.extend(der_length(list.len()));
    octet_string.extend(list);
    Ok(octet_string)
}

/// A TLS vector: a length of `N` octets, then the bytes.
fn vector<const N: usize>(bytes: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let length = bytes.len().to_be_bytes();
    let (zeroes, kept) = length.split_at(length.len() - N);
    if zeroes.iter().any(|&octet| octet != 0) {
        return Err(SandboxError::Unwritable {
            what: "the certificate",
        });
    }
    let mut encoded = kept.to_vec();
    encoded.extend(bytes);
    Ok(encoded)
}

const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERT_ENTRY: [u8; 2] = [0, 1];
const SHA256_ECDSA: [u8; 2] = [4, 3];
