//! Requests counted, and how deep they depend on each other: what a review may cost a registry.

use futures::future::join_all;

use super::{sandbox::Referrers, *};

async fn token_registry(referrers: Referrers, options: RegistryOptions) -> Setup {
    let settings = sandbox::RegistrySettings {
        referrers,
        access: sandbox::Access::Token {
            public: vec!["acme/api".to_owned(), "acme/web".to_owned()],
            logins: Vec::new(),
        },
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::with_options(settings, options).await;
    setup.registry.answer_in_rounds();
    setup
}

fn push_legacy(setup: &Setup, path: &str) -> Digest {
    let image = setup.registry.push_image(path, "1", path);
    setup
        .registry
        .attach_legacy(path, &image, "payload", &no_annotations());
    image
}

fn push_bundle(setup: &Setup, path: &str) -> Digest {
    let image = setup.registry.push_image(path, "1", path);
    setup.registry.attach_bundle(path, &image, "bundle");
    image
}

#[tokio::test]
async fn a_first_legacy_image_costs_seven_requests_five_deep() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    let image = push_legacy(&setup, "acme/api");
    let found = setup
        .review("acme/api:1", &anonymous())
        .await
        .expect("found");
    assert_eq!(found, legacy("payload"));
    assert_eq!(sandbox::depth(&setup.registry.requests()), 5);
    let hex = image.hex();
    let blob = Digest::of(b"payload");
    let empty = Digest::of(b"");
    let token = "GET /token?service=sandbox&scope=repository%3Aacme%2Fapi%3Apull 200";
    assert_eq!(
        setup.requests(),
        [
            token.to_owned(),
            format!("GET /v2/acme/api/blobs/{blob} 200"),
            format!("GET /v2/acme/api/manifests/sha256-{hex} 404"),
            format!("GET /v2/acme/api/manifests/sha256-{hex}.sig 200"),
            format!("GET /v2/acme/api/referrers/{empty} 404"),
            "HEAD /v2/acme/api/manifests/1 200".to_owned(),
            "HEAD /v2/acme/api/manifests/1 401".to_owned(),
        ]
    );
}

/// What the review of an image costs for which these candidates are found.
async fn cost_of(setup: &Setup, image: &str, expected: &Found) -> (usize, usize) {
    setup.registry.clear_requests();
    let found = setup.review(image, &anonymous()).await;
    assert_eq!(found.expect("found"), *expected);
    setup.cost()
}

/// For the first image of a registry and for the next.
#[tokio::test]
async fn a_bundle_by_the_api_costs_seven_requests_six_deep_and_then_five() {
    let setup = token_registry(Referrers::Api, options()).await;
    push_bundle(&setup, "acme/api");
    push_bundle(&setup, "acme/web");
    let expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
    assert_eq!(cost_of(&setup, "acme/api:1", &expected).await, (7, 6));
    assert_eq!(cost_of(&setup, "acme/web:1", &expected).await, (5, 5));
}

#[tokio::test]
async fn a_bundle_by_the_fallback_tag_costs_eight_requests_six_deep_and_then_six() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    push_bundle(&setup, "acme/api");
    push_bundle(&setup, "acme/web");
    let expected = bundle(AttachmentPlace::ReferrersTag, "bundle");
    assert_eq!(cost_of(&setup, "acme/api:1", &expected).await, (8, 6));
    assert_eq!(cost_of(&setup, "acme/web:1", &expected).await, (6, 5));
}

#[tokio::test]
async fn the_next_legacy_image_of_a_registry_costs_five_requests_four_deep() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    push_legacy(&setup, "acme/api");
    push_legacy(&setup, "acme/web");
    let expected = legacy("payload");
    cost_of(&setup, "acme/api:1", &expected).await;
    assert_eq!(cost_of(&setup, "acme/web:1", &expected).await, (5, 4));
}

#[tokio::test]
async fn an_image_named_by_digest_alone_stays_in_the_budget() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    let image = format!("acme/api@{}", push_legacy(&setup, "acme/api"));
    assert_eq!(cost_of(&setup, &image, &legacy("payload")).await, (6, 5));
}

#[tokio::test]
async fn the_same_image_again_costs_nothing_within_the_tag_ttl() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    let image = push_legacy(&setup, "acme/api");
    let expected = legacy("payload");
    cost_of(&setup, "acme/api:1", &expected).await;
    assert_eq!(cost_of(&setup, "acme/api:1", &expected).await, (0, 0));
    let by_digest = format!("acme/api:1@{image}");
    assert_eq!(cost_of(&setup, &by_digest, &expected).await, (0, 0));
}

#[tokio::test]
async fn the_same_tag_costs_one_head_after_the_tag_ttl() {
    let options = RegistryOptions {
        tag_ttl: Duration::ZERO,
        ..options()
    };
    let setup = token_registry(Referrers::FallbackTag, options).await;
    push_legacy(&setup, "acme/api");
    for _ in 0..2 {
        setup.registry.clear_requests();
        let found = setup.review("acme/api:1", &anonymous()).await;
        assert_eq!(found.expect("found"), legacy("payload"));
    }
    assert_eq!(setup.requests(), ["HEAD /v2/acme/api/manifests/1 200"]);
}

#[tokio::test]
async fn a_hundred_callers_cost_what_one_does() {
    for (referrers, cost) in [(Referrers::Api, (7, 6)), (Referrers::FallbackTag, (8, 6))] {
        let setup = token_registry(referrers, options()).await;
        push_bundle(&setup, "acme/api");
        let access = anonymous();
        let reviews = join_all((0..100).map(|_| setup.review("acme/api:1", &access))).await;
        assert!(
            reviews
                .iter()
                .all(|found| found.as_ref().is_ok_and(|found| found.len() == 1))
        );
        assert_eq!(setup.cost(), cost);
    }
}

#[tokio::test]
async fn eleven_new_images_at_once_share_challenge_and_probe() {
    let public: Vec<String> = (0..11).map(|number| format!("acme/app{number}")).collect();
    let settings = sandbox::RegistrySettings {
        referrers: Referrers::FallbackTag,
        access: sandbox::Access::Token {
            public: public.clone(),
            logins: Vec::new(),
        },
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    setup.registry.answer_in_rounds();
    for path in &public {
        push_legacy(&setup, path);
    }
    let access = anonymous();
    let reviews = public.iter().map(|path| {
        let image = format!("{path}:1");
        let (setup, access) = (&setup, &access);
        async move { setup.review(&image, access).await }
    });
    let found = join_all(reviews).await;
    assert!(found.iter().all(Result::is_ok));
    // One challenge and one probe for all; token, head, two tags and payload for each.
    assert_eq!(setup.cost(), (2 + 11 * 5, 5));
}

#[tokio::test]
async fn an_unsigned_image_is_asked_for_by_the_api_once_before_none_is_said() {
    let setup = token_registry(Referrers::FallbackTag, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "unsigned");
    let access = anonymous();
    assert_eq!(setup.review("acme/api:1", &access).await.expect("read"), []);
    setup.registry.clear_requests();
    let found = setup
        .attachments("acme/api", &image, Search::Everywhere, &access)
        .await;
    assert!(found.expect("read").is_empty());
    assert_eq!(
        setup.requests(),
        [format!("GET /v2/acme/api/referrers/{image} 404")]
    );
    let again = setup
        .attachments("acme/api", &image, Search::Everywhere, &access)
        .await;
    assert!(again.expect("read").is_empty());
    assert_eq!(setup.requests(), [""; 0]);
}
