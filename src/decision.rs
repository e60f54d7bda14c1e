//! Decides what happens to a Pod, from values alone.
//!
//! [`plan()`] says what must be known about each image and [`decide()`] turns what was found into a
//! [`Decision`]. Nothing here is async, reads a clock or can fail: what could not be found out is
//! evidence too, and never admits an image that a policy covers.

mod authority;
mod cause;
mod demand;
mod evidence;
mod judge;
mod message;
mod plan;
mod recall;
mod signer;
mod text;
mod threshold;

pub use cause::{
    Asked, BaseImageFault, BuildFact, BuildTime, Cause, Denial, FactMismatch, JudgedAt, Obstacle,
    Outcome, Presented, ProvenanceFault, Rejection, Signing, SigningKind, SigningMeans, Stated,
    TagExpectation, TagFault, Unmatched,
};
pub use evidence::{
    Candidates, CheckFailure, Checked, Circumstances, Evidence, FoundByPlace, ImageEvidence, Kept,
    LookupFailure, Method, Methods, Reader, Recollection, Remembered, TimeUse, WhyUnsigned,
};

pub use judge::decide;
pub use message::{message, recalled_line, recalled_warning, recorded, warning};
pub use plan::plan;
pub use recall::Recalled;
pub use signer::signer_text;

use demand::{AcceptedProvenance, Satisfied};
use text::shown;

use crate::{
    image::{Digest, Reference, SignaturePlaces},
    policy::{Action, Demand, LabelNote, Modes, Policy, PolicyId},
    provenance::{FactName, Facts, job_url},
    verify::{Identity, Signer, VerifiedAttestation, VerifiedSignature},
    workload::ImageSlot,
};

/// What must be known to judge one object.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One entry per image slot, in the order of the object.
    pub images: Vec<PlannedImage>,
    /// What failures mean in this namespace.
    pub modes: Modes,
    /// Whether a failure denies or is only reported.
    pub enforcement: Enforcement,
}

/// Whether a failed demand can deny at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Enforcement {
    /// As each policy says.
    #[default]
    AsPolicySays,
    /// Only reported: the container runs already (mirror Pods, and what is looked at to warm up).
    ReportOnly,
}

/// One image slot and what is asked of it.
#[derive(Clone, Debug)]
pub struct PlannedImage {
    /// Where it is written.
    pub slot: ImageSlot,
    /// What to find out.
    pub question: Question,
}

/// What is to be found out about one image.
#[derive(Clone, Debug)]
pub enum Question {
    /// Nothing: the reference cannot be read.
    Unreadable(crate::image::ReferenceError),
    /// Nothing: no policy matches.
    Unmatched(Reference),
    /// The digest, and the signatures the demands need.
    Judge(Inquiry),
}

/// The demands on one image.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The image.
    pub reference: Reference,
    /// Where its signatures lie, for policies that do not say that themselves.
    pub places: SignaturePlaces,
    /// What policies ask of it; never empty.
    pub demands: Vec<Demand>,
}

/// What happens to the object.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It is let in.
    Admit(Admission),
    /// It is refused.
    Deny(Refusal),
}

/// An object that is let in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// One per slot that a policy judged and accepted (or reported), in order.
    pub images: Vec<AdmittedImage>,
    /// Failures under `Warn`, and unmatched images under the `Warn` default.
    pub warnings: Vec<Denial>,
    /// Failures under `Audit`, and reported ones of mirror Pods.
    pub audits: Vec<Denial>,
    /// What each policy that matched made of each image.
    pub judged: Vec<Judged>,
    /// What came of the namespace's labels that say anything else than the cluster.
    pub labels: Vec<LabelNote>,
}

/// An object that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// At least one: rejections first, then what could not be judged, each in slot order.
    pub denials: Vec<Denial>,
    /// What satisfied every demand on it all the same, in order.
    pub images: Vec<AdmittedImage>,
    /// Failures under `Warn`.
    pub warnings: Vec<Denial>,
    /// Failures under `Audit`.
    pub audits: Vec<Denial>,
    /// What each policy that matched made of each image.
    pub judged: Vec<Judged>,
    /// What came of the namespace's labels that say anything else than the cluster.
    pub labels: Vec<LabelNote>,
}

/// What one policy made of one image slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// The policy.
    pub policy: PolicyId,
    /// What it made of it.
    pub verdict: PolicyVerdict,
}

/// What a policy made of an image.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PolicyVerdict {
    /// Satisfied.
    Satisfied,
    /// Not satisfied, which denied the object.
    Denied,
    /// Not satisfied, of which the author was warned.
    Warned,
    /// Not satisfied, which was only reported.
    Reported,
}

