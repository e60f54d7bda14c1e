//! What annotations and labels say: the claims of whoever signed or built the image.

use std::collections::BTreeMap;

use super::{
    BaseImage, Fact, FactName, Facts, Provenance, ProvenanceError, Source, Unreadable,
    certificate::commit_text, error::within, is_provenance, url, url::Page,
};
use crate::{
    image::{BuildStatement, Contents},
    limits,
};

impl Facts {
    /// What a signature's annotations say: the job's claim, which its signature covers.
    pub fn of_signature_annotations(annotations: &BTreeMap<String, String>) -> Self {
        let mut facts = Self::default();
        facts.read_texts(annotations, Source::SignatureAnnotation, "");
        facts
    }

    /// What an image says about itself: its annotations, its labels and BuildKit's statements.
    ///
    /// Labels may be the base image's. What cannot be read is told of in [`Facts::unreadable`].
    pub fn of_contents(contents: &Contents) -> Self {
        let mut facts = Self::default();
        facts.read_texts(&contents.annotations, Source::ImageAnnotation, "");
        for image in &contents.platforms {
            let place = match image.platform.as_str() {
                "" => String::new(),
                platform => format!(" ({platform})"),
            };
            facts.read_texts(&image.annotations, Source::ImageAnnotation, &place);
            facts.read_texts(&image.labels, Source::Label, &place);
        }
        facts.read_build_statements(contents);
        facts
    }

    /// What BuildKit says. An index has statements of other types too, as bills of materials.
    fn read_build_statements(&mut self, contents: &Contents) {
        let source = Source::BuildStatement;
        let statements = contents.build_statements.iter();
        for statement in statements.filter(|it| is_provenance(&it.predicate_type)) {
            match Provenance::parse(&statement.predicate_type, &statement.statement, source) {
                Ok(provenance) => *self = std::mem::take(self).merged(provenance.facts),
                Err(error) => self.add_unreadable(Unreadable {
                    source,
                    path: platform_of(contents, statement),
                    error,
                }),
            }
        }
        for broken in &contents.broken_statements {
            self.add_unreadable(Unreadable {
                source,
                path: broken.manifest.short(),
                error: ProvenanceError::Link(broken.fault.clone()),
            });
        }
    }

    fn read_texts(&mut self, texts: &BTreeMap<String, String>, source: Source, place: &str) {
        for (name, keys) in KEYS {
            for key in keys {
                self.read_text(texts, name, key, source, place);
            }
        }
        if let Some(base) = texts.get(BASE_NAME).filter(|base| !base.is_empty()) {
            let path = format!("{BASE_NAME}{place}");
            match within("bytes of one fact", base.len(), limits::FACT_BYTES) {
                Ok(()) => {
                    let digest = texts.get(BASE_DIGEST).map(String::as_str);
                    let image = BaseImage::of_name(base, digest, source, path);
                    self.add_base_images(&[image]);
                }
                Err(error) => self.add_unreadable(Unreadable {
                    source,
                    path,
                    error,
                }),
            }
        }
    }

    /// The text of one key. A link says which pipeline or job it shows, too.
    fn read_text(
        &mut self,
        texts: &BTreeMap<String, String>,
        name: FactName,
        key: &str,
        source: Source,
        place: &str,
    ) {
        let Some(text) = texts.get(key).filter(|text| !text.is_empty()) else {
            return;
        };
        let path = format!("{key}{place}");
        if let Err(error) = within("bytes of one fact", text.len(), limits::FACT_BYTES) {
            self.add_unreadable(Unreadable {
                source,
                path,
                error,
            });
            return;
        }
        let value = match name {
            FactName::Commit => commit_text(text),
            FactName::SourceRepository => url::repository(text),
            FactName::PipelineUrl | FactName::JobUrl => url::without_credentials(text),
            FactName::Ref
            | FactName::PipelineId
            | FactName::JobId
            | FactName::PipelineSource
            | FactName::Runner
            | FactName::BuilderId
            | FactName::BuildType
            | FactName::StartedOn
            | FactName::FinishedOn
            | FactName::User => text.clone(),
        };
        let shown = Page::of(&value).and_then(|page| page.shows(name));
        let shown = shown.map(|(name, id)| (name, id.to_owned()));
        let fact = |value| Fact {
            value,
            source,
            path: path.clone(),
        };
        self.add(name, fact(value));
        if let Some((name, id)) = shown {
            self.add(name, fact(id));
        }
    }
}

/// The platform that a statement is about: its name, or its digest.
fn platform_of(contents: &Contents, statement: &BuildStatement) -> String {
    let mut images = contents.platforms.iter();
    let named =
        images.find(|image| image.digest == statement.platform && !image.platform.is_empty());
    named.map_or_else(
        || statement.platform.to_string(),
        |image| image.platform.clone(),
    )
}

/// GitLab's keys in both spellings, and those of the image specification.
const KEYS: [(FactName, &[&str]); 8] = [
    (
        FactName::SourceRepository,
        &[
            "org.opencontainers.image.source",
            "com.gitlab.ci.project.path",
            "com.gitlab.ci.project_path",
        ],
    ),
    (
        FactName::Commit,
        &[
            "com.gitlab.ci.commit.sha",
            "com.gitlab.ci.commit_sha",
            "org.opencontainers.image.revision",
        ],
    ),
    (
        FactName::Ref,
        &[
            "com.gitlab.ci.commit.ref.name",
            "com.gitlab.ci.commit_ref_name",
        ],
    ),
    (
        FactName::PipelineId,
        &["com.gitlab.ci.pipeline.id", "com.gitlab.ci.pipeline_id"],
    ),
    (
        FactName::PipelineUrl,
        &["com.gitlab.ci.pipeline.url", "com.gitlab.ci.pipeline_url"],
    ),
    (
        FactName::JobId,
        &["com.gitlab.ci.job.id", "com.gitlab.ci.job_id"],
    ),
    (
        FactName::JobUrl,
        &["com.gitlab.ci.job.url", "com.gitlab.ci.job_url"],
    ),
    (
        FactName::User,
        &[
            "com.gitlab.ci.user.name",
            "com.gitlab.ci.user_name",
            "com.gitlab.ci.user.id",
            "com.gitlab.ci.user_id",
        ],
    ),
];

const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
