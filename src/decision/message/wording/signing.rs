//! The words and the command of the next step where that is to sign or to attest.

use crate::decision::cause::{Signing, SigningKind, SigningMeans};

impl Signing {
    /// The whole command, to be copied.
    pub(super) fn command(&self) -> String {
        let place = match &self.signature_repository {
            Some(repository) => format!("COSIGN_REPOSITORY={repository} "),
            None => String::new(),
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
        format!(
            "{place}cosign {what}{key}{}@{}",
            self.repository, self.digest
        )
    }
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
