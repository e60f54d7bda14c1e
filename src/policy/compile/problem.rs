//! What is wrong with an object, and where.

use std::{borrow::Cow, fmt};

use crate::{
    condition::ConditionError,
    image::{PatternError, ReferenceError},
    key::KeyError,
    limits::SHOWN_CHARS,
    policy::TagPatternError,
    untrusted::shown,
};

/// Everything that is wrong with one object.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct CompileError {
    problems: Vec<Problem>,
}

/// One thing that is wrong, and the field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct Problem {
    /// The field, as in `spec.authorities[1].key.pem`.
    pub path: FieldPath,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Where a problem has to be put right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remedy {
    /// In the object itself.
    Object,
    /// In the Secret or ConfigMap that it refers to.
    Referenced,
}

/// What is wrong with a field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// It holds something else than it should.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What belongs there.
        expected: Cow<'static, str>,
        /// What is there.
        found: String,
    },
    /// It does not have the shape that its type says.
    #[error("{detail}")]
    Shape {
        /// What the deserializer said.
        detail: String,
    },
    /// It is no pattern.
    #[error(transparent)]
    Pattern(PatternError),
    /// It is no regular expression over tags.
    #[error("expected a regular expression over tags, found \"{presented}\": {error}")]
    TagPattern {
        /// What is there.
        presented: String,
        /// Why it is none.
        error: TagPatternError,
    },
    /// It is no condition.
    #[error(transparent)]
    Condition(ConditionError),
    /// It is no repository.
    #[error(transparent)]
    Repository(ReferenceError),
    /// It is no public key.
    #[error(transparent)]
    Key(KeyError),
    /// What it refers to cannot be had.
    #[error("{entry} cannot be had: {reason}")]
    Unavailable {
        /// What it refers to.
        entry: String,
        /// Why not.
        reason: String,
    },
}

/// Where a field is, as the API server writes it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldPath(String);

impl CompileError {
    /// From at least one problem.
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// One problem with one field.
    pub(crate) fn one(path: &str, fault: Fault) -> Self {
        Self::new(vec![FieldPath::new(path).problem(fault)])
    }

    /// The problems, in the order of the fields.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    /// Where it has to be put right.
    pub fn remedy(&self) -> Remedy {
        let refers = ["secretRef", "configMapRef", "rootConfigMapRef"]
            .iter()
            .any(|field| self.path.0.ends_with(&format!(".{field}")));
        match &self.fault {
            Fault::Unavailable { .. } => Remedy::Referenced,
            Fault::Key(_) if refers => Remedy::Referenced,
            Fault::Key(_)
            | Fault::Expected { .. }
            | Fault::Shape { .. }
            | Fault::Pattern(_)
            | Fault::TagPattern { .. }
            | Fault::Condition(_)
            | Fault::Repository(_) => Remedy::Object,
        }
    }

    /// Whether it is a field or value that no version known here has: another one may.
    pub fn is_unknown_word(&self) -> bool {
        let begins = |detail: &String| {
            ["unknown field", "unknown variant"]
                .iter()
                .any(|words| detail.starts_with(words))
        };
        matches!(&self.fault, Fault::Shape { detail } if begins(detail))
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl Fault {
    pub(crate) fn expected(
        expected: impl Into<Cow<'static, str>>,
        found: impl fmt::Display,
    ) -> Self {
        Self::Expected {
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// The same with what was found in quotes and cut to a length that fits a message.
    pub(crate) fn expected_text(expected: impl Into<Cow<'static, str>>, found: &str) -> Self {
        Self::expected(expected, format_args!("\"{}\"", shown(found, SHOWN_CHARS)))
    }
}

impl FieldPath {
    /// A path of one field, or with no text the whole object.
    pub fn new(field: &str) -> Self {
        Self(field.to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn field(&self, name: &str) -> Self {
        if self.0.is_empty() {
            return Self(name.to_owned());
        }
        Self(format!("{}.{name}", self.0))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(crate) fn problem(&self, fault: Fault) -> Problem {
        Problem {
            path: self.clone(),
            fault,
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
