//! Conditions, compiled.

use super::{Compiler, Fault, FieldPath};
use crate::{
    condition::{ATTESTATION_VARIABLES, Condition, POLICY_VARIABLES},
    limits::{CONDITION_MESSAGE_CHARS, CONDITIONS_PER_LIST},
    policy::{
        ConditionDemand,
        crd::{self, ClusterImageTrustPolicySpec},
    },
};

impl Compiler<'_> {
    pub(super) fn policy_conditions(
        &mut self,
        spec: &ClusterImageTrustPolicySpec,
    ) -> Vec<ConditionDemand> {
        let path = FieldPath::new("spec").field("conditions");
        let demands = self.conditions(&spec.conditions, &POLICY_VARIABLES, &path);
        self.provenance_is_asked_for(spec, &demands, &path);
        demands
    }

    pub(super) fn attestation_conditions(
        &mut self,
        spec: &ClusterImageTrustPolicySpec,
        wire: &[crd::PolicyCondition],
        path: &FieldPath,
    ) -> Vec<ConditionDemand> {
        let demands = self.conditions(wire, &ATTESTATION_VARIABLES, path);
        self.provenance_is_asked_for(spec, &demands, path);
        demands
    }

    /// Without `spec.provenance` a condition on it would never have an answer, and its image's author be blamed for it.
    fn provenance_is_asked_for(
        &mut self,
        spec: &ClusterImageTrustPolicySpec,
        demands: &[ConditionDemand],
        path: &FieldPath,
    ) {
        let mut readers = demands.iter().map(|demand| &demand.condition);
        let reader = readers.find(|condition| condition.reads(&["provenance"]));
        if let (None, Some(reader)) = (&spec.provenance, reader) {
            let expected =
                "spec.provenance beside a condition on provenance (`provenance: {}` asks for any)";
            self.report(path, Fault::expected_text(expected, reader.expression()));
        }
    }

    fn conditions(
        &mut self,
        wire: &[crd::PolicyCondition],
        variables: &[&str],
        path: &FieldPath,
    ) -> Vec<ConditionDemand> {
        self.at_most(CONDITIONS_PER_LIST, wire.len(), path);
        wire.iter()
            .take(CONDITIONS_PER_LIST)
            .enumerate()
            .filter_map(|(index, written)| self.condition(written, variables, &path.index(index)))
            .collect()
    }

    fn condition(
        &mut self,
        wire: &crd::PolicyCondition,
        variables: &[&str],
        path: &FieldPath,
    ) -> Option<ConditionDemand> {
        let expression = path.field("expression");
        let condition = Condition::compile(&wire.expression, variables)
            .map_err(|error| self.report(&expression, Fault::Condition(error)))
            .ok();
        let message = wire.message.as_deref().map(str::trim);
        if let Some(text) = message {
            self.is_text_of_at_most(CONDITION_MESSAGE_CHARS, text, &path.field("message"));
        }
        Some(ConditionDemand {
            condition: condition?,
            message: message.map(str::to_owned),
        })
    }
}
