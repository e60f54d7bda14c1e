//! Certificates of GitHub Actions jobs: the extensions of Fulcio's `oid-info.md`, as GitHub's ID tokens fill them.

use super::{Mismatch, demand, other_fact};
use crate::{
    policy::GitHubJob,
    provenance::{GITHUB, GITHUB_OIDC_ISSUER},
    verify::{Identity, San},
};

impl GitHubJob {
    /// Whether the certificate was issued to such a job.
    pub(super) fn accepts(&self, identity: &Identity) -> Result<(), Mismatch> {
        demand(identity.oidc_issuer == GITHUB_OIDC_ISSUER, || {
            Mismatch::OtherSigner
        })?;
        demand(has_github_san(identity), || Mismatch::OtherSigner)?;
        let repository = identity
            .source_repository_uri
            .as_deref()
            .and_then(|uri| uri.strip_prefix(GITHUB))
            .filter(|repository| self.repository.matches(repository))
            .ok_or(Mismatch::OtherProject)?;
        self.accepts_ref(identity)?;
        self.accepts_workflow(identity, repository)
    }

    fn accepts_ref(&self, identity: &Identity) -> Result<(), Mismatch> {
        let Some(pattern) = &self.ref_pattern else {
            return Ok(());
        };
        let presented = identity.source_repository_ref.as_deref();
        demand(presented.is_some_and(|name| pattern.matches(name)), || {
            Mismatch::OtherRef
        })
    }

    /// The workflow that was started is extension .18; the SAN names the reusable workflow that signed, if any.
    fn accepts_workflow(&self, identity: &Identity, repository: &str) -> Result<(), Mismatch> {
        let Some(pattern) = &self.workflow else {
            return Ok(());
        };
        let presented = workflow(identity, repository);
        demand(presented.is_some_and(|path| pattern.matches(path)), || {
            other_fact("workflow", presented, pattern.to_string())
        })
    }
}

fn has_github_san(identity: &Identity) -> bool {
    match &identity.san {
        San::Uri(uri) => uri.starts_with(GITHUB),
        San::Email(_) => false,
    }
}

/// The path in `https://github.com/<repository>/<path>@<ref>`, where the ref is that of extension .14.
fn workflow<'a>(identity: &'a Identity, repository: &str) -> Option<&'a str> {
    identity
        .build_config_uri
        .as_deref()?
        .strip_prefix(GITHUB)?
        .strip_prefix(repository)?
        .strip_prefix('/')?
        .strip_suffix(identity.source_repository_ref.as_deref()?)?
        .strip_suffix('@')
}
