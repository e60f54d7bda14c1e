//! Blobs that lie in object storage: the registry leads there, with all that is needed in the address itself.

use super::*;

/// A registry, its storage, and an address as that storage is given.
const STORES: [(&str, &str, &str); 3] = [
    (
        "registry.gitlab.com",
        "storage.googleapis.com",
        "/gitlab-registry/docker/registry/v2/blobs/sha256/ab/abcd/data?Expires=1790000000&GoogleAccessId=reg%40gitlab.iam&Signature=a%2Bb%2Fc%3D%3D",
    ),
    (
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com",
        "/6a-123456789012-abc/def?X-Amz-Security-Token=IQoJb3%2F%2BA%3D&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=0f",
    ),
    (
        "docker.io",
        "production.cloudflare.docker.com",
        "/registry-v2/docker/registry/v2/blobs/sha256/ab/abcd/data?verify=1790000000-%2Bx%2Fy%3D",
    ),
];

async fn stored(host: &str, storage: &str, address: &str) -> Product {
    let login = Login {
        username: "user".to_owned(),
        password: "secret".to_owned(),
        repositories: vec!["acme/api".to_owned()],
    };
    let settings = sandbox::RegistrySettings {
        access: sandbox::Access::Basic {
            logins: vec![login],
        },
        ..sandbox::RegistrySettings::default()
    };
    let product = Product::with(&[host, storage, "registry-1.docker.io"], settings).await;
    let image = product.registry.push_image("acme/api", "1", "image");
    product.registry.attach_bundle("acme/api", &image, "bundle");
    let target = format!("http://{storage}{address}");
    let storage = storage.to_owned();
    product.plays(move |request| {
        if request.host == storage {
            return Some(answer(200, &[], "bundle"));
        }
        let is_blob = request.path.contains("/blobs/");
        is_blob.then(|| Fault::Redirect(target.clone()))
    });
    product
}

#[tokio::test]
async fn storage_gets_its_address_as_it_is_and_no_credentials() {
    for (host, storage, address) in STORES {
        let product = stored(host, storage, address).await;
        let access = with_login(host, "user", "secret");
        let image = format!("{host}/acme/api:1");
        let found = product.review(&image, &access).await;
        let expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
        assert_eq!(found, Ok(expected), "{host}");
        let seen: Vec<(String, String)> = product
            .registry
            .requests()
            .into_iter()
            .filter(|record| record.request.host == storage)
            .map(|record| {
                let request = record.request;
                let target = format!("{}?{}", request.path, request.query);
                (target, request.authorization)
            })
            .collect();
        assert_eq!(seen, [(address.to_owned(), String::new())], "{host}");
    }
}

#[tokio::test]
async fn storage_that_refuses_its_own_address_is_a_refusal_and_no_missing_blob() {
    let (host, storage, address) = STORES[0];
    for (status, expected) in [
        (403, format!("{storage} refused access (403)")),
        (500, format!("{storage} answered 500")),
    ] {
        let product = stored(host, storage, address).await;
        product.plays(move |request| {
            if request.host == storage {
                return Some(answer(
                    status,
                    &[],
                    "<Error><Code>AccessDenied</Code></Error>",
                ));
            }
            let is_blob = request.path.contains("/blobs/");
            is_blob.then(|| Fault::Redirect(format!("http://{storage}{address}")))
        });
        let access = with_login(host, "user", "secret");
        let found = product.review(&format!("{host}/acme/api:1"), &access).await;
        assert_eq!(found, Err(expected));
    }
}
