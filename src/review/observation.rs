//! What is told of one review once it is answered, to whoever counts, records or reports it.

use std::{fmt::Debug, time::Duration};

use crate::{
    decision::Judged,
    policy::{Action, ModeLabel},
};

/// Is told of every review in which an image was judged. Never holds up an answer, so what takes time is left to a
/// task of its own.
pub trait Observer: Debug + Send + Sync {
    /// Takes note of one review.
    fn observe(&self, observation: &Observation);
}

/// What came of one review.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Which webhook was asked, as metrics and logs name it. The validating one judges again what the mutating one
    /// has let in.
    pub webhook: &'static str,
    /// What was to be created or changed.
    pub object: ObservedObject,
    /// Whether anything comes of it.
    pub run: Run,
    /// Whether the object was let in.
    pub verdict: Verdict,
    /// What did not satisfy a policy: first what was refused, then what was warned of, then what was only reported.
    pub told: Vec<Told>,
    /// What each policy that matched made of each image.
    pub judged: Vec<Judged>,
    /// From the whole body to the answer.
    pub took: Duration,
}

/// The object of a review. All texts are the requester's.
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
    /// Empty unless the object exists already.
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

/// One image that did not satisfy a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// What the failure meant.
    pub action: Action,
    /// The stable code.
    pub code: &'static str,
    /// The line, as a denial has it.
    pub line: String,
    /// The namespace's label without which it would have been refused.
    pub lowered_by: Option<ModeLabel>,
}
