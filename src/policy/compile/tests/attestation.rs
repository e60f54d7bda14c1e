//! Demands for attestations.

use serde_json::{Value, json};

use super::{compiled, problems, with};
use crate::{limits::ATTESTATIONS_PER_POLICY, policy::AttestationDemand};

const SLSA: &str = "https://slsa.dev/provenance/v1";

fn spec(require: Value, types: &[&str]) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    if !require.is_null() {
        spec["require"] = require;
    }
    let entries = types.iter().map(|text| json!({ "predicateType": text }));
    spec["attestations"] = entries.collect();
    spec
}

#[test]
fn attestations_are_asked_for_beside_a_signature_or_instead_of_one() {
    let demand = AttestationDemand {
        conditions: Vec::new(),
        predicate_type: SLSA.to_owned(),
    };
    for (require, expected) in [(Value::Null, 1), (json!(1), 1), (json!(0), 0)] {
        let policy = compiled(spec(require, &[SLSA]));
        assert_eq!(policy.require, expected);
        assert_eq!(policy.attestations, std::slice::from_ref(&demand));
    }
}

#[test]
fn a_policy_that_asks_for_nothing_does_not_compile() {
    assert_eq!(
        problems(spec(json!(0), &[])),
        [
            "spec.require: expected at least 1 where neither provenance nor attestations are asked for, found 0"
        ]
    );
    assert_eq!(
        problems(spec(json!(2), &[SLSA])),
        ["spec.require: expected 0 to 1, the number of authorities, found 2"]
    );
}

#[test]
fn a_predicate_type_is_a_type_and_stands_once() {
    let expected = "expected a predicate type, as in https://slsa.dev/provenance/v1";
    assert_eq!(
        problems(spec(
            Value::Null,
            &[SLSA, "", "slsaprovenance", "https://a b", "x:$(id)", SLSA]
        )),
        [
            format!("spec.attestations[1].predicateType: {expected}, found \"\""),
            format!("spec.attestations[2].predicateType: {expected}, found \"slsaprovenance\""),
            format!("spec.attestations[3].predicateType: {expected}, found \"https://a b\""),
            format!("spec.attestations[4].predicateType: {expected}, found \"x:$(id)\""),
            format!(
                "spec.attestations[5].predicateType: expected a type that no other entry has, found \"{SLSA}\""
            ),
        ]
    );
}

#[test]
fn a_signature_is_not_asked_for_as_an_attestation() {
    let sign = "https://sigstore.dev/cosign/sign/v1";
    assert_eq!(
        problems(spec(json!(0), &[sign])),
        [format!(
            "spec.attestations[0].predicateType: expected the type of an attestation; signatures are what `require` asks \
             for, found \"{sign}\""
        )]
    );
}

#[test]
fn what_is_not_a_field_of_an_attestation_is_refused() {
    let mut spec = spec(Value::Null, &[SLSA]);
    spec["attestations"][0]["predicate"] = json!({});
    assert_eq!(
        problems(spec),
        [
            "spec.attestations[0].predicate: unknown field `predicate`, expected `predicateType` or `conditions`"
        ]
    );
}

#[test]
fn only_so_many_attestations_are_asked_for() {
    let types: Vec<String> = (0..=ATTESTATIONS_PER_POLICY)
        .map(|number| format!("https://example.test/{number}"))
        .collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    assert_eq!(
        problems(spec(Value::Null, &types)),
        ["spec.attestations: expected at most 16, found 17"]
    );
    assert_eq!(
        compiled(spec(Value::Null, &types[1..])).attestations.len(),
        16
    );
}
