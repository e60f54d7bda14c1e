//! Certificates of GitLab CI jobs: the extensions of Fulcio's `oid-info.md`, as GitLab's ID tokens fill them.

use super::{Mismatch, demand, exactly, other_fact};
use crate::{
    decision::text::listed,
    image::Repository,
    policy::GitLabJob,
    provenance::{GitLabSan, host_of_url, source_project},
    verify::Identity,
};

impl GitLabJob {
    /// Whether the certificate was issued to such a job, for an image in `repository`.
    ///
    /// The order is from who to what, so that the first mismatch is the one worth telling.
    pub(super) fn accepts(
        &self,
        identity: &Identity,
        repository: &Repository,
    ) -> Result<(), Mismatch> {
        demand(identity.oidc_issuer == self.instance, || {
            Mismatch::OtherSigner
        })?;
        let san = GitLabSan::of(identity).ok_or(Mismatch::OtherProject)?;
        demand(san.host == host_of_url(&self.instance), || {
            Mismatch::OtherSigner
        })?;
        demand(self.project.matches(san.project), || Mismatch::OtherProject)?;
        self.accepts_source(identity, san)?;
        exactly(
            "project id",
            identity.source_repository_identifier.as_deref(),
            self.project_id.as_ref(),
        )?;
        self.accepts_ref(san)?;
        self.accepts_pipeline_source(identity)?;
        self.accepts_protection(identity, san)?;
        exactly(
            "CI configuration",
            Some(san.config_path),
            self.config_path.as_ref(),
        )?;
        exactly(
            "runner environment",
            identity.runner_environment.as_deref(),
            self.runner_environment.as_ref(),
        )?;
        exactly(
            "environment",
            identity.deployment_environment.as_deref(),
            self.environment.as_ref(),
        )?;
        self.accepts_place(repository, san)
    }

    /// Extension .12 must name the project of the SAN: the SAN of a fork's merge-request pipeline names the target
    /// project, and only .12 the fork.
    fn accepts_source(&self, identity: &Identity, san: GitLabSan<'_>) -> Result<(), Mismatch> {
        let presented = identity.source_repository_uri.as_deref();
        let path = presented.and_then(|uri| source_project(uri, &self.instance));
        demand(path == Some(san.project), || {
            if path.is_some_and(|path| !self.project.matches(path)) {
                return Mismatch::OtherProject;
            }
            other_fact("source repository", presented, san.project.to_owned())
        })
    }

    fn accepts_ref(&self, san: GitLabSan<'_>) -> Result<(), Mismatch> {
        let accepted = self
            .ref_pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(san.ref_name));
        demand(accepted, || Mismatch::OtherRef)
    }

    /// A merge request's pipeline runs what its author wrote, so it counts only where the policy names it.
    fn accepts_pipeline_source(&self, identity: &Identity) -> Result<(), Mismatch> {
        let presented = identity.build_trigger.as_deref();
        let accepted = presented.is_some_and(|source| {
            if self.pipeline_sources.is_empty() {
                !MERGE_REQUEST_SOURCES.contains(&source)
            } else {
                self.pipeline_sources.iter().any(|listed| listed == source)
            }
        });
        demand(accepted, || {
            other_fact(
                "pipeline source",
                presented,
                if self.pipeline_sources.is_empty() {
                    "any but merge requests".to_owned()
                } else {
                    listed(&self.pipeline_sources, "or", 4)
                },
            )
        })
    }

    fn accepts_protection(&self, identity: &Identity, san: GitLabSan<'_>) -> Result<(), Mismatch> {
        if !self.protected_ref {
            return Ok(());
        }
        let presented = identity.token_subject.as_deref();
        let protected = presented.is_some_and(|subject| says_protected(subject, san));
        demand(protected, || {
            other_fact(
                "token subject",
                presented,
                "saying ref_protected:true".to_owned(),
            )
        })
    }

    /// `CI_REGISTRY_IMAGE` is the lower-case path of the project; images of a project lie there or below.
    fn accepts_place(&self, repository: &Repository, san: GitLabSan<'_>) -> Result<(), Mismatch> {
        let project = san.project.to_lowercase();
        let inside = repository
            .path()
            .to_lowercase()
            .strip_prefix(&project)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        demand(inside || !self.image_in_project, || {
            Mismatch::ImageNotInProject {
                project: san.project.to_owned(),
            }
        })
    }
}

/// Whether a token subject, as in `project_path:g/p:ref_type:branch:ref:main:ref_protected:true`, says that the ref
/// is protected.
///
/// Read as pairs of known keys, each at most once, that agree with the rest of the certificate. Otherwise a value that
/// somebody chooses (a branch may be named almost anything) could pose as a pair.
fn says_protected(token_subject: &str, san: GitLabSan<'_>) -> bool {
    let mut parts = token_subject.split(':');
    let mut seen = Vec::new();
    let mut protected = false;
    while let Some(key) = parts.next() {
        let Some(value) = parts.next() else {
            return false;
        };
        if seen.contains(&key) || !TOKEN_SUBJECT_KEYS.contains(&key) {
            return false;
        }
        let agrees = match key {
            "project_path" => value == san.project,
            "ref_type" => ref_prefix(value).is_some_and(|prefix| san.ref_name.starts_with(prefix)),
            "ref" => short_ref(san.ref_name) == Some(value),
            _ => true,
        };
        if !agrees {
            return false;
        }
        protected |= key == "ref_protected" && value == "true";
        seen.push(key);
    }
    protected && seen.first() == Some(&"project_path")
}

fn short_ref(ref_name: &str) -> Option<&str> {
    ref_name
        .strip_prefix("refs/heads/")
        .or_else(|| ref_name.strip_prefix("refs/tags/"))
}

fn ref_prefix(ref_type: &str) -> Option<&'static str> {
    match ref_type {
        "branch" => Some("refs/heads/"),
        "tag" => Some("refs/tags/"),
        _ => None,
    }
}

/// The pipelines whose configuration and code come from the author of a merge request.
const MERGE_REQUEST_SOURCES: [&str; 2] = ["merge_request_event", "external_pull_request_event"];

/// The claims a token subject can be composed of whose values cannot hold a colon.
const TOKEN_SUBJECT_KEYS: [&str; 7] = [
    "project_path",
    "ref_type",
    "ref",
    "ref_protected",
    "environment",
    "environment_protected",
    "deployment_tier",
];
