//! Why an image is refused, as data. The words are in `message`.

mod code;
mod provenance;

pub use provenance::{
    BaseImageFault, BuildFact, BuildTime, ProvenanceFault, Stated, TagExpectation, TagFault,
};

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{LookupFailure, Reader};
use crate::{
    image::{Digest, ReferenceError, Repository, SignaturePlaces},
    policy::{ModeLabel, PolicyId, TrustRootName, Validity},
    workload::ImageSlot,
};

/// Why one image is refused. Displayed, it is the one line that the image's author reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The place at fault.
    pub slot: ImageSlot,
    /// What was judged, when the reference could be resolved.
    pub digest: Option<Digest>,
    /// The policy that refuses, if one does.
    pub policy: Option<PolicyId>,
    /// What went wrong, with what was expected and what was presented.
    pub cause: Cause,
    /// How many signatures (or attestations, where there is nothing else) were judged; the cause is that of the one
    /// which came closest to being accepted.
    pub judged: usize,
    /// What the policy's author wants the reader to know.
    pub help: Option<String>,
    /// The namespace's label without which it would be refused.
    pub lowered_by: Option<ModeLabel>,
}

/// By which policies an image is not matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unmatched {
    /// By none at all.
    ByAny,
    /// By none of the cluster. Those of the namespace only add demands.
    ByCluster,
}

/// Whether an image was judged, or could not be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// Looked, and it is wrong.
    Rejected,
    /// Could not look.
    Undetermined,
}

/// What went wrong. Text in here may come from outside: it is escaped and cut where it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Every place was looked at, and what is there is not enough.
    Rejected(Rejection),
    /// Something that might have been enough could not be looked at.
    Undetermined(Obstacle),
}

/// What is wrong with an image that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rejection {
    /// Every place was looked at, and there is no signature.
    SignatureMissing {
        /// How to sign it.
        signing: Signing,
    },
    /// The index has no signature, but one of its platform manifests has.
    SignedChildOnly {
        /// That manifest.
        child: Digest,
        /// How to sign the index.
        signing: Signing,
    },
    /// There is something in a signature's place that is none of this image.
    SignatureInvalid {
        /// What is wrong with it.
        detail: String,
        /// How to sign it again.
        signing: Signing,
    },
    /// The signature's certificate, its chain or its SCT is not acceptable.
    CertificateInvalid {
        /// What is wrong with it.
        detail: String,
        /// How to sign it again.
        signing: Signing,
    },
    /// No verified time says when the certificate was used.
    TimestampMissing {
        /// What is missing or wrong.
        detail: String,
        /// How to sign it again.
        signing: Signing,
    },
    /// The transparency log entry is missing or wrong.
    LogEntryInvalid {
        /// What is missing or wrong.
        detail: String,
        /// How to sign it again.
        signing: Signing,
    },
    /// Every place was looked at, and there is no attestation.
    AttestationMissing {
        /// The predicate type that is asked for.
        predicate_type: String,
        /// How to attest it.
        signing: Signing,
    },
    /// What says it is an attestation of the type that is asked for is not valid.
    AttestationInvalid {
        /// The predicate type that is asked for.
        predicate_type: String,
        /// What is wrong with it.
        detail: String,
        /// How to attest it again.
        signing: Signing,
    },
    /// Only attestations were found where a signature is asked for, or only those of other types than is asked for.
    PredicateMismatch {
        /// Their predicate types, as they say, each once.
        presented: Vec<String>,
        /// How to sign or attest it.
        signing: Signing,
    },
    /// The signature is good, but nobody the policy accepts made it.
    IdentityMismatch {
        /// Who made it.
        presented: Presented,
        /// Who is accepted, the closest first.
        accepted: Vec<String>,
        /// The one fact that is not as asked, when all before it was.
        fact: Option<FactMismatch>,
    },
    /// The right project signed it, but the image lies elsewhere.
    ImageNotInProject {
        /// The project of the certificate.
        project: String,
        /// Where the image lies.
        path: String,
    },
    /// The signature was made with another key than the accepted ones.
    KeyMismatch {
        /// The accepted keys and identities.
        accepted: Vec<String>,
        /// How to sign it.
        signing: Signing,
    },
    /// An accepted key made the signature, but not while the policy accepts it.
    KeyExpired {
        /// The authority whose key it is.
        authority: String,
        /// When the key may have signed.
        validity: Validity,
        /// What that was held against.
        judged_at: JudgedAt,
        /// How to sign it.
        signing: Signing,
    },
    /// Accepted signatures, but of fewer distinct authorities than the policy asks for.
    ThresholdNotMet {
        /// How many are needed.
        required: usize,
        /// The authorities that signed.
        signed: Vec<String>,
        /// The authorities that did not.
        missing: Vec<String>,
    },
    /// Its provenance is missing, or is not as the policy asks.
    Provenance(ProvenanceFault),
    /// The tag is none that the policy lets in.
    TagNotAllowed {
        /// The tag.
        tag: String,
        /// The regular expressions that it could match.
        allowed: Vec<String>,
    },
    /// A condition of the policy does not hold.
    ConditionFailed {
        /// The type of the attestations that are asked, where it is not about everything.
        predicate_type: Option<String>,
        /// What the policy says about it, or the expression itself.
        text: String,
        /// Why there is no answer, where there is none.
        reason: Option<String>,
    },
    /// No policy matches, and that is not enough here.
    NoPolicyMatches {
        /// What a policy would have to match.
        repository: Repository,
        /// By which none does.
        by: Unmatched,
    },
    /// The registry has no such image.
    ImageNotFound,
    /// What is written is no image reference.
    ReferenceInvalid {
        /// Why not.
        reason: ReferenceError,
    },
}

