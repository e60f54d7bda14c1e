use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn every_field_has_a_description() {
    for (name, definition) in definitions().unwrap() {
        let schema = definition
            .pointer("/spec/versions/0/schema/openAPIV3Schema")
            .unwrap();
        let mut silent = Vec::new();
        each_field(schema, &name, &mut |path, field| {
            if field.get("description").is_none() {
                silent.push(path.to_owned());
            }
        });
        assert_eq!(silent, [""; 0]);
    }
}

#[test]
fn every_text_and_list_is_bounded() {
    for (name, definition) in definitions().unwrap() {
        let schema = definition
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
            .unwrap();
        let mut unbounded = Vec::new();
        each_field(schema, &name, &mut |path, field| {
            let is_bounded = match field["type"].as_str() {
                Some("string") => field.get("maxLength").or(field.get("enum")).is_some(),
                Some("array") => {
                    field.get("maxItems").is_some()
                        && (field["items"]["type"] != "string"
                            || field["items"].get("maxLength").is_some()
                            || field["items"].get("enum").is_some())
                }
                _ => true,
            };
            if !is_bounded {
                unbounded.push(path.to_owned());
            }
        });
        assert_eq!(unbounded, [""; 0]);
    }
}

#[test]
fn the_schemas_hold_no_keyword_that_the_api_server_refuses_or_warns_about() {
    let text = definitions()
        .unwrap()
        .iter()
        .map(|(_, definition)| definition.to_string())
        .collect::<String>();
    for keyword in [
        "nullable",
        "\"additionalProperties\":false",
        "uint32",
        "anyOf",
        "oneOf",
        "$ref",
        "null",
    ] {
        assert!(!text.contains(keyword), "{keyword}");
    }
}

#[test]
fn the_fields_are_those_of_the_contract() {
    let (_, definition) = definitions().unwrap().swap_remove(0);
    let schema = definition
        .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
        .unwrap();
    let names = |pointer: &str| -> BTreeSet<String> {
        let fields = schema.pointer(pointer).unwrap().as_object().unwrap();
        fields.keys().cloned().collect()
    };
    let set = |words: &str| -> BTreeSet<String> { words.split(' ').map(str::to_owned).collect() };
    assert_eq!(
        names("/properties"),
        set(
            "match action pin pinWorkloads signatureRepository authorities require tags provenance attestations \
             conditions whenRegistryUnavailable useVerifiedFor help"
        )
    );
    assert_eq!(
        names("/properties/match/properties"),
        set("images excludeImages namespaceSelector objectSelector")
    );
    assert_eq!(
        names("/properties/authorities/items/properties"),
        set("name key keys keyless gitlab github transparencyLog trustRootRef")
    );
    assert_eq!(names("/properties/tags/properties"), set("allow"));
    assert_eq!(
        names("/properties/provenance/properties"),
        set(
            "authorities sourceRepository refs tagMatches runners pipelineSources baseImages maxAge"
        )
    );
    assert_eq!(
        names("/properties/attestations/items/properties"),
        set("predicateType conditions")
    );
    for conditions in ["conditions", "attestations/items/properties/conditions"] {
        assert_eq!(
            names(&format!("/properties/{conditions}/items/properties")),
            set("expression message")
        );
    }
    for key in ["key", "keys/items"] {
        assert_eq!(
            names(&format!(
                "/properties/authorities/items/properties/{key}/properties"
            )),
            set("pem secretRef configMapRef notBefore notAfter")
        );
    }
}

fn each_field(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field);
        each_field(field, &path, visit);
        if let Some(items) = field.get("items") {
            each_field(items, &format!("{path}[]"), visit);
        }
    }
}
