//! The document of `-o json`.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::*;
use crate::commands::schema;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

async fn document(bench: &Bench, arguments: &[&str]) -> Value {
    let run = bench.inspect(&[arguments, &["-o", "json"]].concat()).await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// Every name that stands anywhere in a document.
fn names(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone());
                names(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn the_schema_in_the_documentation_is_the_documents() {
    let schema = assay::commands::inspect::schema();
    let expected = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect.schema.json");
    fs::write(&path, &expected).unwrap();
    let current = read("docs/inspect.schema.json");
    let path = path.display();
    assert!(current == expected, "cp {path} docs/inspect.schema.json");
}

#[test]
fn every_field_is_described_in_the_schema_and_in_the_documentation() {
    let schema = assay::commands::inspect::schema();
    let documentation = read("docs/inspect.md");
    let properties = schema::properties(&schema);
    assert!(properties.len() > 50, "{}", properties.len());
    for (name, property) in properties {
        let described = property["description"].as_str();
        assert!(described.is_some_and(|text| !text.is_empty()), "{name}");
        assert!(
            documentation.contains(&format!("`{name}`")),
            "docs/inspect.md: {name}"
        );
        for value in property["enum"].as_array().into_iter().flatten() {
            let value = value.as_str().unwrap_or("null");
            assert!(
                documentation.contains(&format!("`{value}`")),
                "docs/inspect.md: {value}"
            );
        }
    }
    for kind in schema["$defs"]["WarningKind"]["oneOf"].as_array().unwrap() {
        let value = kind["const"].as_str().unwrap();
        assert!(
            documentation.contains(&format!("`{value}`")),
            "docs/inspect.md: {value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_is_as_the_schema_says_and_together_they_have_every_field() {
    let schema = assay::commands::inspect::schema();
    let mut found = BTreeSet::new();
    let bench = Bench::new().await;
    released(&bench);
    let image = bench.push_one(&DescribedImage::new("amd64", "keyed"));
    let signing = bench.sigstore.sign_with(&bench.key, &image).without_log();
    bench.attached(&image, signing.annotation("tag", "v1"));
    let keyed = document(&bench, &["--key", "cosign.pub"]).await;
    released(&bench);
    let released = document(&bench, &[]).await;
    unverified(&bench);
    let unverified = document(&bench, &[]).await;
    let statement = build().stated_by_buildkit();
    let index =
        DescribedIndex::default().image(DescribedImage::new("amd64", "one").stating(statement));
    let registry = &bench.registry;
    registry.push_described_index(REPOSITORY, "v1", &index);
    let buildx = document(&bench, &[]).await;
    super::super::folder::write_layout(&bench, "app", Some("registry.example/app:v1"), |_| None);
    let run = bench.run(&["inspect", "oci:app", "-o", "json"]).await;
    let folder: Value = serde_json::from_str(&run.stdout).unwrap();
    for document in [keyed, released, unverified, buildx, folder] {
        assert_eq!(
            schema::faults(&schema, &document),
            Vec::<String>::new(),
            "{document:#}"
        );
        names(&document, &mut found);
    }
    let known: BTreeSet<String> = (schema::properties(&schema).into_iter())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_in_the_schema_is_seen() {
    let schema = assay::commands::inspect::schema();
    let bench = Bench::new().await;
    released(&bench);
    let mut document = document(&bench, &[]).await;
    document["signatures"][0]["signer"]["shoeSize"] = json!(43);
    document["facts"][0]["name"] = json!("shoeSize");
    document["links"]["job"] = json!(43);
    document.as_object_mut().unwrap().remove("digest");
    let faults = schema::faults(&schema, &document);
    assert_eq!(faults.len(), 4, "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_have_name_value_source_and_path() {
    let bench = Bench::new().await;
    released(&bench);
    let document = document(&bench, &[]).await;
    let commit = assay::sandbox::build::COMMIT;
    let signer = "gitlab.com/acme/shop/api ref refs/tags/v1.8.2";
    let facts: Vec<&Value> = (document["facts"].as_array().unwrap().iter())
        .filter(|fact| fact["name"] == "commit")
        .collect();
    let expected = [
        json!({
            "name": "commit",
            "value": commit,
            "source": "certificate",
            "path": "extension .13",
            "signer": signer,
        }),
        json!({
            "name": "commit",
            "value": commit,
            "source": "attestation",
            "path": "predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit",
            "signer": signer,
        }),
    ];
    assert_eq!(facts, expected.iter().collect::<Vec<_>>());
    let project = "https://gitlab.com/acme/shop/api/-";
    let links = json!({
        "commit": format!("{project}/commit/{commit}"),
        "pipeline": format!("{project}/pipelines/1077352011"),
        "job": format!("{project}/jobs/4316132595"),
    });
    assert_eq!(document["links"], links);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_verified_is_no_fact() {
    let bench = Bench::new().await;
    unverified(&bench);
    let document = document(&bench, &[]).await;
    assert_eq!(
        (
            &document["facts"],
            &document["baseImages"],
            &document["links"]
        ),
        (&json!([]), &json!([]), &json!({}))
    );
    let claimed: Vec<_> = (document["claims"]["facts"].as_array().unwrap().iter())
        .map(|fact| json!([fact["name"], fact["value"], fact["source"], fact["signer"]]))
        .collect();
    let expected = [
        json!([
            "commit",
            "5ba5ed0000000000000000000000000000000000",
            "label",
            null
        ]),
        json!(["pipelineId", "1077352011", "imageAnnotation", null]),
    ];
    assert_eq!(claimed, expected);
    let attestation = &document["attestations"][0];
    assert_eq!(attestation["verified"], json!(false));
    assert_eq!(attestation["signer"], Value::Null);
}
