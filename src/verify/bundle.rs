//! A Sigstore bundle as cosign 3 writes for an image.

use serde::Deserialize;
use sigstore_types::{Bundle, DsseEnvelope, SignatureContent, VerificationMaterialContent};

use super::{
    Against, Candidate, Layout, SignatureError, VerifiedSignature,
    engine::{self, Proven, Signed},
    failure::{invalid, within},
    log::{self, Inclusion},
    statement::{self, Statement},
};
use crate::{image::Digest, limits};

/// Verifies a bundle as a signature of `image`.
pub(super) fn verify(
    candidate: &Candidate,
    image: &Digest,
    against: Against<'_>,
) -> Result<VerifiedSignature, SignatureError> {
    let bundle = parse(&candidate.content)?;
    let envelope = envelope(&bundle)?.clone();
    let statement = statement::parse(&envelope)?;
    bounds(&bundle)?;
    let proven = prove(bundle, &envelope, &statement, image, against)?;
    let annotations = statement::accept(statement, image)?;
    Ok(proven.into_signature(image, Layout::Bundle, annotations))
}

/// The shape. Version 0.4 and later, and a bundle without a version, are not read.
fn parse(content: &[u8]) -> Result<Bundle, SignatureError> {
    let not_a_bundle =
        |error: serde_json::Error| invalid("not a bundle of version 0.1 to 0.3", &error);
    // The parser takes a bundle that names no version for 0.1, so that is looked for on its own.
    let _: Versioned = serde_json::from_slice(content).map_err(not_a_bundle)?;
    serde_json::from_slice(content).map_err(not_a_bundle)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned {
    #[expect(
        dead_code,
        reason = "only its presence counts; the value is judged by the parser of the whole"
    )]
    media_type: String,
}

/// An image signature is an envelope. That it carries exactly one signature is ensured by the parser.
fn envelope(bundle: &Bundle) -> Result<&DsseEnvelope, SignatureError> {
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => Ok(envelope),
        _ => Err(SignatureError::Invalid {
            detail: "the bundle holds a bare signature, where cosign signs images with an envelope"
                .to_owned(),
        }),
    }
}

/// How much one bundle may carry.
fn bounds(bundle: &Bundle) -> Result<(), SignatureError> {
    let material = &bundle.verification_material;
    within(
        "transparency log entries",
        material.tlog_entries.len(),
        limits::LOG_ENTRIES_PER_BUNDLE,
    )?;
    let timestamps = &material.timestamp_verification_data.rfc3161_timestamps;
    within(
        "signed timestamps",
        timestamps.len(),
        limits::TIMESTAMPS_PER_BUNDLE,
    )?;
    match &material.content {
        VerificationMaterialContent::X509CertificateChain { certificates } => within(
            "certificates",
            certificates.len(),
            limits::CERTIFICATES_PER_CHAIN,
        ),
        _ => Ok(()),
    }
}

/// Who signed, proven by certificate and log or by key.
fn prove(
    bundle: Bundle,
    envelope: &DsseEnvelope,
    statement: &Statement,
    image: &Digest,
    against: Against<'_>,
) -> Result<Proven, SignatureError> {
    let keyed = bundle.signing_certificate().is_none();
    let presented = statement.presented(image)?;
    let signed = Signed {
        bundle,
        artifact: presented.into(),
    };
    match against {
        Against::Certificate { .. } if keyed => Err(SignatureError::OtherKind(engine::KEYED)),
        Against::Key { .. } if !keyed => Err(SignatureError::OtherKind(engine::CERTIFIED)),
        Against::Certificate { trust_root } => {
            log::require(&signed.bundle, Inclusion::Proof)?;
            engine::by_certificate(&signed, trust_root)
        }
        Against::Key {
            key,
            log,
            trust_root,
        } => {
            let message = envelope.pae();
            let signature = envelope.signature.sig.as_bytes();
            let hash = engine::by_key(key, &message, signature)?;
            engine::logged(signed, key, hash, log, trust_root, Inclusion::Proof)
        }
    }
}
