//! GitLab: tokens come from another host than images, for each kind of login; there is no referrers API, and what looks like
//! its fallback may be the image itself.

use super::*;

const HOSTS: [&str; 2] = ["registry.gitlab.com", "gitlab.com"];
const IMAGE: &str = "registry.gitlab.com/acme/shop/api:1.8.2";
const PROJECT: &str = "acme/shop/api";
const DEPLOY_TOKEN: (&str, &str) = ("gitlab+deploy-token-1", "gldt");
const GROUP_TOKEN: (&str, &str) = ("anything", "glpat-group");
const PROJECT_TOKEN: (&str, &str) = ("project_1_bot", "glpat-project");
const OUTSIDER: (&str, &str) = ("outsider", "glpat-other");

async fn gitlab() -> Product {
    let product = Product::new(&HOSTS, Referrers::FallbackTag).await;
    product.plays(|request| match request.host.as_str() {
        "gitlab.com" => Some(jwt_auth(request)),
        _ => registry(request),
    });
    product
}

/// A token says what it is good for: nothing, or one project's images.
fn registry(request: &RequestInfo) -> Option<Fault> {
    let project = request.path.strip_prefix("/v2/")?;
    let kinds = ["/manifests/", "/blobs/", "/referrers/"];
    let project = kinds.iter().fold(project, |path, kind| {
        path.split_once(kind).map_or(path, |(before, _)| before)
    });
    if request.authorization == format!("Bearer {}", project.replace('/', ".")) {
        return None;
    }
    let problem = if request.authorized {
        ",error=\"insufficient_scope\""
    } else {
        ""
    };
    Some(challenge(&format!(
        "Bearer realm=\"http://gitlab.com/jwt/auth\",service=\"container_registry\",scope=\"repository:{project}:pull\"{problem}"
    )))
}

fn jwt_auth(request: &RequestInfo) -> Fault {
    let query = url::form_urlencoded::parse(request.query.as_bytes()).into_owned();
    let query: BTreeMap<String, String> = query.collect();
    let parameter = |name: &str| query.get(name).map_or("", String::as_str);
    let asked = (request.path.as_str(), parameter("service"));
    assert_eq!(asked, ("/jwt/auth", "container_registry"));
    let project = parameter("scope").strip_prefix("repository:");
    let project = project.and_then(|rest| rest.strip_suffix(":pull"));
    let project = project.expect("one scope");
    match opens(&request.authorization, project) {
        Some(true) => token(&project.replace('/', ".")),
        Some(false) => token("nothing"),
        None => answer(
            403,
            &[],
            r#"{"errors":[{"code":"DENIED","message":"access forbidden"}]}"#,
        ),
    }
}

/// Whether a login may read a project; none when it is wrong.
fn opens(authorization: &str, project: &str) -> Option<bool> {
    let is = |(user, password)| authorization == basic(user, password);
    if authorization.is_empty() {
        Some(project.starts_with("public/"))
    } else if is(DEPLOY_TOKEN) || is(GROUP_TOKEN) {
        Some(project.starts_with("acme/"))
    } else if is(PROJECT_TOKEN) {
        Some(project.starts_with("acme/shop/"))
    } else {
        is(OUTSIDER).then_some(false)
    }
}

fn with((user, password): (&str, &str)) -> Access {
    with_login("registry.gitlab.com", user, password)
}

#[tokio::test]
async fn a_deploy_token_is_presented_to_the_realm_on_gitlab_s_own_host() {
    let gitlab = gitlab().await;
    let image = gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    gitlab
        .registry
        .attach_legacy(PROJECT, &image, "payload", &no_annotations());
    let found = gitlab.review(IMAGE, &with(DEPLOY_TOKEN)).await;
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
async fn deploy_group_and_project_tokens_open_what_they_may_read() {
    let gitlab = gitlab().await;
    gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    for login in [DEPLOY_TOKEN, GROUP_TOKEN, PROJECT_TOKEN] {
        assert_eq!(gitlab.review(IMAGE, &with(login)).await, Ok(Vec::new()));
    }
    gitlab.registry.push_image("public/tools", "1", "tools");
    let public = "registry.gitlab.com/public/tools:1";
    assert_eq!(gitlab.review(public, &anonymous()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_wrong_deploy_token_is_refused_with_403_by_the_realm_and_sent_once() {
    let gitlab = gitlab().await;
    let refused = "gitlab.com refused access (403)".to_owned();
    for image in [IMAGE, "registry.gitlab.com/acme/other/api:1"] {
        let found = gitlab
            .review(image, &with((DEPLOY_TOKEN.0, "expired")))
            .await;
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

/// And a private project looks like a missing one to nobody in particular.
#[tokio::test]
async fn a_token_that_opens_nothing_is_a_refusal_and_no_missing_image() {
    let gitlab = gitlab().await;
    gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    let other = "registry.gitlab.com/acme/other/api:1";
    let missing = "registry.gitlab.com/no/such/project:1";
    for (image, access) in [
        (IMAGE, with(OUTSIDER)),
        (other, with(PROJECT_TOKEN)),
        (IMAGE, anonymous()),
        (missing, anonymous()),
    ] {
        let refused = "registry.gitlab.com refused access (401)".to_owned();
        assert_eq!(gitlab.review(image, &access).await, Err(refused), "{image}");
    }
}

#[tokio::test]
async fn a_cosign_3_signature_is_found_by_the_fallback_tag() {
    let gitlab = gitlab().await;
    let image = gitlab.registry.push_image(PROJECT, "1.8.2", "image");
    gitlab.registry.attach_bundle(PROJECT, &image, "bundle");
    let found = gitlab.review(IMAGE, &with(DEPLOY_TOKEN)).await;
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
