//! The certificate is renewed while reviews go on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use reqwest::{Client, StatusCode};

use assay::server::CertificateSource;

use super::no_policies;
use crate::support::{
    Setup, TestServer,
    certificates::{Authority, MountedSecret},
    post,
    reviews::{pod, update},
};

async fn server_with(secret: &MountedSecret, authority: &Authority) -> TestServer {
    let setup = Setup {
        certificate: Some((
            CertificateSource::Files(secret.files()),
            authority.pem.clone(),
        )),
        ..Setup::default()
    };
    TestServer::start_with(no_policies().reviewer_without_registry(), setup).await
}

/// Sends reviews one after another until `total` have been sent by all.
async fn send_reviews(client: Client, url: String, sent: Arc<AtomicUsize>, total: usize) {
    let review = update(&pod("a:1"), &pod("a:1")).to_string();
    while sent.fetch_add(1, Ordering::SeqCst) < total {
        let response = post(&client, &url, review.clone()).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn no_review_fails_while_the_certificate_is_renewed_five_times() {
    const REVIEWS: usize = 2000;
    const RENEWALS: usize = 5;
    let authority = Authority::new();
    let mut secret = MountedSecret::new(&authority.issue());
    let server = server_with(&secret, &authority).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let senders = (0..8).map(|index| {
        // Half of them keep their connection, half make a new one, with a handshake, for every review.
        let client = match index % 2 {
            0 => server.new_client(),
            _ => server.new_client().http1_only().pool_max_idle_per_host(0),
        };
        let url = server.url("/mutate?timeout=10s");
        send_reviews(client.build().unwrap(), url, Arc::clone(&sent), REVIEWS)
    });
    let mut reloads = server.certificate_reloads.clone();
    let renewing = async {
        for renewal in 1..=RENEWALS {
            while sent.load(Ordering::SeqCst) < renewal * REVIEWS / (RENEWALS + 1) {
                tokio::task::yield_now().await;
            }
            let (certificate, key) = authority.issue();
            secret.swap(&certificate, &key);
            reloads.changed().await.unwrap();
        }
    };
    tokio::join!(join_all(senders), renewing);
    assert_eq!(*server.certificate_reloads.borrow(), 5);
}

#[tokio::test]
async fn a_broken_pair_leaves_the_old_certificate_and_the_next_good_one_is_used() {
    let authority = Authority::new();
    let mut secret = MountedSecret::new(&authority.issue());
    let server = server_with(&secret, &authority).await;
    secret.swap("no certificate", "no key");
    let fresh = server.new_client().build().unwrap();
    let response = fresh.get(server.url("/healthz")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (certificate, key) = authority.issue();
    secret.swap(&certificate, &key);
    let mut reloads = server.certificate_reloads.clone();
    reloads.wait_for(|reloads| *reloads == 1).await.unwrap();
}
