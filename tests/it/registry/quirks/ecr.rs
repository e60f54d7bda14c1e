//! Amazon's registry: passwords of twelve hours for the user `AWS` instead of tokens, and blobs that lie in S3.

use super::*;

const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const IMAGE: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/api:1";

async fn ecr(status_of_old: u16) -> Product {
    let product = Product::new(&[HOST], Referrers::Api).await;
    product.plays(move |request| match request.authorization.as_str() {
        authorization if authorization == basic("AWS", "fresh") => None,
        "" => Some(challenge(&format!(
            "Basic realm=\"https://{HOST}/\",service=\"ecr.amazonaws.com\""
        ))),
        _ => Some(answer(
            status_of_old,
            &[],
            r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}"#,
        )),
    });
    product
}

#[tokio::test]
async fn a_password_comes_with_each_request_and_no_token_is_asked_for() {
    let ecr = ecr(403).await;
    let image = ecr.registry.push_image("shop/api", "1", "image");
    ecr.registry.attach_bundle("shop/api", &image, "bundle");
    let found = ecr.review(IMAGE, &with_login(HOST, "AWS", "fresh")).await;
    assert_eq!(found, Ok(bundle(AttachmentPlace::ReferrersApi, "bundle")));
    let requests = ecr.registry.requests();
    let without: Vec<&str> = requests
        .iter()
        .filter(|record| !record.request.authorized)
        .map(|record| record.request.method.as_str())
        .collect();
    // The one that brought the challenge.
    assert_eq!(without, ["HEAD"]);
}

#[tokio::test]
async fn without_a_password_and_with_an_old_one_access_is_refused() {
    for (status, access) in [
        (401, anonymous()),
        (403, with_login(HOST, "AWS", "expired")),
    ] {
        let ecr = ecr(403).await;
        ecr.registry.push_image("shop/api", "1", "image");
        let found = ecr.review(IMAGE, &access).await;
        assert_eq!(found, Err(format!("{HOST} refused access ({status})")));
    }
}

#[tokio::test]
async fn a_signature_pushed_in_docker_s_types_is_read() {
    let ecr = Product::new(&[HOST], Referrers::Api).await;
    let image = ecr.registry.push_image("shop/api", "1", "image");
    let payload = ecr.registry.push_blob("shop/api", "payload");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": docker,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
                   "digest": payload.as_str(), "size": 7},
        "layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                    "digest": payload.as_str(), "size": 7}],
    });
    let tag = format!("sha256-{}.sig", image.hex());
    ecr.registry
        .push_manifest("shop/api", Some(&tag), docker, manifest.to_string());
    let found = ecr.review(IMAGE, &anonymous()).await;
    assert_eq!(found, Ok(legacy("payload")));
}
