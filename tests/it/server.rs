//! The server, as the API server, the kubelet's probes and Prometheus meet it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions of a test may fail loudly"
)]

mod limits;
mod rotation;

use std::time::Duration;

use assay::{policy::DefaultAction, review::Snapshots, server::Drain};
use reqwest::{StatusCode, Version};
use serde_json::json;

use crate::support::{
    Setup, TestServer,
    policies::{PANICKING_NAMESPACE, Policies},
    reviews::{creation, pod, update},
    text,
};

fn no_policies() -> Policies {
    Policies::none(DefaultAction::Allow)
}

async fn server() -> TestServer {
    TestServer::start(no_policies().reviewer_without_registry()).await
}

#[tokio::test]
async fn it_is_alive_from_the_start_and_ready_once_policies_are_loaded() {
    let policies = Policies::default();
    let server = TestServer::start(policies.reviewer_without_registry()).await;
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    let waiting = server.get("/readyz").await;
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(waiting).await, "the policies are not loaded yet\n");
    assert!(server.metrics().await.contains("\nassay_ready 0\n"));

    policies.set(no_policies().current().unwrap());
    assert_eq!(server.get("/readyz").await.status(), StatusCode::OK);
    assert!(server.metrics().await.contains("\nassay_ready 1\n"));
}

#[tokio::test]
async fn a_review_that_comes_before_the_policies_are_loaded_waits_for_them() {
    let policies = Policies::default();
    let server = TestServer::start(policies.reviewer_without_registry()).await;
    let review = creation(&pod("a:1"));
    let mut answer = Box::pin(server.mutate(&review));
    assert!(futures::poll!(&mut answer).is_pending());
    assert_eq!(
        server.get("/readyz").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    policies.set(no_policies().current().unwrap());
    assert_eq!(answer.await["allowed"], json!(true));
}

#[tokio::test]
async fn a_review_waits_for_the_policies_no_longer_than_that() {
    let server = TestServer::start(Policies::default().reviewer_without_registry()).await;
    let began = std::time::Instant::now();
    let answer = server.mutate(&creation(&pod("a:1"))).await;
    assert!(began.elapsed() >= assay::limits::READINESS_PATIENCE);
    assert_eq!(
        answer["status"]["message"],
        json!("the policies are not loaded yet [PolicyBroken]; try again in a moment")
    );
}

#[tokio::test]
async fn reviews_are_answered_over_both_versions_of_http() {
    let server = server().await;
    let review = update(&pod("a:1"), &pod("a:1"));
    let old_client = server.new_client().http1_only().build().unwrap();
    let new_client = server.new_client().build().unwrap();
    for (client, version) in [
        (old_client, Version::HTTP_11),
        (new_client, Version::HTTP_2),
    ] {
        let url = server.url("/mutate?timeout=10s");
        let response = crate::support::post(&client, url, review.to_string()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.version(), version);
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn both_accepted_versions_of_tls_are_spoken_and_no_older_one() {
    let server = server().await;
    for version in [
        reqwest::tls::Version::TLS_1_2,
        reqwest::tls::Version::TLS_1_3,
    ] {
        let client = server
            .new_client()
            .tls_version_min(version)
            .tls_version_max(version);
        let client = client.build().unwrap();
        let response = client.get(server.url("/healthz")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let hello = old_client_hello();
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &hello)
        .await
        .unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer)
        .await
        .unwrap();
    // An alert record (21) that is fatal (2): protocol_version (70).
    assert_eq!((answer[0], &answer[5..7]), (21, &[2, 70][..]));
}

/// A greeting that offers TLS 1.1 at most, with one cipher suite.
fn old_client_hello() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    // Extensions: the signature algorithm ecdsa_secp256r1_sha256 and the group x25519, which we accept.
    body.extend([0, 16, 0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 29]);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_reviews_are_posted() {
    let server = server().await;
    assert_eq!(server.get("/").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(server.get("/metrics").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        server.get("/mutate").await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn reviews_are_counted() {
    let server = server().await;
    server.mutate(&update(&pod("a:1"), &pod("a:1"))).await;
    server.post("/validate", "{").await;
    let mut denied = creation(&pod("a:1"));
    denied["request"]["object"] = json!(null);
    server.validate(&denied).await;
    let metrics = server.metrics().await;
    for line in [
        "assay_reviews_total{webhook=\"mutate\",result=\"Allowed\"} 1",
        "assay_reviews_total{webhook=\"validate\",result=\"Malformed\"} 1",
        "assay_reviews_total{webhook=\"validate\",result=\"Denied\"} 1",
        "assay_denials_total{code=\"ReferenceInvalid\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_panic_fails_one_review_and_nothing_else() {
    let server = server().await;
    let mut review = creation(&pod("a:1"));
    review["request"]["namespace"] = json!(PANICKING_NAMESPACE);
    let response = server.post("/mutate", review.to_string()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "this review failed inside assay\n");
    let failed = "assay_reviews_total{webhook=\"mutate\",result=\"Failed\"} 1";
    let metrics = server.metrics().await;
    assert!(metrics.lines().any(|line| line == failed), "{metrics}");
    assert_eq!(server.get("/readyz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn while_draining_it_is_not_ready_but_still_answers() {
    let drain = Drain {
        delay: Duration::from_hours(1),
        bound: Duration::ZERO,
    };
    let setup = Setup {
        drain: Some(drain),
        ..Setup::default()
    };
    let reviewer = no_policies().reviewer_without_registry();
    let server = TestServer::start_with(reviewer, setup).await;
    server.get("/healthz").await;
    server.begin_stop();
    let response = loop {
        let response = server.get("/readyz").await;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            break response;
        }
    };
    assert_eq!(text(response).await, "shutting down\n");
    let review = update(&pod("a:1"), &pod("a:1"));
    assert_eq!(server.mutate(&review).await["allowed"], json!(true));
    let client = server.new_client().http1_only().build().unwrap();
    let url = server.url("/mutate?timeout=10s");
    let last = crate::support::post(&client, url, review.to_string()).await;
    assert_eq!(last.headers()["connection"], "close");
}

#[tokio::test]
async fn after_the_drain_new_connections_are_refused() {
    let server = server().await;
    let url = server.url("/healthz");
    let client = server.new_client().build().unwrap();
    server.begin_stop();
    server.ended().await;
    assert!(client.get(url).send().await.unwrap_err().is_connect());
}