/// What kept an image from being judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// A signature cannot be judged without this trust root.
    TrustRootUnavailable {
        /// Which.
        name: TrustRootName,
        /// Why it is not there.
        reason: String,
    },
    /// A signature cannot be judged by this trust root any more: it was not refreshed in time.
    TrustRootExpired {
        /// Which.
        name: TrustRootName,
        /// Since when.
        since: Timestamp,
    },
    /// The policy that covers the image never compiled.
    PolicyBroken {
        /// Why not.
        reason: String,
    },
    /// 401 or 403.
    RegistryUnauthorized {
        /// Who refused.
        asked: Asked,
        /// The last status.
        status: u16,
        /// The credentials that were tried, by name; empty when anonymous.
        tried: Vec<String>,
        /// What may hold others, and Assay may not read.
        forbidden: Vec<String>,
        /// Who could bring others.
        reader: Reader,
    },
    /// The credentials to ask with cannot be read; has the code of [`Self::RegistryUnauthorized`].
    PullSecretUnreadable {
        /// Which and why.
        detail: String,
    },
    /// 429.
    RegistryRateLimited {
        /// Who limits.
        asked: Asked,
        /// How long it has asked to be left alone, if it has.
        wait: Option<Duration>,
    },
    /// Anything else that keeps the registry from answering.
    RegistryUnavailable {
        /// Who did not answer.
        asked: Asked,
        /// What it did, as in `answered 502`.
        detail: String,
    },
    /// It answered, and not with what was asked for; has the code of [`Self::RegistryUnavailable`].
    RegistryUnusable {
        /// Who answered.
        asked: Asked,
        /// With what, as in `answered a malformed manifest`.
        detail: String,
    },
    /// It is at an address where nothing is sent on the word of an image, a registry or the DNS; has the code of
    /// [`Self::RegistryUnavailable`].
    RegistryAddressRefused {
        /// Which host, as in `127.0.0.1:6443`.
        host: String,
        /// As in `a loopback address`.
        reason: String,
    },
    /// The registry's certificate was refused.
    RegistryTlsFailed {
        /// Whose.
        asked: Asked,
        /// Why.
        detail: String,
    },
    /// One request took longer than it may.
    RegistryTimeout {
        /// Who did not answer.
        asked: Asked,
    },
    /// The review's deadline passed first.
    DeadlineExceeded,
    /// A limit was crossed.
    LimitExceeded {
        /// What there was too much of, with numbers.
        detail: String,
    },
}

