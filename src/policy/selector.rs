//! Label selectors, compiled: Kubernetes' semantics over plain maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use super::{
    compile::{CompileError, Fault, FieldPath, Problem},
    crd::{LabelSelector, Operator, Requirement},
};

/// A compiled Kubernetes label selector; the empty one matches everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    requirements: Vec<(String, Test)>,
}

/// What is asked of one label.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Test {
    In(BTreeSet<String>),
    /// Also holds where the label is absent, as in Kubernetes.
    NotIn(BTreeSet<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Reads the wire form; `path` is where it stands, for the problems.
    pub(super) fn compile(wire: &LabelSelector, path: &FieldPath) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut requirements = Vec::new();
        for (key, value) in &wire.match_labels {
            let path = path.field("matchLabels").field(key);
            problems.extend(key_problem(key, &path));
            problems.extend(value_problem(value, &path));
            requirements.push((key.clone(), Test::In([value.clone()].into())));
        }
        for (index, requirement) in wire.match_expressions.iter().enumerate() {
            let path = path.field("matchExpressions").index(index);
            problems.extend(requirement_problems(requirement, &path));
            requirements.push((requirement.key.clone(), Test::of(requirement)));
        }
        if problems.is_empty() {
            Ok(Self { requirements })
        } else {
            Err(problems)
        }
    }

    /// Whether these labels meet every requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements
            .iter()
            .all(|(key, test)| test.holds(labels.get(key).map(String::as_str)))
    }
}

impl FromStr for Selector {
    type Err = CompileError;

    /// Reads the wire form as JSON.
    fn from_str(text: &str) -> Result<Self, CompileError> {
        let wire = serde_json::from_str(text).map_err(|error| {
            let detail = error.to_string();
            CompileError::one(ITSELF, Fault::Shape { detail })
        })?;
        Self::compile(&wire, &FieldPath::new(ITSELF)).map_err(CompileError::new)
    }
}

impl Test {
    fn of(requirement: &Requirement) -> Self {
        let values = || requirement.values.iter().cloned().collect();
        match requirement.operator {
            Operator::In => Self::In(values()),
            Operator::NotIn => Self::NotIn(values()),
            Operator::Exists => Self::Exists,
            Operator::DoesNotExist => Self::DoesNotExist,
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
        }
    }
}

fn requirement_problems(requirement: &Requirement, path: &FieldPath) -> Vec<Problem> {
    let mut problems: Vec<Problem> = key_problem(&requirement.key, &path.field("key"))
        .into_iter()
        .collect();
    let values = path.field("values");
    match requirement.operator {
        Operator::In | Operator::NotIn if requirement.values.is_empty() => {
            problems.push(values.problem(Fault::expected("at least one value", "none")));
        }
        Operator::In | Operator::NotIn => {
            for (index, value) in requirement.values.iter().enumerate() {
                problems.extend(value_problem(value, &values.index(index)));
            }
        }
        Operator::Exists | Operator::DoesNotExist if !requirement.values.is_empty() => {
            problems.push(values.problem(Fault::expected(
                "no values beside Exists or DoesNotExist",
                requirement.values.len(),
            )));
        }
        Operator::Exists | Operator::DoesNotExist => {}
    }
    problems
}

/// `[prefix/]name`: a key that no label can have would select nothing, or with `NotIn` everything.
fn key_problem(key: &str, path: &FieldPath) -> Option<Problem> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_is_domain = prefix.is_none_or(|prefix| {
        (1..=253).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    });
    let accepted = prefix_is_domain && !name.is_empty() && is_label_text(name);
    (!accepted).then(|| path.problem(Fault::expected_text("a label key", key)))
}

fn value_problem(value: &str, path: &FieldPath) -> Option<Problem> {
    (!is_label_text(value)).then(|| path.problem(Fault::expected_text("a label value", value)))
}

fn is_label_text(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text
            .chars()
            .all(|c| is_end(c) || matches!(c, '-' | '_' | '.'))
        && text.chars().next().is_none_or(is_end)
        && text.chars().last().is_none_or(is_end)
}

/// What problems name that are about no object's field.
const ITSELF: &str = "selector";

#[cfg(test)]
mod tests;
