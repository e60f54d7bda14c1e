//! The in-toto statement inside an envelope (in-toto attestation framework, "Statement").

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use sigstore_types::DsseEnvelope;

use super::{
    Candidate, Layout, SignatureError,
    failure::{invalid, presented, within},
    payload::{Annotations, Object},
};
use crate::{image::Digest, limits};

/// A statement of a known type, as far as it is not the predicate's: that is not looked at.
pub(super) struct Statement {
    about: Vec<Object<StatementSubject>>,
    predicate_type: String,
    bytes: Bytes,
}

/// Reads the statement of an envelope whose signature has verified.
///
/// The payload type is looked at first: other content may only look like a statement.
pub(super) fn read(envelope: &DsseEnvelope) -> Result<Statement, SignatureError> {
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(SignatureError::Invalid {
            detail: format!(
                "the envelope holds \"{}\", not {PAYLOAD_TYPE}",
                presented(&envelope.payload_type)
            ),
        });
    }
    let bytes = envelope.payload.as_bytes();
    bounded(bytes)?;
    // From bytes, the parser would not look at the texts that it skips.
    let text =
        std::str::from_utf8(bytes).map_err(|error| invalid("not an in-toto statement", &error))?;
    let Object::<Wire>(wire) =
        serde_json::from_str(text).map_err(|error| invalid("not an in-toto statement", &error))?;
    if !STATEMENT_TYPES.contains(&wire.kind.as_str()) {
        return Err(SignatureError::Invalid {
            detail: format!("the statement is of type \"{}\"", presented(&wire.kind)),
        });
    }
    within(
        "statement subjects",
        wire.about.len(),
        limits::SUBJECTS_PER_STATEMENT,
    )?;
    for Object(entry) in &wire.about {
        within(
            "digests of a statement subject",
            entry.digest.len(),
            limits::DIGESTS_PER_SUBJECT,
        )?;
    }
    Ok(Statement {
        about: wire.about,
        predicate_type: wire.predicate_type,
        bytes: Bytes::copy_from_slice(bytes),
    })
}

impl Statement {
    /// What the signer added, if this is a signature of `image`.
    ///
    /// cosign itself takes any attestation by the right identity for a signature; we do not.
    pub(super) fn into_signature(
        self,
        image: &Digest,
    ) -> Result<BTreeMap<String, String>, SignatureError> {
        if self.predicate_type != SIGN_PREDICATE {
            return Err(SignatureError::PredicateType {
                presented: presented(&self.predicate_type),
            });
        }
        let annotations = self.entry_of(image)?.annotations;
        Ok(annotations.map(Annotations::into_texts).unwrap_or_default())
    }

    /// The predicate type and the statement, if this is an attestation of `image`.
    pub(super) fn into_attestation(
        self,
        image: &Digest,
    ) -> Result<(String, Bytes), SignatureError> {
        if self.predicate_type == SIGN_PREDICATE {
            return Err(SignatureError::NotAttestation);
        }
        let attestation = (self.predicate_type.clone(), self.bytes.clone());
        self.entry_of(image).map(|_| attestation)
    }

    /// What it says about the image, matched by digest alone: names are the signer's. It may be about others too.
    fn entry_of(self, image: &Digest) -> Result<StatementSubject, SignatureError> {
        let mut other = None;
        for Object(entry) in self.about {
            match entry.digest.text(SHA256) {
                Some(digest) if digest == image.hex() => return Ok(entry),
                Some(digest) => other = other.or_else(|| Some(digest.to_owned())),
                None => {}
            }
        }
        Err(match other {
            Some(digest) => SignatureError::OtherImage {
                presented: presented(&format!("sha256:{digest}")),
            },
            None => SignatureError::Invalid {
                detail: "the statement names no sha256 digest".to_owned(),
            },
        })
    }
}

/// The predicate type that the candidate's envelope claims, if it holds a statement at all.
///
/// Nobody has verified it: it is for messages and for nothing else.
pub fn claimed_predicate_type(candidate: &Candidate) -> Option<String> {
    let content = candidate.content.as_ref();
    if content.len() > limits::ATTACHMENT_BYTES {
        return None;
    }
    let envelope = match candidate.layout {
        Layout::Legacy => return None,
        Layout::LegacyAttestation => serde_json::from_slice(content).ok()?,
        Layout::Bundle => {
            serde_json::from_slice::<ClaimingBundle>(content)
                .ok()?
                .envelope
        }
    };
    let payload = STANDARD.decode(&envelope.payload).ok()?;
    bounded(&payload).ok()?;
    let claim: Claimed = serde_json::from_slice(&payload).ok()?;
    Some(claim.predicate_type)
}

/// How much is parsed at all.
fn bounded(statement: &[u8]) -> Result<(), SignatureError> {
    within(
        "bytes of one statement",
        statement.len(),
        limits::STATEMENT_BYTES,
    )?;
    within(
        "levels of one statement",
        depth(statement),
        limits::STATEMENT_DEPTH,
    )
}

/// How deep the brackets of a JSON text are nested, those inside strings aside.
fn depth(json: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[derive(Deserialize)]
struct ClaimingBundle {
    #[serde(rename = "dsseEnvelope")]
    envelope: ClaimingEnvelope,
}

#[derive(Deserialize)]
struct ClaimingEnvelope {
    payload: String,
}

#[derive(Deserialize)]
struct Claimed {
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "subject")]
    about: Vec<Object<StatementSubject>>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: Annotations,
    #[serde(default)]
    annotations: Option<Annotations>,
}

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

/// What cosign writes for a plain signature that is stored as a statement: the one type that is no attestation's.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

const SHA256: &str = "sha256";
