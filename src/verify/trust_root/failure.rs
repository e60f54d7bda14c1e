//! Why a text is no usable trust root.

use std::fmt::Display;

use super::super::failure::{presented, shown};

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
    /// More of something than a trust root can reasonably have.
    #[error("{part} has {found} elements, at most {limit} are read")]
    TooMany {
        /// The list.
        part: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not the JSON of a `trusted_root.json`.
    #[error("not a trusted root: {detail}")]
    Malformed {
        /// What the parser said, and where.
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
    /// One key, certificate or window cannot be used.
    #[error("{part}: {detail}")]
    Unusable {
        /// Where it stands.
        part: String,
        /// What was expected and what is there.
        detail: String,
    },
    /// It names no transparency log, so no signature could be proven to have been logged.
    #[error(
        "the trust root names no transparency log; add one, or say insecureNoTransparencyLog where signed timestamps are enough"
    )]
    NoLog,
    /// It names certificate authorities and no certificate log, so no certificate could be proven to have been logged.
    #[error(
        "the trust root names no certificate log; add one, or say insecureNoSct where the authority has none"
    )]
    NoCertificateLog,
    /// Separate files without a certificate authority.
    #[error("the trust root names no certificate authority")]
    NoAuthority,
    /// An authority's certificates were never all valid at the same time.
    #[error("the certificates of the authority \"{uri}\" are at no time valid together")]
    NeverValid {
        /// The authority.
        uri: String,
    },
}

impl TrustRootError {
    /// Something at `part` cannot be used.
    pub(super) fn unusable(part: &str, detail: impl Into<String>) -> Self {
        Self::Unusable {
            part: part.to_owned(),
            detail: detail.into(),
        }
    }

    /// Something at `part` cannot be read: what, and what the parser said.
    pub(super) fn unreadable(part: &str, what: &str, error: &dyn Display) -> Self {
        Self::unusable(part, format!("{what} cannot be read: {}", shown(error)))
    }

    pub(super) fn never_valid(uri: &str) -> Self {
        Self::NeverValid {
            uri: presented(uri),
        }
    }

    /// Refuses a list with more than `limit` elements.
    pub(super) fn within(part: &str, found: usize, limit: usize) -> Result<(), Self> {
        if found > limit {
            return Err(Self::TooMany {
                part: part.to_owned(),
                found,
                limit,
            });
        }
        Ok(())
    }
}
