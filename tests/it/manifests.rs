//! What lies under `manifests/` is what the code says.

#![allow(clippy::unwrap_used, reason = "functions of a test may fail loudly")]

use std::{collections::BTreeMap, fs, path::Path};

use assay::commands::crd;

#[test]
fn the_custom_resource_definitions_are_those_of_the_code() {
    let expected: BTreeMap<String, String> = crd::render().unwrap().into_iter().collect();
    let present: BTreeMap<String, String> = fs::read_dir(manifests("crds"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .filter(|(name, _)| name != "kustomization.yaml")
        .collect();
    assert!(
        present == expected,
        "manifests/crds differs from the code; write it anew: cargo run -- crd --output-dir manifests/crds\n\
         there: {:?}\nin the code: {:?}",
        present.keys(),
        expected.keys()
    );
}

fn manifests(part: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("manifests")
        .join(part)
}
