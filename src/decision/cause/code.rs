//! The stable names of causes.

use super::{BuildFact, Obstacle, ProvenanceFault, Rejection};

impl Rejection {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::SignatureMissing { .. } => "SignatureMissing",
            Self::SignedChildOnly { .. } => "SignedChildOnly",
            Self::SignatureInvalid { .. } => "SignatureInvalid",
            Self::CertificateInvalid { .. } => "CertificateInvalid",
            Self::TimestampMissing { .. } => "TimestampMissing",
            Self::LogEntryInvalid { .. } => "LogEntryInvalid",
            Self::AttestationMissing { .. } => "AttestationMissing",
            Self::AttestationInvalid { .. } => "AttestationInvalid",
            Self::PredicateMismatch { .. } => "PredicateMismatch",
            Self::IdentityMismatch { .. } => "IdentityMismatch",
            Self::ImageNotInProject { .. } => "ImageNotInProject",
            Self::KeyMismatch { .. } => "KeyMismatch",
            Self::KeyExpired { .. } => "KeyExpired",
            Self::ThresholdNotMet { .. } => "ThresholdNotMet",
            Self::Provenance(fault) => fault.code(),
            Self::TagNotAllowed { .. } => "TagNotAllowed",
            Self::ConditionFailed { .. } => "ConditionFailed",
            Self::NoPolicyMatches { .. } => "NoPolicyMatches",
            Self::ImageNotFound => "ImageNotFound",
            Self::ReferenceInvalid { .. } => "ReferenceInvalid",
        }
    }
}

impl ProvenanceFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "ProvenanceMissing",
            Self::Contradicted { .. } => "ProvenanceMismatch",
            Self::NotAccepted { fact, .. } => fact.code(),
            Self::OtherTag(fault) if fault.means_commit => "CommitMismatch",
            Self::OtherTag(_) => "RefMismatch",
            Self::BaseImageNotAllowed { .. } => "BaseImageNotAllowed",
            Self::TooOld { .. } => "BuildTooOld",
        }
    }
}

impl BuildFact {
    fn code(self) -> &'static str {
        match self {
            Self::SourceRepository | Self::PipelineSource => "ProvenanceMismatch",
            Self::Ref => "RefMismatch",
            Self::Runner => "RunnerNotAllowed",
        }
    }
}

impl Obstacle {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::TrustRootUnavailable { .. } => "TrustRootUnavailable",
            Self::TrustRootExpired { .. } => "TrustRootExpired",
            Self::PolicyBroken { .. } => "PolicyBroken",
            Self::RegistryUnauthorized { .. } | Self::PullSecretUnreadable { .. } => {
                "RegistryUnauthorized"
            }
            Self::RegistryRateLimited { .. } => "RegistryRateLimited",
            Self::RegistryUnavailable { .. }
            | Self::RegistryUnusable { .. }
            | Self::RegistryAddressRefused { .. } => "RegistryUnavailable",
            Self::RegistryTlsFailed { .. } => "RegistryTlsFailed",
            Self::RegistryTimeout { .. } => "RegistryTimeout",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::LimitExceeded { .. } => "LimitExceeded",
        }
    }
}
