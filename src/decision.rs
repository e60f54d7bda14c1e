//! Decides what happens to a Pod, from values alone.
//!
//! [`plan`] says what must be known about each image and [`decide`] turns what was found into a
//! [`Decision`]. Nothing here is async, reads a clock or can fail: what could not be found out is
//! evidence too, and never admits an image that a policy covers.

mod cause;
mod evidence;

pub use cause::{Cause, Denial, Outcome};
pub use evidence::{
    Candidates, CheckFailure, Checked, Evidence, ImageEvidence, LookupFailure, Method,
};

use std::collections::BTreeSet;

use crate::{
    image::{Digest, Reference, Repository},
    policy::{DefaultAction, Demand, Place, PolicyId, PolicySet},
    verify::{Signer, VerifiedSignature},
    workload::ImageSlot,
};

/// What must be known to judge one object.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One entry per image slot, in the order of the object.
    pub images: Vec<PlannedImage>,
    /// What an unmatched image gets.
    pub default_action: DefaultAction,
    /// Whether a failure denies, or (mirror Pods) is only reported.
    pub enforcement: Enforcement,
}

/// Whether a failed demand can deny at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Enforcement {
    /// As each policy says.
    #[default]
    AsPolicySays,
    /// Only reported: the container runs already (mirror Pods).
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
}

/// An object that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// At least one: rejections first, then what could not be judged, each in slot order.
    pub denials: Vec<Denial>,
    /// Failures under `Warn`.
    pub warnings: Vec<Denial>,
    /// Failures under `Audit`.
    pub audits: Vec<Denial>,
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
    /// The signatures that satisfied them: authority name and signature, in policy order.
    pub signatures: Vec<(String, VerifiedSignature)>,
    /// Whether to pin in Pods.
    pub pin: bool,
    /// Whether to pin in templates.
    pub pin_workloads: bool,
}

/// Says what must be known about each image.
pub fn plan(
    _slots: Vec<ImageSlot>,
    _policies: &PolicySet,
    _place: &Place,
    _default_action: DefaultAction,
    _enforcement: Enforcement,
) -> Plan {
    todo!()
}

/// Judges every image by what was found.
pub fn decide(_plan: &Plan, _evidence: &Evidence) -> Decision {
    todo!()
}

/// The whole refusal as people read it: one line per image, under [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES),
/// the rest counted.
pub fn message(_refusal: &Refusal) -> String {
    todo!()
}

/// One failure as an admission warning: at most [`WARNING_CHARS`](crate::limits::WARNING_CHARS), on one line.
pub fn warning(_denial: &Denial) -> String {
    todo!()
}

/// Who signed, in the words of messages, annotations and `assay inspect`: `gitlab.com/acme/shop ref refs/tags/v1`.
pub fn signer_text(_signer: &Signer) -> String {
    todo!()
}

impl AdmittedImage {
    /// Who signed, in policy order, each once.
    pub fn signers(&self) -> Vec<String> {
        todo!()
    }
    /// The commit that the first signature's certificate names.
    pub fn commit(&self) -> Option<String> {
        todo!()
    }
    /// The job that the first signature's certificate names.
    pub fn job_url(&self) -> Option<String> {
        todo!()
    }
}

impl Inquiry {
    /// Where signatures are to be looked for: each policy's signature repository, else the image's own.
    pub fn signature_repositories(&self) -> BTreeSet<Repository> {
        todo!()
    }
    /// Every way in which the demands want candidates in this repository verified.
    pub fn methods(&self, _signature_repository: &Repository) -> BTreeSet<Method> {
        todo!()
    }
    /// Whether this evidence satisfies every demand.
    pub fn is_satisfied(&self, _evidence: &ImageEvidence) -> bool {
        todo!()
    }
}
