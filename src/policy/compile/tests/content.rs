//! The content of a policy: what verdicts are remembered by.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{compiled, with};

fn spec(fields: &Value) -> Value {
    let mut spec = with(json!({ "name": "a", "gitlab": { "project": "acme/shop" } }));
    super::add(
        &mut spec,
        json!({ "name": "b", "gitlab": { "project": "acme/scan" } }),
    );
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

/// Each differs from every other in what it lets in or says.
fn different() -> Vec<Value> {
    let bom = "https://cyclonedx.org/bom";
    vec![
        json!({}),
        json!({ "require": 2 }),
        json!({ "tags": { "allow": ["latest"] } }),
        json!({ "tags": { "allow": ["v1"] } }),
        json!({ "tags": { "allow": ["v1", "latest"] } }),
        json!({ "provenance": {} }),
        json!({ "provenance": {}, "require": 0 }),
        json!({ "provenance": { "authorities": ["a"] } }),
        json!({ "provenance": { "authorities": ["b"] } }),
        json!({ "provenance": { "sourceRepository": "https://gitlab.com/acme/shop" } }),
        json!({ "provenance": { "sourceRepository": "https://gitlab.com/acme/scan" } }),
        json!({ "provenance": { "refs": ["refs/tags/v*"] } }),
        json!({ "provenance": { "refs": ["refs/heads/main"] } }),
        json!({ "provenance": { "tagMatches": ["Ref"] } }),
        json!({ "provenance": { "tagMatches": ["Commit"] } }),
        json!({ "provenance": { "tagMatches": ["Commit", "Ref"] } }),
        json!({ "provenance": { "runners": ["https://gitlab.com/-/runners/1"] } }),
        json!({ "provenance": { "runners": ["https://gitlab.com/-/runners/2"] } }),
        json!({ "provenance": { "pipelineSources": ["push"] } }),
        json!({ "provenance": { "pipelineSources": ["web"] } }),
        json!({ "provenance": { "baseImages": ["registry.example/base/**"] } }),
        json!({ "provenance": { "baseImages": ["registry.example/**"] } }),
        json!({ "provenance": { "maxAge": "1h" } }),
        json!({ "provenance": { "maxAge": "2h" } }),
        json!({ "attestations": [{ "predicateType": bom }] }),
        json!({ "attestations": [{ "predicateType": bom, "conditions": [{ "expression": "true" }] }] }),
        json!({ "attestations": [{ "predicateType": bom, "conditions": [{ "expression": "false" }] }] }),
        json!({ "attestations": [{ "predicateType": bom, "conditions": [{ "expression": "true", "message": "m" }] }] }),
        json!({ "whenRegistryUnavailable": "UseVerified" }),
        json!({ "whenRegistryUnavailable": "UseVerified", "useVerifiedFor": "1h" }),
        json!({ "conditions": [{ "expression": "true" }] }),
        json!({ "conditions": [{ "expression": "false" }] }),
        json!({ "conditions": [{ "expression": "true", "message": "m" }] }),
        json!({ "conditions": [{ "expression": "true", "message": "n" }] }),
    ]
}

#[test]
fn the_content_changes_with_every_field() {
    let contents: BTreeSet<String> = different()
        .iter()
        .map(|fields| compiled(spec(fields)).content)
        .collect();
    assert_eq!(contents.len(), different().len());
}

#[test]
fn where_a_policy_applies_does_not_change_with_what_it_asks_for() {
    let scope = |fields: &Value| {
        let object = super::object(spec(fields));
        let compiled = object.compile(&super::Texts(Vec::new())).unwrap();
        [
            format!("{:?}", compiled.scope),
            format!("{:?}", object.widest_scope()),
        ]
    };
    let first = scope(&json!({}));
    for fields in different() {
        assert_eq!(scope(&fields), first, "{fields}");
    }
}
