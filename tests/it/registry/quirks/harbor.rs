//! Harbor: a token for each repository, robots with a `$` in their names, and a referrers API that says which filters
//! it has applied.

use super::*;

const HOST: &str = "harbor.corp.example";
const ROBOT: &str = "robot$shop+deploy";

/// It hands out a token for the repository that is asked for, and takes it for no other.
async fn harbor() -> Product {
    let product = Product::new(&[HOST], Referrers::Api).await;
    product.plays(|request| {
        if request.path == "/service/token" {
            let is_robot = request.authorization == basic(ROBOT, "secret");
            let scope = request.query.rsplit_once("scope=").map(|(_, scope)| scope);
            let granted = token(&format!("for-{}", scope.unwrap_or_default()));
            return Some(if is_robot { granted } else { answer(401, &[], "") });
        }
        let repository = request.path.strip_prefix("/v2/").unwrap_or_default();
        let repository: Vec<&str> = repository.split('/').take(2).collect();
        let scope = format!("repository%3A{}%3Apull", repository.join("%2F"));
        let is_granted = request.authorization == format!("Bearer for-{scope}");
        let wanted = format!(
            "Bearer realm=\"http://{HOST}/service/token\",service=\"harbor-registry\",scope=\"repository:{}:pull\"",
            repository.join("/")
        );
        (!is_granted).then(|| challenge(&wanted))
    });
    product
}

#[tokio::test]
async fn a_robot_is_let_into_each_project_with_a_token_of_its_own() {
    let harbor = harbor().await;
    let access = with_login(HOST, ROBOT, "secret");
    for project in ["shop/api", "team/web"] {
        let image = harbor.registry.push_image(project, "1", project);
        harbor.registry.attach_bundle(project, &image, "bundle");
        let found = harbor.review(&format!("{HOST}/{project}:1"), &access).await;
        let expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
        assert_eq!(found, Ok(expected), "{project}");
    }
    let tokens: Vec<String> = harbor
        .asked(&[])
        .into_iter()
        .filter(|line| line.contains("/service/token"))
        .collect();
    let token = |project: &str| {
        format!(
            "GET {HOST}/service/token?service=harbor-registry&scope=repository%3A{project}%3Apull 200"
        )
    };
    assert_eq!(tokens, [token("shop%2Fapi"), token("team%2Fweb")]);
}

#[tokio::test]
async fn a_list_of_referrers_is_asked_for_whole_and_read_whatever_filters_were_applied() {
    let harbor = Product::new(&[HOST], Referrers::Api).await;
    let image = harbor.registry.push_image("shop/api", "1", "image");
    harbor
        .registry
        .attach_legacy("shop/api", &image, "payload", &no_annotations());
    harbor.plays(|request| {
        let listed = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}"#;
        let headers = [
            ("content-type", "application/vnd.oci.image.index.v1+json"),
            ("oci-filters-applied", "artifactType"),
        ];
        is_referrers(request).then(|| answer(200, &headers, listed))
    });
    let found = harbor
        .review(&format!("{HOST}/shop/api:1"), &anonymous())
        .await;
    assert_eq!(found, Ok(legacy("payload")));
    let lists: Vec<String> = harbor
        .asked(&[("IMAGE", &image)])
        .into_iter()
        .filter(|line| line.contains("/referrers/"))
        .collect();
    let list = format!("GET {HOST}/v2/shop/api/referrers/sha256:IMAGE 200");
    assert_eq!(lists, [list]);
}

#[tokio::test]
async fn a_project_that_nobody_may_see_is_a_refusal() {
    let harbor = harbor().await;
    let found = harbor
        .review(&format!("{HOST}/shop/api:1"), &anonymous())
        .await;
    assert_eq!(found, Err(format!("{HOST} refused access (401)")));
}
