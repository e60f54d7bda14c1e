//! GitHub's registry: it leads who asks for referrers to another host, which does not know of them, or which nobody
//! reaches.

use super::*;

const HOSTS: [&str; 2] = ["ghcr.io", "github.com"];
const IMAGE: &str = "ghcr.io/acme/api:1";

/// A name that no resolver answers: a label is too long.
fn unknown_host() -> String {
    format!("{}.example", "a".repeat(64))
}

/// The registry, whose referrers are said to be at `target`; what `elsewhere` says is what github.com says.
async fn ghcr(target: String, elsewhere: Fault) -> Product {
    let product = Product::new(&HOSTS, Referrers::Both).await;
    let image = product.registry.push_image("acme/api", "1", "image");
    product.registry.attach_bundle("acme/api", &image, "bundle");
    product.plays(move |request| {
        if request.host == "github.com" {
            return Some(elsewhere.clone());
        }
        is_referrers(request).then(|| answer(303, &[("location", &target)], ""))
    });
    product
}

#[tokio::test]
async fn a_redirect_of_the_referrers_api_to_a_host_that_does_not_know_them_is_no_api() {
    let web_page = answer(200, &[("content-type", "text/html")], "<html>");
    for elsewhere in [
        Fault::Html404,
        web_page,
        Fault::status(401),
        Fault::status(403),
        Fault::status(406),
        Fault::status(418),
        Fault::status(500),
        Fault::status(503),
    ] {
        let target = "http://github.com/-/v2/packages/container/acme/api".to_owned();
        let ghcr = ghcr(target, elsewhere.clone()).await;
        let found = ghcr.review(IMAGE, &anonymous()).await;
        let expected = bundle(AttachmentPlace::ReferrersTag, "bundle");
        assert_eq!(found, Ok(expected), "{elsewhere:?}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_referrers_api_to_a_host_out_of_reach_is_no_api() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0");
    let closed = nobody.await.expect("a port").local_addr().expect("bound");
    for target in [
        format!("https://{closed}/"),
        format!("https://{}/", unknown_host()),
        // Not allowed, for nobody has said that this host may be asked in plain HTTP.
        "http://pkg-containers.githubusercontent.com/".to_owned(),
        "ftp://github.com/".to_owned(),
        "::".to_owned(),
    ] {
        let ghcr = ghcr(target.clone(), Fault::status(404)).await;
        let found = ghcr.review(IMAGE, &anonymous()).await;
        let expected = bundle(AttachmentPlace::ReferrersTag, "bundle");
        assert_eq!(found, Ok(expected), "{target}");
    }
}

/// What is said of an image to which nothing is attached by a tag, when the API is said to be at `target`.
async fn unsigned(target: String, elsewhere: Fault) -> Result<Found, String> {
    let ghcr = ghcr(target, elsewhere).await;
    let image = ghcr.registry.push_image("acme/web", "1", "unsigned");
    let web = "ghcr.io/acme/web:1";
    let first = ghcr.review(web, &anonymous()).await;
    assert_eq!(first, Ok(Vec::new()), "the tags alone");
    ghcr.search_everywhere(web, &image).await
}

#[tokio::test]
async fn that_nothing_is_attached_is_said_only_when_the_other_host_has_answered() {
    let target = || "http://github.com/-/v2/packages/container/acme/web".to_owned();
    assert_eq!(unsigned(target(), Fault::Html404).await, Ok(Vec::new()));
    let broken = unsigned(target(), Fault::status(500)).await;
    assert_eq!(broken, Err("github.com answered 500".to_owned()));
    let refused = unsigned(target(), Fault::status(403)).await;
    assert_eq!(refused, Err("github.com refused access (403)".to_owned()));
    let unknown = unknown_host();
    let unreached = unsigned(format!("https://{unknown}/"), Fault::status(404)).await;
    let error = unreached.expect_err("nobody knows");
    assert!(
        error.starts_with(&format!("{unknown} could not be ")),
        "{error}"
    );
}

#[tokio::test]
async fn that_there_is_no_api_is_found_out_once() {
    let target = "http://github.com/-/v2/packages/container/acme/api".to_owned();
    let ghcr = ghcr(target, Fault::Html404).await;
    ghcr.review(IMAGE, &anonymous()).await.expect("read");
    ghcr.registry.push_image("acme/web", "1", "another");
    ghcr.asked(&[]);
    let found = ghcr.review("ghcr.io/acme/web:1", &anonymous()).await;
    assert_eq!(found, Ok(Vec::new()));
    let elsewhere: Vec<String> = ghcr
        .asked(&[])
        .into_iter()
        .filter(|line| line.contains("/referrers/") || line.contains(" github.com"))
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_that_fails_hides_nothing_of_another_place() {
    let ghcr = ghcr("ftp://github.com/".to_owned(), Fault::status(404)).await;
    let is_tag = |request: &RequestInfo| request.path.contains("/manifests/sha256-");
    ghcr.plays(move |request| {
        let elsewhere =
            is_referrers(request).then(|| answer(303, &[("location", "ftp://github.com/")], ""));
        elsewhere.or_else(|| is_tag(request).then(|| Fault::status(500)))
    });
    let found = ghcr.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Err("ghcr.io answered 500".to_owned()));
}
