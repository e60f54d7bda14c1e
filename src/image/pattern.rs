//! Anchored patterns: `*` stays inside one path segment, `**` crosses segments, everything else is literal.

use super::Repository;

/// A pattern over a text whose segments are divided by `/`: `*` matches any run without `/`, `**` any run.
///
/// It always matches the whole text.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern(String);

/// A pattern over normalised repositories, as in `registry.gitlab.com/acme/shop/**`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepositoryPattern(String);

/// Why a text is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// There is no text.
    #[error("the pattern is empty")]
    Empty,
    // further variants by the implementer
}

impl Pattern {
    /// Whether the whole text matches.
    pub fn matches(&self, _text: &str) -> bool {
        todo!()
    }
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RepositoryPattern {
    /// Whether the whole repository, host and path, matches.
    pub fn matches(&self, _repository: &Repository) -> bool {
        todo!()
    }
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! stub_text { ($($t:ty),*) => {$(
    impl std::str::FromStr for $t { type Err = PatternError; fn from_str(_t: &str) -> Result<Self, PatternError> { todo!() } }
    impl std::fmt::Display for $t { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) } }
)*} }
stub_text!(Pattern, RepositoryPattern);
