use serde_json::{Value, json};

use super::*;

#[test]
fn the_empty_selector_matches_everything() {
    assert!(selector(json!({})).matches(&labels(&[])));
    assert!(selector(json!({})).matches(&labels(&[("env", "x")])));
}

#[test]
fn match_labels_want_the_exact_value() {
    let selector = selector(json!({ "matchLabels": { "env": "production", "tier": "" } }));
    assert!(selector.matches(&labels(&[("env", "production"), ("tier", ""), ("x", "y")])));
    assert!(!selector.matches(&labels(&[("env", "production")])));
    assert!(!selector.matches(&labels(&[("env", "production-eu"), ("tier", "")])));
}

#[test]
fn the_operators_mean_what_they_mean_in_kubernetes() {
    let holds = |operator: &str, values: Value, present: &[(&str, &str)]| {
        let requirement = json!({ "key": "env", "operator": operator, "values": values });
        selector(json!({ "matchExpressions": [requirement] })).matches(&labels(present))
    };
    let (none, a, c) = (&[][..], &[("env", "a")][..], &[("env", "c")][..]);
    let results = |operator, values: Value| {
        [none, a, c].map(|present| holds(operator, values.clone(), present))
    };
    assert_eq!(results("In", json!(["a", "b"])), [false, true, false]);
    assert_eq!(results("NotIn", json!(["a", "b"])), [true, false, true]);
    assert_eq!(results("Exists", json!([])), [false, true, true]);
    assert_eq!(results("DoesNotExist", json!([])), [true, false, false]);
}

#[test]
fn all_requirements_must_hold() {
    let selector = selector(json!({
        "matchLabels": { "a": "1" },
        "matchExpressions": [{ "key": "b", "operator": "Exists" }],
    }));
    assert!(selector.matches(&labels(&[("a", "1"), ("b", "")])));
    assert!(!selector.matches(&labels(&[("a", "1")])));
    assert!(!selector.matches(&labels(&[("b", "")])));
}

#[test]
fn what_no_label_can_be_is_refused() {
    let path = FieldPath::new("spec").field("objectSelector");
    let wire = json!({
        "matchLabels": { "bad key": "x", "example.com/ok": "-x" },
        "matchExpressions": [
            { "key": "/a", "operator": "Exists", "values": ["b"] },
            { "key": "a", "operator": "NotIn", "values": [] },
            { "key": "a", "operator": "In", "values": ["ok", "a b"] },
        ],
    });
    let problems = Selector::compile(&serde_json::from_value(wire).unwrap(), &path).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "spec.objectSelector.matchLabels.bad key: expected a label key, found \"bad key\"",
            "spec.objectSelector.matchLabels.example.com/ok: expected a label value, found \"-x\"",
            "spec.objectSelector.matchExpressions[0].key: expected a label key, found \"/a\"",
            "spec.objectSelector.matchExpressions[0].values: expected no values beside Exists or DoesNotExist, found 1",
            "spec.objectSelector.matchExpressions[1].values: expected at least one value, found none",
            "spec.objectSelector.matchExpressions[2].values[1]: expected a label value, found \"a b\"",
        ]
    );
}

fn selector(wire: Value) -> Selector {
    let wire = serde_json::from_value(wire).unwrap();
    Selector::compile(&wire, &FieldPath::new("")).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
