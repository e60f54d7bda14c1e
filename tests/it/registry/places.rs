//! Where candidates are found, and what is not taken for one.

use serde_json::json;

use super::{
    sandbox::{Fault, Referrers},
    *,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn open(referrers: Referrers) -> Setup {
    Setup::new(sandbox::RegistrySettings {
        referrers,
        ..sandbox::RegistrySettings::default()
    })
    .await
}

/// With the referrers API; that nothing is attached is not believed for any time.
async fn open_and_forgetful() -> Setup {
    let options = RegistryOptions {
        no_attachments_ttl: Duration::ZERO,
        ..options()
    };
    let settings = sandbox::RegistrySettings {
        referrers: Referrers::Api,
        ..sandbox::RegistrySettings::default()
    };
    Setup::with_options(settings, options).await
}

#[tokio::test]
async fn a_search_everywhere_finds_what_each_place_holds_once() {
    let setup = open(Referrers::Both).await;
    let image = setup.registry.push_image("acme/api", "1", "both");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    setup
        .registry
        .attach_legacy("acme/api", &image, "payload", &annotations);
    let access = anonymous();
    let first = setup
        .attachments("acme/api", &image, Search::First, &access)
        .await
        .expect("read");
    assert_eq!(
        summary(&first),
        bundle(AttachmentPlace::ReferrersApi, "bundle")
    );
    let all = setup
        .attachments("acme/api", &image, Search::Everywhere, &access)
        .await;
    let all = all.expect("read");
    let mut expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
    expected.extend(legacy("payload"));
    assert_eq!(summary(&all), expected);
    assert!(all[1].annotations.iter().cloned().eq(annotations));
    assert_eq!(all[1].digest, Digest::of(b"payload"));
}

#[tokio::test]
async fn a_fresh_look_finds_what_was_attached_after_a_list_was_remembered() {
    let setup = open_and_forgetful().await;
    let image = setup.registry.push_image("acme/api", "1", "signed later");
    setup.registry.attach_bundle("acme/api", &image, "another");
    let access = anonymous();
    let mut found = Vec::new();
    for (added, search) in [
        ("one", Search::First),
        ("two", Search::Everywhere),
        ("three", Search::Afresh),
    ] {
        let list = setup
            .attachments("acme/api", &image, search, &access)
            .await
            .expect("read");
        found.push(list.len());
        setup.registry.attach_bundle("acme/api", &image, added);
    }
    assert_eq!(found, [1, 1, 3]);
}

#[tokio::test]
async fn a_fresh_look_asks_the_api_although_another_repository_has_none_and_a_tag_holds_something()
{
    let setup = open(Referrers::Api).await;
    setup.registry.set_fault(|request| {
        let is_other = request.path.contains("/acme/web/referrers/");
        is_other.then_some(Fault::Html404)
    });
    let other = setup.registry.push_image("acme/web", "1", "other");
    setup
        .registry
        .attach_legacy("acme/web", &other, "other", &no_annotations());
    let image = setup.registry.push_image("acme/api", "1", "both");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup
        .registry
        .attach_legacy("acme/api", &image, "payload", &no_annotations());
    let access = anonymous();
    let other = setup.review("acme/web:1", &access).await.expect("read");
    assert_eq!(other, legacy("other"));
    let found = setup.review("acme/api:1", &access).await.expect("read");
    assert_eq!(found, legacy("payload"));
    let all = setup
        .attachments("acme/api", &image, Search::Afresh, &access)
        .await;
    let mut expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
    expected.extend(legacy("payload"));
    assert_eq!(summary(&all.expect("read")), expected);
}

#[tokio::test]
async fn a_page_in_the_place_of_a_registry_hides_its_api_no_longer_than_its_answers_are_believed() {
    for page in [
        Fault::answer(
            200,
            &[("content-type", "text/html")],
            "<html>back soon</html>",
        ),
        Fault::Html404,
    ] {
        let setup = open_and_forgetful().await;
        let image = setup.registry.push_image("acme/api", "1", "image");
        setup.registry.attach_bundle("acme/api", &image, "bundle");
        setup.registry.set_fault(move |request| {
            let is_api = request.path.contains("/referrers/");
            is_api.then(|| page.clone())
        });
        let access = anonymous();
        let look = async || {
            let found = setup
                .attachments("acme/api", &image, Search::Everywhere, &access)
                .await;
            summary(&found.expect("read"))
        };
        assert_eq!(look().await, []);
        setup.registry.clear_fault();
        assert_eq!(
            look().await,
            bundle(AttachmentPlace::ReferrersApi, "bundle")
        );
    }
}

#[tokio::test]
async fn a_legacy_signature_is_found_in_a_registry_with_the_api() {
    let setup = open(Referrers::Api).await;
    let image = setup.registry.push_image("acme/api", "1", "legacy");
    setup
        .registry
        .attach_legacy("acme/api", &image, "payload", &no_annotations());
    let found = setup
        .review("acme/api:1", &anonymous())
        .await
        .expect("read");
    assert_eq!(found, legacy("payload"));
}

#[tokio::test]
async fn signatures_are_read_from_another_repository() {
    let setup = open(Referrers::Api).await;
    let image = Digest::of(b"an image elsewhere");
    setup
        .registry
        .attach_legacy("acme/signatures", &image, "payload", &no_annotations());
    let found = setup
        .attachments("acme/signatures", &image, Search::First, &anonymous())
        .await
        .expect("read");
    assert_eq!(summary(&found), legacy("payload"));
}

#[tokio::test]
async fn a_manifest_about_another_image_is_no_referrer() {
    let setup = open(Referrers::FallbackTag).await;
    let image = setup.registry.push_image("acme/api", "1", "unsigned");
    let other = setup.registry.push_image("acme/api", "2", "signed");
    setup.registry.attach_bundle("acme/api", &other, "bundle");
    let signed = setup
        .attachments("acme/api", &other, Search::First, &anonymous())
        .await;
    let manifest = signed.expect("read")[0].manifest.clone();
    push_fallback(&setup, &image, &[&manifest]);
    let found = setup
        .attachments("acme/api", &image, Search::Everywhere, &anonymous())
        .await;
    assert!(found.expect("read").is_empty());
}

#[tokio::test]
async fn a_manifest_with_two_bundles_or_another_layer_is_no_candidate() {
    let setup = open(Referrers::FallbackTag).await;
    let image = setup.registry.push_image("acme/api", "1", "unsigned");
    let blob = setup.registry.push_blob("acme/api", "bundle");
    let layer =
        |media_type: &str| json!({"mediaType": media_type, "digest": blob.as_str(), "size": 6});
    let bundle = layer("application/vnd.dev.sigstore.bundle.v0.3+json");
    let sbom = layer("application/vnd.cyclonedx+json");
    let manifests: Vec<Digest> = [json!([bundle, bundle]), json!([sbom])]
        .into_iter()
        .map(|layers| {
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                "subject": {"mediaType": MANIFEST, "digest": image.as_str(), "size": 1},
            });
            setup
                .registry
                .push_manifest("acme/api", None, MANIFEST, manifest.to_string())
        })
        .collect();
    push_fallback(&setup, &image, &manifests.iter().collect::<Vec<_>>());
    let found = setup
        .attachments("acme/api", &image, Search::Everywhere, &anonymous())
        .await;
    assert!(found.expect("read").is_empty());
}

