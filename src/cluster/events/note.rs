//! What is to be said of a review, and of which object.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

use crate::{
    limits,
    review::{Observation, ObservedObject, ObservedOwner, Operation, Run, Verdict},
    untrusted::bounded_line,
};

/// One thing to say of one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Note {
    /// Of what.
    pub(super) regarding: Regarding,
    /// The stable code.
    pub(super) reason: &'static str,
    /// The line, in at most as many bytes as an Event holds.
    pub(super) text: String,
}

/// The object that an Event is about. It is in the namespace of the Event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Regarding {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Empty for a namespace, which is told of by its name.
    pub(super) uid: String,
}

/// What Events say of a review: one note for each finding, none where they are not to be told.
pub(super) fn notes(observation: &Observation) -> impl Iterator<Item = Note> {
    let told = observation.told.iter().map(|told| (told.code, &told.line));
    let used = observation.used_verified.iter();
    let used = used.map(|used| (USED_VERIFIED, &used.line));
    let regarding = regarding(observation);
    told.chain(used)
        .take(number_due(observation))
        .map(move |(reason, line)| note(&regarding, reason, line, &observation.object))
}

/// How many notes a review leads to.
pub(super) fn number_due(observation: &Observation) -> usize {
    if are_to_be_told(observation) {
        observation.told.len() + observation.used_verified.len()
    } else {
        0
    }
}

/// Whether Events are due to a review at all: not for a dry run, and once for the two webhooks. The mutating one comes
/// first, so its denial is the last word; what it lets in is told by the validating one, which is given the name and
/// the identity of an object that is to be created.
fn are_to_be_told(observation: &Observation) -> bool {
    let is_last_word = match observation.verdict {
        Verdict::Denied => true,
        Verdict::Allowed => observation.webhook == VALIDATE,
    };
    observation.run == Run::Real && is_last_word && !observation.object.namespace.is_empty()
}

impl Note {
    /// The name of its Event: the same wherever and whenever it is made.
    pub(super) fn name(&self) -> String {
        let Self {
            regarding,
            reason,
            text,
        } = self;
        let Regarding {
            api_version,
            kind,
            namespace,
            name,
            uid,
        } = regarding;
        let parts = [api_version, kind, namespace, name, uid, *reason, text];
        let mut whole = Vec::new();
        for part in parts {
            whole.extend(part.len().to_be_bytes());
            whole.extend(part.as_bytes());
        }
        let hash = digest(&SHA256, &whole);
        let mut name = "assay.".to_owned();
        for byte in hash.as_ref().iter().take(NAME_HASH_BYTES) {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Its controller, else itself where it exists, else its namespace.
fn regarding(observation: &Observation) -> Regarding {
    let object = &observation.object;
    if let Some(owner) = object.owner.as_ref().filter(|owner| can_be_told_of(owner)) {
        return Regarding {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: object.namespace.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        };
    }
    let exists = match observation.operation {
        Operation::Update => true,
        Operation::Create => observation.verdict == Verdict::Allowed,
    };
    if exists && !object.uid.is_empty() && !object.name.is_empty() {
        return Regarding {
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            uid: object.uid.clone(),
        };
    }
    Regarding {
        api_version: "v1".to_owned(),
        kind: NAMESPACE.to_owned(),
        namespace: object.namespace.clone(),
        name: object.namespace.clone(),
        uid: String::new(),
    }
}

/// A mirror Pod belongs to its node, which is in no namespace and has Events of its own.
fn can_be_told_of(owner: &ObservedOwner) -> bool {
    let whole = [&owner.api_version, &owner.kind, &owner.name, &owner.uid];
    owner.kind != NODE && whole.into_iter().all(|part| !part.is_empty())
}

/// Of a namespace it is said which of its objects is at fault.
fn note(regarding: &Regarding, reason: &'static str, line: &str, object: &ObservedObject) -> Note {
    let text = if regarding.kind == NAMESPACE {
        format!("{}: {line}", called(object))
    } else {
        line.to_owned()
    };
    Note {
        regarding: regarding.clone(),
        reason,
        text: bounded_line(&text, limits::MESSAGE_BYTES),
    }
}

fn called(object: &ObservedObject) -> String {
    match (object.name.as_str(), object.generate_name.as_str()) {
        ("", "") => object.kind.clone(),
        ("", beginning) => format!("{} {beginning}*", object.kind),
        (name, _) => format!("{} {name}", object.kind),
    }
}

/// The reason of an Event about an image that was let in by what was verified before.
const USED_VERIFIED: &str = "UsedVerified";
const VALIDATE: &str = "validate";
const NAMESPACE: &str = "Namespace";
const NODE: &str = "Node";

/// Of the hash, as many bytes as nobody finds a second text for by chance.
const NAME_HASH_BYTES: usize = 16;
