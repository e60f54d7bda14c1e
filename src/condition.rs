//! Conditions in the Common Expression Language: compiled when a policy is, evaluated over plain JSON.
//!
//! The `cel` crate parses them. What it parses is brought into a form of our own, in which every name is resolved and
//! most mistakes are found, and that form is evaluated here: over borrowed values, in steps that are counted, so that
//! neither a condition nor what an image says can keep a review busy.

mod budget;
mod compile;
mod error;
mod evaluate;
mod function;
mod node;
mod schema;
mod source;
mod value;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

use evaluate::Evaluation;
use node::Node;

pub use budget::Budget;
pub use error::{ConditionError, EvaluationError};
pub use schema::{ATTESTATION_VARIABLES, POLICY_VARIABLES};

/// A condition that compiles and names no other variables than it may.
#[derive(Clone)]
pub struct Condition {
    expression: String,
    root: Arc<Node>,
}

/// What conditions are evaluated over. What is in it is shared, never copied.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<&'static str, Arc<Value>>,
}

impl Condition {
    /// Compiles a condition that may use these variables.
    ///
    /// # Errors
    /// It is no expression or too large, names a variable, a field or a function that there is not, or can never work
    /// or be true or false by the types that are known.
    pub fn compile(expression: &str, variables: &[&str]) -> Result<Self, ConditionError> {
        let tree = source::parse(expression)?;
        Ok(Self {
            expression: expression.to_owned(),
            root: Arc::new(compile::compile(&tree, variables)?),
        })
    }

    /// The expression, as it was written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether it holds. It ends when the budget is spent, at the latest.
    ///
    /// # Errors
    /// It cannot be told: then it does not hold either. A spent budget is always an error, whatever is known by then.
    pub fn evaluate(
        &self,
        variables: &Variables,
        budget: &Budget,
    ) -> Result<bool, EvaluationError> {
        Evaluation::new(variables, budget).holds(&self.root)
    }

    /// Whether it may look at what is at this path, as in `["image", "annotations"]`, or at something below it. A
    /// condition that uses something around it as a whole may.
    pub fn reads(&self, path: &[&str]) -> bool {
        self.root.reads(path)
    }
}

impl Variables {
    /// Gives a variable its value.
    pub fn set(&mut self, name: &'static str, value: impl Into<Arc<Value>>) {
        self.values.insert(name, value.into());
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(AsRef::as_ref)
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for Variables {
    fn from(values: [(&'static str, Value); N]) -> Self {
        let values = values.map(|(name, value)| (name, Arc::new(value)));
        Self {
            values: values.into(),
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.expression).finish()
    }
}
