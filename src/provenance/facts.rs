//! The vocabulary, and what is said in it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{BaseImage, Unreadable, node::Stated};
use crate::limits;

/// What can be said about a build, whatever says it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FactName {
    /// The URL of the repository that was built, without scheme prefixes, `.git`, ref and credentials.
    SourceRepository,
    /// The ref that was built: the full one, or only its short name where nothing says of what kind it is.
    Ref,
    /// The commit that was built.
    Commit,
    /// The pipeline (GitLab) or run (GitHub).
    PipelineId,
    /// Where the pipeline can be seen.
    PipelineUrl,
    /// The job.
    JobId,
    /// Where the job can be seen.
    JobUrl,
    /// What started the pipeline, as in `push`.
    PipelineSource,
    /// The runner's URL (GitLab) or class (GitHub).
    Runner,
    /// SLSA's builder id.
    BuilderId,
    /// SLSA's build type.
    BuildType,
    /// When the build began.
    StartedOn,
    /// When the build ended.
    FinishedOn,
    /// Who started the job.
    User,
}

/// Who says it, the most trusted first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// The CI platform, in the certificate that it was issued.
    Certificate,
    /// The job, in an attestation that it signed.
    Attestation,
    /// BuildKit, in a statement in the index: the index's digest covers it.
    BuildStatement,
    /// The job, in what it signed together with the image.
    SignatureAnnotation,
    /// Whoever built the image, in annotations of the index or a manifest.
    ImageAnnotation,
    /// Whoever built the image, or the image it is based on.
    Label,
}

/// One thing that is said, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What is said. From a certificate or a registry: not yet safe to show.
    pub value: String,
    /// Who says it.
    pub source: Source,
    /// Where: `extension .13`, `predicate.buildDefinition.…`, or the key of an annotation or label.
    pub path: String,
}

/// Everything that is said about a build, each fact with its source.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// Per name in order of trust, and of equal trust in the order found.
    by_name: BTreeMap<FactName, Vec<Fact>>,
    base_images: Vec<BaseImage>,
    unreadable: Vec<Unreadable>,
}

impl FactName {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::SourceRepository,
        Self::Ref,
        Self::Commit,
        Self::PipelineId,
        Self::PipelineUrl,
        Self::JobId,
        Self::JobUrl,
        Self::PipelineSource,
        Self::Runner,
        Self::BuilderId,
        Self::BuildType,
        Self::StartedOn,
        Self::FinishedOn,
        Self::User,
    ];

    /// The name in policies, conditions and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceRepository => "sourceRepository",
            Self::Ref => "ref",
            Self::Commit => "commit",
            Self::PipelineId => "pipelineId",
            Self::PipelineUrl => "pipelineUrl",
            Self::JobId => "jobId",
            Self::JobUrl => "jobUrl",
            Self::PipelineSource => "pipelineSource",
            Self::Runner => "runner",
            Self::BuilderId => "builderId",
            Self::BuildType => "buildType",
            Self::StartedOn => "startedOn",
            Self::FinishedOn => "finishedOn",
            Self::User => "user",
        }
    }

    /// The name in messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::SourceRepository => "source repository",
            Self::Ref => "ref",
            Self::Commit => "commit",
            Self::PipelineId => "pipeline",
            Self::PipelineUrl => "pipeline link",
            Self::JobId => "job",
            Self::JobUrl => "job link",
            Self::PipelineSource => "pipeline source",
            Self::Runner => "runner",
            Self::BuilderId => "builder",
            Self::BuildType => "build type",
            Self::StartedOn => "start",
            Self::FinishedOn => "end",
            Self::User => "user",
        }
    }
}

