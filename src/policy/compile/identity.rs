//! Keyless identities, compiled.

use url::Url;

use super::{Compiler, Fault, FieldPath};
use crate::{
    image::Pattern,
    policy::{
        AuthorityKind, GitHubJob, GitLabJob, TrustRootName,
        crd::{self, PUBLIC_GITLAB_INSTANCES},
    },
};

impl Compiler<'_> {
    pub(super) fn keyless(
        &mut self,
        wire: &crd::Keyless,
        path: &FieldPath,
    ) -> Option<AuthorityKind> {
        let is_url = Url::parse(&wire.issuer)
            .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        if !is_url || wire.issuer.contains('*') {
            let expected = "an exact URL without wildcards";
            self.report(
                &path.field("issuer"),
                Fault::expected_text(expected, &wire.issuer),
            );
        }
        let path = path.field("san");
        let san = self.pattern(&wire.san, &path)?;
        if wire.san.chars().all(|c| matches!(c, '*' | '/')) {
            let expected = "more than wildcards, which would accept everybody the issuer knows";
            self.report(&path, Fault::expected_text(expected, &wire.san));
        }
        Some(AuthorityKind::Keyless {
            oidc_issuer: wire.issuer.clone(),
            san,
        })
    }

    pub(super) fn gitlab(
        &mut self,
        wire: &crd::GitLab,
        trust_root: &TrustRootName,
        path: &FieldPath,
    ) -> Option<GitLabJob> {
        let instance = self.instance(&wire.instance, trust_root, &path.field("instance"));
        let project = self.project(&wire.project, &path.field("project"));
        let ref_pattern = self.ref_pattern(wire.r#ref.as_deref(), path);
        self.project_id(wire.project_id.as_deref(), &path.field("projectId"));
        self.filled(wire.config_path.as_deref(), &path.field("configPath"));
        self.filled(wire.environment.as_deref(), &path.field("environment"));
        for (index, source) in wire.pipeline_sources.iter().enumerate() {
            self.pipeline_source(source, &path.field("pipelineSources").index(index));
        }
        Some(GitLabJob {
            instance: instance?,
            project: project?,
            project_id: wire.project_id.clone(),
            ref_pattern: ref_pattern?,
            protected_ref: wire.protected_ref,
            config_path: wire.config_path.clone(),
            pipeline_sources: wire.pipeline_sources.clone(),
            runner_environment: wire
                .runner_environment
                .map(|environment| environment.as_str().to_owned()),
            environment: wire.environment.clone(),
            image_in_project: wire.image_in_project,
        })
    }

    pub(super) fn github(&mut self, wire: &crd::GitHub, path: &FieldPath) -> Option<GitHubJob> {
        let repository = self.github_repository(&wire.repository, &path.field("repository"));
        let workflow = match wire.workflow.as_deref() {
            None => Some(None),
            Some(text) => self.pattern(text, &path.field("workflow")).map(Some),
        };
        let ref_pattern = self.ref_pattern(wire.r#ref.as_deref(), path);
        Some(GitHubJob {
            repository: repository?,
            workflow: workflow?,
            ref_pattern: ref_pattern?,
        })
    }

    /// The instance as its tokens name it: scheme, host, port and root path, nothing else, no slash at the end.
    fn instance(
        &mut self,
        text: &str,
        trust_root: &TrustRootName,
        path: &FieldPath,
    ) -> Option<String> {
        let Some(instance) = instance_url(text) else {
            let expected = "an https URL such as https://gitlab.com";
            self.report(path, Fault::expected_text(expected, text));
            return None;
        };
        let is_public = PUBLIC_GITLAB_INSTANCES.contains(&instance.as_str());
        if !is_public && *trust_root == TrustRootName::Public {
            let expected = "a trustRootRef that names an ImageTrustRoot beside an instance \
                            whose tokens the public-good Sigstore does not accept";
            self.report(path, Fault::expected_text(expected, text));
            return None;
        }
        Some(instance)
    }

    fn project(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        if text.contains("://") || text.starts_with('/') || text.ends_with('/') {
            let expected = "a pattern over the project's path, as in acme/shop/api";
            self.report(path, Fault::expected_text(expected, text));
            return None;
        }
        self.pattern(text, path)
    }

    fn project_id(&mut self, text: Option<&str>, path: &FieldPath) {
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(id) = text.filter(|id| !is_id(id)) {
            self.report(path, Fault::expected_text("a number", id));
        }
    }

    pub(super) fn pipeline_source(&mut self, source: &str, path: &FieldPath) {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if source.is_empty() || !source.bytes().all(is_word) {
            let expected = "a pipeline source such as push or web";
            self.report(path, Fault::expected_text(expected, source));
        }
    }

    /// Anybody can register an owner whose name fits a wildcard.
    fn github_repository(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        let has_owner = text.split_once('/').is_some_and(|(owner, name)| {
            !owner.is_empty() && !owner.contains('*') && !name.is_empty() && !name.contains('/')
        });
        if !has_owner {
            let expected = "owner/name, the owner without wildcards";
            self.report(path, Fault::expected_text(expected, text));
            return None;
        }
        self.pattern(text, path)
    }

    /// Outer none: a problem was reported. Inner none: there is no such field.
    #[expect(clippy::option_option, reason = "absent and refused are two things")]
    fn ref_pattern(&mut self, text: Option<&str>, path: &FieldPath) -> Option<Option<Pattern>> {
        let Some(text) = text else {
            return Some(None);
        };
        self.full_ref(text, &path.field("ref")).map(Some)
    }

    pub(super) fn full_ref(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        if !text.starts_with("refs/") {
            let expected = "a full ref such as refs/heads/main or refs/tags/v*";
            self.report(path, Fault::expected_text(expected, text));
            return None;
        }
        self.pattern(text, path)
    }

    pub(super) fn pattern(&mut self, text: &str, path: &FieldPath) -> Option<Pattern> {
        text.parse()
            .map_err(|error| self.report(path, Fault::Pattern(error)))
            .ok()
    }

    /// An empty text would be compared and never match; its author meant something else.
    pub(super) fn filled(&mut self, text: Option<&str>, path: &FieldPath) {
        if text.is_some_and(str::is_empty) {
            self.report(path, Fault::expected("a text", "an empty one"));
        }
    }
}

fn instance_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.scheme() == "https"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && !text.contains(['*', '@']);
    is_plain.then(|| url.as_str().trim_end_matches('/').to_owned())
}
