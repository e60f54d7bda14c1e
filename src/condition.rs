//! Conditions in the Common Expression Language: compiled when a policy is, evaluated over plain JSON.

use std::{collections::BTreeMap, fmt, sync::Arc};

use cel::{Context, Program};
use serde_json::Value;

/// A condition that compiles and names no other variables than it may.
#[derive(Clone)]
pub struct Condition {
    expression: String,
    program: Arc<Program>,
}

/// Why a text is no condition.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConditionError {
    /// It is no expression.
    #[error("{detail}")]
    Syntax {
        /// What the parser said, on one line.
        detail: String,
    },
    /// It names something that there is not.
    #[error("there is no variable \"{name}\" here, only {known}")]
    UnknownVariable {
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
}

/// Why a condition has no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// Something in it has no value, or one of a type that it cannot use.
    #[error("{detail}")]
    Failed {
        /// What was said about it, on one line.
        detail: String,
    },
    /// Its value is something else than true or false.
    #[error("it is neither true nor false but {found}")]
    NotBoolean {
        /// What it is.
        found: String,
    },
}

/// What conditions are evaluated over, by variable.
pub type Variables = BTreeMap<&'static str, Value>;

impl Condition {
    /// Compiles a condition that may use these variables.
    ///
    /// # Errors
    /// It is no expression, or uses another variable.
    pub fn compile(expression: &str, variables: &[&str]) -> Result<Self, ConditionError> {
        let program = Program::compile(expression).map_err(|errors| ConditionError::Syntax {
            detail: errors.to_string(),
        })?;
        let unknown = program
            .references()
            .variables()
            .into_iter()
            .find(|name| !variables.contains(name))
            .map(str::to_owned);
        if let Some(name) = unknown {
            let known = variables.join(", ");
            return Err(ConditionError::UnknownVariable { name, known });
        }
        Ok(Self {
            expression: expression.to_owned(),
            program: Arc::new(program),
        })
    }

    /// The expression, as it was written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// It cannot be told: then it does not hold either.
    pub fn evaluate(&self, variables: &Variables) -> Result<bool, EvaluationError> {
        let failed = |error: &dyn fmt::Display| EvaluationError::Failed {
            detail: error.to_string(),
        };
        let mut context = Context::default();
        for (name, value) in variables {
            context
                .add_variable(*name, value)
                .map_err(|error| failed(&error))?;
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(EvaluationError::NotBoolean {
                found: other.type_of().to_string(),
            }),
            Err(error) => Err(failed(&error)),
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
