//! Evaluates conditions, with a budget instead of a clock: the same condition over the same variables always takes the
//! same number of steps.

mod loops;
mod operators;

use super::{
    Variables,
    budget::{Budget, text_steps},
    error::{EvaluationError, kinds, shown, shown_value},
    node::{Literal, Node, Pattern},
    value::{Entries, List, Text, Value},
};

/// One evaluation of one condition.
pub(super) struct Evaluation<'a> {
    variables: &'a Variables,
    budget: &'a Budget,
    /// The items of the loops that are being gone through, the outermost first.
    locals: Vec<Value<'a>>,
}

/// What an error costs that a later operand or item may still make good: its texts are built all the same.
const STEPS_PER_ERROR: u64 = 32;

impl<'a> Evaluation<'a> {
    pub(super) fn new(variables: &'a Variables, budget: &'a Budget) -> Self {
        Self {
            variables,
            budget,
            locals: Vec::new(),
        }
    }

    /// Whether the condition holds.
    pub(super) fn holds(&mut self, node: &'a Node) -> Result<bool, EvaluationError> {
        match self.value(node)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(EvaluationError::NotBoolean {
                found: other.kind().as_str(),
            }),
        }
    }

    fn value(&mut self, node: &'a Node) -> Result<Value<'a>, EvaluationError> {
        self.budget.take(1)?;
        match node {
            Node::Literal(literal) => Ok(literal.into()),
            Node::Variable(name) => match self.variables.get(name) {
                Some(value) => Ok(value.into()),
                None => Err(EvaluationError::Missing {
                    of: "the condition".to_owned(),
                    key: shown(name),
                }),
            },
            Node::Local(place) => Ok(self.locals.get(*place).cloned().unwrap_or(Value::Null)),
            Node::Select { operand, field } => {
                let value = self.value(operand)?;
                self.field(&value, field)?
                    .ok_or_else(|| missing(operand, field))
            }
            Node::Has { operand, field } => {
                let value = self.value(operand)?;
                Ok(Value::Bool(self.field(&value, field)?.is_some()))
            }
            Node::Index(parts) => {
                let [operand, index] = parts.as_ref();
                let (value, at) = (self.value(operand)?, self.value(index)?);
                self.item(operand, &value, &at)
            }
            Node::Not(operand) => self.truth("!", operand).map(|value| Value::Bool(!value)),
            Node::Negate(operand) => operators::negated(&self.value(operand)?),
            Node::And(parts) => self.decided("&&", parts, false),
            Node::Or(parts) => self.decided("||", parts, true),
            Node::Choice(parts) => {
                let [test, one, other] = parts.as_ref();
                let chosen = if self.truth("?:", test)? { one } else { other };
                self.value(chosen)
            }
            Node::Binary(operator, parts) => {
                let [one, other] = parts.as_ref();
                let (one, other) = (self.value(one)?, self.value(other)?);
                operators::apply(*operator, &one, &other, self.budget)
            }
            Node::Call(function, arguments) => {
                let arguments = self.values(arguments)?;
                function.call(&arguments, self.budget)
            }
            Node::Matches(operand, pattern) => self.matches(operand, pattern),
            Node::List(items) => {
                self.budget.items(items.len())?;
                Ok(Value::List(List::Built(self.values(items)?.into())))
            }
            Node::Map(entries) => self.map(entries),
            Node::Loop(parts) => self.run(parts),
        }
    }

    fn values(&mut self, nodes: &'a [Node]) -> Result<Vec<Value<'a>>, EvaluationError> {
        nodes.iter().map(|node| self.value(node)).collect()
    }

    fn truth(&mut self, what: &'static str, node: &'a Node) -> Result<bool, EvaluationError> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvaluationError::WrongType {
                what,
                found: kinds(&[other]),
            }),
        }
    }

    /// `&&` and `||`: the operand that decides does so even beside one that has no answer.
    fn decided(
        &mut self,
        what: &'static str,
        parts: &'a [Node; 2],
        deciding: bool,
    ) -> Result<Value<'a>, EvaluationError> {
        let [one, other] = parts;
        let first = self.truth(what, one);
        match first {
            Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
            Err(EvaluationError::Limit { .. }) => {}
            Ok(_) | Err(_) => {
                if first.is_err() {
                    self.budget.take(STEPS_PER_ERROR)?;
                }
                let second = self.truth(what, other)?;
                if second == deciding {
                    return Ok(Value::Bool(deciding));
                }
            }
        }
        first.map(Value::Bool)
    }

    fn field(&self, value: &Value<'a>, field: &str) -> Result<Option<Value<'a>>, EvaluationError> {
        let Value::Map(entries) = value else {
            return Err(EvaluationError::WrongType {
                what: ".",
                found: value.kind().to_string(),
            });
        };
        self.entry(entries, &Value::Text(Text::Borrowed(field)))
    }

    /// What stands under a key of a map.
    fn entry(
        &self,
        entries: &Entries<'a>,
        key: &Value<'_>,
    ) -> Result<Option<Value<'a>>, EvaluationError> {
        operators::look_up(entries, key, self.budget)?;
        Ok(entries.get(key))
    }

    fn item(
        &self,
        operand: &Node,
        value: &Value<'a>,
        at: &Value<'a>,
    ) -> Result<Value<'a>, EvaluationError> {
        let wrong = || EvaluationError::WrongType {
            what: "[]",
            found: kinds(&[value.clone(), at.clone()]),
        };
        match value {
            Value::Map(entries) => {
                if !operators::is_key(at) {
                    return Err(wrong());
                }
                self.entry(entries, at)?.ok_or_else(|| match at {
                    Value::Text(key) => missing(operand, key.as_str()),
                    other => missing(operand, &shown_value(other)),
                })
            }
            Value::List(list) => {
                let index = at.as_index().ok_or_else(wrong)?;
                let item = usize::try_from(index)
                    .ok()
                    .and_then(|index| list.get(index));
                item.ok_or_else(|| EvaluationError::NoItem {
                    of: written(operand),
                    size: list.len(),
                    index: index.to_string(),
                })
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::UInt(_)
            | Value::Double(_)
            | Value::Text(_)
            | Value::Type(_) => Err(wrong()),
        }
    }

    fn matches(
        &mut self,
        operand: &'a Node,
        pattern: &Pattern,
    ) -> Result<Value<'a>, EvaluationError> {
        let value = self.value(operand)?;
        let Value::Text(text) = &value else {
            return Err(EvaluationError::WrongType {
                what: "matches",
                found: kinds(&[value]),
            });
        };
        let text = text.as_str();
        let steps = text_steps(text).saturating_add(1);
        self.budget.take(steps.saturating_mul(pattern.weight))?;
        Ok(Value::Bool(pattern.regex.is_match(text)))
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Result<Value<'a>, EvaluationError> {
        let mut written: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.budget.items(1 + written.len())?;
            let (key, value) = (self.value(key)?, self.value(value)?);
            if !operators::is_written_key(&key) {
                return Err(EvaluationError::WrongType {
                    what: "{}",
                    found: kinds(&[key]),
                });
            }
            for (known, _) in &written {
                if operators::equal(known, &key, self.budget)? {
                    return Err(EvaluationError::RepeatedKey {
                        key: shown_value(&key),
                    });
                }
            }
            written.push((key, value));
        }
        Ok(Value::Map(Entries::Built(written.into())))
    }
}

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Int(number) => Self::Int(*number),
            Literal::UInt(number) => Self::UInt(*number),
            Literal::Double(number) => Self::Double(*number),
            Literal::Text(text) => Self::Text(Text::Borrowed(text)),
            Literal::Type(kind) => Self::Type(*kind),
        }
    }
}

fn missing(of: &Node, key: &str) -> EvaluationError {
    EvaluationError::Missing {
        of: written(of),
        key: shown(key),
    }
}

/// What a part of a condition is called in a message: its path from a variable, or what kind of part it is.
fn written(node: &Node) -> String {
    match node.path() {
        Some(path) => shown(&path.join(".")),
        None => "it".to_owned(),
    }
}
