//! The conditions of a policy: what they are over, and whether they hold.

mod variables;

use std::sync::Arc;

use serde_json::Value;

use super::{
    Case, Unsatisfied,
    provenance::{AcceptedProvenance, FoundContents},
};
use crate::{
    condition::{Budget, EvaluationError, Variables},
    decision::cause::{Cause, Obstacle, Outcome, Rejection},
    policy::{AttestationDemand, ConditionDemand, Policy},
    verify::{VerifiedAttestation, VerifiedSignature},
};

/// What was accepted before conditions are asked.
#[derive(Clone, Copy)]
pub(super) struct Accepted<'a> {
    /// Authority name and signature.
    pub(super) signatures: &'a [(String, VerifiedSignature)],
    /// The provenance, if the policy asks for it.
    pub(super) provenance: Option<&'a AcceptedProvenance>,
    /// What the image says about itself, if that was asked.
    pub(super) contents: &'a FoundContents,
}

/// The conditions of one policy over one image.
pub(super) struct Conditions<'a> {
    case: Case<'a>,
    /// What is known so far.
    variables: Variables,
    /// The attestations that were accepted so far: the variable `attestations`.
    attestations: Arc<Value>,
    /// What all of them may cost.
    budget: Budget,
}

/// Conditions that do not hold.
pub(super) struct Unheld {
    /// How many held before.
    pub(super) passed: usize,
    pub(super) cause: Box<Cause>,
}

impl<'a> Conditions<'a> {
    /// Gathers what the policy's conditions are over, as far as they may look at it.
    pub(super) fn over(case: Case<'a>, accepted: Accepted<'_>) -> Result<Self, Box<Unsatisfied>> {
        let mut variables = case
            .variables(accepted)
            .map_err(|cause| Unsatisfied::before_judging(*cause))?;
        let attestations = Arc::new(Value::Array(Vec::new()));
        variables.set("attestations", Arc::clone(&attestations));
        Ok(Self {
            case,
            variables,
            attestations,
            budget: Budget::new(case.circumstances.condition_steps),
        })
    }

    /// Whether one attestation is as its entry asks. Then the conditions that follow see it.
    pub(super) fn accept(
        &mut self,
        asked: &AttestationDemand,
        authority: &str,
        attestation: &VerifiedAttestation,
    ) -> Result<(), Unheld> {
        let is_listed = self.case.policy.conditions_read(&["attestations"]);
        // Of those in a list, the one whose predicate is looked at is found only in the evaluation.
        let reads_predicate = is_listed || reads(&asked.conditions, &["attestation", "predicate"]);
        let described = self
            .case
            .attestation(authority, attestation, reads_predicate)
            .map_err(|cause| Unheld { passed: 0, cause })?;
        let described = Arc::new(described);
        self.variables.set("attestation", Arc::clone(&described));
        self.hold(&asked.conditions, Some(&asked.predicate_type))?;
        if is_listed {
            self.variables.set("attestation", Value::Null);
            self.add(Arc::unwrap_or_clone(described));
        }
        Ok(())
    }

    fn add(&mut self, described: Value) {
        // Taken back first, so that nothing of it is copied.
        self.variables.set("attestations", Value::Null);
        if let Value::Array(attestations) = Arc::make_mut(&mut self.attestations) {
            attestations.push(described);
        }
        let attestations = Arc::clone(&self.attestations);
        self.variables.set("attestations", attestations);
    }

    /// Whether the policy's own conditions hold, over all that was accepted.
    pub(super) fn of_policy(&self) -> Result<(), Box<Unsatisfied>> {
        self.hold(&self.case.policy.conditions, None)
            .map_err(|unheld| Unsatisfied::before_judging(*unheld.cause))
    }

    fn hold(
        &self,
        demands: &[ConditionDemand],
        predicate_type: Option<&str>,
    ) -> Result<(), Unheld> {
        for (passed, demand) in demands.iter().enumerate() {
            let reason = match demand.condition.evaluate(&self.variables, &self.budget) {
                Ok(true) => continue,
                Ok(false) => None,
                Err(EvaluationError::Limit { limit }) => {
                    let detail = format!("a condition takes more than {limit} steps");
                    let cause = Box::new(Obstacle::LimitExceeded { detail }.into());
                    return Err(Unheld { passed, cause });
                }
                Err(error) => Some(error.to_string()),
            };
            let expression = || demand.condition.expression().to_owned();
            let failed = Rejection::ConditionFailed {
                predicate_type: predicate_type.map(str::to_owned),
                text: demand.message.clone().unwrap_or_else(expression),
                reason,
            };
            let cause = Box::new(failed.into());
            return Err(Unheld { passed, cause });
        }
        Ok(())
    }
}

impl Unheld {
    /// What could not be judged might have been as asked; else the attestation that came furthest is told of.
    pub(super) fn most_telling(all: Vec<Self>) -> Option<Cause> {
        let rank = |one: &Self| (one.cause.outcome() == Outcome::Undetermined, one.passed);
        let furthest = all.into_iter().reduce(|best, next| {
            let is_further = rank(&next) > rank(&best);
            if is_further { next } else { best }
        });
        furthest.map(|one| *one.cause)
    }
}

/// Whether any of these conditions may look at what is at this path.
fn reads(demands: &[ConditionDemand], path: &[&str]) -> bool {
    demands.iter().any(|demand| demand.condition.reads(path))
}

impl Policy {
    /// Whether there is any, of the policy itself or of one of its entries.
    pub(in crate::decision) fn has_conditions(&self) -> bool {
        let of_attestations = self.attestations.iter().map(|asked| &asked.conditions);
        of_attestations
            .chain([&self.conditions])
            .any(|demands| !demands.is_empty())
    }

    /// Whether any condition of it may look at what is at this path.
    pub(in crate::decision) fn conditions_read(&self, path: &[&str]) -> bool {
        let of_attestations = self.attestations.iter().map(|asked| &asked.conditions);
        of_attestations
            .chain([&self.conditions])
            .any(|demands| reads(demands, path))
    }
}
