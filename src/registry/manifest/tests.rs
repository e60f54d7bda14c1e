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
        Some(malformed("it is not UTF-8"))
    );
}

#[test]
fn a_document_that_can_be_read_as_two_things_is_refused() {
    for (media_type, document, detail) in [
        (
            MANIFEST,
            json!({"mediaType": OCI_INDEX}),
            format!("it says that it is {OCI_INDEX}"),
        ),
        (
            MANIFEST,
            json!({"layers": [], "manifests": []}),
            "it is a manifest and lists manifests".to_owned(),
        ),
        (
            OCI_INDEX,
            json!({"layers": [], "manifests": []}),
            "it is an index and has layers".to_owned(),
        ),
    ] {
        let found = parse(media_type, &document).err();
        assert_eq!(found, Some(ManifestError::Malformed { detail }));
    }
    let twice = br#"{"layers": [], "layers": []}"#;
    let error = Manifest::parse(MANIFEST, twice).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "answered a malformed manifest (duplicate field `layers` at line 1 column 23)"
    );
}

#[test]
fn a_type_that_says_nothing_leaves_it_to_the_document() {
    for content_type in GENERIC_TYPES {
        let said = |media_type: &str| json!({"mediaType": media_type}).to_string();
        let read = |text: &str| {
            let read = Manifest::parse_served(content_type, text.as_bytes());
            read.map(|manifest| manifest.kind)
        };
        assert_eq!(read(&said(MANIFEST)), Ok(Kind::OciManifest));
        assert_eq!(read(&said(OCI_INDEX)), Ok(Kind::OciIndex));
        let other = ManifestError::MediaType {
            presented: content_type.to_owned(),
        };
        assert_eq!(read("{}"), Err(other.clone()));
        assert_eq!(read(&said("a/b")), Err(other));
    }
    let web_page = Manifest::parse_served("text/html", b"{}");
    assert!(matches!(web_page, Err(ManifestError::MediaType { .. })));
}

#[test]
fn docker_s_first_schema_is_told_apart() {
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
    ] {
        let error = parse(media_type, &json!({"schemaVersion": 1})).err();
        assert_eq!(error, Some(ManifestError::SchemaOne));
    }
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

#[test]
fn annotations_that_are_too_many_together_are_refused() {
    let of = |count: usize| {
        let annotations: serde_json::Map<_, _> = (0..50)
            .map(|number| (number.to_string(), json!("x")))
            .collect();
        let mut layer = descriptor();
        layer["annotations"] = Value::Object(annotations);
        json!({"layers": vec![layer; count]})
    };
    let limit = limits::ANNOTATIONS_PER_MANIFEST;
    assert!(parse(MANIFEST, &of(limit / 50)).is_ok());
    let error = ManifestError::TooMany {
        what: "annotations",
        limit,
    };
    assert_eq!(parse(MANIFEST, &of(limit / 50 + 1)).err(), Some(error));
}
