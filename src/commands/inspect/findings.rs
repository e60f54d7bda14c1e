//! What one attachment is, as far as it can be told with the keys and the trust root at hand.

use serde::Serialize;

use crate::{
    commands::signature::SignatureReport,
    image::Digest,
    key::PublicKey,
    registry::{Attachment, AttachmentPlace},
    verify::{
        Against, Candidate, Layout, LogRequirement, SIGN_PREDICATE, SignatureError, TrustRoot,
        VerifiedSignature, claimed_predicate_type, verify,
    },
};

/// What attachments are verified with.
#[derive(Debug)]
pub(super) struct Lens {
    keys: Vec<PublicKey>,
    trust_root: TrustRoot,
}

/// One attachment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) place: &'static str,
    pub(super) kind: Kind,
    /// What an attestation claims to be about; nobody has verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) predicate_type: Option<String>,
    media_type: String,
    pub(super) digest: String,
    manifest: String,
    pub(super) verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<SignatureReport>,
    /// Why it is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// What an attachment is, by its own word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    /// A signature of the image.
    Signature,
    /// A signed statement about the image.
    Attestation,
}

impl Lens {
    /// With these keys and this trust root.
    pub(super) fn new(keys: Vec<PublicKey>, trust_root: TrustRoot) -> Self {
        Self { keys, trust_root }
    }

    /// The first way in which it verifies, else why it does not: the keys' reason where it is a keyed signature.
    fn verify(
        &self,
        candidate: &Candidate,
        image: &Digest,
    ) -> Result<VerifiedSignature, Vec<SignatureError>> {
        let by_certificate = Against::Certificate {
            trust_root: &self.trust_root,
        };
        let by_key = self.keys.iter().map(|key| Against::Key {
            key,
            log: LogRequirement::Ignore,
            trust_root: Some(&self.trust_root),
        });
        let mut failures = Vec::new();
        for against in std::iter::once(by_certificate).chain(by_key) {
            match verify(candidate, image, against) {
                Ok(signature) => return Ok(signature),
                Err(error) => failures.push(error),
            }
        }
        Err(failures)
    }
}

impl Finding {
    /// Looks at one attachment of this image.
    pub(super) fn new(attachment: &Attachment, image: &Digest, lens: &Lens) -> Self {
        let candidate = candidate(attachment);
        let predicate_type = claimed_predicate_type(&candidate)
            .filter(|predicate_type| predicate_type != SIGN_PREDICATE);
        let kind = if predicate_type.is_some() {
            Kind::Attestation
        } else {
            Kind::Signature
        };
        let judged = match kind {
            Kind::Signature => lens
                .verify(&candidate, image)
                .map_err(|failures| told(&failures, lens.keys.is_empty())),
            Kind::Attestation => Err("attestations are only listed in this version".to_owned()),
        };
        let (signature, problem) = match judged {
            Ok(signature) => (Some(SignatureReport::new(&signature)), None),
            Err(problem) => (None, Some(problem)),
        };
        Self {
            place: place(attachment.place),
            kind,
            predicate_type,
            media_type: attachment.media_type.clone(),
            digest: attachment.digest.to_string(),
            manifest: attachment.manifest.to_string(),
            verified: signature.is_some(),
            signature,
            problem,
        }
    }
}

fn candidate(attachment: &Attachment) -> Candidate {
    Candidate {
        // Registries are asked for nothing else: what it is, if not that, the verifier says.
        layout: Layout::of_media_type(&attachment.media_type).unwrap_or(Layout::Bundle),
        digest: attachment.digest.clone(),
        content: attachment.content.clone(),
        annotations: attachment.annotations.clone(),
    }
}

/// Why no way of verifying has worked, in one line. A certificate's failure says nothing about a keyed
/// signature, and the reverse: those are left out while another reason is there.
fn told(failures: &[SignatureError], without_keys: bool) -> String {
    let telling = failures
        .iter()
        .filter(|error| !matches!(error, SignatureError::OtherKind(_)));
    let mut reasons: Vec<String> = telling.map(ToString::to_string).collect();
    reasons.dedup();
    if reasons.is_empty() && without_keys {
        return "signed with a key: give it with --key".to_owned();
    }
    if reasons.is_empty() {
        reasons = failures.iter().map(ToString::to_string).collect();
    }
    reasons.join("; ")
}

fn place(place: AttachmentPlace) -> &'static str {
    match place {
        AttachmentPlace::SignatureTag => "signature tag",
        AttachmentPlace::AttestationTag => "attestation tag",
        AttachmentPlace::ReferrersApi => "referrers API",
        AttachmentPlace::ReferrersTag => "referrers tag",
    }
}
