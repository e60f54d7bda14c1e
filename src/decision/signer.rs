//! Signers and authorities in the words of messages.

use super::text::{listed, shown};
use crate::{
    policy::{Authority, AuthorityKind, GitHubJob, GitLabJob},
    provenance::{GITHUB, GITHUB_OIDC_ISSUER, GitLabSan, host_of_url, source_project},
    verify::{Identity, Signer},
};

/// Who signed, in the words of messages, annotations and `assay inspect`: `gitlab.com/acme/shop ref refs/tags/v1`.
pub fn signer_text(signer: &Signer) -> String {
    let text = match signer {
        Signer::Key { fingerprint } => key_text(fingerprint),
        Signer::Certificate(identity) => identity_text(identity),
    };
    shown(&text, SIGNER_BYTES)
}

/// What an authority accepts, in the form in which [`signer_text`] names a signer.
pub(super) fn authority_text(authority: &Authority) -> String {
    let text = match &authority.kind {
        AuthorityKind::Keys(keys) => {
            let keys: Vec<String> =
                (keys.iter().map(|it| key_text(it.key.fingerprint()))).collect();
            listed(&keys, "or", 2)
        }
        AuthorityKind::Keyless { oidc_issuer, san } => format!("{san} ({oidc_issuer})"),
        AuthorityKind::GitLab(job) => gitlab_job_text(job),
        AuthorityKind::GitHub(job) => github_job_text(job),
    };
    shown(&text, SIGNER_BYTES)
}

fn identity_text(identity: &Identity) -> String {
    github_text(identity)
        .or_else(|| gitlab_text(identity))
        .unwrap_or_else(|| format!("{} ({})", identity.san.as_str(), identity.oidc_issuer))
}

fn github_text(identity: &Identity) -> Option<String> {
    let repository = identity
        .source_repository_uri
        .as_deref()?
        .strip_prefix(GITHUB)?;
    (identity.oidc_issuer == GITHUB_OIDC_ISSUER).then(|| {
        with_ref(
            format!("github.com/{repository}"),
            identity.source_repository_ref.as_deref(),
        )
    })
}

/// The project is that of extension .12: in a fork's merge request the SAN names the target, not the author.
fn gitlab_text(identity: &Identity) -> Option<String> {
    let san = GitLabSan::of(identity)?;
    if san.host != host_of_url(&identity.oidc_issuer) {
        return None;
    }
    let project = identity
        .source_repository_uri
        .as_deref()
        .and_then(|uri| source_project(uri, &identity.oidc_issuer))
        .unwrap_or(san.project);
    Some(with_ref(
        format!("{}/{project}", san.host),
        Some(san.ref_name),
    ))
}

fn gitlab_job_text(job: &GitLabJob) -> String {
    let ref_pattern = job.ref_pattern.as_ref().map(ToString::to_string);
    with_ref(
        format!("{}/{}", host_of_url(&job.instance), job.project),
        ref_pattern.as_deref(),
    )
}

fn github_job_text(job: &GitHubJob) -> String {
    let ref_pattern = job.ref_pattern.as_ref().map(ToString::to_string);
    with_ref(
        format!("github.com/{}", job.repository),
        ref_pattern.as_deref(),
    )
}

fn with_ref(project: String, ref_name: Option<&str>) -> String {
    match ref_name {
        Some(name) => format!("{project} ref {name}"),
        None => project,
    }
}

fn key_text(fingerprint: &str) -> String {
    let short: String = fingerprint.chars().take(12).collect();
    format!("key sha256:{short}…")
}

/// The longest name of a signer or an authority, in bytes.
const SIGNER_BYTES: usize = 100;
