//! One build of an image: what happened, and how each builder that Assay reads would tell it.
//!
//! Certificate and statements of one [`Build`] agree. To let them disagree, make the one of another build, or change one
//! place of a statement with [`Predicate::with`] and [`Predicate::without`].

mod buildkit;
mod github;
mod gitlab;
mod predicate;
#[cfg(test)]
mod tests;

pub use predicate::Predicate;

use jiff::Timestamp;

use super::sigstore::Claims;
use crate::image::Digest;

/// What happened in one build. The constructors fill in everything; each setter changes one fact wherever it is told.
#[derive(Clone, Debug)]
pub struct Build {
    platform: Platform,
    project: String,
    git_ref: String,
    commit: String,
    pipeline_id: u64,
    job_id: u64,
    pipeline_source: String,
    runner: String,
    protected_ref: bool,
    environment: Option<String>,
    user: String,
    base_images: Vec<BaseImage>,
    started_on: Timestamp,
    finished_on: Timestamp,
}

/// An image that was built upon.
#[derive(Clone, Debug)]
struct BaseImage {
    /// With host and tag, as in `registry.example/base/debian:12`.
    name: String,
    digest: Option<Digest>,
}

/// Where it happened.
#[derive(Clone, Debug)]
enum Platform {
    /// A GitLab instance, by its URL without a trailing slash.
    GitLab { instance: String },
    /// GitHub Actions, with this workflow file.
    GitHub { workflow: String },
}

impl Build {
    /// A job of a GitLab.com project, as in `gitlab("acme/shop/api", "refs/tags/v1.8.2")`.
    pub fn gitlab(project: &str, git_ref: &str) -> Self {
        Self::gitlab_at("https://gitlab.com", project, git_ref)
    }

    /// A job of a project of this GitLab instance.
    pub fn gitlab_at(instance: &str, project: &str, git_ref: &str) -> Self {
        let platform = Platform::GitLab {
            instance: instance.to_owned(),
        };
        let runner = format!("{instance}/{project}/-/runners/1234");
        Self::new(platform, project, git_ref, runner)
    }

    /// A run of GitHub Actions, as in `github("acme/shop", ".github/workflows/release.yml", "refs/tags/v1")`.
    pub fn github(repository: &str, workflow: &str, git_ref: &str) -> Self {
        let platform = Platform::GitHub {
            workflow: workflow.to_owned(),
        };
        Self::new(platform, repository, git_ref, "github-hosted".to_owned())
    }

    fn new(platform: Platform, project: &str, git_ref: &str, runner: String) -> Self {
        Self {
            platform,
            project: project.to_owned(),
            git_ref: git_ref.to_owned(),
            commit: COMMIT.to_owned(),
            pipeline_id: 1_077_352_011,
            job_id: 4_316_132_595,
            pipeline_source: "push".to_owned(),
            runner,
            protected_ref: true,
            environment: None,
            user: "alice".to_owned(),
            base_images: Vec::new(),
            started_on: STARTED_ON,
            finished_on: FINISHED_ON,
        }
    }

    /// Replaces the commit.
    #[must_use]
    pub fn commit(mut self, commit: &str) -> Self {
        commit.clone_into(&mut self.commit);
        self
    }

    /// Replaces what started the pipeline, as in `schedule`.
    #[must_use]
    pub fn pipeline_source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.pipeline_source);
        self
    }

    /// Replaces the pipeline's number.
    #[must_use]
    pub fn pipeline_id(mut self, id: u64) -> Self {
        self.pipeline_id = id;
        self
    }

    /// Replaces the job's number.
    #[must_use]
    pub fn job_id(mut self, id: u64) -> Self {
        self.job_id = id;
        self
    }

    /// Replaces the runner: its URL on GitLab, its kind on GitHub.
    #[must_use]
    pub fn runner(mut self, runner: &str) -> Self {
        runner.clone_into(&mut self.runner);
        self
    }

    /// Builds from a ref that is not protected.
    #[must_use]
    pub fn unprotected(mut self) -> Self {
        self.protected_ref = false;
        self
    }

    /// Builds for a deployment environment.
    #[must_use]
    pub fn environment(mut self, environment: &str) -> Self {
        self.environment = Some(environment.to_owned());
        self
    }

    /// Builds upon this image, named with its host and tag.
    #[must_use]
    pub fn base_image(mut self, name: &str, digest: &Digest) -> Self {
        self.base_images.push(BaseImage {
            name: name.to_owned(),
            digest: Some(digest.clone()),
        });
        self
    }

    /// Builds upon this image without saying which digest that was.
    #[must_use]
    pub fn base_image_without_digest(mut self, name: &str) -> Self {
        self.base_images.push(BaseImage {
            name: name.to_owned(),
            digest: None,
        });
        self
    }

    /// Builds for a minute that ends then.
    #[must_use]
    pub fn finished_on(mut self, finished_on: Timestamp) -> Self {
        self.started_on = finished_on - jiff::SignedDuration::from_mins(1);
        self.finished_on = finished_on;
        self
    }

    /// Whom the platform's certificate authority would issue a certificate to.
    pub fn claims(&self) -> Claims {
        match &self.platform {
            Platform::GitLab { instance } => self.gitlab_claims(instance),
            Platform::GitHub { workflow } => Claims::github(&self.project, workflow, &self.git_ref)
                .commit(&self.commit)
                .trigger(&self.pipeline_source)
                .runner_environment(&self.runner)
                .extension(21, &self.run_url()),
        }
    }

    fn gitlab_claims(&self, instance: &str) -> Claims {
        let (kind, name) = self.kind_and_name_of_ref();
        let subject = format!(
            "project_path:{}:ref_type:{kind}:ref:{name}:ref_protected:{}",
            self.project, self.protected_ref
        );
        let claims = Claims::gitlab_at(instance, &self.project, &self.git_ref)
            .commit(&self.commit)
            .trigger(&self.pipeline_source)
            .extension(21, &self.job_url())
            .token_subject(&subject);
        match &self.environment {
            Some(environment) => claims.environment(environment),
            None => claims,
        }
    }

    /// Where the code lies.
    fn project_url(&self) -> String {
        match &self.platform {
            Platform::GitLab { instance } => format!("{instance}/{}", self.project),
            Platform::GitHub { .. } => format!("https://github.com/{}", self.project),
        }
    }

    fn job_url(&self) -> String {
        format!("{}/-/jobs/{}", self.project_url(), self.job_id)
    }

    fn run_url(&self) -> String {
        let (project, run) = (self.project_url(), self.pipeline_id);
        format!("{project}/actions/runs/{run}/attempts/1")
    }

    /// As in `tag` and `v1.8.2`.
    fn kind_and_name_of_ref(&self) -> (&'static str, &str) {
        match self.git_ref.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => (
                "branch",
                self.git_ref
                    .strip_prefix("refs/heads/")
                    .unwrap_or(&self.git_ref),
            ),
        }
    }
}

/// The commit of a build that names no other; that of [`Claims`] too.
pub const COMMIT: &str = "714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e";

/// 2026-01-02T03:04:05Z.
const STARTED_ON: Timestamp = Timestamp::constant(1_767_323_045, 0);

/// A minute later.
const FINISHED_ON: Timestamp = Timestamp::constant(1_767_323_105, 0);
