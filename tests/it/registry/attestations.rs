//! Attestations: found in every place where cosign puts them, and asked for only where they are wanted.

use assay::sandbox::registry::Layer;

use super::{sandbox::Referrers, *};

async fn registry(referrers: Referrers) -> Setup {
    Setup::new(sandbox::RegistrySettings {
        referrers,
        ..sandbox::RegistrySettings::default()
    })
    .await
}

#[tokio::test]
async fn the_tag_of_attestations_is_asked_for_only_where_they_are_wanted() {
    for referrers in [Referrers::Api, Referrers::FallbackTag] {
        let setup = registry(referrers).await;
        let image = setup.registry.push_image("acme/api", "1", "attested");
        let none = no_annotations();
        setup
            .registry
            .attach_legacy_attestation("acme/api", &image, "envelope", &none);
        for search in [Search::First, Search::Everywhere] {
            let found = setup
                .attachments("acme/api", &image, search, &anonymous())
                .await;
            assert!(found.expect("read").is_empty());
        }
        let asked = setup.requests();
        assert!(!asked.iter().any(|line| line.contains(".att")), "{asked:?}");
        for search in [Search::First, Search::Everywhere] {
            assert_eq!(
                setup.with_attestations("acme/api", &image, search).await,
                [(AttachmentPlace::AttestationTag, "envelope".to_owned())]
            );
        }
    }
}

#[tokio::test]
async fn envelopes_that_refer_to_the_image_are_found_where_they_are_wanted() {
    for (referrers, place) in [
        (Referrers::Api, AttachmentPlace::ReferrersApi),
        (Referrers::FallbackTag, AttachmentPlace::ReferrersTag),
    ] {
        let setup = registry(referrers).await;
        let image = setup.registry.push_image("acme/api", "1", "attested");
        let other = setup.registry.push_image("acme/api", "2", "another");
        let none = no_annotations();
        for (about, content) in [(&image, "envelope"), (&other, "of another")] {
            setup
                .registry
                .attach_experimental_attestation("acme/api", about, content, &none);
        }
        let envelope = Layer {
            media_type: "application/vnd.dsse.envelope.v1+json".to_owned(),
            content: "mixed".into(),
            annotations: no_annotations(),
        };
        let sbom = Layer {
            media_type: "text/spdx+json".to_owned(),
            ..envelope.clone()
        };
        setup.registry.attach_referrer(
            "acme/api",
            &image,
            "application/vnd.in-toto+json",
            "application/vnd.oci.empty.v1+json",
            &[envelope, sbom],
        );
        let without = setup
            .attachments("acme/api", &image, Search::Everywhere, &anonymous())
            .await;
        assert!(without.expect("read").is_empty());
        for search in [Search::First, Search::Everywhere] {
            assert_eq!(
                setup.with_attestations("acme/api", &image, search).await,
                [(place, "envelope".to_owned())]
            );
        }
    }
}

#[tokio::test]
async fn signatures_and_attestations_are_found_together() {
    let setup = registry(Referrers::FallbackTag).await;
    let image = setup.registry.push_image("acme/api", "1", "both");
    let none = no_annotations();
    setup
        .registry
        .attach_legacy("acme/api", &image, "payload", &none);
    setup
        .registry
        .attach_legacy_attestation("acme/api", &image, "envelope", &none);
    assert_eq!(
        setup
            .with_attestations("acme/api", &image, Search::First)
            .await,
        [
            (AttachmentPlace::SignatureTag, "payload".to_owned()),
            (AttachmentPlace::AttestationTag, "envelope".to_owned()),
        ]
    );
}
