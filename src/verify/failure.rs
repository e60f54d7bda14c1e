//! What the verifier's errors mean to us, in words that are safe to show.

use std::fmt::Display;

use sigstore_verify::{Error, TransparencyLogError, bundle::Error as ShapeError};

use super::SignatureError;
use crate::{limits, untrusted};

/// Our word for what the verifier refused.
pub(super) fn refused(error: &Error) -> SignatureError {
    match error {
        Error::SignatureInvalid(_) => SignatureError::Invalid {
            detail: "the signature does not verify".to_owned(),
        },
        Error::Certificate(cause) => SignatureError::Certificate {
            detail: shown(cause),
        },
        Error::TransparencyLog(TransparencyLogError::IntegratedTime(detail)) => {
            SignatureError::Timestamp {
                detail: shown(detail),
            }
        }
        Error::TransparencyLog(cause) => SignatureError::LogEntry {
            detail: shown(cause),
        },
        Error::Timestamp(cause) => SignatureError::Timestamp {
            detail: shown(cause),
        },
        // The digest that is verified is the one the statement or payload itself names, so only the log
        // entry can be about something else.
        Error::ArtifactMismatch(_) => SignatureError::LogEntry {
            detail: "the entry is about other content".to_owned(),
        },
        Error::Bundle(shape) => misshapen(shape),
        Error::InvalidTrustRoot(_) | Error::TrustRoot(_) | Error::TrustedCertificate(_) => {
            SignatureError::Certificate {
                detail: text("the trust root cannot vouch for it", error),
            }
        }
        Error::InvalidBundle(detail)
        | Error::UnsupportedBundle(detail)
        | Error::UnsupportedArtifact(detail) => SignatureError::Invalid {
            detail: shown(detail),
        },
        // Identities are not asked for and content is not read from a stream, so of the rest only parsers
        // speak up. The enum is open: what a later version adds is refused all the same.
        _ => SignatureError::Invalid {
            detail: shown(error),
        },
    }
}

fn misshapen(error: &ShapeError) -> SignatureError {
    let detail = shown(error);
    match error {
        ShapeError::MissingInclusionProof(_)
        | ShapeError::MissingInclusionPromise(_)
        | ShapeError::MissingCheckpoint
        | ShapeError::CheckpointRootMismatch
        | ShapeError::LogIndexOutOfRange { .. } => SignatureError::LogEntry { detail },
        ShapeError::MissingSigningTimeEvidence | ShapeError::MissingTimestamp => {
            SignatureError::Timestamp { detail }
        }
        ShapeError::CertificateChainNotAllowed(_) => SignatureError::Certificate { detail },
        _ => SignatureError::Invalid { detail },
    }
}

/// Something is malformed: what, and what the parser said.
pub(super) fn invalid(what: &str, cause: &dyn Display) -> SignatureError {
    SignatureError::Invalid {
        detail: text(what, cause),
    }
}

/// `what: cause`, safe to show.
pub(super) fn text(what: &str, cause: &dyn Display) -> String {
    format!("{what}: {}", shown(cause))
}

/// What a parser or library says, made safe, and beginning in lower case unless with an abbreviation.
pub(super) fn shown(cause: &(impl Display + ?Sized)) -> String {
    let shown = presented(&cause.to_string());
    let mut characters = shown.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => shown,
    }
}

/// What the candidate says, made safe: on one line and bounded.
pub(super) fn presented(text: &str) -> String {
    untrusted::shown(text, limits::SIGNATURE_ERROR_CHARS)
}

/// Refuses more of `what` than `limit`.
pub(super) fn within(what: &'static str, found: usize, limit: usize) -> Result<(), SignatureError> {
    if found > limit {
        return Err(SignatureError::Limit { what, found, limit });
    }
    Ok(())
}
