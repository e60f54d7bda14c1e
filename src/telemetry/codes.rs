//! The codes that are counted.

/// Every code of a denial, as `decision` has them. A code that is not among them would be counted as `other`.
pub const CODES: [&str; 36] = [
    "AttestationInvalid",
    "AttestationMissing",
    "BaseImageNotAllowed",
    "BuildTooOld",
    "CertificateInvalid",
    "CommitMismatch",
    "ConditionFailed",
    "DeadlineExceeded",
    "IdentityMismatch",
    "ImageNotFound",
    "ImageNotInProject",
    "KeyExpired",
    "KeyMismatch",
    "LimitExceeded",
    "LogEntryInvalid",
    "NoPolicyMatches",
    "PolicyBroken",
    "PredicateMismatch",
    "ProvenanceMismatch",
    "ProvenanceMissing",
    "RefMismatch",
    "ReferenceInvalid",
    "RegistryRateLimited",
    "RegistryTimeout",
    "RegistryTlsFailed",
    "RegistryUnauthorized",
    "RegistryUnavailable",
    "RunnerNotAllowed",
    "SignatureInvalid",
    "SignatureMissing",
    "SignedChildOnly",
    "TagNotAllowed",
    "ThresholdNotMet",
    "TimestampMissing",
    "TrustRootExpired",
    "TrustRootUnavailable",
];

/// The code as it is counted.
pub(super) fn counted(code: &'static str) -> &'static str {
    if CODES.contains(&code) {
        code
    } else {
        super::bounded::OTHER
    }
}
