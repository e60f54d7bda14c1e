//! Conditions of policies and of attestations.

use serde_json::{Value, json};

use super::{compiled, problems, with};
use crate::{
    limits::{CONDITION_BYTES, CONDITION_MESSAGE_CHARS, CONDITIONS_PER_LIST},
    policy::ConditionDemand,
};

fn spec(conditions: Value) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    spec["conditions"] = conditions;
    spec
}

fn attested(conditions: Value) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    spec["attestations"] =
        json!([{ "predicateType": "https://cyclonedx.org/bom", "conditions": conditions }]);
    spec
}

fn texts(demands: &[ConditionDemand]) -> Vec<(&str, Option<&str>)> {
    demands
        .iter()
        .map(|demand| (demand.condition.expression(), demand.message.as_deref()))
        .collect()
}

#[test]
fn conditions_are_over_all_that_is_known_of_an_image() {
    let all = "image.digest != '' && signatures.size() > 0 && provenance.commit != '' && attestations.size() > 0 \
               && pod.metadata.name != '' && namespace.name != ''";
    let mut spec = spec(json!([
        { "expression": all, "message": "all of it" },
        { "expression": "true" },
    ]));
    spec["provenance"] = json!({});
    let policy = compiled(spec);
    assert_eq!(
        texts(&policy.conditions),
        [(all, Some("all of it")), ("true", None)]
    );
}

#[test]
fn those_of_an_attestation_are_over_its_statement_too() {
    let expression = "attestation.predicate.components.size() > 0 && image.digest != ''";
    let policy = compiled(attested(json!([
        { "expression": expression, "message": "the SBOM is empty" },
    ])));
    assert_eq!(
        texts(&policy.attestations[0].conditions),
        [(expression, Some("the SBOM is empty"))]
    );
    assert_eq!(texts(&policy.conditions), []);
}

#[test]
fn a_variable_that_there_is_not_is_named() {
    assert_eq!(
        problems(spec(json!([
            { "expression": "true" },
            { "expression": "img.digest != ''" },
            { "expression": "attestation.predicate.ok" },
        ]))),
        [
            "spec.conditions[1].expression: there is no variable \"img\" here, only image, signatures, provenance, \
             attestations, pod, namespace",
            "spec.conditions[2].expression: there is no variable \"attestation\" here, only image, signatures, provenance, \
             attestations, pod, namespace",
        ]
    );
    assert_eq!(
        problems(attested(json!([{ "expression": "sbom.ok" }]))),
        [
            "spec.attestations[0].conditions[0].expression: there is no variable \"sbom\" here, only attestation, image, \
             signatures, provenance, attestations, pod, namespace",
        ]
    );
}

#[test]
fn what_is_no_expression_is_said_to_be_none() {
    assert_eq!(
        problems(spec(
            json!([{ "expression": "image.digest ==" }, { "expression": "image.digset != ''" }])
        )),
        [
            "spec.conditions[0].expression: mismatched input '<EOF>' expecting expression (line 1, column 16)",
            "spec.conditions[1].expression: image has no field \"digset\", only reference, registry, repository, path, tag, \
             digest, annotations, labels, platforms",
        ]
    );
}

#[test]
fn a_message_is_taken_without_the_space_around_it() {
    let policy = compiled(spec(
        json!([{ "expression": "true", "message": "one line\n" }]),
    ));
    assert_eq!(texts(&policy.conditions), [("true", Some("one line"))]);
}

#[test]
fn expressions_and_messages_have_a_text() {
    assert_eq!(
        problems(spec(json!([{ "expression": "", "message": "  " }]))),
        [
            "spec.conditions[0].expression: mismatched input '<EOF>' expecting expression (line 1, column 1)",
            "spec.conditions[0].message: expected a text, found an empty one",
        ]
    );
    assert_eq!(
        problems(spec(json!([{ "message": "no" }]))),
        ["spec.conditions[0]: missing field `expression`"]
    );
    assert_eq!(
        problems(spec(json!([{ "expression": "true", "then": "deny" }]))),
        ["spec.conditions[0].then: unknown field `then`, expected `expression` or `message`"]
    );
}

#[test]
fn only_so_many_conditions_are_read() {
    let conditions = |count: usize| json!(vec![json!({ "expression": "true" }); count]);
    let most = CONDITIONS_PER_LIST;
    assert_eq!(compiled(spec(conditions(most))).conditions.len(), most);
    let policy = compiled(attested(conditions(most)));
    assert_eq!(policy.attestations[0].conditions.len(), most);
    assert_eq!(
        problems(spec(conditions(most + 1))),
        ["spec.conditions: expected at most 32, found 33"]
    );
    assert_eq!(
        problems(attested(conditions(most + 1))),
        ["spec.attestations[0].conditions: expected at most 32, found 33"]
    );
}

#[test]
fn only_so_long_expressions_and_messages_are_read() {
    let expression = |chars: usize| format!("'{}' != ''", "x".repeat(chars - 8));
    let message = "é".repeat(CONDITION_MESSAGE_CHARS);
    let longest = expression(CONDITION_BYTES);
    let policy = compiled(spec(json!([{ "expression": longest, "message": message }])));
    assert_eq!(
        texts(&policy.conditions),
        [(longest.as_str(), Some(message.as_str()))]
    );
    assert_eq!(
        problems(spec(json!([
            { "expression": expression(CONDITION_BYTES + 1), "message": format!("{message}é") }
        ]))),
        [
            "spec.conditions[0].expression: it has more than 4096 bytes",
            "spec.conditions[0].message: expected at most 256 characters, found 257",
        ]
    );
}

#[test]
fn a_condition_on_provenance_that_nobody_asks_for_is_refused() {
    let reading = json!([{ "expression": "!has(provenance.commit)" }]);
    let expected = "expected spec.provenance beside a condition on provenance (`provenance: {}` asks for any), found \"!has(provenance.commit)\"";
    for (mut spec, path) in [
        (spec(reading.clone()), "spec.conditions"),
        (attested(reading), "spec.attestations[0].conditions"),
    ] {
        assert_eq!(problems(spec.clone()), [format!("{path}: {expected}")]);
        spec["provenance"] = json!({});
        compiled(spec);
    }
}
