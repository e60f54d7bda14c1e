//! The range of manifest types: registries that answer only what is asked for, and what is too old to be read.

use super::*;

const HOST: &str = "registry.example";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const SCHEMA_ONE: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// Pushes a document of this type under a tag, and signs it.
fn push_signed(product: &Product, tag: &str, media_type: &str) {
    let document = serde_json::json!({"schemaVersion": 2, "mediaType": media_type});
    let registry = &product.registry;
    let digest = registry.push_manifest("shop/api", Some(tag), media_type, document.to_string());
    registry.attach_bundle("shop/api", &digest, "bundle");
}

#[tokio::test]
async fn each_type_is_asked_for_by_name_where_it_may_be_the_answer() {
    let product = Product::new(&[HOST], Referrers::FallbackTag).await;
    // As strict as a registry can be: 404 for what was not asked for.
    product.plays(|request| Some(Fault::UnlessAccepted(request.accept.clone())));
    for (tag, media_type) in [
        ("manifest", "application/vnd.oci.image.manifest.v1+json"),
        ("index", OCI_INDEX),
        ("docker", DOCKER_MANIFEST),
        ("list", DOCKER_LIST),
    ] {
        push_signed(&product, tag, media_type);
        let found = product
            .review(&format!("{HOST}/shop/api:{tag}"), &anonymous())
            .await;
        let expected = bundle(AttachmentPlace::ReferrersTag, "bundle");
        assert_eq!(found, Ok(expected), "{media_type}");
    }
}

#[tokio::test]
async fn docker_s_first_schema_is_refused_by_name() {
    let product = Product::new(&[HOST], Referrers::FallbackTag).await;
    let registry = &product.registry;
    let document = r#"{"schemaVersion": 1, "name": "shop/api", "tag": "old"}"#;
    registry.push_manifest("shop/api", Some("old"), SCHEMA_ONE, document);
    let refused =
        format!("{HOST} has it in Docker's schema 1 only, which is not read: push the image again");
    let image = format!("{HOST}/shop/api:old");
    let found = product.review(&image, &anonymous()).await;
    assert_eq!(found, Err(refused.clone()));
    // The same where HEAD is not answered.
    product.plays(|request| (request.method == "HEAD").then(|| answer(405, &[], "")));
    let found = product.review(&image, &anonymous()).await;
    assert_eq!(found, Err(refused.clone()));
    // The same by its digest, which is not that of the bytes: their signatures are left out of it.
    product.plays(move |request| {
        let headers = [("content-type", SCHEMA_ONE)];
        (request.method == "GET").then(|| answer(200, &headers, document))
    });
    let (repository, digest) = ("registry.example/shop/api", Digest::of(b"unsigned"));
    let repository = repository.parse().expect("a repository");
    let access = anonymous();
    let found = product.reader.children(&repository, &digest, &access).await;
    let found = found.map_err(|error| error.to_string());
    assert_eq!(found, Err(refused));
}
