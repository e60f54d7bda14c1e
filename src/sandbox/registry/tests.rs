#![allow(
    clippy::disallowed_methods,
    reason = "the answers of our own registry are small"
)]

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

mod attach;
mod described;
mod faults;

use std::collections::BTreeMap;

use super::*;
use crate::image::Digest;

async fn registry(settings: RegistrySettings) -> MemoryRegistry {
    MemoryRegistry::start(settings).await.unwrap()
}

fn client() -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn get(registry: &MemoryRegistry, path: &str) -> Response {
    let url = format!("{}{path}", registry.base_url());
    client().get(url).send().await.unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn a_manifest_is_found_by_tag_and_by_digest_with_its_type_and_digest() {
    let registry = registry(RegistrySettings::default()).await;
    let digest = registry.push_image("acme/api", "1.0", "one");
    for reference in ["1.0", digest.as_str()] {
        let response = get(&registry, &format!("/v2/acme/api/manifests/{reference}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            header(&response, "content-type"),
            "application/vnd.oci.image.manifest.v1+json"
        );
        assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
        assert_eq!(Digest::of(&response.bytes().await.unwrap()), digest);
    }
}

#[tokio::test]
async fn a_head_tells_the_length_and_sends_no_body() {
    let registry = registry(RegistrySettings::default()).await;
    let digest = registry.push_image("acme/api", "1.0", "one");
    let url = format!("{}/v2/acme/api/manifests/1.0", registry.base_url());
    let response = client().head(&url).send().await.unwrap();
    assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
    let length: usize = header(&response, "content-length").parse().unwrap();
    let body = client()
        .get(&url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(length, body.len());
}

#[tokio::test]
async fn equal_content_is_one_image_and_other_content_another() {
    let registry = registry(RegistrySettings::default()).await;
    let first = registry.push_image("acme/api", "1", "one");
    assert_eq!(registry.push_image("acme/api", "2", "one"), first);
    assert_ne!(registry.push_image("acme/api", "3", "three"), first);
}

#[tokio::test]
async fn a_moved_tag_names_the_other_image() {
    let registry = registry(RegistrySettings::default()).await;
    registry.push_image("acme/api", "1", "one");
    let other = registry.push_image("acme/api", "2", "two");
    registry.move_tag("acme/api", "1", &other);
    let response = get(&registry, "/v2/acme/api/manifests/1").await;
    assert_eq!(header(&response, "docker-content-digest"), other.as_str());
}

#[tokio::test]
async fn unknown_things_are_404_with_the_registrys_json() {
    let registry = registry(RegistrySettings::default()).await;
    let none = Digest::of(b"nothing");
    for path in ["manifests/1.0".to_owned(), format!("blobs/{none}")] {
        let response = get(&registry, &format!("/v2/acme/api/{path}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body: Value = json(response).await;
        assert!(body["errors"][0]["code"].is_string(), "{body}");
    }
}

async fn referrers_of(registry: &MemoryRegistry, image: &Digest) -> Vec<Value> {
    let mut path = format!("/v2/acme/api/referrers/{image}");
    let mut found = Vec::new();
    loop {
        let response = get(registry, &path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            header(&response, "content-type"),
            "application/vnd.oci.image.index.v1+json"
        );
        let next = response.headers().get("link").map(|link| {
            let link = link.to_str().unwrap();
            link.strip_prefix('<')
                .unwrap()
                .split_once('>')
                .unwrap()
                .0
                .to_owned()
        });
        let mut page: Value = json(response).await;
        found.append(page["manifests"].as_array_mut().unwrap());
        match next {
            Some(next) => path = next,
            None => return found,
        }
    }
}

#[tokio::test]
async fn the_referrers_api_lists_bundles_on_as_many_pages_as_needed() {
    let registry = registry(RegistrySettings {
        referrers_page: Some(2),
        ..RegistrySettings::default()
    })
    .await;
    let image = registry.push_image("acme/api", "1", "one");
    assert_eq!(referrers_of(&registry, &image).await, Vec::<Value>::new());
    let attached: std::collections::BTreeSet<String> = ["a", "b", "c", "d", "e"]
        .map(|bundle| {
            registry
                .attach_bundle("acme/api", &image, bundle)
                .to_string()
        })
        .into();
    let found = referrers_of(&registry, &image).await;
    let digests = found
        .iter()
        .map(|it| it["digest"].as_str().unwrap().to_owned());
    assert_eq!(digests.collect::<std::collections::BTreeSet<_>>(), attached);
    assert_eq!(
        found[0]["artifactType"],
        "application/vnd.dev.sigstore.bundle.v0.3+json"
    );
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn without_the_api_bundles_are_listed_under_the_fallback_tag() {
    let registry = registry(RegistrySettings {
        referrers: Referrers::FallbackTag,
        ..RegistrySettings::default()
    })
    .await;
    let image = registry.push_image("acme/api", "1", "one");
    let first = registry.attach_bundle("acme/api", &image, "a");
    let second = registry.attach_bundle("acme/api", &image, "b");
    let api = get(&registry, &format!("/v2/acme/api/referrers/{image}")).await;
    assert_eq!(api.status(), StatusCode::NOT_FOUND);
    let path = format!("/v2/acme/api/manifests/sha256-{}", image.hex());
    let index: Value = json(get(&registry, &path).await).await;
    let listed: Vec<_> = index["manifests"].as_array().unwrap().iter().collect();
    assert_eq!(listed[0]["digest"], first.as_str());
    assert_eq!(listed[1]["digest"], second.as_str());
    assert_eq!(
        listed[0]["artifactType"],
        "application/vnd.oci.empty.v1+json"
    );
}

#[tokio::test]
async fn a_second_legacy_signature_is_another_layer_of_the_same_tag() {
    let registry = registry(RegistrySettings::default()).await;
    let image = registry.push_image("acme/api", "1", "one");
    let annotations = BTreeMap::from([("key".to_owned(), "value".to_owned())]);
    registry.attach_legacy("acme/signatures", &image, "first", &annotations);
    registry.attach_legacy("acme/signatures", &image, "second", &BTreeMap::new());
    let path = format!("/v2/acme/signatures/manifests/sha256-{}.sig", image.hex());
    let manifest: Value = json(get(&registry, &path).await).await;
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(
        layers[0]["annotations"],
        serde_json::json!({"key": "value"})
    );
    assert_eq!(layers[1]["digest"], Digest::of(b"second").as_str());
    let path = format!("/v2/acme/signatures/blobs/{}", Digest::of(b"first"));
    assert_eq!(get(&registry, &path).await.text().await.unwrap(), "first");
}

fn tokens() -> RegistrySettings {
    RegistrySettings {
        access: Access::Token {
            public: vec!["acme/public".to_owned()],
            logins: vec![Login {
                username: "deploy".to_owned(),
                password: "secret".to_owned(),
                repositories: vec!["acme/api".to_owned()],
            }],
        },
        ..RegistrySettings::default()
    }
}

async fn token(registry: &MemoryRegistry, repository: &str, password: Option<&str>) -> Response {
    let scope = format!("repository:{repository}:pull");
    let url = format!(
        "{}/token?service=sandbox&scope={scope}",
        registry.base_url()
    );
    let request = client().request(Method::GET, url);
    match password {
        Some(password) => request.basic_auth("deploy", Some(password)),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

async fn status_with(registry: &MemoryRegistry, path: &str, token: Response) -> StatusCode {
    let token: Value = json(token).await;
    let request = client().get(format!("{}{path}", registry.base_url()));
    let request = request.bearer_auth(token["token"].as_str().unwrap());
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_token_is_good_for_its_repository_only() {
    let registry = registry(tokens()).await;
    for repository in ["acme/api", "acme/other", "acme/public"] {
        registry.push_image(repository, "1", "one");
    }
    let api = "/v2/acme/api/manifests/1";
    let challenged = get(&registry, api).await;
    assert_eq!(challenged.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&challenged, "www-authenticate"),
        format!(
            "Bearer realm=\"{}/token\",service=\"sandbox\",scope=\"repository:acme/api:pull\"",
            registry.base_url()
        )
    );
    let mine = || token(&registry, "acme/api", Some("secret"));
    assert_eq!(
        status_with(&registry, api, mine().await).await,
        StatusCode::OK
    );
    let other = "/v2/acme/other/manifests/1";
    assert_eq!(
        status_with(&registry, other, mine().await).await,
        StatusCode::UNAUTHORIZED
    );
    let anonymous = token(&registry, "acme/public", None).await;
    let public = "/v2/acme/public/manifests/1";
    assert_eq!(
        status_with(&registry, public, anonymous).await,
        StatusCode::OK
    );
    let unprivileged = token(&registry, "acme/other", Some("secret")).await;
    assert_eq!(
        status_with(&registry, other, unprivileged).await,
        StatusCode::UNAUTHORIZED
    );
    let wrong = token(&registry, "acme/api", Some("wrong")).await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn revoked_tokens_are_refused() {
    let registry = registry(tokens()).await;
    registry.push_image("acme/public", "1", "one");
    let old = token(&registry, "acme/public", None).await;
    registry.revoke_tokens();
    let status = status_with(&registry, "/v2/acme/public/manifests/1", old).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn requests_are_kept_in_order_with_their_answers() {
    let registry = registry(RegistrySettings::default()).await;
    registry.push_image("acme/api", "1", "one");
    get(&registry, "/v2/acme/api/manifests/1").await;
    get(&registry, "/v2/acme/api/manifests/2?x=y").await;
    let lines: Vec<_> = registry
        .requests()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "GET /v2/acme/api/manifests/1 200",
            "GET /v2/acme/api/manifests/2?x=y 404"
        ]
    );
    assert_eq!(depth(&registry.requests()), 2);
    registry.clear_requests();
    assert_eq!(registry.requests(), []);
}

#[tokio::test]
async fn what_is_sent_together_is_answered_in_one_round() {
    let registry = registry(RegistrySettings::default()).await;
    registry.answer_in_rounds();
    for most in [1, 10, 7] {
        let together = (0..most).map(|_| get(&registry, "/v2/acme/api/manifests/1"));
        futures::future::join_all(together).await;
    }
    let requests = registry.requests();
    assert_eq!((requests.len(), depth(&requests)), (18, 3));
}

fn record(started: u64, finished: u64) -> RequestRecord {
    RequestRecord {
        request: RequestInfo {
            index: 0,
            method: "GET".to_owned(),
            host: "registry.example".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            authorized: false,
            authorization: String::new(),
            accept: String::new(),
        },
        status: Some(200),
        started,
        finished: Some(finished),
    }
}

#[test]
fn requests_that_overlap_are_one_deep() {
    assert_eq!(depth(&[]), 0);
    assert_eq!(depth(&[record(0, 2), record(1, 3)]), 1);
    assert_eq!(
        depth(&[record(0, 1), record(2, 5), record(3, 4), record(6, 7)]),
        3
    );
}

#[tokio::test]
async fn over_tls_it_shows_the_given_certificate() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let registry = registry(RegistrySettings {
        tls: Some(ServerIdentity {
            certificate_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        }),
        ..RegistrySettings::default()
    })
    .await;
    registry.push_image("acme/api", "1", "one");
    client();
    let trusting = Client::builder()
        .tls_certs_only([reqwest::Certificate::from_der(made.cert.der()).unwrap()])
        .build()
        .unwrap();
    let url = format!("{}/v2/acme/api/manifests/1", registry.base_url());
    assert!(url.starts_with("https://"), "{url}");
    assert_eq!(
        trusting.get(url).send().await.unwrap().status(),
        StatusCode::OK
    );
}
