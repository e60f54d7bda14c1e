//! Pages about a build, by what is said about it.

use super::document::Links;
use crate::provenance::{FactName, Facts, Source};

/// The pages of one repository, as far as their paths are known.
#[derive(Clone, Copy, Debug)]
enum Pages<'a> {
    GitLab(&'a str),
    GitHub(&'a str),
}

impl Links {
    /// The pages that these facts lead to.
    pub(super) fn of(facts: &Facts) -> Self {
        let pages = Pages::of(facts);
        let number = |name| told(facts, name).filter(|id| is_all(id, |it| it.is_ascii_digit()));
        let commit =
            told(facts, FactName::Commit).filter(|id| is_all(id, |it| it.is_ascii_hexdigit()));
        let link = |name| address(facts, name).map(str::to_owned);
        Self {
            commit: pages.zip(commit).map(|(pages, id)| pages.commit(id)),
            pipeline: link(FactName::PipelineUrl).or_else(|| {
                let (pages, id) = pages.zip(number(FactName::PipelineId))?;
                Some(pages.pipeline(id))
            }),
            job: link(FactName::JobUrl).or_else(|| {
                let (pages, id) = pages.zip(number(FactName::JobId))?;
                pages.job(id)
            }),
        }
    }
}

impl<'a> Pages<'a> {
    /// GitLab is on many hosts: another one is known by a page of the same repository.
    fn of(facts: &'a Facts) -> Option<Self> {
        let repository = address(facts, FactName::SourceRepository)?;
        if repository.starts_with("https://github.com/") {
            return Some(Self::GitHub(repository));
        }
        let known = [FactName::JobUrl, FactName::PipelineUrl, FactName::Runner];
        let is_gitlab = repository.starts_with("https://gitlab.com/")
            || known.into_iter().any(|name| {
                let page = address(facts, name).and_then(|page| page.strip_prefix(repository));
                page.is_some_and(|path| path.starts_with("/-/"))
            });
        is_gitlab.then_some(Self::GitLab(repository))
    }

    fn commit(self, id: &str) -> String {
        match self {
            Self::GitLab(repository) => format!("{repository}/-/commit/{id}"),
            Self::GitHub(repository) => format!("{repository}/commit/{id}"),
        }
    }

    fn pipeline(self, id: &str) -> String {
        match self {
            Self::GitLab(repository) => format!("{repository}/-/pipelines/{id}"),
            Self::GitHub(repository) => format!("{repository}/actions/runs/{id}"),
        }
    }

    /// GitHub's need the run as well.
    fn job(self, id: &str) -> Option<String> {
        match self {
            Self::GitLab(repository) => Some(format!("{repository}/-/jobs/{id}")),
            Self::GitHub(_) => None,
        }
    }
}

/// What is said by others than labels: those may be the base image's, and lead to another's commit.
fn told(facts: &Facts, name: FactName) -> Option<&str> {
    let fact = facts.best(name)?;
    (fact.source != Source::Label).then_some(fact.value.as_str())
}

/// A fact that is the address of a page.
fn address(facts: &Facts, name: FactName) -> Option<&str> {
    told(facts, name).filter(|text| {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        is_web && is_all(text, |it| it.is_ascii_graphic())
    })
}

fn is_all(text: &str, kind: fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn links(annotations: &[(&str, &str)]) -> Links {
        let annotations: BTreeMap<String, String> = annotations
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Links::of(&Facts::of_signature_annotations(&annotations))
    }

    const COMMIT: &str = "714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e";

    #[test]
    fn pages_of_gitlab_are_made_of_the_repository_and_ids() {
        let found = links(&[
            (
                "org.opencontainers.image.source",
                "https://gitlab.com/acme/app",
            ),
            ("com.gitlab.ci.commit.sha", COMMIT),
            ("com.gitlab.ci.pipeline.id", "11"),
            ("com.gitlab.ci.job.id", "12"),
        ]);
        let expected = Links {
            commit: Some(format!("https://gitlab.com/acme/app/-/commit/{COMMIT}")),
            pipeline: Some("https://gitlab.com/acme/app/-/pipelines/11".to_owned()),
            job: Some("https://gitlab.com/acme/app/-/jobs/12".to_owned()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn an_instance_of_gitlab_is_known_by_the_address_of_a_job() {
        let repository = (
            "org.opencontainers.image.source",
            "https://git.corp/acme/app",
        );
        let commit = ("com.gitlab.ci.commit.sha", COMMIT);
        assert_eq!(links(&[repository, commit]), Links::default());
        let job = (
            "com.gitlab.ci.job.url",
            "https://git.corp/acme/app/-/jobs/12",
        );
        let expected = Links {
            commit: Some(format!("https://git.corp/acme/app/-/commit/{COMMIT}")),
            pipeline: None,
            job: Some(job.1.to_owned()),
        };
        assert_eq!(links(&[repository, commit, job]), expected);
    }

    #[test]
    fn what_is_no_address_or_no_id_leads_nowhere() {
        let found = links(&[
            (
                "org.opencontainers.image.source",
                "https://gitlab.com/acme/app",
            ),
            ("com.gitlab.ci.commit.sha", "main"),
            ("com.gitlab.ci.pipeline.id", "11/../../evil"),
            ("com.gitlab.ci.job.url", "javascript:alert(1)"),
        ]);
        assert_eq!(found, Links::default());
    }
}
