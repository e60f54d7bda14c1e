//! What is told of one review once it is answered, to whoever counts, records or reports it.

use std::{fmt::Debug, time::Duration};

use jiff::Timestamp;

use crate::{
    decision::{Judged, Outcome},
    image::Digest,
    policy::{Action, LabelNote, ModeLabel, PolicyId},
};

/// Is told of every review in which an image was judged. Never holds up an answer, so what takes time is left to a
/// task of its own.
pub trait Observer: Debug + Send + Sync {
    /// Takes note of one review.
    fn observe(&self, observation: &Observation);
}

/// What came of one review.
///
/// What the requester wrote is on one line and bounded: it is escaped as [`untrusted::shown`](crate::untrusted::shown)
/// does, which leaves every name that Kubernetes accepts as it is.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Which webhook was asked, as metrics and logs name it. The validating one judges again what the mutating one
    /// has let in.
    pub webhook: &'static str,
    /// The identity of the review.
    pub uid: String,
    /// What was to be done.
    pub operation: Operation,
    /// Who asked.
    pub user: String,
    /// What was to be created or changed.
    pub object: ObservedObject,
    /// Whether anything comes of it.
    pub run: Run,
    /// Whether the object was let in.
    pub verdict: Verdict,
    /// What did not satisfy a policy: first what was refused, then what was warned of, then what was only reported.
    pub told: Vec<Told>,
    /// What was let in only by what was verified before.
    pub used_verified: Vec<UsedVerified>,
    /// What is known of each image that a policy judged: first those that satisfied one.
    pub images: Vec<ObservedImage>,
    /// What each policy that matched made of each image.
    pub judged: Vec<Judged>,
    /// What came of the namespace's labels that say anything else than the cluster.
    pub labels: Vec<LabelNote>,
    /// From the whole body to the answer.
    pub took: Duration,
}

/// What counters take of a review.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// Everything.
    Everything,
    /// Only what was refused: the rest was counted when the mutating webhook let it in.
    Refusals,
    /// Nothing.
    Nothing,
}

impl Observation {
    /// What counters take of it, so that no image is counted twice for its two webhooks, and nothing of a dry run is.
    pub fn counted(&self) -> Counted {
        match (self.run, self.verdict, self.webhook) {
            (Run::Real, _, "mutate") => Counted::Everything,
            (Run::Real, Verdict::Denied, _) => Counted::Refusals,
            (Run::Dry, ..) | (Run::Real, Verdict::Allowed, _) => Counted::Nothing,
        }
    }
}

/// The object of a review, by what its requester says of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObservedObject {
    /// As in `apps/v1`.
    pub api_version: String,
    /// As in `Deployment`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name; empty while the API server has yet to choose one.
    pub name: String,
    /// What it was given as the beginning of its name, if anything.
    pub generate_name: String,
    /// Its identity; empty while the API server has yet to choose one. The validating webhook is told that of an object
    /// which is to be created, too.
    pub uid: String,
    /// The controller that makes it, if it has one.
    pub owner: Option<ObservedOwner>,
}

/// The controller of an object, from its owner references. The requester's word.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObservedOwner {
    /// As in `apps/v1`.
    pub api_version: String,
    /// As in `ReplicaSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
}

/// What a review was asked to let happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// The object is to be created: it does not exist yet.
    Create,
    /// The object exists, and is to be changed.
    Update,
}

impl Operation {
    /// As the API server names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
        }
    }
}

/// Whether anything comes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Run {
    /// It is meant.
    Real,
    /// The requester only wants to know: nothing may be written because of it.
    Dry,
}

/// Whether an object was let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It was.
    Allowed,
    /// It was not.
    Denied,
}

impl Verdict {
    /// As logs and audit annotations name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// One image that did not satisfy a policy, or an object that could not be judged at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// What the failure meant.
    pub action: Action,
    /// The stable code.
    pub code: &'static str,
    /// Whether the image was judged, or could not be.
    pub outcome: Outcome,
    /// The policy, where it is the failure of one.
    pub policy: Option<PolicyId>,
    /// The line, as a denial has it, in less than [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
    pub line: String,
    /// The namespace's label without which it would have been refused.
    pub lowered_by: Option<ModeLabel>,
}

/// One image that satisfied a policy only by what was verified before, because its registry does not answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsedVerified {
    /// The container's name, or `volume/NAME`.
    pub container: String,
    /// The policy.
    pub policy: PolicyId,
    /// The code that it would have been refused with.
    pub code: &'static str,
    /// When it satisfied the policy last.
    pub verified_at: Timestamp,
    /// What is said about it, in less than [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
    pub line: String,
}

/// What is known of one image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObservedImage {
    /// The container's name, or `volume/NAME`.
    pub container: String,
    /// The reference as it was written.
    pub image: String,
    /// What it stands for, if that could be found out.
    pub digest: Option<Digest>,
    /// Who signed it, then who attested it, as far as a policy accepts them.
    pub signers: Vec<String>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// Where the pipeline can be seen.
    pub pipeline: Option<String>,
    /// Where the job can be seen.
    pub job: Option<String>,
    /// The policies that it satisfied.
    pub policies: Vec<PolicyId>,
}
