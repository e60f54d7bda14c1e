//! What there is to be seen by conditions: the variables and their fields.

use super::value::Kind;

/// What is known of a value before there is one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Nothing.
    Any,
    /// Its type.
    Of(Kind),
    /// A list of such items.
    List(&'static Self),
    /// A map from texts to such values.
    Map(&'static Self),
    /// A map with these keys, some of which may be missing.
    Record(&'static [(&'static str, Self)]),
}

impl Shape {
    pub(super) const BOOL: Self = Self::Of(Kind::Bool);

    /// The type, if it is known.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Any => None,
            Self::Of(kind) => Some(kind),
            Self::List(_) => Some(Kind::List),
            Self::Map(_) | Self::Record(_) => Some(Kind::Map),
        }
    }

    /// What a loop over it goes through.
    pub(super) fn item(self) -> Self {
        match self {
            Self::List(item) => *item,
            Self::Map(_) | Self::Record(_) => TEXT,
            Self::Any | Self::Of(_) => Self::Any,
        }
    }
}

/// The variables of `spec.conditions`.
pub const POLICY_VARIABLES: [&str; 6] = [
    "image",
    "signatures",
    "provenance",
    "attestations",
    "pod",
    "namespace",
];

/// The variables of `spec.attestations[].conditions`.
pub const ATTESTATION_VARIABLES: [&str; 7] = [
    "attestation",
    "image",
    "signatures",
    "provenance",
    "attestations",
    "pod",
    "namespace",
];

/// What is known of a variable: nothing of one that no policy has.
pub(super) fn variable(name: &str) -> Shape {
    match name {
        "image" => IMAGE,
        "signatures" => Shape::List(&SIGNATURE),
        "provenance" => PROVENANCE,
        "attestations" => Shape::List(&ATTESTATION),
        "attestation" => ATTESTATION,
        "pod" => Shape::Record(&[("metadata", Shape::Any), ("spec", Shape::Any)]),
        "namespace" => Shape::Record(&[("name", TEXT), ("labels", Shape::Map(&TEXT))]),
        _ => Shape::Any,
    }
}

/// The fields of a variable, or of its items.
#[cfg(test)]
pub(super) fn fields(name: &str) -> Vec<&'static str> {
    let shape = match variable(name) {
        Shape::List(item) => *item,
        other => other,
    };
    match shape {
        Shape::Record(fields) => fields.iter().map(|(field, _)| *field).collect(),
        Shape::Any | Shape::Of(_) | Shape::List(_) | Shape::Map(_) => Vec::new(),
    }
}

const TEXT: Shape = Shape::Of(Kind::Text);
const INT: Shape = Shape::Of(Kind::Int);

const IMAGE: Shape = Shape::Record(&[
    ("reference", TEXT),
    ("registry", TEXT),
    ("repository", TEXT),
    ("path", TEXT),
    ("tag", TEXT),
    ("digest", TEXT),
    ("annotations", Shape::Map(&TEXT)),
    ("labels", Shape::Map(&TEXT)),
    ("platforms", Shape::List(&TEXT)),
]);

const SIGNATURE: Shape = Shape::Record(&[
    ("authority", TEXT),
    ("signer", TEXT),
    ("signedAt", TEXT),
    ("logIndex", INT),
    ("annotations", Shape::Map(&TEXT)),
    ("issuer", TEXT),
    ("san", TEXT),
    ("sourceRepository", TEXT),
    ("ref", TEXT),
    ("commit", TEXT),
    ("pipelineId", TEXT),
    ("pipelineUrl", TEXT),
    ("jobId", TEXT),
    ("jobUrl", TEXT),
    ("pipelineSource", TEXT),
    ("runner", TEXT),
    ("builderId", TEXT),
    ("repositoryId", TEXT),
    ("runnerEnvironment", TEXT),
    ("environment", TEXT),
    ("tokenSubject", TEXT),
]);

const PROVENANCE: Shape = Shape::Record(&[
    ("authority", TEXT),
    ("signer", TEXT),
    ("signedAt", TEXT),
    ("predicateType", TEXT),
    ("shape", TEXT),
    ("sourceRepository", TEXT),
    ("ref", TEXT),
    ("commit", TEXT),
    ("pipelineId", TEXT),
    ("pipelineUrl", TEXT),
    ("jobId", TEXT),
    ("jobUrl", TEXT),
    ("pipelineSource", TEXT),
    ("runner", TEXT),
    ("builderId", TEXT),
    ("buildType", TEXT),
    ("startedOn", TEXT),
    ("finishedOn", TEXT),
    ("user", TEXT),
    (
        "baseImages",
        Shape::List(&Shape::Record(&[
            ("name", TEXT),
            ("repository", TEXT),
            ("digest", TEXT),
        ])),
    ),
    ("predicate", Shape::Any),
]);

const ATTESTATION: Shape = Shape::Record(&[
    ("predicateType", TEXT),
    ("authority", TEXT),
    ("signer", TEXT),
    ("signedAt", TEXT),
    ("predicate", Shape::Any),
]);
