//! From bytes to a verified signature: no network, no clock, no policy.
//!
//! The only way to a [`VerifiedSignature`] is [`verify`], and to a [`VerifiedAttestation`] it is
//! [`verify_attestation`]. Neither is ever taken for the other. A candidate of any layout is read into one form, the
//! steps in `engine` prove who signed it and when, and what it claims is looked at last.

mod annotations;
mod asn1;
#[cfg(test)]
mod assumed;
mod attachment;
mod attestation;
mod bundle;
mod certificate;
mod certificate_timestamp;
mod chain;
mod encoding;
mod engine;
mod failure;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod legacy;
mod log;
mod material;
mod payload;
mod signature;
mod statement;
mod text;
mod timestamp;
mod trust_root;

pub use attestation::{VerifiedAttestation, verify_attestation};
pub use certificate::{Identity, San};
pub use statement::{SIGN_PREDICATE, claimed_predicate_type};
pub use trust_root::{
    CertificateTimestamps, PemParts, Summary, Switches, Transparency, TrustRoot, TrustRootError,
};

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

use self::material::{Claim, Material};
use crate::{image::Digest, key::PublicKey, limits};

/// How a signature was stored beside its image.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Layout {
    /// A layer of the `sha256-….sig` manifest: a simple-signing payload with its annotations.
    Legacy,
    /// A layer of the `sha256-….att` manifest: an envelope with its annotations.
    LegacyAttestation,
    /// A Sigstore bundle, found as a referrer.
    Bundle,
}

impl Layout {
    /// How a layer of this media type is stored, if it may be a signature or an attestation. Nothing else tells:
    /// descriptors of fallback indexes carry artifact types that say nothing, and every layout may be a referrer.
    ///
    /// Which versions of a bundle are read is found out when it is verified.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            SIMPLE_SIGNING => Some(Self::Legacy),
            ENVELOPE => Some(Self::LegacyAttestation),
            _ if media_type.starts_with(BUNDLE) => Some(Self::Bundle),
            _ => None,
        }
    }
}

/// Something found beside an image that may be a signature: untrusted bytes.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// How it was stored.
    pub layout: Layout,
    /// The digest of `content`, computed by us.
    pub digest: Digest,
    /// The payload or envelope (legacy) or the bundle JSON.
    pub content: Bytes,
    /// The layer descriptor's annotations (legacy keeps signature, certificate and log entry there).
    pub annotations: BTreeMap<String, String>,
}

/// Whether a signature must be proven to be in a transparency log.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LogRequirement {
    /// A log entry that verifies is required.
    Require,
    /// No log entry is asked for; what there is counts for nothing. A time can then come from a timestamp authority
    /// alone, and only if there is a trust root that names it.
    Ignore,
}

/// What a candidate is verified with.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// One public key.
    Key {
        /// The key.
        key: &'a PublicKey,
        /// Whether a log entry is required; with `Require` a trust root is needed.
        log: LogRequirement,
        /// Whose logs and timestamp authorities are trusted.
        trust_root: Option<&'a TrustRoot>,
    },
    /// A certificate of the trust root's authorities, proven to have been logged; any identity.
    Certificate {
        /// Whose authorities and logs are trusted.
        trust_root: &'a TrustRoot,
    },
}

/// A signature over one image digest that verified. Who may sign is not decided here. Clones share what it says.
#[derive(Clone, Debug)]
pub struct VerifiedSignature(Arc<SignatureFacts>);

#[derive(Clone, Debug)]
struct SignatureFacts {
    image: Digest,
    layout: Layout,
    signer: Signer,
    signed_at: Option<Timestamp>,
    log_index: Option<u64>,
    annotations: BTreeMap<String, String>,
}

/// Who made a verified signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signer {
    /// The holder of the key with this fingerprint.
    Key {
        /// SHA-256 of the key's SPKI, hex.
        fingerprint: String,
    },
    /// The identity a certificate names.
    Certificate(Box<Identity>),
}

