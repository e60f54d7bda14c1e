//! The authorities and logs whose word counts.

use jiff::Timestamp;
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_types::TimeRange;
use sigstore_verify::Verifier;
use x509_cert::der::Decode as _;

use super::failure::{presented, shown};
use crate::{image::Digest, limits};

/// Certificate authorities, logs and timestamp authorities, parsed and ready to verify with.
pub struct TrustRoot {
    verifier: Verifier,
    version: String,
}

/// Why a text is no usable trust root.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustRootError {
    /// Longer than a trust root can reasonably be.
    #[error("the trust root has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Not the JSON of a `trusted_root.json`.
    #[error("not a trusted root: {detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// A version that this program does not know.
    #[error(
        "media type \"{presented}\" is not known, expected a trusted root of version 0.1 or 0.2"
    )]
    MediaType {
        /// What it says it is.
        presented: String,
    },
    /// It names no transparency log, so nothing could ever be verified with it.
    #[error("the trusted root names no transparency log")]
    NoLog,
    /// An authority's certificates were never all valid at the same time.
    #[error("the certificates of the authority \"{uri}\" are at no time valid together")]
    NeverValid {
        /// The authority.
        uri: String,
    },
}

impl TrustRoot {
    /// The public-good Sigstore instance, as built in.
    pub fn public_good() -> Result<Self, TrustRootError> {
        Self::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT)
    }

    /// Reads a `trusted_root.json` (v0.1 or v0.2).
    ///
    /// # Errors
    /// A key, certificate or window that cannot be used fails the whole text: half a trust root would
    /// refuse signatures for reasons nobody could see.
    pub fn from_json(text: &str) -> Result<Self, TrustRootError> {
        if text.len() > limits::TRUST_ROOT_BYTES {
            return Err(TrustRootError::TooLarge {
                found: text.len(),
                limit: limits::TRUST_ROOT_BYTES,
            });
        }
        let mut root = TrustedRoot::from_json(text).map_err(|error| malformed(&error))?;
        if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
            return Err(TrustRootError::MediaType {
                presented: presented(&root.media_type),
            });
        }
        if root.tlogs.is_empty() {
            return Err(TrustRootError::NoLog);
        }
        for authority in &mut root.certificate_authorities {
            let certificates = authority
                .cert_chain
                .certificates
                .iter()
                .map(|entry| entry.raw_bytes.as_bytes());
            authority.valid_for =
                Some(narrowed(authority.valid_for, certificates, &authority.uri)?);
        }
        for authority in &mut root.timestamp_authorities {
            let certificates = authority
                .cert_chain
                .certificates
                .iter()
                .map(|entry| entry.raw_bytes.as_bytes());
            let uri = authority.uri.as_deref().unwrap_or_default();
            authority.valid_for = Some(narrowed(authority.valid_for, certificates, uri)?);
        }
        let verifier = Verifier::new(&root).map_err(|error| malformed(&error))?;
        Ok(Self {
            verifier,
            version: Digest::of(text.as_bytes()).hex().to_owned(),
        })
    }

    /// Names the content: equal versions verify alike.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The part of an authority's window in which all of its certificates are valid.
///
/// The verifier takes each of them, intermediates too, for an anchor, and an anchor's own expiry is not
/// looked at; the window is. Without this an expired intermediate would go on issuing (GO-2026-4529).
fn narrowed<'a>(
    window: Option<TimeRange>,
    certificates: impl Iterator<Item = &'a [u8]>,
    uri: &str,
) -> Result<TimeRange, TrustRootError> {
    let mut narrowed = window.unwrap_or(TimeRange::new(Timestamp::MIN, None));
    for der in certificates {
        let certificate =
            x509_cert::Certificate::from_der(der).map_err(|error| malformed(&error))?;
        let validity = certificate.tbs_certificate.validity;
        let start = timestamp(&validity.not_before)?;
        let end = timestamp(&validity.not_after)?;
        narrowed.start = narrowed.start.max(start);
        narrowed.end = Some(narrowed.end.map_or(end, |known| known.min(end)));
    }
    if narrowed.end.is_some_and(|end| end < narrowed.start) {
        return Err(TrustRootError::NeverValid {
            uri: presented(uri),
        });
    }
    Ok(narrowed)
}

fn timestamp(time: &x509_cert::time::Time) -> Result<Timestamp, TrustRootError> {
    Timestamp::try_from(time.to_system_time()).map_err(|error| malformed(&error))
}

fn malformed(error: &impl std::fmt::Display) -> TrustRootError {
    TrustRootError::Malformed {
        detail: shown(error),
    }
}

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];
