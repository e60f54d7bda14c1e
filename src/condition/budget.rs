//! What evaluating may cost: steps instead of a clock, so that the same always costs the same.

use std::cell::Cell;

use super::error::EvaluationError;
use crate::limits;

/// What evaluations may still cost, in steps: a part of a condition that is looked at, or a few bytes of text.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    left: Cell<u64>,
}

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

impl Default for Budget {
    /// As much as the conditions of one policy may cost over one image.
    fn default() -> Self {
        Self::new(limits::CONDITION_STEPS)
    }
}

/// Reading a text once.
pub(super) fn text_steps(text: &str) -> u64 {
    u64::try_from(text.len() / BYTES_PER_STEP).unwrap_or(u64::MAX)
}

/// How many bytes of text are read in one step.
const BYTES_PER_STEP: usize = 16;

/// What one value that is put into a new list costs, beside its own evaluation.
const STEPS_PER_ITEM: u64 = 4;
