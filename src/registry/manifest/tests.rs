use serde_json::{Value, json};

use super::*;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn parse(media_type: &str, document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(media_type, document.to_string().as_bytes())
}

fn descriptor() -> Value {
    json!({"mediaType": "a/b", "digest": format!("sha256:{}", "a".repeat(64)), "size": 1})
}

#[test]
fn the_four_media_types_are_read_and_no_other() {
    let document = json!({"schemaVersion": 2});
    let kinds: Vec<_> = ANY_MANIFEST
        .split(", ")
        .map(|media_type| parse(media_type, &document).map(|manifest| manifest.kind))
        .collect();
    let expected = [
        Kind::OciManifest,
        Kind::OciIndex,
        Kind::DockerManifest,
        Kind::DockerList,
    ];
    assert_eq!(kinds, expected.map(Ok));
    let error = parse("text/html", &document).expect_err("no manifest");
    assert_eq!(
        error,
        ManifestError::MediaType {
            presented: "text/html".to_owned()
        }
    );
}

#[test]
fn a_media_type_is_shown_escaped_and_cut() {
    let odd = format!("a/\u{1b}{}", "x".repeat(limits::SHOWN_CHARS));
    let kept = "x".repeat(limits::SHOWN_CHARS - "a/\\u{1b}".len());
    let error = parse(&odd, &json!({})).expect_err("no manifest");
    assert_eq!(
        error.to_string(),
        format!("answered \"a/\\u{{1b}}{kept}…\" instead of a manifest")
    );
}

#[test]
fn a_document_that_is_not_utf_8_is_refused_even_where_nobody_looks() {
    let document = b"{\"unknown\": \"\xec\"}";
    assert_eq!(
        Manifest::parse(MANIFEST, document).err(),
        Some(ManifestError::Malformed)
    );
}

#[test]
fn a_document_that_can_be_read_as_two_things_is_refused() {
    for (media_type, document) in [
        (MANIFEST, json!({"mediaType": OCI_INDEX})),
        (MANIFEST, json!({"layers": [], "manifests": []})),
        (OCI_INDEX, json!({"layers": [], "manifests": []})),
    ] {
        assert_eq!(
            parse(media_type, &document).err(),
            Some(ManifestError::Malformed)
        );
    }
    let twice = br#"{"layers": [], "layers": []}"#;
    assert_eq!(
        Manifest::parse(MANIFEST, twice).err(),
        Some(ManifestError::Malformed)
    );
}

#[test]
fn a_list_of_one_too_many_descriptors_is_refused() {
    let of = |count: usize| json!({"manifests": vec![descriptor(); count]});
    let limit = limits::DESCRIPTORS_PER_INDEX;
    assert_eq!(
        parse(OCI_INDEX, &of(limit)).map(|index| index.manifests.len()),
        Ok(limit)
    );
    let error = ManifestError::TooMany {
        what: "descriptors",
        limit,
    };
    assert_eq!(parse(OCI_INDEX, &of(limit + 1)).err(), Some(error));
}

#[test]
fn one_annotation_too_many_is_refused() {
    let of = |count: usize| {
        let annotations: serde_json::Map<_, _> = (0..count)
            .map(|number| (number.to_string(), json!("x")))
            .collect();
        let mut layer = descriptor();
        layer["annotations"] = Value::Object(annotations);
        json!({"layers": [layer]})
    };
    let limit = limits::ANNOTATIONS_PER_DESCRIPTOR;
    assert!(parse(MANIFEST, &of(limit)).is_ok());
    let error = ManifestError::TooMany {
        what: "annotations in one place",
        limit,
    };
    assert_eq!(parse(MANIFEST, &of(limit + 1)).err(), Some(error));
}
