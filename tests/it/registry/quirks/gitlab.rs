//! GitLab: tokens come from another host than images, there is no referrers API, and what looks like its fallback may
//! be the image itself. Which of its logins read what is in `registry/gitlab.rs`.

use super::*;

const HOSTS: [&str; 2] = ["registry.gitlab.com", "gitlab.com"];
const IMAGE: &str = "registry.gitlab.com/acme/shop/api:1.8.2";
const PROJECT: &str = "acme/shop/api";
const USER: &str = "gitlab+deploy-token-1";

/// What GitLab says to a deploy token.
#[derive(Clone, Copy)]
enum Rights {
    /// It may read the project.
    Reader,
    /// It is good, and not for this project: the token is for nothing.
    Stranger,
    /// It is none.
    Wrong,
}

async fn gitlab(rights: Rights) -> Product {
    let product = Product::new(&HOSTS, Referrers::FallbackTag).await;
    product.plays(move |request| match request.host.as_str() {
        "gitlab.com" => Some(jwt_auth(rights, request)),
        _ if request.authorization == "Bearer good" => None,
        _ => {
            let problem = if request.authorized {
                ",error=\"insufficient_scope\""
            } else {
                ""
            };
            Some(challenge(&format!(
                "Bearer realm=\"http://gitlab.com/jwt/auth\",service=\"container_registry\",scope=\"repository:{PROJECT}:pull\"{problem}"
            )))
        }
    });
    product
}

fn jwt_auth(rights: Rights, request: &RequestInfo) -> Fault {
    let forbidden = r#"{"errors":[{"code":"DENIED","message":"access forbidden"}]}"#;
    if request.authorization != basic(USER, "glpat") {
        return answer(403, &[], forbidden);
    }
    match rights {
        Rights::Reader => token("good"),
        Rights::Stranger => token("for-nothing"),
        Rights::Wrong => answer(403, &[], forbidden),
    }
}

fn deploy_token() -> Access {
    with_login("registry.gitlab.com", USER, "glpat")
}

#[tokio::test]
async fn a_deploy_token_is_presented_to_the_realm_on_gitlab_s_own_host() {
    let gitlab = gitlab(Rights::Reader).await;
    let image = gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    gitlab
        .registry
        .attach_legacy(PROJECT, &image, "payload", &no_annotations());
    let found = gitlab.review(IMAGE, &deploy_token()).await;
    assert_eq!(found, Ok(legacy("payload")));
    let payload = Digest::of(b"payload");
    assert_eq!(
        gitlab.asked(&[("IMAGE", &image), ("PAYLOAD", &payload)]),
        [
            "GET gitlab.com/jwt/auth?service=container_registry&scope=repository%3Aacme%2Fshop%2Fapi%3Apull 200",
            "GET registry.gitlab.com/v2/acme/shop/api/blobs/sha256:PAYLOAD 200",
            "GET registry.gitlab.com/v2/acme/shop/api/manifests/sha256-IMAGE 404",
            "GET registry.gitlab.com/v2/acme/shop/api/manifests/sha256-IMAGE.sig 200",
            "GET registry.gitlab.com/v2/acme/shop/api/referrers/sha256:NOTHING 404",
            "HEAD registry.gitlab.com/v2/acme/shop/api/manifests/1.8.2 200",
            "HEAD registry.gitlab.com/v2/acme/shop/api/manifests/1.8.2 401",
        ]
    );
}

#[tokio::test]
async fn a_wrong_deploy_token_is_refused_with_403_by_the_realm_and_sent_once() {
    let gitlab = gitlab(Rights::Wrong).await;
    let refused = "gitlab.com refused access (403)".to_owned();
    for image in [IMAGE, "registry.gitlab.com/acme/shop/api:1.8.3"] {
        let found = gitlab.review(image, &deploy_token()).await;
        assert_eq!(found, Err(refused.clone()));
    }
    assert_eq!(
        gitlab.asked(&[]),
        [
            "GET gitlab.com/jwt/auth?service=container_registry&scope=repository%3Aacme%2Fshop%2Fapi%3Apull 403",
            "HEAD registry.gitlab.com/v2/acme/shop/api/manifests/1.8.2 401",
        ]
    );
}

#[tokio::test]
async fn a_token_without_the_scope_is_a_refusal_and_no_missing_image() {
    let gitlab = gitlab(Rights::Stranger).await;
    gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    let found = gitlab.review(IMAGE, &deploy_token()).await;
    let refused = "registry.gitlab.com refused access (401)".to_owned();
    assert_eq!(found, Err(refused));
}

#[tokio::test]
async fn a_cosign_3_signature_is_found_by_the_fallback_tag() {
    let gitlab = gitlab(Rights::Reader).await;
    let image = gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    gitlab.registry.attach_bundle(PROJECT, &image, "bundle");
    let found = gitlab.review(IMAGE, &deploy_token()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersTag, "bundle")));
}

#[tokio::test]
async fn a_fallback_tag_that_names_the_image_itself_holds_no_referrers() {
    let gitlab = Product::new(&HOSTS, Referrers::FallbackTag).await;
    let registry = &gitlab.registry;
    let child = registry.push_image(PROJECT, "child", "child");
    let index = registry.push_index(PROJECT, "1.8.2", std::slice::from_ref(&child));
    for digest in [&child, &index] {
        registry.move_tag(PROJECT, &format!("sha256-{}", digest.hex()), digest);
        let found = gitlab.search_everywhere(IMAGE, digest).await;
        assert_eq!(found, Ok(Vec::new()));
    }
    registry.attach_legacy(PROJECT, &index, "payload", &no_annotations());
    let signed = Product {
        reader: reader(&HOSTS, stood_in(&gitlab)),
        registry: gitlab.registry,
    };
    let found = signed.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Ok(legacy("payload")));
}

fn stood_in(gitlab: &Product) -> RegistryOptions {
    let address = gitlab.registry.host().parse().expect("an address");
    RegistryOptions {
        stand_ins: HOSTS.map(|host| (host.to_owned(), address)).into(),
        ..options()
    }
}

/// The dependency proxy and the virtual registry are of GitLab itself, under its own host, and pass on images alone:
/// whatever else is asked for gets a web page.
#[tokio::test]
async fn the_web_pages_of_the_dependency_proxy_and_the_virtual_registry_hold_no_signatures() {
    for path in [
        "acme/dependency_proxy/containers/alpine",
        "virtual_registries/container/7/alpine",
    ] {
        let gitlab = Product::new(&HOSTS, Referrers::FallbackTag).await;
        gitlab.plays(|request| {
            let is_image = request.path.ends_with("/manifests/3.22");
            (!is_image).then_some(Fault::Html404)
        });
        gitlab.registry.push_image(path, "3.22", "alpine");
        let found = gitlab
            .review(&format!("gitlab.com/{path}:3.22"), &anonymous())
            .await;
        assert_eq!(found, Ok(Vec::new()), "{path}");
    }
}
