#![expect(
    clippy::needless_pass_by_value,
    reason = "json!(…) reads better without a borrow in front"
)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::policy::ObjectEntry;

#[test]
fn demands_come_cluster_wide_first_and_then_by_name() {
    let set = set(&[
        object(Some("team"), "a", json!({})),
        object(None, "z", json!({})),
        object(None, "b", json!({})),
    ]);
    assert_eq!(
        demanded(&set, "registry.example/x", &place()),
        ["b", "z", "team/a"]
    );
}

#[test]
fn a_namespaced_policy_applies_only_in_its_own_namespace() {
    let set = set(&[object(Some("team"), "a", json!({}))]);
    assert_eq!(demanded(&set, "registry.example/x", &place()), ["team/a"]);
    let elsewhere = Place {
        namespace: "team-b".to_owned(),
        ..place()
    };
    assert_eq!(demanded(&set, "registry.example/x", &elsewhere), [""; 0]);
}

#[test]
fn excluded_images_are_left_out() {
    let matches = json!({ "excludeImages": ["registry.example/x/**"] });
    let set = set(&[object(None, "a", matches)]);
    assert_eq!(demanded(&set, "registry.example/y", &place()), ["a"]);
    assert_eq!(demanded(&set, "registry.example/x/y", &place()), [""; 0]);
    assert_eq!(demanded(&set, "registry.example.evil/y", &place()), [""; 0]);
}

#[test]
fn selectors_read_the_labels_of_the_namespace_and_of_the_object() {
    let set = set(&[
        object(
            None,
            "by-namespace",
            json!({ "namespaceSelector": { "matchLabels": { "env": "production" } } }),
        ),
        object(
            None,
            "by-object",
            json!({ "objectSelector": { "matchLabels": { "app": "shop" } } }),
        ),
    ]);
    let label = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let production = Place {
        namespace_labels: label("env", "production"),
        ..place()
    };
    let shop = Place {
        object_labels: label("app", "shop"),
        ..place()
    };
    assert_eq!(
        demanded(&set, "registry.example/x", &production),
        ["by-namespace"]
    );
    assert_eq!(demanded(&set, "registry.example/x", &shop), ["by-object"]);
    assert_eq!(demanded(&set, "registry.example/x", &place()), [""; 0]);
}

#[test]
fn a_policy_that_stops_compiling_keeps_its_last_good_form() {
    let good = set(&[object(None, "a", json!({}))]);
    let mut changed = object(None, "a", json!({ "images": ["other.example/**"] }));
    changed["spec"]["requires"] = json!(2);
    let stale = good.update(&read(&[changed.clone()]), &NoKeys);
    let kept = stale.iter().next().unwrap().1;
    assert!(matches!(kept, PolicyState::Stale { .. }), "{kept:?}");
    assert!(
        kept.reason()
            .unwrap()
            .starts_with("spec.requires: unknown field `requires`")
    );
    assert_eq!(demanded(&stale, "registry.example/x", &place()), ["a"]);
    assert_eq!(demanded(&stale, "other.example/x", &place()), [""; 0]);

    let still = stale.update(&read(&[changed]), &NoKeys);
    assert!(matches!(
        still.iter().next().unwrap().1,
        PolicyState::Stale { .. }
    ));
    let again = still.update(&read(&[object(None, "a", json!({}))]), &NoKeys);
    assert!(matches!(
        again.iter().next().unwrap().1,
        PolicyState::Ready(_)
    ));
}

#[test]
fn a_policy_that_never_compiled_demands_what_nothing_can_satisfy() {
    let mut broken = object(None, "a", json!({}));
    broken["spec"]["authorities"] = json!([]);
    let set = set(&[broken]);
    let demands = set.demands(&repository("registry.example/x"), &place());
    let [Demand::Broken { scope, reason }] = demands.as_slice() else {
        panic!("{demands:?}")
    };
    assert_eq!(scope.id.name, "a");
    assert_eq!(
        reason,
        "spec.authorities: expected at least one authority, found none"
    );
    assert_eq!(demanded(&set, "other.example/x", &place()), [""; 0]);
}

#[test]
fn a_policy_that_cannot_be_read_at_all_covers_every_image_of_its_place() {
    let mut unreadable = object(Some("team"), "a", json!({}));
    unreadable["spec"] = json!("nothing");
    let set = set(&[unreadable]);
    assert_eq!(demanded(&set, "any.example/x", &place()), ["broken team/a"]);
    let elsewhere = Place {
        namespace: "other".to_owned(),
        ..place()
    };
    assert_eq!(demanded(&set, "any.example/x", &elsewhere), [""; 0]);
}

#[test]
fn a_policy_that_is_deleted_is_gone() {
    let both = set(&[object(None, "a", json!({})), object(None, "b", json!({}))]);
    let one = both.update(&read(&[object(None, "b", json!({}))]), &NoKeys);
    assert_eq!(demanded(&one, "registry.example/x", &place()), ["b"]);
}

struct NoKeys;

impl KeySource for NoKeys {
    fn text(&self, _entry: &ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

fn object(namespace: Option<&str>, name: &str, matches: Value) -> Value {
    let mut all = json!({ "images": ["registry.example/**"] });
    for (field, value) in matches.as_object().unwrap() {
        all[field] = value.clone();
    }
    let spec = json!({ "match": all, "authorities": [{ "name": "a", "gitlab": { "project": "acme/shop" } }] });
    let (kind, metadata) = match namespace {
        None => ("ClusterImageTrustPolicy", json!({ "name": name })),
        Some(namespace) => (
            "ImageTrustPolicy",
            json!({ "name": name, "namespace": namespace }),
        ),
    };
    json!({ "apiVersion": "assay.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn read(objects: &[Value]) -> Vec<PolicyObject> {
    objects
        .iter()
        .map(|object| PolicyObject::from_json(object.clone()).unwrap())
        .collect()
}

fn set(objects: &[Value]) -> PolicySet {
    PolicySet::default().update(&read(objects), &NoKeys)
}

fn place() -> Place {
    Place {
        namespace: "team".to_owned(),
        ..Place::default()
    }
}

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

fn demanded(set: &PolicySet, image: &str, place: &Place) -> Vec<String> {
    set.demands(&repository(image), place)
        .iter()
        .map(|demand| match demand {
            Demand::Satisfy(policy) => policy.scope.id.to_string(),
            Demand::Broken { scope, .. } => format!("broken {}", scope.id),
        })
        .collect()
}
