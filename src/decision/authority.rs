//! Whether a verified signer is one that an authority stands for.

mod github;
mod gitlab;

use super::cause::FactMismatch;
use crate::{
    image::{Pattern, Repository},
    policy::{Authority, AuthorityKind},
    verify::{Identity, Signer},
};

/// Why a signer is not one of an authority's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Mismatch {
    /// Made by another kind of signer, key or issuer.
    OtherSigner,
    /// Made under the same issuer by another project, repository or SAN.
    OtherProject,
    /// Made by the project, for another ref.
    OtherRef,
    /// Made by the project for that ref, but one more fact of the certificate is not the one asked for.
    OtherFact(FactMismatch),
    /// All is as asked, but the image does not lie in the project that signed it.
    ImageNotInProject {
        /// The project of the certificate.
        project: String,
    },
}

impl Authority {
    /// Whether this signer of something about an image in `repository` is one that this authority stands for.
    pub(super) fn accepts(&self, signer: &Signer, repository: &Repository) -> Result<(), Mismatch> {
        match (&self.kind, signer) {
            (AuthorityKind::Keys(keys), Signer::Key { fingerprint }) => {
                let is_listed = keys.iter().any(|it| it.key.fingerprint() == fingerprint);
                demand(is_listed, || Mismatch::OtherSigner)
            }
            (AuthorityKind::Keyless { oidc_issuer, san }, Signer::Certificate(identity)) => {
                keyless(oidc_issuer, san, identity)
            }
            (AuthorityKind::GitLab(job), Signer::Certificate(identity)) => {
                job.accepts(identity, repository)
            }
            (AuthorityKind::GitHub(job), Signer::Certificate(identity)) => job.accepts(identity),
            (AuthorityKind::Keys(_), Signer::Certificate(_))
            | (
                AuthorityKind::Keyless { .. } | AuthorityKind::GitLab(_) | AuthorityKind::GitHub(_),
                Signer::Key { .. },
            ) => Err(Mismatch::OtherSigner),
        }
    }

    /// The deployment environment that it asks for, if any.
    pub(super) fn environment(&self) -> Option<&str> {
        match &self.kind {
            AuthorityKind::GitLab(job) => job.environment.as_deref(),
            AuthorityKind::Keys(_) | AuthorityKind::Keyless { .. } | AuthorityKind::GitHub(_) => {
                None
            }
        }
    }
}

/// Passes unless another value of this fact is asked for.
fn exactly(
    name: &'static str,
    presented: Option<&str>,
    accepted: Option<&String>,
) -> Result<(), Mismatch> {
    match accepted {
        Some(accepted) if presented != Some(accepted.as_str()) => {
            Err(other_fact(name, presented, accepted.clone()))
        }
        Some(_) | None => Ok(()),
    }
}

fn other_fact(name: &'static str, presented: Option<&str>, accepted: String) -> Mismatch {
    Mismatch::OtherFact(FactMismatch {
        name,
        presented: presented.map(str::to_owned),
        accepted,
    })
}

fn keyless(oidc_issuer: &str, san: &Pattern, identity: &Identity) -> Result<(), Mismatch> {
    demand(identity.oidc_issuer == oidc_issuer, || {
        Mismatch::OtherSigner
    })?;
    demand(san.matches(identity.san.as_str()), || {
        Mismatch::OtherProject
    })
}

/// Passes when the condition holds.
fn demand(holds: bool, mismatch: impl FnOnce() -> Mismatch) -> Result<(), Mismatch> {
    if holds { Ok(()) } else { Err(mismatch()) }
}