#[tokio::test]
async fn one_candidate_too_many_is_an_error_with_numbers() {
    let setup = open(Referrers::Api).await;
    let image = setup.registry.push_image("acme/api", "1", "many");
    for number in 0..=assay::limits::CANDIDATES_PER_IMAGE {
        let payload = number.to_string();
        setup
            .registry
            .attach_legacy("acme/api", &image, payload, &no_annotations());
    }
    let error = setup
        .review("acme/api:1", &anonymous())
        .await
        .expect_err("refused");
    let detail = "more than 50 signature candidates are attached".to_owned();
    assert_eq!(
        error.to_string(),
        format!("{}: {detail}", setup.registry.host())
    );
}

#[tokio::test]
async fn candidates_that_are_too_large_alone_or_together_are_not_fetched() {
    let largest = assay::limits::ATTACHMENT_BYTES;
    let together = assay::limits::CANDIDATE_BYTES_PER_IMAGE;
    for (sizes, detail) in [
        (
            vec![largest + 1],
            "a signature candidate has 4194305 bytes, at most 4194304 are read",
        ),
        (
            vec![largest; together / largest + 1],
            "the signature candidates have more than 16777216 bytes together",
        ),
    ] {
        let setup = open(Referrers::Api).await;
        let image = Digest::of(b"large");
        let media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
        let layers: Vec<_> = sizes
            .iter()
            .map(|size| json!({"mediaType": media_type, "digest": image.as_str(), "size": size}))
            .collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers});
        let tag = format!("sha256-{}.sig", image.hex());
        let manifest = manifest.to_string();
        setup
            .registry
            .push_manifest("acme/api", Some(&tag), MANIFEST, manifest);
        let found = setup
            .attachments("acme/api", &image, Search::First, &anonymous())
            .await;
        let error = found.expect_err("refused").to_string();
        assert_eq!(error, format!("{}: {detail}", setup.registry.host()));
    }
}

