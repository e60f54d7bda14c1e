//! What an image in a folder says about itself.

use super::*;
use crate::image::PlatformContents;

const STATEMENT: &str = "application/vnd.in-toto+json";

/// An index over one image, and a statement about this digest; the digest of the image and the entry of the index.
fn written(layout: &Written, about: Option<&Digest>) -> (Digest, Value) {
    let config = r#"{"os": "linux", "architecture": "amd64", "config": {"Labels": {"a": "1"}}}"#;
    let config = layout.blob("application/vnd.oci.image.config.v1+json", config);
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
    let image = layout.blob(MANIFEST, &manifest.to_string());
    let image_digest = digest(&image);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": about.unwrap_or(&image_digest).hex()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    });
    let statement = layout.blob(STATEMENT, &statement.to_string());
    let holder = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [statement]});
    let mut holder = layout.blob(MANIFEST, &holder.to_string());
    holder["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    holder["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image["digest"],
    });
    (image_digest, layout.index(&[image, holder]))
}

async fn read(
    layout: &OciLayout,
    digest: &Digest,
    parts: &[Part],
) -> Result<Arc<Contents>, RegistryError> {
    let access = Access {
        keyring: Arc::default(),
        deadline: Instant::now(),
        since: Instant::now(),
        asked: Asked::default(),
    };
    let repository = "registry.example/app".parse().unwrap();
    let parts = parts.iter().copied().collect();
    layout.contents(&repository, digest, &parts, &access).await
}

#[tokio::test]
async fn what_an_image_says_is_read_as_from_a_registry() {
    let mut layout = Written::new();
    let (image, index) = written(&layout, None);
    layout.list(index.clone(), &[]);
    let opened = layout.open("").unwrap();
    let parts = [Part::Labels, Part::BuildStatements];
    let found = read(&opened, opened.image(), &parts).await.unwrap();
    let platform = PlatformContents {
        platform: "linux/amd64".to_owned(),
        digest: image.clone(),
        annotations: BTreeMap::new(),
        labels: BTreeMap::from([("a".to_owned(), "1".to_owned())]),
    };
    assert_eq!(found.platforms, [platform]);
    assert_eq!(found.build_statements.len(), 1);
    assert_eq!(found.build_statements[0].platform, image);
    let missing = Digest::of(b"missing");
    let refused = read(&opened, &missing, &parts).await.unwrap_err();
    assert!(matches!(refused, RegistryError::NotFound { .. }));
}

#[tokio::test]
async fn a_statement_about_another_image_is_broken_in_a_folder_too() {
    let mut layout = Written::new();
    let other = Digest::of(b"other");
    let (image, index) = written(&layout, Some(&other));
    layout.list(index, &[]);
    let opened = layout.open("").unwrap();
    let found = read(&opened, opened.image(), &[Part::BuildStatements]);
    let found = found.await.unwrap();
    assert_eq!(found.build_statements, []);
    assert_eq!(
        found.broken_statements[0].fault.to_string(),
        format!("it is about {other}, the index says {image}")
    );
}

#[tokio::test]
async fn a_configuration_that_is_gone_or_changed_is_missed_only_when_labels_are_asked_for() {
    let mut layout = Written::new();
    let (_, index) = written(&layout, None);
    layout.list(index, &[]);
    let opened = layout.open("").unwrap();
    let config = layout.folder.path().join("blobs/sha256");
    let config = fs::read_dir(config)
        .unwrap()
        .map(|file| file.unwrap().path());
    let config = config
        .filter(|path| fs::read_to_string(path).unwrap().contains("Labels"))
        .collect::<Vec<_>>();
    fs::write(&config[0], "{}").unwrap();
    let told = |error: RegistryError| {
        let text = error.to_string();
        text.replace(&layout.folder.path().display().to_string(), "DIR")
    };
    let refused = read(&opened, opened.image(), &[Part::Labels]).await;
    let refused = told(refused.unwrap_err());
    assert!(
        refused.starts_with("DIR could not be read: DIR/blobs/sha256/"),
        "{refused}"
    );
    fs::remove_file(&config[0]).unwrap();
    let refused = read(&opened, opened.image(), &[Part::Labels]).await;
    let refused = told(refused.unwrap_err());
    assert!(refused.contains("does not have it"), "{refused}");
    let parts = [Part::Annotations, Part::BuildStatements];
    let found = read(&opened, opened.image(), &parts).await.unwrap();
    assert_eq!(found.build_statements.len(), 1);
}
