//! Who writes provenance, and where each puts what. A shape is known by its predicate type and build type, whole.

mod buildkit;
mod github;
mod gitlab;
mod npm;

use super::{
    BaseImage, Fact, FactName, Facts, ProvenanceError, SLSA_V0_2, SLSA_V1, Source,
    certificate::commit,
    error::within,
    node::{Node, Stated},
    url,
    url::Page,
};
use crate::limits;

/// Who wrote a statement, as far as its build type tells.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Shape {
    /// GitLab Runner's artifact metadata.
    GitLabRunner,
    /// GitLab's own provenance, and what is written after our documented example: see [`ASSAY_BUILD_TYPE`].
    GitLab,
    /// npm's, in a job of GitLab.
    NpmGitLab,
    /// BuildKit's.
    BuildKit,
    /// That of GitHub's attest actions.
    GitHub,
    /// slsa-github-generator's, for container images.
    SlsaGithubGenerator,
    /// Some other: no facts are read.
    Unknown,
}

/// The build type of provenance that a GitLab job writes after our documentation. It has the fields of GitLab's own.
pub const ASSAY_BUILD_TYPE: &str = "https://assay.dev/gitlab-ci/v1";

impl Shape {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::GitLabRunner,
        Self::GitLab,
        Self::NpmGitLab,
        Self::BuildKit,
        Self::GitHub,
        Self::SlsaGithubGenerator,
        Self::Unknown,
    ];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitLabRunner => "gitlabRunner",
            Self::GitLab => "gitlab",
            Self::NpmGitLab => "npmGitlab",
            Self::BuildKit => "buildkit",
            Self::GitHub => "github",
            Self::SlsaGithubGenerator => "slsaGithubGenerator",
            Self::Unknown => "unknown",
        }
    }

    /// The shape of this build type, and of this builder where the type alone does not tell.
    fn of(predicate_type: &str, build_type: &str, builder_id: &str) -> Self {
        let is_runners = build_type
            .strip_prefix(RUNNER_BUILD_TYPE)
            .and_then(|rest| rest.strip_suffix("/PROVENANCE.md"))
            .is_some_and(|version| !version.is_empty() && !version.contains('/'));
        match (predicate_type, build_type) {
            (SLSA_V1, GITLAB_BUILD_TYPE | ASSAY_BUILD_TYPE) => Self::GitLab,
            (SLSA_V1, BUILDKIT_BUILD_TYPE | BUILDKIT_OLD_BUILD_TYPE)
            | (SLSA_V0_2, BUILDKIT_OLD_BUILD_TYPE) => Self::BuildKit,
            (SLSA_V1, GITHUB_BUILD_TYPE | GITHUB_OLD_BUILD_TYPE) => Self::GitHub,
            (SLSA_V1, _) if is_runners => Self::GitLabRunner,
            (SLSA_V0_2, _) if NPM_BUILD_TYPES.contains(&build_type) => Self::NpmGitLab,
            (SLSA_V0_2, GENERATOR_BUILD_TYPE) if builder_id.starts_with(GENERATOR_BUILDER) => {
                Self::SlsaGithubGenerator
            }
            (_, _) => Self::Unknown,
        }
    }
}

/// Reads a predicate of SLSA's types.
pub(super) fn read(
    predicate_type: &str,
    predicate: &Node<'_>,
    source: Source,
) -> Result<(Shape, Facts), ProvenanceError> {
    let (build_type, builder) = if predicate_type == SLSA_V1 {
        (
            predicate.at(&["buildDefinition", "buildType"])?,
            predicate.at(&["runDetails", "builder", "id"])?,
        )
    } else {
        (
            predicate.field("buildType")?,
            predicate.at(&["builder", "id"])?,
        )
    };
    let (build_type, builder) = (build_type.text()?, builder.text()?);
    let text = |stated: &Option<Stated>| stated.as_ref().map(|it| it.value.clone());
    let shape = Shape::of(
        predicate_type,
        &text(&build_type).unwrap_or_default(),
        &text(&builder).unwrap_or_default(),
    );
    let mut reader = Reader {
        source,
        facts: Facts::default(),
    };
    if shape == Shape::Unknown {
        return Ok((shape, reader.facts));
    }
    reader.state(FactName::BuildType, build_type);
    reader.state(FactName::BuilderId, builder.clone());
    match shape {
        Shape::GitLabRunner => gitlab::read_runners(&mut reader, predicate, builder)?,
        Shape::GitLab => gitlab::read(&mut reader, predicate, builder)?,
        Shape::NpmGitLab => npm::read(&mut reader, predicate, builder)?,
        Shape::BuildKit if predicate_type == SLSA_V1 => {
            buildkit::read_v1(&mut reader, predicate, builder)?;
        }
        Shape::BuildKit => buildkit::read_v0_2(&mut reader, predicate, builder)?,
        Shape::GitHub => github::read(&mut reader, predicate)?,
        Shape::SlsaGithubGenerator => github::read_generators(&mut reader, predicate)?,
        Shape::Unknown => {}
    }
    Ok((shape, reader.facts))
}