#[tokio::test]
async fn one_page_of_referrers_too_many_is_an_error_with_numbers() {
    let settings = sandbox::RegistrySettings {
        referrers_page: Some(1),
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    let image = setup.registry.push_image("acme/api", "1", "many");
    for number in 0..=assay::limits::REFERRER_PAGES {
        setup
            .registry
            .attach_bundle("acme/api", &image, number.to_string());
    }
    let found = setup
        .attachments("acme/api", &image, Search::First, &anonymous())
        .await;
    let detail = "the referrers have more than 10 pages";
    let error = found.expect_err("refused").to_string();
    assert_eq!(error, format!("{}: {detail}", setup.registry.host()));
}

#[tokio::test]
async fn the_children_of_an_index_are_listed_without_attestations() {
    let setup = open(Referrers::Api).await;
    let one = setup.registry.push_image("acme/api", "one", "one");
    let two = setup.registry.push_image("acme/api", "two", "two");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": one.as_str(), "size": 1},
        {"mediaType": MANIFEST, "digest": two.as_str(), "size": 1,
         "platform": {"os": "unknown", "architecture": "unknown"},
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
    ]});
    let index = setup
        .registry
        .push_manifest("acme/api", Some("1"), INDEX, index.to_string());
    let repository = setup.repository("acme/api");
    let children = setup
        .reader
        .children(&repository, &index, &anonymous())
        .await;
    assert_eq!(children.expect("read"), std::slice::from_ref(&one));
    let none = setup.reader.children(&repository, &one, &anonymous()).await;
    assert_eq!(none.expect("read"), []);
    let missing = setup
        .reader
        .children(&repository, &Digest::of(b"x"), &anonymous())
        .await;
    assert!(matches!(missing, Err(RegistryError::NotFound { .. })));
}

/// Writes the fallback tag of an image by hand.
fn push_fallback(setup: &Setup, image: &Digest, referrers: &[&Digest]) {
    let listed: Vec<_> = referrers
        .iter()
        .map(|digest| json!({"mediaType": MANIFEST, "digest": digest.as_str(), "size": 1}))
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
    let tag = format!("sha256-{}", image.hex());
    setup
        .registry
        .push_manifest("acme/api", Some(&tag), INDEX, index.to_string());
}

#[tokio::test]
async fn signatures_that_cosign_2_stores_as_referrers_are_found_by_api_and_by_fallback_tag() {
    for (referrers, place) in [
        (Referrers::Api, AttachmentPlace::ReferrersApi),
        (Referrers::FallbackTag, AttachmentPlace::ReferrersTag),
    ] {
        let setup = open(referrers).await;
        let registry = &setup.registry;
        let image = registry.push_image("acme/api", "1", "image");
        let other = registry.push_image("acme/api", "2", "other");
        let payload = registry.push_blob("acme/api", "payload");
        let referrer = |subject: &Digest| {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
                "config": {"mediaType": "application/vnd.dev.cosign.artifact.sig.v1+json",
                           "digest": payload.as_str(), "size": 7},
                "layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                            "digest": payload.as_str(), "size": 7,
                            "annotations": {"dev.cosignproject.cosign/signature": "c2ln"}}],
                "subject": {"mediaType": MANIFEST, "digest": subject.as_str(), "size": 1},
            });
            let content = manifest.to_string();
            let size = content.len();
            let digest = registry.push_manifest("acme/api", None, MANIFEST, content);
            json!({"mediaType": MANIFEST, "digest": digest.as_str(), "size": size})
        };
        let listed = [referrer(&image), referrer(&other)];
        if referrers == Referrers::FallbackTag {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
            let tag = format!("sha256-{}", image.hex());
            registry.push_manifest("acme/api", Some(&tag), INDEX, index.to_string());
        }
        let found = setup
            .attachments("acme/api", &image, Search::First, &anonymous())
            .await
            .expect("read");
        let mut expected = legacy("payload");
        expected[0].0 = place;
        assert_eq!(summary(&found), expected);
        let annotations = [("dev.cosignproject.cosign/signature", "c2ln")];
        let annotations = annotations.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(found[0].annotations[..], annotations);
    }
}
