//! A layer of the `.sig` manifest, as cosign 2 writes (cosign's `SIGNATURE_SPEC.md`), and the same as a referrer.

use super::{
    Candidate, SignatureError, annotations,
    log::Inclusion,
    material::{Claim, Material, Signed},
};

/// Reads a simple-signing payload with its annotations. A signed timestamp is about the signature.
pub(super) fn read(candidate: &Candidate) -> Result<Material, SignatureError> {
    let signature = annotations::signature(candidate)?;
    Ok(Material {
        signed: Signed::Bytes(candidate.content.clone()),
        claim: Claim::Payload(candidate.content.clone()),
        imprinted: signature.clone().into(),
        signature,
        credential: annotations::credential(candidate)?,
        entries: annotations::entries(candidate),
        inclusion: Inclusion::Promise,
        tokens: annotations::tokens(candidate),
    })
}