impl Source {
    /// All of them, the most trusted first.
    pub const ALL: [Self; 6] = [
        Self::Certificate,
        Self::Attestation,
        Self::BuildStatement,
        Self::SignatureAnnotation,
        Self::ImageAnnotation,
        Self::Label,
    ];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Attestation => "attestation",
            Self::BuildStatement => "buildStatement",
            Self::SignatureAnnotation => "signatureAnnotation",
            Self::ImageAnnotation => "imageAnnotation",
            Self::Label => "label",
        }
    }

    /// The name in messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Attestation => "attestation",
            Self::BuildStatement => "build statement",
            Self::SignatureAnnotation => "signature annotation",
            Self::ImageAnnotation => "image annotation",
            Self::Label => "label",
        }
    }
}

impl Facts {
    /// What the most trusted source says.
    pub fn best(&self, name: FactName) -> Option<&Fact> {
        self.all(name).first()
    }

    /// What the most trusted source that states a ref says: the full ref, or the short name where that is all there is.
    ///
    /// A less trusted source never tells whether a short name is a branch or a tag.
    pub fn ref_name(&self) -> Option<&Fact> {
        let best = self.best(FactName::Ref)?;
        let mut by_the_same = self.all(FactName::Ref).iter();
        let full = by_the_same.find(|it| it.source == best.source && it.value.starts_with("refs/"));
        Some(full.unwrap_or(best))
    }

    /// What is said, the most trusted first. No source says the same twice.
    pub fn all(&self, name: FactName) -> &[Fact] {
        self.by_name
            .get(&name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The images that were used, the most trusted source's first. A build uses others than its base: see
    /// [`BaseImage`].
    pub fn base_images(&self) -> &[BaseImage] {
        &self.base_images
    }

    /// What would say more if it could be read. Who asks for all that is said, as a rule on base images does, cannot
    /// be content with the rest.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// What either says. Of equal trust, what `self` says comes first.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        for (name, facts) in other.by_name {
            for fact in facts {
                self.add(name, fact);
            }
        }
        self.add_base_images(&other.base_images);
        for unreadable in other.unreadable {
            self.add_unreadable(unreadable);
        }
        self
    }

    /// Adds what a place states, if it states anything.
    pub(super) fn state(&mut self, name: FactName, source: Source, stated: Option<Stated>) {
        if let Some(Stated { value, path }) = stated {
            self.add(
                name,
                Fact {
                    value,
                    source,
                    path,
                },
            );
        }
    }

    /// Adds what is stated, once. Where nothing is left of it in its normal form, nothing is stated.
    pub(super) fn add(&mut self, name: FactName, fact: Fact) {
        if fact.value.is_empty() {
            return;
        }
        let facts = self.by_name.entry(name).or_default();
        if facts
            .iter()
            .any(|one| one.source == fact.source && one.value == fact.value)
        {
            return;
        }
        let place = facts.partition_point(|one| one.source <= fact.source);
        facts.insert(place, fact);
    }

    /// Adds images of which no source names one twice. Those beyond the bound are told of as unreadable.
    pub(super) fn add_base_images(&mut self, images: &[BaseImage]) {
        let mut known: BTreeSet<_> = self.base_images.iter().map(BaseImage::key).collect();
        let mut more = Vec::new();
        let mut left_out = None;
        for image in images {
            if !known.insert(image.key()) {
                continue;
            }
            if known.len() > limits::BASE_IMAGES {
                left_out = left_out.or_else(|| Some(image.beyond_the_bound(known.len())));
            } else {
                more.push(image.clone());
            }
        }
        self.base_images.extend(more);
        self.base_images.sort_by_key(|image| image.source);
        if let Some(unreadable) = left_out {
            self.add_unreadable(unreadable);
        }
    }

    pub(super) fn add_unreadable(&mut self, unreadable: Unreadable) {
        if !self.unreadable.contains(&unreadable) {
            self.unreadable.push(unreadable);
            self.unreadable.sort_by(|one, other| {
                let order = one.source.cmp(&other.source);
                if order == Ordering::Equal {
                    one.path.cmp(&other.path)
                } else {
                    order
                }
            });
        }
    }
}
