use super::*;

#[tokio::test]
async fn each_older_layout_is_stored_as_cosign_stores_it() {
    let registry = registry(RegistrySettings::default()).await;
    let image = registry.push_image("acme/api", "1", "one");
    let annotations = BTreeMap::from([("key".to_owned(), "value".to_owned())]);
    registry.attach_legacy_attestation("acme/api", &image, "envelope", &annotations);
    let path = format!("/v2/acme/api/manifests/sha256-{}.att", image.hex());
    let manifest: Value = json(get(&registry, &path).await).await;
    let layer = |media_type: &str, content: &str| {
        serde_json::json!([{
            "mediaType": media_type,
            "digest": Digest::of(content.as_bytes()).as_str(),
            "size": content.len(),
            "annotations": { "key": "value" },
        }])
    };
    let dsse = layer("application/vnd.dsse.envelope.v1+json", "envelope");
    assert_eq!(manifest["layers"], dsse);

    let experimental = [
        (
            registry.attach_experimental_signature("acme/api", &image, "payload", &annotations),
            "application/vnd.dev.cosign.artifact.sig.v1+json",
            layer(
                "application/vnd.dev.cosign.simplesigning.v1+json",
                "payload",
            ),
        ),
        (
            registry.attach_experimental_attestation("acme/api", &image, "envelope", &annotations),
            "application/vnd.in-toto+json",
            dsse,
        ),
    ];
    for (digest, artifact_type, layers) in experimental {
        let path = format!("/v2/acme/api/manifests/{digest}");
        let manifest: Value = json(get(&registry, &path).await).await;
        assert_eq!(manifest["artifactType"], artifact_type);
        assert_eq!(manifest["subject"]["digest"], image.as_str());
        assert_eq!(manifest["layers"], layers);
    }
    assert_eq!(referrers_of(&registry, &image).await.len(), 2);
}

#[tokio::test]
async fn any_artifact_can_refer_to_an_image() {
    let registry = registry(RegistrySettings {
        referrers: Referrers::Both,
        ..RegistrySettings::default()
    })
    .await;
    let image = registry.push_image("acme/api", "1", "one");
    let layer = Layer {
        media_type: "text/plain".to_owned(),
        content: "text".into(),
        annotations: BTreeMap::new(),
    };
    let layers = [layer.clone(), layer];
    let digest = registry.attach_referrer("acme/api", &image, "a/b", "c/d", &layers);
    let listed = referrers_of(&registry, &image).await;
    assert_eq!(listed[0]["digest"], digest.as_str());
    assert_eq!(listed[0]["artifactType"], "a/b");
    let path = format!("/v2/acme/api/manifests/sha256-{}", image.hex());
    let index: Value = json(get(&registry, &path).await).await;
    assert_eq!(index["manifests"][0]["digest"], digest.as_str());
}