/// The facts of one statement, as they are found.
struct Reader {
    source: Source,
    facts: Facts,
}

impl Reader {
    fn state(&mut self, name: FactName, stated: Option<Stated>) {
        self.facts.state(name, self.source, stated);
    }

    /// A URL of a repository, in the form that all of them have.
    fn state_repository(&mut self, stated: Option<Stated>) {
        let stated = stated.map(|Stated { value, path }| Stated {
            value: url::repository(&value),
            path,
        });
        self.state(FactName::SourceRepository, stated);
    }

    fn state_commit(&mut self, stated: Option<Stated>) {
        self.state(FactName::Commit, commit(stated));
    }

    /// A link, and the id of what it shows.
    fn state_link(&mut self, name: FactName, stated: Option<Stated>) {
        let Some(Stated { value, path }) = stated else {
            return;
        };
        let value = url::without_credentials(&value);
        if let Some((shown, id)) = Page::of(&value).and_then(|page| page.shows(name)) {
            let id = Stated {
                value: id.to_owned(),
                path: path.clone(),
            };
            self.state(shown, Some(id));
        }
        self.state(name, Some(Stated { value, path }));
    }

    /// The link to a pipeline or job, where it is not stated but what it is made of is.
    fn compose_link(&mut self, name: FactName, id: FactName, between: &str) {
        if !self.facts.all(name).is_empty() {
            return;
        }
        let (Some(repository), Some(id)) = (
            self.facts.best(FactName::SourceRepository),
            self.facts.best(id),
        ) else {
            return;
        };
        if !(repository.value.starts_with("https://") || repository.value.starts_with("http://"))
            || !url::is_number(&id.value)
        {
            return;
        }
        let fact = Fact {
            value: format!("{}{between}{}", repository.value, id.value),
            source: self.source,
            path: format!("{} and {}", repository.path, id.path),
        };
        self.facts.add(name, fact);
    }

    /// The URL of a build, which the one who runs BuildKit may give as the builder: its path tells what it shows.
    fn state_build_page(&mut self, builder: Option<Stated>) {
        let page = builder.as_ref().and_then(|it| Page::of(&it.value));
        match page {
            Some(Page::Pipeline(_)) => self.state_link(FactName::PipelineUrl, builder),
            Some(Page::Job(_)) => self.state_link(FactName::JobUrl, builder),
            Some(Page::Runner) => self.state(FactName::Runner, builder),
            None => {}
        }
    }

    /// The images among what was used.
    fn state_images(&mut self, dependencies: &[Node<'_>]) -> Result<(), ProvenanceError> {
        let mut images = Vec::new();
        for dependency in dependencies {
            images.extend(BaseImage::of_dependency(dependency, self.source)?);
            within("base images", images.len(), limits::BASE_IMAGES)?;
        }
        self.facts.add_base_images(&images);
        Ok(())
    }

    /// When the build began and ended, in SLSA v1.
    fn state_times(&mut self, metadata: &Node<'_>) -> Result<(), ProvenanceError> {
        self.state(FactName::StartedOn, metadata.field("startedOn")?.time()?);
        self.state(FactName::FinishedOn, metadata.field("finishedOn")?.time()?);
        Ok(())
    }

    /// When the build began and ended, in SLSA v0.2.
    fn state_old_times(&mut self, metadata: &Node<'_>) -> Result<(), ProvenanceError> {
        let (started, finished) = (
            metadata.field("buildStartedOn")?.time()?,
            metadata.field("buildFinishedOn")?.time()?,
        );
        self.state(FactName::StartedOn, started);
        self.state(FactName::FinishedOn, finished);
        Ok(())
    }
}

const RUNNER_BUILD_TYPE: &str = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/";
const GITLAB_BUILD_TYPE: &str = "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1";
const BUILDKIT_BUILD_TYPE: &str =
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";
const BUILDKIT_OLD_BUILD_TYPE: &str = "https://mobyproject.org/buildkit@v1";
const GITHUB_BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";
const GITHUB_OLD_BUILD_TYPE: &str =
    "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1";
const NPM_BUILD_TYPES: [&str; 3] = [
    "https://github.com/npm/CLI/gitlab/v0alpha1",
    "https://github.com/npm/cli/gitlab/v0alpha1",
    "https://github.com/npm/cli/gitlab/v1alpha1",
];
const GENERATOR_BUILD_TYPE: &str =
    "https://github.com/slsa-framework/slsa-github-generator/container@v1";
const GENERATOR_BUILDER: &str =
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";
