//! The in-toto statement inside the envelope, as cosign 3 writes for a signature.

use std::collections::BTreeMap;

use serde::Deserialize;
use sigstore_types::{DsseEnvelope, Sha256Hash};

use super::{
    SignatureError,
    failure::{invalid, presented, within},
    payload::Annotations,
};
use crate::{image::Digest, limits};

/// What a statement says, as far as a signature goes: the predicate itself is not looked at.
#[derive(Deserialize)]
pub(super) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "subject")]
    about: Vec<StatementSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: SubjectDigest,
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct SubjectDigest {
    sha256: Option<String>,
}

/// Reads the statement. The payload type is looked at first: other content may only look like a statement.
pub(super) fn parse(envelope: &DsseEnvelope) -> Result<Statement, SignatureError> {
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(SignatureError::Invalid {
            detail: format!(
                "the envelope holds \"{}\", not {PAYLOAD_TYPE}",
                presented(&envelope.payload_type)
            ),
        });
    }
    let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
        .map_err(|error| invalid("not an in-toto statement", &error))?;
    within(
        "statement subjects",
        statement.about.len(),
        limits::SUBJECTS_PER_STATEMENT,
    )?;
    Ok(statement)
}

impl Statement {
    /// The digest to verify the envelope for: `image` if it is named, else whatever the statement names.
    ///
    /// So a genuine signature of another image is told from a forged one; [`accept`] refuses both.
    pub(super) fn presented(&self, image: &Digest) -> Result<Sha256Hash, SignatureError> {
        let named = if self.names(image) {
            image.hex()
        } else {
            self.first_digest().unwrap_or_default()
        };
        Sha256Hash::from_hex(named)
            .map_err(|error| invalid("the statement names no sha256 digest", &error))
    }

    fn names(&self, image: &Digest) -> bool {
        self.about.iter().any(|entry| entry.is(image))
    }

    fn first_digest(&self) -> Option<&str> {
        self.about
            .iter()
            .find_map(|entry| entry.digest.sha256.as_deref())
    }
}

impl StatementSubject {
    fn is(&self, image: &Digest) -> bool {
        self.digest.sha256.as_deref() == Some(image.hex())
    }
}

/// On a statement whose envelope has verified: that it is a signature, and of this image. Returns the signer's annotations.
///
/// cosign itself takes any attestation by the right identity for a signature; we do not.
pub(super) fn accept(
    statement: Statement,
    image: &Digest,
) -> Result<BTreeMap<String, String>, SignatureError> {
    if !STATEMENT_TYPES.contains(&statement.kind.as_str()) {
        return Err(SignatureError::Invalid {
            detail: format!(
                "the statement is of type \"{}\"",
                presented(&statement.kind)
            ),
        });
    }
    if statement.predicate_type != SIGN_PREDICATE {
        return Err(SignatureError::PredicateType {
            presented: presented(&statement.predicate_type),
        });
    }
    let other = format!("sha256:{}", statement.first_digest().unwrap_or_default());
    statement
        .about
        .into_iter()
        .find(|entry| entry.is(image))
        .map(|entry| {
            entry
                .annotations
                .map(Annotations::into_texts)
                .unwrap_or_default()
        })
        .ok_or_else(|| SignatureError::OtherImage {
            presented: presented(&other),
        })
}

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

/// What cosign writes for a plain signature.
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
