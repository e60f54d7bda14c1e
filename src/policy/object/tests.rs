#![expect(
    clippy::needless_pass_by_value,
    reason = "json!(…) reads better without a borrow in front"
)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[test]
fn an_unknown_field_is_an_error_that_names_its_place() {
    let mut spec = good();
    spec["authorities"][0]["gitlab"]["projct"] = json!("acme/shop");
    assert_eq!(
        error(spec),
        "spec.authorities[0].gitlab.projct: unknown field `projct`, expected one of `instance`, `project`, `projectId`, \
         `ref`, `protectedRef`, `configPath`, `pipelineSources`, `runnerEnvironment`, `environment`, `imageInProject`"
    );
}

#[test]
fn fields_of_later_versions_are_unknown() {
    let mut spec = good();
    spec["promotion"] = json!({});
    assert!(error(spec).starts_with("spec.promotion: unknown field `promotion`"));
    let mut spec = good();
    spec["authorities"][0]["insecureNoSct"] = json!(true);
    assert!(error(spec).contains("unknown field `insecureNoSct`"));
}

#[test]
fn a_demand_whose_entries_are_commented_out_is_not_lost() {
    let expected = "expected a value, or no such field, found nothing";
    for field in ["provenance", "tags", "attestations", "conditions"] {
        let mut spec = good();
        spec[field] = json!(null);
        assert_eq!(error(spec), format!("spec.{field}: {expected}"));
    }
    let mut spec = good();
    spec["provenance"] = json!({ "refs": null, "runners": null });
    assert_eq!(
        error(spec),
        format!("spec.provenance.refs: {expected}; spec.provenance.runners: {expected}")
    );
}

#[test]
fn a_misspelt_word_is_an_error() {
    let mut spec = good();
    spec["action"] = json!("deny");
    assert_eq!(
        error(spec),
        "spec.action: unknown variant `deny`, expected one of `Deny`, `Warn`, `Audit`"
    );
    let mut spec = good();
    spec["authorities"][0]["gitlab"]["runnerEnvironment"] = json!("hosted");
    assert_eq!(
        error(spec),
        "spec.authorities[0].gitlab.runnerEnvironment: unknown variant `hosted`, expected `gitlab-hosted` or `self-hosted`"
    );
}

#[test]
fn a_misspelt_selector_field_does_not_select_everything() {
    let mut spec = good();
    spec["match"]["namespaceSelector"] = json!({ "matchLabel": { "env": "production" } });
    assert_eq!(
        error(spec),
        "spec.match.namespaceSelector.matchLabel: unknown field `matchLabel`, expected `matchLabels` or `matchExpressions`"
    );
}

#[test]
fn a_namespaced_policy_has_no_namespace_selector() {
    let mut spec = good();
    spec["match"]["namespaceSelector"] = json!({});
    let object = PolicyObject::from_json(namespaced(&spec)).unwrap();
    let error = object.compile(&NoKeys).unwrap_err().to_string();
    assert!(
        error.starts_with("spec.match.namespaceSelector: unknown field"),
        "{error}"
    );
}

#[test]
fn a_field_beside_the_spec_is_an_error() {
    let mut object = cluster(&good());
    object["sepc"] = json!({});
    let error = PolicyObject::from_json(object)
        .unwrap()
        .compile(&NoKeys)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "sepc: unknown field `sepc`, expected one of `spec`, `metadata`"
    );
}

#[test]
fn an_object_is_known_by_kind_namespace_and_name() {
    let id = PolicyObject::from_json(namespaced(&good()))
        .unwrap()
        .id()
        .clone();
    assert_eq!(id.to_string(), "team/p");
    let id = PolicyObject::from_json(cluster(&good()))
        .unwrap()
        .id()
        .clone();
    assert_eq!(id.to_string(), "p");

    let mut other = cluster(&good());
    other["apiVersion"] = json!("assay.dev/v1");
    assert_eq!(
        PolicyObject::from_json(other).unwrap_err().to_string(),
        "expected a kind of assay.dev/v1alpha1, found \"ClusterImageTrustPolicy\" of \"assay.dev/v1\""
    );
    let mut nameless = namespaced(&good());
    nameless["metadata"] = json!({ "name": "p" });
    assert_eq!(
        PolicyObject::from_json(nameless).unwrap_err().to_string(),
        "metadata.namespace: expected a name"
    );
}

#[test]
fn what_can_be_read_of_a_broken_policy_bounds_what_it_covers() {
    let mut spec = good();
    spec["match"] = json!({
        "images": ["registry.example/**"],
        "excludeImages": ["registry.example/x/**"],
        "namespaceSelector": { "matchLabels": { "env": "production" } },
        "objectSelector": { "matchLabels": { "app": "shop" } },
    });
    spec["action"] = json!("Audit");
    spec["authorities"] = json!("none");
    let scope = PolicyObject::from_json(cluster(&spec))
        .unwrap()
        .widest_scope();
    assert_eq!(scope.images, ["registry.example/**".parse().unwrap()]);
    assert_eq!(
        scope.exclude_images,
        ["registry.example/x/**".parse().unwrap()]
    );
    assert!(
        scope
            .namespace_selector
            .matches(&labels("env", "production"))
    );
    assert!(!scope.namespace_selector.matches(&labels("env", "test")));
    assert!(!scope.object_selector.matches(&labels("app", "other")));
    assert_eq!(scope.action, Action::Audit);
}

#[test]
fn what_cannot_be_read_of_a_broken_policy_is_taken_for_everything() {
    for matches in [
        json!({
            "images": ["registry.example/**", "nginx"],
            "excludeImages": ["registry.example/x/**", 7],
            "namespaceSelector": { "matchLabel": { "env": "production" } },
            "objectSelector": { "matchExpressions": [{ "key": "app", "operator": "Is" }] },
        }),
        json!({ "image": ["registry.example/**"] }),
        json!(null),
    ] {
        let spec = json!({ "match": matches, "action": "Aduit", "authorities": [] });
        let scope = PolicyObject::from_json(cluster(&spec))
            .unwrap()
            .widest_scope();
        assert_eq!(scope.images, []);
        assert_eq!(scope.exclude_images, []);
        assert!(scope.namespace_selector.matches(&labels("env", "test")));
        assert!(scope.object_selector.matches(&labels("app", "other")));
        assert_eq!(scope.action, Action::Deny);
    }
}

struct NoKeys;

impl KeySource for NoKeys {
    fn text(&self, _entry: &ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

fn good() -> Value {
    json!({
        "match": { "images": ["registry.example/**"] },
        "authorities": [{ "name": "a", "gitlab": { "project": "acme/shop" } }],
    })
}

fn cluster(spec: &Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "p" },
        "spec": spec,
    })
}

fn namespaced(spec: &Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ImageTrustPolicy",
        "metadata": { "name": "p", "namespace": "team" },
        "spec": spec,
    })
}

fn error(spec: Value) -> String {
    assert!(
        PolicyObject::from_json(cluster(&good()))
            .unwrap()
            .compile(&NoKeys)
            .is_ok()
    );
    let object = PolicyObject::from_json(cluster(&spec)).unwrap();
    object.compile(&NoKeys).unwrap_err().to_string()
}

fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}
