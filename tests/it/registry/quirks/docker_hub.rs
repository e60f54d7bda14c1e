//! Docker Hub: other names than its images say, and a limit that counts every manifest that is fetched, but no HEAD.

use super::*;

/// What settings name; the registry itself answers under yet another name.
const HOSTS: [&str; 3] = ["docker.io", "registry-1.docker.io", "auth.docker.io"];
const LIMITS: [(&str, &str); 3] = [
    ("ratelimit-limit", "100;w=21600"),
    ("ratelimit-remaining", "0;w=21600"),
    ("docker-ratelimit-source", "192.0.2.1"),
];

async fn docker_hub() -> Product {
    let product = Product::new(&HOSTS, Referrers::FallbackTag).await;
    product.plays(|request| match request.host.as_str() {
        "auth.docker.io" => Some(token("good")),
        _ if request.authorization == "Bearer good" => None,
        _ => Some(challenge(
            "Bearer realm=\"http://auth.docker.io/token\",service=\"registry.docker.io\"",
        )),
    });
    product
}

#[tokio::test]
async fn an_image_is_asked_for_by_its_registry_s_real_name_and_never_fetched_by_tag() {
    let hub = docker_hub().await;
    let image = hub.registry.push_image("library/alpine", "3.22", "alpine");
    hub.registry
        .attach_bundle("library/alpine", &image, "bundle");
    let found = hub.review("alpine:3.22", &anonymous()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersTag, "bundle")));
    let asked = hub.asked(&[("IMAGE", &image), ("BUNDLE", &Digest::of(b"bundle"))]);
    let counted: Vec<&String> = asked
        .iter()
        .filter(|line| line.starts_with("GET") && line.contains("/manifests/"))
        .collect();
    // What is attached has no other name than a tag; the one fetched by digest is the bundle's manifest.
    assert_eq!(counted.len(), 3, "{counted:#?}");
    assert!(counted[0].ends_with("/library/alpine/manifests/sha256-IMAGE 200"));
    assert!(counted[1].ends_with("/library/alpine/manifests/sha256-IMAGE.sig 404"));
    assert!(counted[2].contains("/library/alpine/manifests/sha256:"));
    let heads: Vec<&String> = asked
        .iter()
        .filter(|line| line.starts_with("HEAD"))
        .collect();
    assert_eq!(
        heads,
        [
            "HEAD registry-1.docker.io/v2/library/alpine/manifests/3.22 200",
            "HEAD registry-1.docker.io/v2/library/alpine/manifests/3.22 401",
        ]
    );
    let token = "GET auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Falpine%3Apull 200";
    assert!(asked.contains(&token.to_owned()), "{asked:#?}");
    hub.review(&format!("alpine@{image}"), &anonymous())
        .await
        .expect("read");
    assert_eq!(hub.asked(&[]), Vec::<String>::new());
}

#[tokio::test]
async fn a_limit_that_is_used_up_but_not_crossed_stops_nothing() {
    let hub = Product::new(&HOSTS, Referrers::Api).await;
    let image = hub.registry.push_image("acme/api", "1", "image");
    hub.registry.attach_bundle("acme/api", &image, "bundle");
    let digest = image.to_string();
    hub.plays(move |request| {
        let mut headers = LIMITS.to_vec();
        headers.push(("docker-content-digest", &digest));
        (request.method == "HEAD").then(|| answer(200, &headers, ""))
    });
    let found = hub.review("acme/api:1", &anonymous()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersApi, "bundle")));
}

#[tokio::test]
async fn a_limit_that_is_crossed_is_told_as_one() {
    let hub = Product::new(&HOSTS, Referrers::FallbackTag).await;
    hub.registry.push_image("acme/api", "1", "image");
    hub.plays(|request| {
        let mut headers = LIMITS.to_vec();
        headers.push(("retry-after", "3600"));
        let errors = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your unauthenticated pull rate limit."}]}"#;
        (request.host == "registry-1.docker.io").then(|| answer(429, &headers, errors))
    });
    let limited = "registry-1.docker.io limits the rate of requests".to_owned();
    for image in ["acme/api:1", "alpine:3.22"] {
        assert_eq!(hub.review(image, &anonymous()).await, Err(limited.clone()));
    }
    // The second image is not asked for: the limit is the host's.
    assert_eq!(
        hub.asked(&[]),
        ["HEAD registry-1.docker.io/v2/acme/api/manifests/1 429"]
    );
}

#[tokio::test]
async fn a_login_for_its_old_index_is_presented_to_its_token_service() {
    let hub = docker_hub().await;
    hub.registry.push_image("acme/api", "1", "image");
    let access = with_login("index.docker.io/v1/", "acme", "dckr_pat");
    hub.review("acme/api:1", &access).await.expect("read");
    let seen: Vec<String> = hub
        .registry
        .requests()
        .into_iter()
        .filter(|record| record.request.host == "auth.docker.io")
        .map(|record| record.request.authorization)
        .collect();
    assert_eq!(seen, [basic("acme", "dckr_pat")]);
}
