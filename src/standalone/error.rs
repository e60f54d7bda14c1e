//! What is wrong with a directory of policies, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::policy::{ObjectError, Problem};

/// Everything that is wrong in a directory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct LoadError {
    problems: Vec<LoadProblem>,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoadProblem {
    /// The file, or the directory itself.
    pub file: PathBuf,
    /// Where in the file.
    pub place: Option<Place>,
    /// What is wrong.
    pub fault: LoadFault,
}

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// What is wrong with a file or an object in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LoadFault {
    /// It cannot be read.
    #[error("cannot be read: {detail}")]
    Unreadable {
        /// What the system said.
        detail: String,
    },
    /// It changed while it was read, again and again.
    #[error("changes faster than it can be read")]
    Restless,
    /// It is too large.
    #[error("has more than {limit} bytes")]
    TooLarge {
        /// How many are read.
        limit: u64,
    },
    /// There are too many files.
    #[error("holds more than {limit} files")]
    TooMany {
        /// How many are read.
        limit: usize,
    },
    /// It is not YAML.
    #[error("{detail}")]
    Syntax {
        /// What the parser said.
        detail: String,
    },
    /// An object of a kind that does not belong there.
    #[error("document {document}: expected {expected}, found {found}")]
    Kind {
        /// Which document of the file, counted from 1.
        document: usize,
        /// The kinds that are read.
        expected: &'static str,
        /// What it says it is.
        found: String,
    },
    /// It cannot be told which object it is.
    #[error("document {document}: {error}")]
    Object {
        /// Which document of the file, counted from 1.
        document: usize,
        /// Why not.
        error: ObjectError,
    },
    /// A second object of the same kind and name.
    #[error("{object} is already in {first}")]
    Duplicate {
        /// Which object.
        object: String,
        /// Where the first one is.
        first: String,
    },
    /// A field is wrong.
    #[error(transparent)]
    Field(Problem),
}

impl LoadError {
    /// From at least one problem.
    pub(super) fn new(problems: Vec<LoadProblem>) -> Self {
        Self { problems }
    }

    /// One problem of a whole file or directory.
    pub(super) fn of(file: &Path, fault: LoadFault) -> Self {
        Self::new(vec![LoadProblem {
            file: file.to_owned(),
            place: None,
            fault,
        }])
    }

    pub(super) fn into_problems(self) -> Vec<LoadProblem> {
        self.problems
    }

    /// The problems, in the order of the files.
    pub fn problems(&self) -> &[LoadProblem] {
        &self.problems
    }
}

impl fmt::Display for LoadError {
    /// One line for each problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LoadProblem {
    /// As editors and compilers write it: `policies/shop.yaml:14:7: spec.require: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(place) = self.place {
            write!(f, ":{place}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
