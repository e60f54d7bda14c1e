//! `all`, `exists`, `exists_one`, `filter` and `map`.

use super::{Evaluation, STEPS_PER_ERROR};
use crate::condition::{
    error::{EvaluationError, kinds},
    node::{Loop, Node, Work},
    value::{List, Value},
};

impl<'a> Evaluation<'a> {
    /// Goes through a list, or the keys of a map.
    pub(super) fn run(&mut self, parts: &'a Loop) -> Result<Value<'a>, EvaluationError> {
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
        for item in over.items() {
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
        for item in over.items() {
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
        for item in over.items() {
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
