//! A layer of the `.att` manifest, as cosign 2 writes, and the same as a referrer: an envelope with annotations.

use sigstore_types::DsseEnvelope;

use super::{
    Candidate, SignatureError, annotations,
    failure::invalid,
    log::Inclusion,
    material::{Claim, Material},
};

/// Reads an envelope with its annotations. The signature is in the envelope, and the annotation for it is left empty.
///
/// A signed timestamp of this layout is about the envelope as it was written, not about the signature.
pub(super) fn read(candidate: &Candidate) -> Result<Material, SignatureError> {
    let blob = candidate.content.clone();
    let envelope: DsseEnvelope =
        serde_json::from_slice(&blob).map_err(|error| invalid("not a DSSE envelope", &error))?;
    let signature = envelope.signature.sig.as_bytes().to_vec();
    let (signed, claim) = Claim::of_envelope(envelope, Some(blob.clone()));
    Ok(Material {
        signed,
        claim,
        signature,
        credential: annotations::credential(candidate)?,
        entries: annotations::entries(candidate),
        inclusion: Inclusion::Promise,
        tokens: annotations::tokens(candidate),
        imprinted: blob,
    })
}
