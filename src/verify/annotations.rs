//! What cosign 2 keeps in the annotations of a layer (cosign's `SIGNATURE_SPEC.md`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Candidate, SignatureError,
    encoding::unhex,
    failure::{invalid, text},
    material::{Credential, Entry, pem_certificates},
};

/// The signature itself.
pub(super) fn signature(candidate: &Candidate) -> Result<Vec<u8>, SignatureError> {
    let text = annotation(candidate, SIGNATURE).ok_or_else(|| SignatureError::Invalid {
        detail: format!("there is no annotation {SIGNATURE}"),
    })?;
    STANDARD
        .decode(text)
        .map_err(|error| invalid("the signature is not base64", &error))
}

/// The leaf and what is said to have issued it. The chain helps to build a path and is no proof of anything.
pub(super) fn credential(candidate: &Candidate) -> Result<Credential, SignatureError> {
    let Some(leaf) = annotation(candidate, CERTIFICATE) else {
        return Ok(Credential::Key);
    };
    let mut leaves = pem_certificates(leaf)?.into_iter();
    let (Some(leaf), None) = (leaves.next(), leaves.next()) else {
        return Err(SignatureError::Certificate {
            detail: format!("the annotation {CERTIFICATE} holds more or less than one certificate"),
        });
    };
    let chain = annotation(candidate, CHAIN).map_or(Ok(Vec::new()), pem_certificates)?;
    Credential::certificate(leaf, chain)
}

/// The log entry. The kind is told by its body alone.
pub(super) fn entries(candidate: &Candidate) -> Result<Vec<Entry>, SignatureError> {
    let Some(text) = annotation(candidate, LOG_ENTRY) else {
        return Ok(Vec::new());
    };
    let entry: RekorBundle = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let decoded = |text: &str| STANDARD.decode(text).map_err(|error| malformed(&error));
    let integrated =
        Timestamp::from_second(entry.payload.integrated_time).map_err(|error| malformed(&error))?;
    Ok(vec![Entry {
        index: entry.payload.log_index,
        log_id: unhex(&entry.payload.log_id).ok_or_else(|| SignatureError::LogEntry {
            detail: "the log id is not hexadecimal".to_owned(),
        })?,
        kind: None,
        integrated: Some(integrated),
        promise: Some(decoded(&entry.signed_entry_timestamp)?).filter(|bytes| !bytes.is_empty()),
        proof: None,
        body: decoded(&entry.payload.body)?,
    }])
}

/// The signed timestamp.
pub(super) fn tokens(candidate: &Candidate) -> Result<Vec<Vec<u8>>, SignatureError> {
    let Some(json) = annotation(candidate, TIMESTAMP) else {
        return Ok(Vec::new());
    };
    let token: Rfc3161Annotation =
        serde_json::from_str(json).map_err(|error| SignatureError::Timestamp {
            detail: text("the annotation is malformed", &error),
        })?;
    let der =
        STANDARD
            .decode(&token.signed_timestamp)
            .map_err(|error| SignatureError::Timestamp {
                detail: text("the token is not base64", &error),
            })?;
    Ok(vec![der])
}

fn malformed(error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::LogEntry {
        detail: text("the entry is malformed", error),
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
struct Rfc3161Annotation {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed_timestamp: String,
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
