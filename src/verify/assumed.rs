//! Signatures that unit tests of other modules take as verified.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    Layout, SignatureFacts, Signer, VerifiedAttestation, VerifiedSignature,
    attestation::AttestationFacts,
};
use crate::image::Digest;

impl VerifiedSignature {
    /// A signature of this image that nobody verified.
    pub(crate) fn assumed(image: Digest, signer: Signer) -> Self {
        Self(Arc::new(SignatureFacts {
            image,
            layout: Layout::Bundle,
            signer,
            signed_at: None,
            log_index: None,
            annotations: BTreeMap::new(),
        }))
    }

    /// The same with a verified time of signing.
    pub(crate) fn assumed_at(self, signed_at: Timestamp) -> Self {
        Self(Arc::new(SignatureFacts {
            signed_at: Some(signed_at),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// The same with what the signer added.
    pub(crate) fn assumed_with(self, annotations: &[(&str, &str)]) -> Self {
        let annotations = annotations.iter();
        Self(Arc::new(SignatureFacts {
            annotations: annotations
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }
}

impl VerifiedAttestation {
    /// An attestation of this type about this image that nobody verified.
    pub(crate) fn assumed(image: Digest, signer: Signer, predicate_type: &str) -> Self {
        Self(Arc::new(AttestationFacts {
            image,
            layout: Layout::LegacyAttestation,
            signer,
            signed_at: None,
            log_index: None,
            predicate_type: predicate_type.to_owned(),
            statement: bytes::Bytes::new(),
        }))
    }

    /// The same with this statement.
    pub(crate) fn assumed_saying(self, statement: impl Into<bytes::Bytes>) -> Self {
        Self(Arc::new(AttestationFacts {
            statement: statement.into(),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// The same with a verified time of signing.
    pub(crate) fn assumed_at(self, signed_at: Timestamp) -> Self {
        Self(Arc::new(AttestationFacts {
            signed_at: Some(signed_at),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }
}
