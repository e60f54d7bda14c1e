//! When two facts of one name cannot both be true.

use super::{
    Fact, FactName, Facts,
    url::{comparable, repository, run},
};

/// Two facts that cannot both be true.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contradiction {
    /// What they are about.
    pub name: FactName,
    /// What the more trusted source says, or of equal trust what was found first.
    pub trusted: Fact,
    /// What the other says.
    pub other: Fact,
}

impl Facts {
    /// The facts that cannot be true if a more trusted one is, each with the most trusted that it contradicts.
    ///
    /// Facts that say the same in other words are none: forms of a URL, a ref and its short name.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for name in FactName::ALL {
            let facts = self.all(name);
            for (index, other) in facts.iter().enumerate() {
                let mut before = facts.iter().take(index);
                let trusted = before.find(|one| name.contradicts(&one.value, &other.value));
                found.extend(trusted.map(|trusted| Contradiction {
                    name,
                    trusted: trusted.clone(),
                    other: other.clone(),
                }));
            }
        }
        found
    }
}

impl FactName {
    /// Whether two facts of this name cannot both be true of one build.
    ///
    /// Commits and ids are whole: a part of one contradicts it. Of builds' times, types and users there may be several,
    /// and builders and runners are compared only when they are of one kind.
    pub fn contradicts(self, one: &str, other: &str) -> bool {
        if one == other {
            return false;
        }
        match self {
            Self::SourceRepository => !is_same_repository(one, other),
            Self::Ref => !(is_short_of(one, other) || is_short_of(other, one)),
            Self::Commit | Self::PipelineId | Self::JobId | Self::PipelineSource => true,
            Self::PipelineUrl => comparable(run(one)) != comparable(run(other)),
            Self::JobUrl => comparable(one) != comparable(other),
            Self::Runner => is_url(one) == is_url(other) && comparable(one) != comparable(other),
            Self::BuilderId => is_workflow(one) && is_workflow(other),
            Self::BuildType | Self::StartedOn | Self::FinishedOn | Self::User => false,
        }
    }
}

/// One of them may be the path alone, as annotations have it.
fn is_same_repository(one: &str, other: &str) -> bool {
    let (one, other) = (repository(one), repository(other));
    match (is_url(&one), is_url(&other)) {
        (true, false) => ends_in_path(&one, &other),
        (false, true) => ends_in_path(&other, &one),
        (true, true) | (false, false) => comparable(&one) == comparable(&other),
    }
}

fn ends_in_path(url: &str, path: &str) -> bool {
    let rest = url.strip_suffix(path.trim_end_matches('/'));
    !path.is_empty() && rest.is_some_and(|rest| rest.ends_with('/'))
}

/// Whether `short` is what a branch or tag is called whose full ref is `full`.
fn is_short_of(short: &str, full: &str) -> bool {
    let name = full
        .strip_prefix("refs/heads/")
        .or_else(|| full.strip_prefix("refs/tags/"));
    name == Some(short)
}

fn is_url(text: &str) -> bool {
    text.contains("://")
}

fn is_workflow(builder: &str) -> bool {
    builder.contains("/.github/workflows/")
}
