//! Signers and authorities in the words of messages.

use super::text::{listed, shown};
use crate::{
    policy::{Authority, AuthorityKind, GitHubJob, GitLabJob},
    verify::{Identity, San, Signer},
};

/// Who signed, in the words of messages, annotations and `assay inspect`: `gitlab.com/acme/shop ref refs/tags/v1`.
pub fn signer_text(signer: &Signer) -> String {
    let text = match signer {
        Signer::Key { fingerprint } => key_text(fingerprint),
        Signer::Certificate(identity) => identity_text(identity),
    };
    shown(&text, SIGNER_BYTES)
}

/// The job or run of extension .21, at the instance that issued the certificate.
pub fn job_url(identity: &Identity) -> Option<String> {
    let url = identity.run_invocation_uri.as_deref()?;
    Some(at_its_instance(identity, url))
}

/// The repository of extension .12, at the instance that issued the certificate.
pub fn source_repository_url(identity: &Identity) -> Option<String> {
    let url = identity.source_repository_uri.as_deref()?;
    Some(at_its_instance(identity, url))
}

/// The public Fulcio writes `https://gitlab.com/` into the extensions of every GitLab instance's certificates.
fn at_its_instance(identity: &Identity, url: &str) -> String {
    let elsewhere =
        GitLabSan::of(identity).is_some() && identity.oidc_issuer != GITLAB_COM_INSTANCE;
    match url.strip_prefix(GITLAB_COM) {
        Some(path) if elsewhere => format!("{}/{path}", identity.oidc_issuer),
        Some(_) | None => url.to_owned(),
    }
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

/// The OIDC issuer of GitHub Actions.
pub(super) const GITHUB_OIDC_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Where GitHub's repositories are, in certificates.
pub(super) const GITHUB: &str = "https://github.com/";

/// What stands before the project in extensions .12 and .21 of every GitLab certificate of the public Fulcio,
/// whatever instance it was issued to.
pub(super) const GITLAB_COM: &str = "https://gitlab.com/";

/// The instance for which that is right.
pub(super) const GITLAB_COM_INSTANCE: &str = "https://gitlab.com";

/// The parts of a GitLab job's SAN: `https://<host>/<project>//<config path>@<ref>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct GitLabSan<'a> {
    /// The instance's host, with its port if that is not the default one.
    pub(super) host: &'a str,
    /// The full path of the project that the job ran in.
    pub(super) project: &'a str,
    /// The CI configuration.
    pub(super) config_path: &'a str,
    /// The ref: that of extension .14.
    pub(super) ref_name: &'a str,
}

impl<'a> GitLabSan<'a> {
    /// Takes the SAN apart, when it has this form and ends in `@` and the ref of extension .14.
    ///
    /// A branch may be called `x@refs/heads/main`, so the ref is never looked for in the SAN: the one that the
    /// certificate names elsewhere is removed from its end.
    pub(super) fn of(identity: &'a Identity) -> Option<Self> {
        let San::Uri(san) = &identity.san else {
            return None;
        };
        let ref_name = identity.source_repository_ref.as_deref()?;
        let rest = san.strip_prefix("https://")?;
        let rest = rest.strip_suffix(ref_name)?.strip_suffix('@')?;
        let (host, path) = rest.split_once('/')?;
        let (project, config_path) = path.split_once("//")?;
        let complete = [host, project, config_path, ref_name]
            .iter()
            .all(|part| !part.is_empty());
        complete.then_some(Self {
            host,
            project,
            config_path,
            ref_name,
        })
    }
}

/// The project's full path in extension .12 of a certificate that was issued to a job of this instance.
///
/// The public Fulcio writes `https://gitlab.com/` before it for every instance, and a private one the URL that its
/// operator set, with or without the instance's relative URL root. So only for gitlab.com itself the host means
/// anything. A group that is called as the root is cannot be told from it here; the project's id can tell them apart.
pub(super) fn source_project<'a>(uri: &'a str, instance: &str) -> Option<&'a str> {
    if instance == GITLAB_COM_INSTANCE {
        return uri.strip_prefix(GITLAB_COM);
    }
    let below_root = uri
        .strip_prefix(instance)
        .and_then(|rest| rest.strip_prefix('/'));
    let path = below_root.or_else(|| path_of_url(uri))?;
    Some(path.trim_start_matches('/'))
}

/// The path after the host of a URL.
fn path_of_url(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let (_, path) = rest.split_once('/')?;
    Some(path)
}

/// The host (and port) of an instance's URL, as it stands in SANs: a relative URL root is no part of it.
pub(super) fn host_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
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
