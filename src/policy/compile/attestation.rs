//! Demands for attestations, compiled.

use super::{Compiler, Fault, FieldPath};
use crate::{
    limits::ATTESTATIONS_PER_POLICY,
    policy::{
        AttestationDemand,
        crd::{self, ClusterImageTrustPolicySpec},
    },
};

impl Compiler<'_> {
    pub(super) fn attestations(
        &mut self,
        spec: &ClusterImageTrustPolicySpec,
    ) -> Vec<AttestationDemand> {
        let wire = &spec.attestations;
        let path = FieldPath::new("spec").field("attestations");
        self.at_most(ATTESTATIONS_PER_POLICY, wire.len(), &path);
        let mut compiled = Vec::new();
        for (index, written) in wire.iter().enumerate() {
            let before = wire.get(..index).unwrap_or_default();
            let path = path.index(index);
            let predicate_type = &written.predicate_type;
            self.predicate_type(before, predicate_type, &path.field("predicateType"));
            compiled.push(AttestationDemand {
                predicate_type: predicate_type.clone(),
                conditions: self.attestation_conditions(
                    spec,
                    &written.conditions,
                    &path.field("conditions"),
                ),
            });
        }
        compiled
    }

    /// A type URI of in-toto. Older ones of cosign have no scheme, so that none is asked for. What a shell would read otherwise is left
    /// out, as the type stands in commands that are copied.
    fn predicate_type(&mut self, before: &[crd::Attestation], text: &str, path: &FieldPath) {
        let is_type = (1..=512).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@%+=,".contains(c))
            && text.contains(['/', ':']);
        if !is_type {
            let expected = "a predicate type, as in https://slsa.dev/provenance/v1";
            self.report(path, Fault::expected_text(expected, text));
        } else if text == SIGN_PREDICATE {
            let expected = "the type of an attestation; signatures are what `require` asks for";
            self.report(path, Fault::expected_text(expected, text));
        }
        if before.iter().any(|other| other.predicate_type == text) {
            let expected = "a type that no other entry has";
            self.report(path, Fault::expected_text(expected, text));
        }
    }
}

/// What cosign calls a plain signature that it stores as a statement.
const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
