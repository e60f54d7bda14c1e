//! The custom resource definitions, made from the types.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::{ClusterImageTrustPolicy, ImageTrustPolicy, ImageTrustRoot, PUBLIC_TRUST_ROOT, rule};

/// The three definitions as JSON, each with its name (as in `imagetrustroots.assay.dev`), always in this order.
pub fn definitions() -> Result<Vec<(String, Value)>, serde_json::Error> {
    [
        ClusterImageTrustPolicy::crd(),
        ImageTrustPolicy::crd(),
        ImageTrustRoot::crd(),
    ]
    .into_iter()
    .map(|definition| {
        let name = definition.metadata.name.clone().unwrap_or_default();
        let mut value = serde_json::to_value(definition)?;
        for schema in schemas(&mut value) {
            simplify(schema);
            if name.starts_with("imagetrustroots.") {
                reserve_public(schema);
            }
        }
        Ok((name, value))
    })
    .collect()
}

fn schemas(definition: &mut Value) -> impl Iterator<Item = &mut Value> {
    definition
        .pointer_mut("/spec/versions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(|version| version.pointer_mut("/schema/openAPIV3Schema"))
}

/// Takes out what the generator adds and the API server needs not: with `nullable` it would keep an explicit
/// null, which CEL's `has()` then counts as present; `uint32` it does not know and warns about.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // A field of ours that has one of these names would hold a schema, not one of these values.
            fields.retain(|name, value| match name.as_str() {
                "nullable" => !value.is_boolean(),
                "default" => !value.is_null(),
                _ => true,
            });
            for (name, value) in fields.iter_mut() {
                simplify_keyword(name, value);
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

fn simplify_keyword(name: &str, value: &mut Value) {
    match (name, &mut *value) {
        ("enum", Value::Array(words)) => words.retain(|word| !word.is_null()),
        ("description", Value::String(text)) => *text = unwrapped(text),
        ("format", Value::String(format)) if format == "uint32" => "int32".clone_into(format),
        ("minimum" | "maximum", Value::Number(number)) => {
            // The definition's type holds these as floating point; we only ever set whole ones.
            if let Ok(whole) = number.to_string().trim_end_matches(".0").parse::<i64>() {
                *value = json!(whole);
            }
        }
        _ => {}
    }
}

/// Lines of a doc comment joined again: `kubectl explain` wraps them itself. Paragraphs stay apart.
fn unwrapped(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// `public` always means the root that is built in: no object may look as if it replaced it.
fn reserve_public(schema: &mut Value) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(
            "x-kubernetes-validations".to_owned(),
            json!([rule(
                &format!("self.metadata.name != '{PUBLIC_TRUST_ROOT}'"),
                "the name public is taken by the public-good Sigstore root that is built in",
            )]),
        );
    }
}
