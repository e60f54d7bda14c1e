//! Registries and proxies that are loose about types: manifests as plain JSON, web pages as success, no digest.

use super::*;

const HOST: &str = "docker.corp.example";
const IMAGE: &str = "docker.corp.example/shop/api:1";

async fn signed() -> Product {
    let product = Product::new(&[HOST], Referrers::Both).await;
    let image = product.registry.push_image("shop/api", "1", "image");
    product.registry.attach_bundle("shop/api", &image, "bundle");
    product
}

#[tokio::test]
async fn a_manifest_served_as_a_type_that_says_nothing_is_read_by_its_own_word() {
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "text/plain",
    ] {
        let product = signed().await;
        product.plays(move |request| {
            let is_json = request.path.contains("/manifests/") || is_referrers(request);
            let served = Fault::MediaType(content_type.to_owned());
            is_json.then_some(served)
        });
        let found = product.review(IMAGE, &anonymous()).await;
        let expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
        assert_eq!(found, Ok(expected), "{content_type}");
    }
}

#[tokio::test]
async fn a_type_with_parameters_or_in_capitals_is_the_same_type() {
    let product = signed().await;
    product.plays(|request| {
        let served = "Application/Vnd.OCI.Image.Index.v1+JSON;charset=UTF-8";
        is_referrers(request).then(|| Fault::MediaType(served.to_owned()))
    });
    let found = product.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersApi, "bundle")));
}

#[tokio::test]
async fn a_web_page_in_place_of_a_signature_is_an_outage_and_in_place_of_the_api_none() {
    let web_page = || {
        answer(
            200,
            &[("content-type", "text/html; charset=utf-8")],
            "<html>",
        )
    };
    let product = signed().await;
    product.plays(move |request| is_referrers(request).then(web_page));
    let found = product.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersTag, "bundle")));
    let product = signed().await;
    product.plays(move |request| (request.method == "GET").then(web_page));
    let found = product.review(IMAGE, &anonymous()).await;
    let expected = format!("{HOST} answered \"text/html\" instead of a manifest");
    assert_eq!(found, Err(expected));
}

#[tokio::test]
async fn a_list_of_referrers_that_is_no_index_is_no_list() {
    let of_kind = |media_type: &str| {
        let document = serde_json::json!({"schemaVersion": 2, "mediaType": media_type});
        answer(
            200,
            &[("content-type", "application/json")],
            document.to_string(),
        )
    };
    for document in [
        of_kind("application/vnd.oci.image.manifest.v1+json"),
        of_kind(""),
        answer(200, &[("content-type", "application/json")], "[]"),
        answer(400, &[], ""),
        answer(405, &[], ""),
        answer(406, &[], ""),
    ] {
        let product = signed().await;
        let served = document.clone();
        product.plays(move |request| is_referrers(request).then(|| served.clone()));
        let found = product.review(IMAGE, &anonymous()).await;
        let expected = bundle(AttachmentPlace::ReferrersTag, "bundle");
        assert_eq!(found, Ok(expected), "{document:?}");
    }
}

#[tokio::test]
async fn a_digest_that_is_not_announced_is_computed() {
    let product = signed().await;
    product.plays(|_| Some(Fault::NoDigestHeader));
    let found = product.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersApi, "bundle")));
    let by_tag = format!("GET {HOST}/v2/shop/api/manifests/1 200");
    assert!(product.asked(&[]).contains(&by_tag));
}
