//! Evaluates conditions, with a budget instead of a clock: the same condition over the same variables always takes the
//! same number of steps.

mod operators;

use std::cell::Cell;

use super::{
    Variables,
    error::{EvaluationError, kinds, shown, shown_value},
    node::{Literal, Loop, Node, Pattern, Work},
    value::{Entries, List, Text, Value},
};
use crate::limits;

/// What evaluations may still cost, in steps: a part of a condition that is looked at, or a few bytes of text.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    left: Cell<u64>,
}

/// One evaluation of one condition.
pub(super) struct Evaluation<'a> {
    variables: &'a Variables,
    budget: &'a Budget,
    /// The items of the loops that are being gone through, the outermost first.
    locals: Vec<Value<'a>>,
}

/// How many bytes of text are read in one step.
const BYTES_PER_STEP: usize = 16;

/// What one value that is put into a new list costs, beside its own evaluation.
const STEPS_PER_ITEM: u64 = 4;

/// What an error costs that a later operand or item may still make good: its texts are built all the same.
const STEPS_PER_ERROR: u64 = 32;

impl Budget {
    /// So many steps, for all evaluations that take from it.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            left: Cell::new(limit),
        }
    }

    /// How many steps were taken.
    pub fn taken(&self) -> u64 {
        self.limit - self.left.get()
    }

    /// Takes these steps.
    pub(super) fn take(&self, steps: u64) -> Result<(), EvaluationError> {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| self.limit())
    }

    /// Reads or writes a text once.
    pub(super) fn read(&self, text: &str) -> Result<(), EvaluationError> {
        self.take(text_steps(text))
    }

    pub(super) fn items(&self, count: usize) -> Result<(), EvaluationError> {
        self.take(
            u64::try_from(count)
                .unwrap_or(u64::MAX)
                .saturating_mul(STEPS_PER_ITEM),
        )
    }

    pub(super) fn limit(&self) -> EvaluationError {
        EvaluationError::Limit { limit: self.limit }
    }
}

fn text_steps(text: &str) -> u64 {
    u64::try_from(text.len() / BYTES_PER_STEP).unwrap_or(u64::MAX)
}

impl Default for Budget {
    /// As much as the conditions of one policy may cost over one image.
    fn default() -> Self {
        Self::new(limits::CONDITION_STEPS)
    }
}

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

    fn run(&mut self, parts: &'a Loop) -> Result<Value<'a>, EvaluationError> {
        let over = match self.value(&parts.over)? {
            Value::List(list) => list,
            Value::Map(entries) => {
                self.budget.items(entries.len())?;
                List::Built(entries.keys().into())
            }
            other => {
                return Err(EvaluationError::WrongType {
                    what: parts.work.as_str(),
                    found: kinds(&[other]),
                });
            }
        };
        match &parts.work {
            Work::All => self.quantified(&over, &parts.body, "all", false),
            Work::Exists => self.quantified(&over, &parts.body, "exists", true),
            Work::ExistsOne => {
                let kept = self.kept(&over, &parts.body, "exists_one")?;
                Ok(Value::Bool(kept.len() == 1))
            }
            Work::Filter => {
                let kept = self.kept(&over, &parts.body, "filter")?;
                Ok(Value::List(List::Built(kept.into())))
            }
            Work::Map { guard } => self.mapped(&over, guard.as_ref(), &parts.body),
        }
    }

    /// `all` and `exists`: the item that decides does so even after one that has no answer.
    fn quantified(
        &mut self,
        over: &List<'a>,
        body: &'a Node,
        what: &'static str,
        deciding: bool,
    ) -> Result<Value<'a>, EvaluationError> {
        let mut undecided = None;
        for item in items(over) {
            match self.with(item, |inside| inside.truth(what, body)) {
                Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(limit @ EvaluationError::Limit { .. }) => return Err(limit),
                Err(error) => {
                    self.budget.take(STEPS_PER_ERROR)?;
                    undecided = undecided.or(Some(error));
                }
            }
        }
        match undecided {
            Some(error) => Err(error),
            None => Ok(Value::Bool(!deciding)),
        }
    }

    fn kept(
        &mut self,
        over: &List<'a>,
        body: &'a Node,
        what: &'static str,
    ) -> Result<Vec<Value<'a>>, EvaluationError> {
        let mut kept = Vec::new();
        for item in items(over) {
            if self.with(item.clone(), |inside| inside.truth(what, body))? {
                self.budget.items(1)?;
                kept.push(item);
            }
        }
        Ok(kept)
    }

    fn mapped(
        &mut self,
        over: &List<'a>,
        guard: Option<&'a Node>,
        body: &'a Node,
    ) -> Result<Value<'a>, EvaluationError> {
        let mut made = Vec::new();
        for item in items(over) {
            let value = self.with(item, |inside| {
                let wanted = match guard {
                    Some(guard) => inside.truth("map", guard)?,
                    None => true,
                };
                wanted.then(|| inside.value(body)).transpose()
            })?;
            if let Some(value) = value {
                self.budget.items(1)?;
                made.push(value);
            }
        }
        Ok(Value::List(List::Built(made.into())))
    }

    /// Does something with the item as the innermost variable.
    fn with<T>(
        &mut self,
        item: Value<'a>,
        work: impl FnOnce(&mut Self) -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        self.budget.take(1)?;
        self.locals.push(item);
        let result = work(self);
        self.locals.pop();
        result
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

fn items<'a>(list: &List<'a>) -> impl Iterator<Item = Value<'a>> {
    (0..list.len()).filter_map(|index| list.get(index))
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
