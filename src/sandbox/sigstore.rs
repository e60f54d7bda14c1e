//! A private Sigstore inside the process: certificate authority, certificate log, transparency logs of both
//! generations and timestamp authorities that sign as anyone, at any time, in the layouts cosign 1 to 3 write.
//!
//! What it issues is real: certificates chain to its root and carry a signed certificate timestamp, log
//! entries carry what their log hands out, and timestamps are RFC 3161. A verifier that trusts
//! [`PrivateSigstore::trusted_root_json`] accepts it without any exemption. Each setter of [`Signing`], and
//! each fault, then changes one thing.

mod authority;
mod certificate_log;
mod claims;
mod key_pair;
mod mutation;
mod signing;
mod timestamp_authority;
mod transparency_log;
mod trust_root;
mod tuf;
mod x509;

pub use authority::{CertificateFault, CertificateTimestamp};
pub use claims::Claims;
pub use key_pair::{HashAlgorithm, KeyKind, RsaPadding, SigningKeyPair};
pub use mutation::{UNSIGNED, mutations};
pub use signing::{Attachment, BundleVersion, Signing};
pub use timestamp_authority::{AuthorityName, TimestampPurpose, TimestampToken, TokenFault};
pub use transparency_log::{Entry, EntryFault, EntryKind, LogName};
pub use trust_root::{PemTexts, RootPart};
pub use tuf::{TufFault, TufRepository, TufRole};

use jiff::Timestamp;

use crate::image::Digest;

use self::{
    authority::{CertificateAuthority, CertificateLogs},
    timestamp_authority::TimestampAuthority,
    transparency_log::TransparencyLogs,
    trust_root::log_json,
    x509::Validity,
};

/// A Sigstore instance of our own, with fresh keys for each value.
#[derive(Debug)]
pub struct PrivateSigstore {
    now: Timestamp,
    authority: CertificateAuthority,
    /// Of the same names, and in no trust root.
    foreign_authority: CertificateAuthority,
    certificate_logs: CertificateLogs,
    transparency_logs: TransparencyLogs,
    timestamp_authorities: Vec<(AuthorityName, TimestampAuthority)>,
}

/// What is unusual about an instance.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When the intermediate certificate expires. It goes on issuing after that.
    pub intermediate_until: Timestamp,
    /// What the certificate of the first timestamp authority is for.
    pub timestamp_purpose: TimestampPurpose,
    /// When that certificate expires. It goes on answering after that.
    pub timestamp_until: Timestamp,
}

/// Why the private Sigstore could not sign.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// A key or signature could not be made.
    #[error("cannot make a key or signature")]
    Key(#[from] aws_lc_rs::error::Unspecified),
    /// A certificate just made could not be read back, or a timestamp could not be encoded.
    #[error("cannot read a certificate back or encode a timestamp")]
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
    /// Other verifiers than ours compare the time of signing with their own clock, so `now` must not lie in their future.
    pub fn new(now: Timestamp) -> Result<Self, SandboxError> {
        Self::with(now, Settings::default())
    }

    /// A new instance whose intermediate certificate expires at `until`. It goes on issuing after that.
    pub fn with_intermediate_until(now: Timestamp, until: Timestamp) -> Result<Self, SandboxError> {
        let settings = Settings {
            intermediate_until: until,
            ..Settings::default()
        };
        Self::with(now, settings)
    }

    /// A new instance with something unusual about it.
    pub fn with(now: Timestamp, settings: Settings) -> Result<Self, SandboxError> {
        let Settings {
            intermediate_until,
            timestamp_purpose,
            timestamp_until,
        } = settings;
        let short = Validity {
            end: timestamp_until,
            ..VALIDITY
        };
        let authority = |name, kind, purpose, leaf_validity| {
            TimestampAuthority::new(name, kind, purpose, VALIDITY, leaf_validity)
        };
        let purpose = TimestampPurpose::Genuine;
        let (p256, p384) = (KeyKind::P256, KeyKind::P384);
        let first = authority("assay timestamps", p256, timestamp_purpose, short)?;
        let impostor = first.impostor()?;
        let second = authority("assay timestamps 2", p384, purpose, VALIDITY)?;
        let unknown = authority("other timestamps", p256, purpose, VALIDITY)?;
        Ok(Self {
            now,
            authority: CertificateAuthority::new(VALIDITY, intermediate_until)?,
            foreign_authority: CertificateAuthority::new(VALIDITY, intermediate_until)?,
            certificate_logs: CertificateLogs::new()?,
            transparency_logs: TransparencyLogs::new()?,
            timestamp_authorities: vec![
                (AuthorityName::First, first),
                (AuthorityName::Second, second),
                (AuthorityName::Unknown, unknown),
                (AuthorityName::Impostor, impostor),
            ],
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

    /// The DER of a `TimeStampResp` over `imprinted`, made at `at` unless the token says otherwise.
    pub fn timestamp(
        &self,
        token: &TimestampToken,
        imprinted: &[u8],
        at: Timestamp,
    ) -> Result<Vec<u8>, SandboxError> {
        self.timestamp_authorities
            .iter()
            .find(|(name, _)| *name == token.authority)
            .ok_or(SandboxError::Unwritable {
                what: "a timestamp of an authority that does not exist",
            })
            .and_then(|(_, authority)| authority.respond(token, imprinted, at))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            intermediate_until: VALIDITY.end,
            timestamp_purpose: TimestampPurpose::Genuine,
            timestamp_until: VALIDITY.end,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// From 2020-01-01T00:00:00Z to 2045-01-01T00:00:00Z.
const VALIDITY: Validity = Validity {
    start: Timestamp::constant(1_577_836_800, 0),
    end: Timestamp::constant(2_366_841_600, 0),
};

#[cfg(test)]
mod tests;
