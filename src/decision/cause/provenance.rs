//! What can be wrong with how an image was built.

use jiff::{SignedDuration, Timestamp};

use super::Signing;

/// Why the provenance of an image is not what a policy asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProvenanceFault {
    /// Every place was looked at, and there is no signed provenance.
    Missing {
        /// How to attest it.
        signing: Signing,
    },
    /// One attestation says two things that cannot both be true.
    Contradicted {
        /// About what, as in `commit`.
        name: &'static str,
        /// What counts more.
        trusted: Stated,
        /// What counts less.
        other: Stated,
        /// How to attest it again.
        signing: Signing,
    },
    /// It says something else than the policy accepts, or nothing.
    NotAccepted {
        /// About what.
        fact: BuildFact,
        /// What it says, if anything.
        stated: Option<Stated>,
        /// What is accepted.
        accepted: Vec<String>,
    },
    /// The image's tag names another build.
    OtherTag(TagFault),
    /// A base image is not accepted.
    BaseImageNotAllowed {
        /// Which and why.
        fault: BaseImageFault,
        /// What is accepted.
        accepted: Vec<String>,
    },
    /// It was built too long ago, or nothing says when.
    TooOld {
        /// When, if anything says it.
        built: Option<BuildTime>,
        /// How long ago it may have been.
        max_age: SignedDuration,
        /// The present time.
        now: Timestamp,
    },
}

/// Something that was said, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stated {
    /// What was said.
    pub value: String,
    /// Where, as in `certificate`.
    pub place: String,
}

/// What a policy lists accepted values of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the variants are the vocabulary of provenance")]
pub enum BuildFact {
    SourceRepository,
    Ref,
    PipelineSource,
    Runner,
}

/// A tag that does not name what its image was built from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TagFault {
    /// The tag.
    pub tag: String,
    /// What the tag could have named.
    pub expected: Vec<TagExpectation>,
    /// Whether the tag reads as the commit that it does not name.
    pub means_commit: bool,
}

/// Something that a tag could have named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TagExpectation {
    /// The commit, if it is stated.
    Commit(Option<Stated>),
    /// The branch or tag, if it is stated.
    Ref(Option<Stated>),
}

/// What is wrong with the base images.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BaseImageFault {
    /// None is named.
    NoneNamed,
    /// Something that may name one cannot be read.
    Unreadable {
        /// What, as in `build statement`.
        place: &'static str,
        /// Why not.
        detail: String,
    },
    /// This one is on no list.
    NotListed {
        /// Its name.
        base: Stated,
        /// How many more are not accepted.
        others: usize,
    },
    /// This one is not named by digest.
    NoDigest {
        /// Its name.
        base: Stated,
        /// How many more are not accepted.
        others: usize,
    },
}

/// When an image was built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BuildTime {
    /// As the provenance says.
    Stated(Timestamp),
    /// The verified time at which the provenance was signed.
    Signed(Timestamp),
}
