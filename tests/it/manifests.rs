//! What lies under `manifests/` and `charts/` is what the code says.

#![allow(clippy::unwrap_used, reason = "functions of a test may fail loudly")]

use std::{collections::BTreeMap, fs, path::Path};

use assay::commands::crd;
use serde_json::Value;

#[test]
fn the_custom_resource_definitions_are_those_of_the_code() {
    let expected: BTreeMap<String, String> = crd::render().unwrap().into_iter().collect();
    for folder in ["manifests/crds", "charts/assay/files/crds"] {
        let present: BTreeMap<String, String> = fs::read_dir(path(folder))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read_to_string(entry.path()).unwrap(),
                )
            })
            .collect();
        assert!(
            present == expected,
            "{folder} differs from the code; write it anew: cargo run -- crd --output-dir {folder}\n\
             there: {:?}\nin the code: {:?}",
            present.keys(),
            expected.keys()
        );
    }
}

#[test]
fn the_field_reference_is_that_of_the_code() {
    let page = fs::read_to_string(path("docs/policy.md")).unwrap();
    let generated = page
        .split_once("<!-- fields: generated, see justfile -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- fields: end -->\n"))
        .map(|(generated, _)| generated.to_owned());
    assert!(
        generated == Some(crd::reference().unwrap()),
        "docs/policy.md differs from the code; write it anew: just crds"
    );
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = fs::read_to_string(path("charts/assay/Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!("version: {version}"),
        format!("appVersion: {version}"),
    ] {
        assert!(
            chart.lines().any(|written| written == line),
            "charts/assay/Chart.yaml has no line {line:?}"
        );
    }
}

#[test]
fn every_value_of_the_chart_stands_in_its_schema_and_none_is_missing_there() {
    let text = |name: &str| fs::read_to_string(path("charts/assay").join(name)).unwrap();
    let values: Value = serde_saphyr::from_str(&text("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&text("values.schema.json")).unwrap();
    let mut faults = Vec::new();
    compare(&values, &schema, "", &mut faults);
    assert_eq!(faults, Vec::<String>::new());
}

/// Objects that are empty by default may hold what the schema says.
fn compare(values: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
    let (Some(values), Some(properties)) = (values.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    if values.is_empty() {
        return;
    }
    for (name, value) in values {
        match properties.get(name) {
            Some(property) => compare(value, property, &format!("{at}/{name}"), faults),
            None => faults.push(format!("{at}/{name} is not in values.schema.json")),
        }
    }
    for name in properties.keys().filter(|name| *name != "global") {
        if !values.contains_key(name) {
            faults.push(format!("{at}/{name} is not in values.yaml"));
        }
    }
}

fn path(part: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(part)
}