/// One image that satisfied every demand on it.
#[derive(Clone, Debug)]
pub struct AdmittedImage {
    /// Where it is written.
    pub slot: ImageSlot,
    /// What was written there.
    pub reference: Reference,
    /// What was verified.
    pub digest: Digest,
    /// The policies that were satisfied.
    pub policies: Vec<PolicyId>,
    /// Those of them that were satisfied only by what was verified before, as a registry does not answer.
    pub recalled: Vec<Recalled>,
    /// The signatures that satisfied them: authority name and signature, in policy order.
    pub signatures: Vec<(String, VerifiedSignature)>,
    /// The attestations that satisfied them: authority name and attestation, in policy order.
    pub attestations: Vec<(String, VerifiedAttestation)>,
    /// What the first accepted provenance says, and before that what its certificate says. Empty where no policy asks
    /// for provenance.
    pub provenance: Facts,
    /// Whether to pin in Pods.
    pub pin: bool,
    /// Whether to pin in templates.
    pub pin_workloads: bool,
}

impl AdmittedImage {
    /// Who signed it, then who attested it, in policy order, each once.
    pub fn signers(&self) -> Vec<String> {
        let mut signers = Vec::new();
        for signer in self.all_signers() {
            let text = signer_text(signer);
            if !signers.contains(&text) {
                signers.push(text);
            }
        }
        signers
    }

    /// The commit that the first certificate names, or else accepted provenance.
    pub fn commit(&self) -> Option<String> {
        self.identities()
            .find_map(|identity| identity.source_repository_digest.as_deref())
            .or_else(|| self.of_provenance(FactName::Commit))
            .map(|commit| shown(commit, COMMIT_BYTES))
    }

    /// Where the job (GitLab) or run (GitHub) of the first certificate that names one can be seen, or else that of
    /// accepted provenance.
    pub fn job_url(&self) -> Option<String> {
        self.identities()
            .find_map(|identity| link(&job_url(identity)?))
            .or_else(|| self.of_provenance(FactName::JobUrl).and_then(link))
    }

    /// Where the pipeline can be seen: by accepted provenance, or as an accepted signer added to a signature. Both are
    /// the job's own word.
    pub fn pipeline_url(&self) -> Option<String> {
        let attested = self.of_provenance(FactName::PipelineUrl).and_then(link);
        attested.or_else(|| {
            self.signatures.iter().find_map(|(_, signature)| {
                let added = Facts::of_signature_annotations(signature.annotations());
                link(&added.best(FactName::PipelineUrl)?.value)
            })
        })
    }

    fn of_provenance(&self, name: FactName) -> Option<&str> {
        Some(self.provenance.best(name)?.value.as_str())
    }

    fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.all_signers().filter_map(|signer| match signer {
            Signer::Certificate(identity) => Some(identity.as_ref()),
            Signer::Key { .. } => None,
        })
    }

    fn all_signers(&self) -> impl Iterator<Item = &Signer> {
        let signed = self.signatures.iter().map(|(_, one)| one.signer());
        let attested = self.attestations.iter().map(|(_, one)| one.signer());
        signed.chain(attested)
    }

    /// Counts this policy as satisfied by these. One that only audits changes nothing, so it does not pin.
    fn add(&mut self, policy: &Policy, satisfied: Satisfied) {
        self.policies.push(policy.scope.id.clone());
        self.signatures.extend(satisfied.signatures);
        self.attestations.extend(satisfied.attestations);
        if let Some(accepted) = satisfied.provenance {
            let AcceptedProvenance {
                authority,
                attestation,
                provenance,
            } = accepted;
            let mut known = self.attestations.iter();
            if !known.any(|(_, known)| known.statement() == attestation.statement()) {
                self.attestations.push((authority, attestation));
            }
            if self.provenance == Facts::default() {
                self.provenance = provenance.facts;
            }
        }
        let changes = policy.scope.action != Action::Audit;
        self.pin |= changes && policy.pin;
        self.pin_workloads |= changes && policy.pin_workloads;
    }
}

/// The address, if it is one that may be shown as a link.
fn link(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    (is_web && is_plain && url.len() <= URL_BYTES).then(|| url.to_owned())
}

/// The longest commit that is shown, in bytes: a SHA-256 one in hex.
const COMMIT_BYTES: usize = 64;

/// The longest URL that is shown, in bytes.
const URL_BYTES: usize = 512;

#[cfg(test)]
pub(crate) mod tests;