/// Who was asked: the image's own registry, that of another repository that may hold its signatures, or where one of
/// them leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asked {
    /// The image's own.
    ImageRegistry,
    /// That of this repository, where the signatures lie by a `signatureRepository`.
    SignatureRepository(Repository),
    /// That of this repository, which the image is a copy of.
    Source(Repository),
    /// Another host: the registry's token service, or where it redirects to.
    Elsewhere {
        /// Which, as in `gitlab.com`.
        host: String,
    },
}

/// Who made a signature that is not accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Presented {
    /// This signer, as [`signer_text`](super::signer_text) names it.
    Signer(String),
    /// The holder of some key, where a certificate is asked for.
    SomeKey,
    /// The maker of an attestation.
    Attester {
        /// Of which type.
        predicate_type: String,
        /// As [`signer_text`](super::signer_text) names it; none for the holder of some key.
        signer: Option<String>,
    },
}

/// The time that a key's validity was held against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JudgedAt {
    /// The verified time of signing.
    Signing(Timestamp),
    /// The present time, as the signature carries no verified one.
    Present(Timestamp),
}

/// One fact of a certificate that is not as asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FactMismatch {
    /// What it is called, as in `pipeline source`.
    pub name: &'static str,
    /// What the certificate says, if anything.
    pub presented: Option<String>,
    /// What is accepted.
    pub accepted: String,
}

/// How an image is signed so that its policy accepts it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signing {
    /// What is asked for.
    pub kind: SigningKind,
    /// With what.
    pub with: SigningMeans,
    /// What to sign.
    pub digest: Digest,
    /// The repository that it is pulled from.
    pub image: Repository,
    /// Where the signature belongs, and everywhere it was looked for.
    pub places: SignaturePlaces,
}

/// What is to be made about an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SigningKind {
    /// A signature.
    Signature,
    /// A signed statement.
    Attestation {
        /// Of this type.
        predicate_type: String,
    },
}

/// What a policy's first authority signs with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SigningMeans {
    /// A private key.
    Key,
    /// The ID token of a GitLab CI job.
    GitLabJob,
    /// The ID token of a GitHub Actions job.
    GitHubJob,
    /// Some other identity.
    Identity,
}

impl Cause {
    /// The stable name: in the message, the audit annotation, the metric and the README. Never reused.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Undetermined(obstacle) => obstacle.code(),
        }
    }

    /// Whether the image was judged, or could not be: this says who should act.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Rejected(_) => Outcome::Rejected,
            Self::Undetermined(_) => Outcome::Undetermined,
        }
    }

    /// What a failed lookup means for the image.
    pub(super) fn of_lookup(failure: &LookupFailure, asked: Asked) -> Self {
        Self::Undetermined(match failure.clone() {
            LookupFailure::NotFound => return Self::Rejected(Rejection::ImageNotFound),
            LookupFailure::Unauthorized {
                status,
                tried,
                forbidden,
                reader,
            } => Obstacle::RegistryUnauthorized {
                asked,
                status,
                tried,
                forbidden,
                reader,
            },
            LookupFailure::RateLimited { wait } => Obstacle::RegistryRateLimited { asked, wait },
            LookupFailure::Unavailable { detail } => {
                Obstacle::RegistryUnavailable { asked, detail }
            }
            LookupFailure::Unusable { detail } => Obstacle::RegistryUnusable { asked, detail },
            LookupFailure::AddressRefused { host, reason } => {
                Obstacle::RegistryAddressRefused { host, reason }
            }
            LookupFailure::Tls { detail } => Obstacle::RegistryTlsFailed { asked, detail },
            LookupFailure::Timeout => Obstacle::RegistryTimeout { asked },
            LookupFailure::Deadline => Obstacle::DeadlineExceeded,
            LookupFailure::Limit { detail } => Obstacle::LimitExceeded { detail },
            LookupFailure::Elsewhere { host, failure } => {
                return Self::of_lookup(&failure, Asked::Elsewhere { host });
            }
            LookupFailure::PullSecret { detail } => Obstacle::PullSecretUnreadable { detail },
        })
    }
}

impl From<Rejection> for Cause {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Obstacle> for Cause {
    fn from(obstacle: Obstacle) -> Self {
        Self::Undetermined(obstacle)
    }
}
