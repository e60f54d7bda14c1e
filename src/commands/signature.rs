//! A verified signature as the commands print it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    decision::{AdmittedImage, signer_text},
    provenance::{job_url, source_repository_url},
    verify::{Identity, Signer, VerifiedAttestation, VerifiedSignature},
};

/// Who signed, when, and where it is logged.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignatureReport {
    /// The authority it counts for, where a policy judged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authority: Option<String>,
    /// In the words of messages.
    pub(super) signer: String,
    #[serde(flatten)]
    facts: SignerReport,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) log_index: Option<u64>,
}

/// Which type, and the rest as for a signature.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttestationReport {
    predicate_type: String,
    #[serde(flatten)]
    signature: SignatureReport,
}

/// The facts that were verified about the signer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum SignerReport {
    #[serde(rename_all = "camelCase")]
    Key {
        fingerprint: String,
    },
    Certificate(Box<CertificateReport>),
}

/// What was verified of a certificate: the word of the CI platform, or whoever else issued the identity.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct CertificateReport {
    /// The subject alternative name.
    san: String,
    /// Who vouched for the identity.
    oidc_issuer: String,
    /// The repository that the job ran for.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_repository: Option<String>,
    /// The full ref.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    source_ref: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// What started the pipeline, as in `push`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_source: Option<String>,
    /// Where the job, or the run, can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_url: Option<String>,
}

impl SignatureReport {
    /// The signatures that satisfied the policies on this image.
    pub(super) fn of_image(image: &AdmittedImage) -> Vec<Self> {
        let signatures = image.signatures.iter();
        signatures
            .map(|(authority, signature)| Self {
                authority: Some(authority.clone()),
                ..Self::new(signature)
            })
            .collect()
    }

    fn new(signature: &VerifiedSignature) -> Self {
        let signer = signature.signer();
        Self {
            authority: None,
            signer: signer_text(signer),
            facts: SignerReport::new(signer),
            signed_at: signature.signed_at(),
            log_index: signature.log_index(),
        }
    }
}

impl AttestationReport {
    /// The attestations that satisfied the policies on this image.
    pub(super) fn of_image(image: &AdmittedImage) -> Vec<Self> {
        let attestations = image.attestations.iter();
        attestations
            .map(|(authority, attestation)| Self::new(authority, attestation))
            .collect()
    }

    fn new(authority: &str, attestation: &VerifiedAttestation) -> Self {
        let signer = attestation.signer();
        Self {
            predicate_type: attestation.predicate_type().to_owned(),
            signature: SignatureReport {
                authority: Some(authority.to_owned()),
                signer: signer_text(signer),
                facts: SignerReport::new(signer),
                signed_at: attestation.signed_at(),
                log_index: attestation.log_index(),
            },
        }
    }
}

impl SignerReport {
    fn new(signer: &Signer) -> Self {
        match signer {
            Signer::Key { fingerprint } => Self::Key {
                fingerprint: fingerprint.clone(),
            },
            Signer::Certificate(identity) => {
                Self::Certificate(Box::new(CertificateReport::new(identity)))
            }
        }
    }
}

impl CertificateReport {
    /// Of this identity.
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            san: identity.san.as_str().to_owned(),
            oidc_issuer: identity.oidc_issuer.clone(),
            source_repository: source_repository_url(identity),
            source_ref: identity.source_repository_ref.clone(),
            commit: identity.source_repository_digest.clone(),
            pipeline_source: identity.build_trigger.clone(),
            job_url: job_url(identity),
        }
    }
}