/// Why a candidate is no valid signature of the image.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// The payload, envelope, statement or signature is malformed, or the signature does not verify.
    #[error("{detail}")]
    Invalid {
        /// What is wrong.
        detail: String,
    },
    /// The signature does not verify with this key (it may be another key's).
    #[error("not made by this key")]
    OtherKey,
    /// The signature is genuine in form but names another image.
    #[error("signs another image ({presented})")]
    OtherImage {
        /// The digest it names.
        presented: String,
    },
    /// An attestation, which is not a signature.
    #[error("is an attestation of type {presented}, not a signature")]
    PredicateType {
        /// Its predicate type.
        presented: String,
    },
    /// A signature, which is no attestation.
    #[error("is a signature, not an attestation")]
    NotAttestation,
    /// The certificate, its chain or its SCT is not acceptable.
    #[error("certificate: {detail}")]
    Certificate {
        /// What is wrong.
        detail: String,
    },
    /// There is no verified time of signing.
    #[error("no verified time of signing: {detail}")]
    Timestamp {
        /// What is missing or wrong.
        detail: String,
    },
    /// The transparency log entry is missing or wrong.
    #[error("transparency log: {detail}")]
    LogEntry {
        /// What is missing or wrong.
        detail: String,
    },
    /// It is of the other kind: keyed where a certificate is wanted, or the reverse.
    #[error("{0}")]
    OtherKind(&'static str),
    /// A limit was crossed.
    #[error("{what}: {found}, at most {limit} are read")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is allowed.
        limit: usize,
    },
}

impl VerifiedSignature {
    /// The image digest that was signed.
    pub fn image(&self) -> &Digest {
        &self.0.image
    }
    /// How it was stored.
    pub fn layout(&self) -> Layout {
        self.0.layout
    }
    /// Who signed.
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }
    /// The earliest verified time of signing, if there is one.
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.0.signed_at
    }
    /// The global index of the verified log entry, if there is one.
    pub fn log_index(&self) -> Option<u64> {
        self.0.log_index
    }
    /// What the signer added with `cosign sign --annotations`: the signer's claim.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.0.annotations
    }
}

/// Verifies one candidate as a signature of `image`.
///
/// Cryptography and the claims that are signed, nothing else: whether the signer may sign is not decided here.
///
/// # Errors
/// The candidate is judged by itself. That it fails says nothing about others beside the same image.
pub fn verify(
    candidate: &Candidate,
    image: &Digest,
    against: Against<'_>,
) -> Result<VerifiedSignature, SignatureError> {
    let material = read(candidate, image)?;
    let proven = engine::prove(&material, against)?;
    let annotations = match &material.claim {
        Claim::Envelope { envelope, .. } => statement::read(envelope)?.into_signature(image)?,
        Claim::Payload(payload) => payload::accept(payload, image)?,
        // A bare signature over the manifest itself: it says nothing beside.
        Claim::Manifest => BTreeMap::new(),
    };
    Ok(VerifiedSignature(Arc::new(SignatureFacts {
        image: image.clone(),
        layout: candidate.layout,
        signer: proven.signer,
        signed_at: proven.signed_at,
        log_index: proven.log_index,
        annotations,
    })))
}

/// Reads a candidate of any layout.
fn read(candidate: &Candidate, image: &Digest) -> Result<Material, SignatureError> {
    failure::within(
        "bytes of one signature",
        candidate.content.len(),
        limits::ATTACHMENT_BYTES,
    )?;
    // Every layout is JSON. From bytes, the parser would not look at the texts that it skips.
    std::str::from_utf8(&candidate.content)
        .map_err(|error| failure::invalid("not UTF-8", &error))?;
    match candidate.layout {
        Layout::Bundle => bundle::read(candidate, image),
        Layout::Legacy => legacy::read(candidate),
        Layout::LegacyAttestation => attachment::read(candidate),
    }
}

/// The media type of a legacy signature's payload.
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The media type of a legacy attestation's envelope.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// The beginning of the media type of every Sigstore bundle.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

#[cfg(test)]
mod tests;
