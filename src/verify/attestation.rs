//! Statements about an image that are more than "signed".

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Against, Candidate, Layout, SignatureError, Signer, engine, material::Claim, read, statement,
};
use crate::image::Digest;

/// A signed statement about one image digest. Who may make it, and what its predicate says, is not decided here. Clones
/// share what it says.
#[derive(Clone, Debug)]
pub struct VerifiedAttestation(pub(super) Arc<AttestationFacts>);

#[derive(Clone, Debug)]
pub(super) struct AttestationFacts {
    pub(super) image: Digest,
    pub(super) layout: Layout,
    pub(super) signer: Signer,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) log_index: Option<u64>,
    pub(super) predicate_type: String,
    pub(super) statement: Bytes,
}

impl VerifiedAttestation {
    /// The image digest that the statement is about.
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
    /// What kind of predicate it holds, as the signed statement says. Annotations that say so too are never read.
    pub fn predicate_type(&self) -> &str {
        &self.0.predicate_type
    }
    /// The whole statement, as it was signed.
    pub fn statement(&self) -> &Bytes {
        &self.0.statement
    }
}

/// Verifies one candidate as an attestation about `image`.
///
/// Cryptography, and that the statement is about the image: whether its type is the wanted one and what its predicate
/// says is not decided here. A plain signature is no attestation.
///
/// # Errors
/// The candidate is judged by itself. That it fails says nothing about others beside the same image.
pub fn verify_attestation(
    candidate: &Candidate,
    image: &Digest,
    against: Against<'_>,
) -> Result<VerifiedAttestation, SignatureError> {
    let material = read(candidate, image)?;
    let Claim::Envelope { envelope, .. } = &material.claim else {
        return Err(SignatureError::NotAttestation);
    };
    let proven = engine::prove(&material, against)?;
    let (predicate_type, statement) = statement::read(envelope)?.into_attestation(image)?;
    Ok(VerifiedAttestation(Arc::new(AttestationFacts {
        image: image.clone(),
        layout: candidate.layout,
        signer: proven.signer,
        signed_at: proven.signed_at,
        log_index: proven.log_index,
        predicate_type,
        statement,
    })))
}
