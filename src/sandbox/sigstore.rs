//! A private Sigstore inside the process: certificate authority, certificate log and transparency log
//! that sign as anyone, at any time, in the layouts cosign 2 and cosign 3 write.
//!
//! What it issues is real: certificates chain to its root and carry a signed certificate timestamp, log
//! entries carry a signed entry timestamp and an inclusion proof under a signed checkpoint. A verifier
//! that trusts [`PrivateSigstore::trusted_root_json`] accepts it without any exemption. It has no
//! timestamp authority: the time of signing comes from the log entry.

mod authority;
mod claims;
mod key_pair;
mod signing;
mod transparency_log;

pub use authority::CertificateTimestamp;
pub use claims::Claims;
pub use key_pair::{KeyKind, SigningKeyPair};
pub use signing::{Attachment, Signing};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;

use crate::image::Digest;

use self::{
    authority::{CertificateAuthority, CertificateLog},
    transparency_log::TransparencyLog,
};

/// A Sigstore instance of our own, with fresh keys for each value.
#[derive(Debug)]
pub struct PrivateSigstore {
    now: Timestamp,
    authority: CertificateAuthority,
    certificate_log: CertificateLog,
    transparency_log: TransparencyLog,
}

/// Why the private Sigstore could not sign.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A certificate, key or signature could not be made.
    #[error("cannot make a certificate, key or signature")]
    Certificate(#[from] rcgen::Error),
    /// A certificate just made could not be read back.
    #[error("cannot read a certificate back")]
    Der(#[from] der::Error),
    /// A time lies outside of what certificates can say.
    #[error("{at} cannot be written into a certificate")]
    Time {
        /// The time.
        at: Timestamp,
    },
    /// A text does not fit into the format.
    #[error("{what} is too long or holds characters that the format does not allow")]
    Unwritable {
        /// What it is.
        what: &'static str,
    },
}

impl PrivateSigstore {
    /// A new instance that signs at `now` unless a signing says otherwise.
    ///
    /// Verifiers compare the time of signing with their own clock, so `now` must not lie in their future.
    pub fn new(now: Timestamp) -> Result<Self, SandboxError> {
        Self::with_intermediate_until(now, END_OF_VALIDITY)
    }

    /// A new instance whose intermediate certificate expires at `until`. It goes on issuing after that.
    pub fn with_intermediate_until(now: Timestamp, until: Timestamp) -> Result<Self, SandboxError> {
        Ok(Self {
            now,
            authority: CertificateAuthority::new(START_OF_VALIDITY, END_OF_VALIDITY, until)?,
            certificate_log: CertificateLog::new()?,
            transparency_log: TransparencyLog::new()?,
        })
    }

    /// Begins a keyless signature of `image` by whoever `claims` describes.
    pub fn sign_as(&self, claims: &Claims, image: &Digest) -> Signing<'_> {
        Signing::keyless(self, claims.clone(), image)
    }

    /// Begins a signature of `image` with a key, logged unless [`Signing::without_log`] is called.
    pub fn sign_with<'a>(&'a self, key: &'a SigningKeyPair, image: &Digest) -> Signing<'a> {
        Signing::keyed(self, key, image)
    }

    /// The text of the `trusted_root.json` that a verifier of this instance needs.
    pub fn trusted_root_json(&self) -> String {
        let window = json!({ "start": START_OF_VALIDITY.to_string() });
        let certificates: Vec<_> = self
            .authority
            .chain()
            .into_iter()
            .map(|der| json!({ "rawBytes": STANDARD.encode(der) }))
            .collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log_json("https://rekor.assay.test", self.transparency_log.key(), &window)],
            "certificateAuthorities": [{
                "subject": { "organization": "assay.test", "commonName": "assay sandbox" },
                "uri": "https://fulcio.assay.test",
                "certChain": { "certificates": certificates },
                "validFor": window,
            }],
            "ctlogs": [log_json("https://ctfe.assay.test", self.certificate_log.key(), &window)],
            "timestampAuthorities": [],
        })
        .to_string()
    }
}

fn log_json(base_url: &str, key: &SigningKeyPair, window: &serde_json::Value) -> serde_json::Value {
    json!({
        "baseUrl": base_url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.public_der()),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": window,
        },
        "logId": { "keyId": STANDARD.encode(key.id()) },
    })
}

/// 2020-01-01T00:00:00Z.
const START_OF_VALIDITY: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// 2045-01-01T00:00:00Z.
const END_OF_VALIDITY: Timestamp = Timestamp::constant(2_366_841_600, 0);

#[cfg(test)]
mod tests;
