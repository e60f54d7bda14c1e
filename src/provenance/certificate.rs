//! What a certificate says: the word of the CI platform, not of the job.

use super::{Fact, FactName, Facts, Source, node::Stated, url, url::Page};
use crate::verify::{Identity, San};

impl Facts {
    /// What a certificate says.
    ///
    /// Of GitLab's, only the repository's path and the job's are believed: the instance is that of the OIDC issuer.
    /// The class of a GitLab runner is no runner, and the CI configuration of GitLab no builder, so neither is stated.
    pub fn of_certificate(identity: &Identity) -> Self {
        let mut facts = Self::default();
        let mut state = |name, number: u8, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let path = format!("extension .{number}");
                let source = Source::Certificate;
                facts.add(
                    name,
                    Fact {
                        value,
                        source,
                        path,
                    },
                );
            }
        };
        let repository = source_repository_url(identity).map(|it| url::repository(&it));
        state(FactName::SourceRepository, 12, repository);
        state(FactName::Ref, 14, identity.source_repository_ref.clone());
        let commit = identity.source_repository_digest.as_deref();
        state(FactName::Commit, 13, commit.map(commit_text));
        state(FactName::PipelineSource, 20, identity.build_trigger.clone());
        let page = job_url(identity);
        if let Some(page) = page.as_deref() {
            match Page::of(page) {
                Some(Page::Job(id)) => {
                    state(FactName::JobId, 21, Some(id.to_owned()));
                    state(FactName::JobUrl, 21, Some(page.to_owned()));
                }
                Some(Page::Pipeline(id)) => {
                    state(FactName::PipelineId, 21, Some(id.to_owned()));
                    state(FactName::PipelineUrl, 21, Some(page.to_owned()));
                }
                Some(Page::Runner) | None => {}
            }
        }
        if identity.oidc_issuer == GITHUB_OIDC_ISSUER {
            state(FactName::Runner, 11, identity.runner_environment.clone());
            state(FactName::BuilderId, 9, identity.build_signer_uri.clone());
        }
        facts
    }
}

/// A commit, in lower case if it is one.
pub(super) fn commit_text(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        text.to_ascii_lowercase()
    } else {
        text.to_owned()
    }
}

/// The commit that a place states.
pub(super) fn commit(stated: Option<Stated>) -> Option<Stated> {
    stated.map(|Stated { value, path }| Stated {
        value: commit_text(&value),
        path,
    })
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

/// Of a GitLab job's certificate only the path says something: see [`source_project`].
fn at_its_instance(identity: &Identity, url: &str) -> String {
    let instance = &identity.oidc_issuer;
    let of_its_job = GitLabSan::of(identity).is_some_and(|san| san.host == host_of_url(instance));
    match source_project(url, instance) {
        Some(path) if of_its_job => format!("{instance}/{path}"),
        Some(_) | None => url.to_owned(),
    }
}

/// The OIDC issuer of GitHub Actions.
pub(crate) const GITHUB_OIDC_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Where GitHub's repositories are, in certificates.
pub(crate) const GITHUB: &str = "https://github.com/";

/// What stands before the project in extensions .12 and .21 of every GitLab certificate of the public Fulcio,
/// whatever instance it was issued to.
const GITLAB_COM: &str = "https://gitlab.com/";

/// The instance for which that is right.
const GITLAB_COM_INSTANCE: &str = "https://gitlab.com";

/// The parts of a GitLab job's SAN: `https://<host>/<project>//<config path>@<ref>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GitLabSan<'a> {
    /// The instance's host, with its port if that is not the default one.
    pub(crate) host: &'a str,
    /// The full path of the project that the job ran in.
    pub(crate) project: &'a str,
    /// The CI configuration.
    pub(crate) config_path: &'a str,
    /// The ref: that of extension .14.
    pub(crate) ref_name: &'a str,
}

impl<'a> GitLabSan<'a> {
    /// Takes the SAN apart, when it has this form and ends in `@` and the ref of extension .14.
    ///
    /// A branch may be called `x@refs/heads/main`, so the ref is never looked for in the SAN: the one that the
    /// certificate names elsewhere is removed from its end.
    pub(crate) fn of(identity: &'a Identity) -> Option<Self> {
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
pub(crate) fn source_project<'a>(uri: &'a str, instance: &str) -> Option<&'a str> {
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
pub(crate) fn host_of_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}
