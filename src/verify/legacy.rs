//! A layer of the `.sig` manifest, as cosign 2 writes (cosign's `SIGNATURE_SPEC.md`).
//!
//! What stands in annotations is put together as a bundle of version 0.1, so that the same verifier
//! judges both layouts, the binding of the log entry to signature, payload and certificate included.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_types::{
    Bundle, CanonicalizedBody, DerCertificate, InclusionPromise, KindVersion, LogId, LogIndex,
    LogKeyId, MediaType, MessageSignature, PublicKeyIdentifier, Rfc3161Timestamp, SignatureBytes,
    SignatureContent, SignedTimestamp, TimestampToken, TimestampVerificationData,
    TransparencyLogEntry, VerificationMaterial, VerificationMaterialContent, X509Certificate,
};

use super::{
    Against, Candidate, Layout, SignatureError, VerifiedSignature,
    engine::{self, Proven, Signed},
    failure::{invalid, within},
    log::{self, Inclusion},
    payload,
};
use crate::{image::Digest, limits};

/// Verifies a simple-signing payload and its annotations as a signature of `image`.
pub(super) fn verify(
    candidate: &Candidate,
    image: &Digest,
    against: Against<'_>,
) -> Result<VerifiedSignature, SignatureError> {
    let signature = signature(candidate)?;
    let proven = match (certificates(candidate)?, against) {
        (None, Against::Certificate { .. }) => Err(SignatureError::OtherKind(engine::KEYED)),
        (Some(_), Against::Key { .. }) => Err(SignatureError::OtherKind(engine::CERTIFIED)),
        (Some(chain), Against::Certificate { trust_root }) => {
            let signed = signed(candidate, signature, chain)?;
            log::require(&signed.bundle, Inclusion::Promise)?;
            engine::by_certificate(&signed, trust_root)
        }
        (None, Against::Key { .. }) => prove_by_key(candidate, signature, against),
    }?;
    let annotations = payload::accept(&candidate.content, image)?;
    Ok(proven.into_signature(image, Layout::Legacy, annotations))
}

fn prove_by_key(
    candidate: &Candidate,
    signature: SignatureBytes,
    against: Against<'_>,
) -> Result<Proven, SignatureError> {
    let Against::Key {
        key,
        log,
        trust_root,
    } = against
    else {
        return Err(SignatureError::OtherKind(engine::KEYED));
    };
    let hash = engine::by_key(key, &candidate.content, signature.as_bytes())?;
    if log == super::LogRequirement::Ignore {
        // What the annotations say about a log is not even read: it counts for nothing.
        return Ok(Proven::by_key_alone(key));
    }
    let hint = VerificationMaterialContent::PublicKey(PublicKeyIdentifier::new(""));
    let signed = signed(candidate, signature, hint)?;
    engine::logged(signed, key, hash, log, trust_root, Inclusion::Promise)
}

/// The signature itself, from its annotation.
fn signature(candidate: &Candidate) -> Result<SignatureBytes, SignatureError> {
    let text = annotation(candidate, SIGNATURE).ok_or_else(|| SignatureError::Invalid {
        detail: format!("there is no annotation {SIGNATURE}"),
    })?;
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| invalid("the signature is not base64", &error))?;
    Ok(SignatureBytes::new(bytes))
}

/// The leaf and what is said to have issued it. The chain helps to build a path and is no proof of anything.
fn certificates(
    candidate: &Candidate,
) -> Result<Option<VerificationMaterialContent>, SignatureError> {
    let Some(leaf) = annotation(candidate, CERTIFICATE) else {
        return Ok(None);
    };
    let leaf = match pem_certificates(leaf)?.as_slice() {
        [one] => one.clone(),
        other => {
            return Err(SignatureError::Certificate {
                detail: format!(
                    "the annotation {CERTIFICATE} holds {} certificates instead of one",
                    other.len()
                ),
            });
        }
    };
    let chain = annotation(candidate, CHAIN).map_or(Ok(Vec::new()), pem_certificates)?;
    within(
        "certificates",
        chain.len() + 1,
        limits::CERTIFICATES_PER_CHAIN,
    )?;
    let certificates = std::iter::once(leaf)
        .chain(chain)
        .map(X509Certificate::new)
        .collect();
    Ok(Some(VerificationMaterialContent::X509CertificateChain {
        certificates,
    }))
}

