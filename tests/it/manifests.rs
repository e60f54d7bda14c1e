//! What lies under `manifests/` and `charts/` is what the code says.

#![allow(clippy::unwrap_used, reason = "functions of a test may fail loudly")]

use std::{collections::BTreeMap, fs, path::Path};

use assay::commands::crd;

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

fn path(part: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(part)
}
