//! Whether the custom resource definitions are those of this program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::cluster::Found;

/// Compares the fields that the API server serves with those that this program knows.
pub(super) fn judge(
    expected: &BTreeMap<String, Value>,
    found: &BTreeMap<String, Found>,
) -> Vec<Finding> {
    let wrong: Vec<Finding> = expected
        .iter()
        .filter_map(|(name, definition)| fault(name, definition, found.get(name)?))
        .collect();
    if wrong.is_empty() {
        let count = expected.len();
        let fact = format!("the {count} custom resource definitions are those of this version");
        return vec![Finding::Fine(fact)];
    }
    wrong
}

fn fault(name: &str, expected: &Value, found: &Found) -> Option<Finding> {
    let found = match found {
        Err(reason) => {
            return Some(Finding::wrong(
                format!("the definition {name} cannot be read: {reason}"),
                "use a kubeconfig that may read it",
            ));
        }
        Ok(None) => {
            return Some(Finding::wrong(
                format!("the definition {name} is missing"),
                "install it: assay crd | kubectl apply --server-side -f -",
            ));
        }
        Ok(Some(found)) => found,
    };
    if !is_established(found) {
        return Some(Finding::wrong(
            format!("the API server does not serve {name}"),
            format!("look at why: kubectl describe crd {name}"),
        ));
    }
    let (expected, found) = (fields(expected), fields(found));
    if let Some(unknown) = shown(expected.difference(&found)) {
        return Some(Finding::wrong(
            format!("the definition {name} is older than this program and lacks {unknown}"),
            "bring it up to date: assay crd | kubectl apply --server-side -f -",
        ));
    }
    let more = shown(found.difference(&expected))?;
    Some(Finding::wrong(
        format!("the definition {name} is newer than this program and also has {more}"),
        "bring the program up to date: a policy with a field that it does not know is broken",
    ))
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Established")
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

/// Every field of every served version, by its path.
fn fields(definition: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    for version in versions.into_iter().flatten() {
        let name = version.get("name").and_then(Value::as_str);
        let schema = version.pointer("/schema/openAPIV3Schema");
        if let (Some(name), Some(schema)) = (name, schema) {
            collect(schema, name, &mut all);
        }
    }
    all
}

fn collect(schema: &Value, path: &str, all: &mut BTreeSet<String>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let path = format!("{path}.{name}");
        collect(property, &path, all);
        all.insert(path);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(inner) {
            collect(inner, path, all);
        }
    }
}

/// The first of them, and how many more there are.
fn shown<'a>(fields: impl Iterator<Item = &'a String>) -> Option<String> {
    let fields: Vec<&String> = fields.collect();
    let (first, rest) = fields.split_first()?;
    Some(match rest.len() {
        0 => (*first).clone(),
        more => format!("{first} and {more} more"),
    })
}