fn pem_certificates(text: &str) -> Result<Vec<DerCertificate>, SignatureError> {
    text.split_inclusive(PEM_END)
        .filter(|block| !block.trim().is_empty())
        .map(|block| {
            DerCertificate::from_pem(block).map_err(|error| SignatureError::Certificate {
                detail: super::failure::text("not PEM", &error),
            })
        })
        .collect()
}

/// Puts the parts together as the verifier wants them.
fn signed(
    candidate: &Candidate,
    signature: SignatureBytes,
    content: VerificationMaterialContent,
) -> Result<Signed<'_>, SignatureError> {
    let entries = log_entry(candidate)?.into_iter().collect();
    let timestamps = timestamp(candidate)?.into_iter().collect();
    let material = VerificationMaterial::new(content)
        .with_tlog_entries(entries)
        .with_timestamp_verification_data(TimestampVerificationData::new(timestamps));
    let content = SignatureContent::MessageSignature(MessageSignature::new(signature));
    Ok(Signed {
        bundle: Bundle::new(MediaType::Bundle0_1, material, content),
        artifact: candidate.content.as_ref().into(),
    })
}

/// The log entry of the annotation `dev.sigstore.cosign/bundle`. Its kind is read from the body, as the
/// annotation does not tell.
fn log_entry(candidate: &Candidate) -> Result<Option<TransparencyLogEntry>, SignatureError> {
    let Some(text) = annotation(candidate, LOG_ENTRY) else {
        return Ok(None);
    };
    let entry: RekorBundle = serde_json::from_str(text).map_err(|error| malformed_entry(&error))?;
    let body = STANDARD
        .decode(&entry.payload.body)
        .map_err(|error| malformed_entry(&error))?;
    let kind: KindVersion = kind_of(&body)?;
    let key_id = hex_bytes(&entry.payload.log_id).ok_or_else(|| SignatureError::LogEntry {
        detail: "the log id is not hexadecimal".to_owned(),
    })?;
    let promise = STANDARD
        .decode(&entry.signed_entry_timestamp)
        .map_err(|error| malformed_entry(&error))?;
    let index = LogIndex::new(entry.payload.log_index).map_err(|error| malformed_entry(&error))?;
    let integrated = Timestamp::from_second(entry.payload.integrated_time)
        .map_err(|error| malformed_entry(&error))?;
    let log_id = LogId::new(LogKeyId::new(key_id));
    Ok(Some(
        TransparencyLogEntry::new(index, log_id, kind, CanonicalizedBody::new(body))
            .with_integrated_time(integrated)
            .with_inclusion_promise(InclusionPromise::new(SignedTimestamp::new(promise))),
    ))
}

fn kind_of(body: &[u8]) -> Result<KindVersion, SignatureError> {
    let kind: BodyKind = serde_json::from_slice(body).map_err(|error| malformed_entry(&error))?;
    match (kind.kind.as_str(), kind.api_version.as_str()) {
        ("hashedrekord", "0.0.1") => Ok(KindVersion::HashedRekordV001),
        (kind, version) => Err(SignatureError::LogEntry {
            detail: super::failure::text(
                "a payload is logged as hashedrekord 0.0.1",
                &format!("{kind} {version}"),
            ),
        }),
    }
}

fn timestamp(candidate: &Candidate) -> Result<Option<Rfc3161Timestamp>, SignatureError> {
    let Some(text) = annotation(candidate, TIMESTAMP) else {
        return Ok(None);
    };
    let malformed = |detail: String| SignatureError::Timestamp { detail };
    let token: Rfc3161Annotation = serde_json::from_str(text)
        .map_err(|error| malformed(super::failure::text("the annotation is malformed", &error)))?;
    let der = STANDARD
        .decode(&token.signed_timestamp)
        .map_err(|error| malformed(super::failure::text("the token is not base64", &error)))?;
    Ok(Some(Rfc3161Timestamp::new(TimestampToken::new(der))))
}

fn malformed_entry(error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::LogEntry {
        detail: super::failure::text("the entry is malformed", error),
    }
}

/// An annotation that says something; cosign leaves some present and empty.
fn annotation<'a>(candidate: &'a Candidate, name: &str) -> Option<&'a str> {
    candidate
        .annotations
        .get(name)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

#[derive(Deserialize)]
struct RekorBundle {
    #[serde(rename = "SignedEntryTimestamp")]
    signed_entry_timestamp: String,
    #[serde(rename = "Payload")]
    payload: RekorPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RekorPayload {
    body: String,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BodyKind {
    api_version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Rfc3161Annotation {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed_timestamp: String,
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
const PEM_END: &str = "-----END CERTIFICATE-----";
