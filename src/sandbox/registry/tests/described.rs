use super::*;
use crate::sandbox::build::Predicate;

async fn manifest(registry: &MemoryRegistry, digest: &str) -> Value {
    json(get(registry, &format!("/v2/acme/api/manifests/{digest}")).await).await
}

async fn blob(registry: &MemoryRegistry, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap();
    json(get(registry, &format!("/v2/acme/api/blobs/{digest}")).await).await
}

#[tokio::test]
async fn an_image_says_in_each_place_what_it_was_given() {
    let registry = registry(RegistrySettings::default()).await;
    let image = DescribedImage::new("amd64", "one")
        .annotation("of", "manifest")
        .descriptor_annotation("of", "descriptor")
        .label("of", "configuration");
    let index = DescribedIndex::default()
        .annotation("of", "index")
        .image(image.clone());
    let (index, images) = registry.push_described_index("acme/api", "1", &index);
    let index = manifest(&registry, index.as_str()).await;
    assert_eq!(index["annotations"], serde_json::json!({"of": "index"}));
    let descriptor = &index["manifests"][0];
    assert_eq!(descriptor["digest"], images[0].as_str());
    assert_eq!(
        descriptor["annotations"],
        serde_json::json!({"of": "descriptor"})
    );
    let manifest = manifest(&registry, images[0].as_str()).await;
    assert_eq!(
        manifest["annotations"],
        serde_json::json!({"of": "manifest"})
    );
    let config = blob(&registry, &manifest["config"]).await;
    assert_eq!(
        config["config"]["Labels"],
        serde_json::json!({"of": "configuration"})
    );
    assert_eq!(registry.push_described("acme/api", "2", &image), images[0]);
}

#[tokio::test]
async fn what_is_stated_about_an_image_is_tied_to_it_as_buildkit_does_it() {
    let registry = registry(RegistrySettings::default()).await;
    let predicate = Predicate::new(
        "https://slsa.dev/provenance/v1",
        serde_json::json!({"a": 1}),
    );
    let index =
        DescribedIndex::default().image(DescribedImage::new("amd64", "one").stating(predicate));
    let (index, images) = registry.push_described_index("acme/api", "1", &index);
    let index = manifest(&registry, index.as_str()).await;
    let descriptor = &index["manifests"][1];
    assert_eq!(
        descriptor["annotations"],
        serde_json::json!({
            "vnd.docker.reference.digest": images[0].as_str(),
            "vnd.docker.reference.type": "attestation-manifest",
        })
    );
    assert_eq!(
        descriptor["platform"],
        serde_json::json!({"architecture": "unknown", "os": "unknown"})
    );
    let attestation = manifest(&registry, descriptor["digest"].as_str().unwrap()).await;
    let layer = &attestation["layers"][0];
    assert_eq!(
        layer["annotations"]["in-toto.io/predicate-type"],
        "https://slsa.dev/provenance/v1"
    );
    let statement = blob(&registry, layer).await;
    assert_eq!(statement["subject"][0]["digest"]["sha256"], images[0].hex());
    assert_eq!(statement["predicate"], serde_json::json!({"a": 1}));
}
