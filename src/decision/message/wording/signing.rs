//! The words and the command of the next step where that is to sign or to attest.

use super::{SHORT_BYTES, listed_short};
use crate::{
    decision::cause::{Signing, SigningKind, SigningMeans},
    image::Repository,
};

impl Signing {
    /// The whole command, to be copied.
    pub(super) fn command(&self) -> String {
        let (source, first) = (self.places.source(), self.places.first());
        let place = if first == source {
            String::new()
        } else {
            format!("COSIGN_REPOSITORY={first} ")
        };
        let key = match self.with {
            SigningMeans::Key => "--key <your private key> ",
            SigningMeans::GitLabJob | SigningMeans::GitHubJob | SigningMeans::Identity => "",
        };
        let what = match &self.kind {
            SigningKind::Signature => "sign ".to_owned(),
            SigningKind::Attestation { predicate_type } => {
                format!("attest --type {predicate_type} --predicate <your file> ")
            }
        };
        format!("{place}cosign {what}{key}{source}@{}", self.digest)
    }
}

/// Where it was looked for, unless that is only beside the image.
pub(super) fn looked_in(signing: &Signing) -> String {
    let mut all = signing.places.all();
    if let (Some(place), None) = (all.next(), all.next())
        && *place == signing.image
    {
        return String::new();
    }
    let places: Vec<String> = signing.places.all().map(Repository::to_string).collect();
    format!(" (looked in {})", listed_short(&places, SHORT_BYTES, "and"))
}

/// What to sign or attest, and with what.
pub(super) fn hint(what: &str, signing: &Signing) -> String {
    let with = match signing.with {
        SigningMeans::Key => "with an accepted key",
        SigningMeans::GitLabJob => "in the GitLab release pipeline",
        SigningMeans::GitHubJob => "in the GitHub release workflow",
        SigningMeans::Identity => "with an accepted identity",
    };
    format!("{} {what} {with}", verb(signing))
}

/// What is done to the image.
pub(super) fn verb(signing: &Signing) -> &'static str {
    match signing.kind {
        SigningKind::Signature => "sign",
        SigningKind::Attestation { .. } => "attest",
    }
}
