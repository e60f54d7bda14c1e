//! What is wrong with an object by itself, told apart from what is wrong with what it refers to.

use super::{
    CompileError, Fault, KeySource, ObjectEntry, PolicyObject, Problem, TrustRootDefinition,
    TrustRootObject,
};

/// What is wrong with an object, by where it can be repaired.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// In the object itself. No other object makes this right.
    pub own: Vec<Problem>,
    /// In what it refers to: that is not there, or does not hold what it should. It may come later, or be corrected.
    pub elsewhere: Vec<Problem>,
}

impl PolicyObject {
    /// Compiles it as [`Self::compile`] does, and says where what is wrong lies.
    pub fn findings(&self, keys: &dyn KeySource) -> Findings {
        Findings::of(self.compile(&Nothing).err(), self.compile(keys).err())
    }
}

impl TrustRootObject {
    /// What it consists of, as [`Self::definition`], and where what is wrong lies.
    pub fn findings(&self, keys: &dyn KeySource) -> (Option<TrustRootDefinition>, Findings) {
        let definition = self.definition(keys);
        let findings = Findings::of(
            self.definition(&Nothing).err(),
            definition.as_ref().err().cloned(),
        );
        (definition.ok(), findings)
    }
}

impl Findings {
    /// From what is wrong where nothing that is referred to can be had, and what is wrong as it is.
    fn of(alone: Option<CompileError>, as_it_is: Option<CompileError>) -> Self {
        let problems = |error: Option<CompileError>| -> Vec<Problem> {
            error
                .map(|error| error.problems().to_vec())
                .unwrap_or_default()
        };
        let mut own = problems(alone);
        own.retain(|problem| problem.fault.absence().is_none());
        let mut elsewhere = problems(as_it_is);
        elsewhere.retain(|problem| !own.contains(problem));
        Self { own, elsewhere }
    }
}

impl Fault {
    /// Why something that is referred to cannot be had, if it is about that.
    pub fn absence(&self) -> Option<&str> {
        match self {
            Self::Unavailable { reason, .. } => Some(reason),
            Self::Expected { .. }
            | Self::Shape { .. }
            | Self::Pattern(_)
            | Self::TagPattern { .. }
            | Self::Condition(_)
            | Self::Repository(_)
            | Self::Key(_) => None,
        }
    }
}

impl Fault {
    /// Whether it is about a field that this version does not know.
    pub fn is_unknown_field(&self) -> bool {
        matches!(self, Self::Shape { detail } if detail.starts_with("unknown field "))
    }
}

/// Has nothing.
struct Nothing;

impl KeySource for Nothing {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err(String::new())
    }
}
