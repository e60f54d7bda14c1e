//! What is counted of the requests and of the caches.

use assay::telemetry::{CacheSource as _, Metrics};

use super::*;

/// The lines of a family whose value is not zero, with the registry as `HOST`.
fn told(metrics: &Metrics, family: &str, host: &str) -> Vec<String> {
    let text = metrics.encode().replace(host, "HOST");
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with(family) && !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// A registry that wants a token, with one image, and a reader whose requests are counted.
async fn counted() -> (Setup, Metrics) {
    let metrics = Metrics::new();
    let options = RegistryOptions {
        requests: metrics.requests(),
        ..options()
    };
    let settings = sandbox::RegistrySettings {
        referrers: sandbox::Referrers::FallbackTag,
        access: sandbox::Access::Token {
            public: vec!["acme/api".to_owned()],
            logins: Vec::new(),
        },
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::with_options(settings, options).await;
    metrics.requests().know_registries(&[setup.registry.host()]);
    let image = setup.registry.push_image("acme/api", "1", "acme/api");
    setup
        .registry
        .attach_legacy("acme/api", &image, "payload", &no_annotations());
    (setup, metrics)
}

#[tokio::test]
async fn every_request_is_counted_by_registry_and_status() {
    let (setup, metrics) = counted().await;
    let found = setup.review("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("found"), legacy("payload"));
    let host = setup.registry.host();
    let requests = setup.requests();
    let of = |end: &str| requests.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(
        told(&metrics, "assay_registry_requests_total", &host),
        [
            format!(
                "assay_registry_requests_total{{host=\"HOST\",status=\"2xx\"}} {}",
                of(" 200")
            ),
            "assay_registry_requests_total{host=\"HOST\",status=\"401\"} 1".to_owned(),
            format!(
                "assay_registry_requests_total{{host=\"HOST\",status=\"404\"}} {}",
                of(" 404")
            ),
        ]
    );
    let counted = told(
        &metrics,
        "assay_registry_request_duration_seconds_count",
        &host,
    );
    let all = requests.len();
    assert_eq!(
        counted,
        [format!(
            "assay_registry_request_duration_seconds_count{{host=\"HOST\"}} {all}"
        )]
    );
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_counted_as_such_with_each_retry() {
    let metrics = Metrics::new();
    let options = RegistryOptions {
        requests: metrics.requests(),
        ..options()
    };
    let reader = reader(&["127.0.0.1:1"], options);
    let image: Reference = "127.0.0.1:1/acme/api:1".parse().expect("a reference");
    reader
        .resolve(&image, &anonymous())
        .await
        .expect_err("nobody listens there");
    let attempts = 1 + assay::limits::RETRIES_PER_REQUEST;
    assert_eq!(
        told(&metrics, "assay_registry_requests_total", "HOST"),
        [format!(
            "assay_registry_requests_total{{host=\"other\",status=\"Unreachable\"}} {attempts}"
        )]
    );
}

#[tokio::test]
async fn whoever_waits_for_anothers_answer_has_asked_too_and_who_finds_it_in_a_cache_has_not() {
    let (setup, _) = counted().await;
    let callers = [anonymous(), anonymous(), anonymous()];
    let [first, second, later] = &callers;
    let (one, two) = tokio::join!(
        setup.resolve("acme/api:1", first),
        setup.resolve("acme/api:1", second)
    );
    let three = setup.resolve("acme/api:1", later).await;
    assert_eq!(one.expect("found"), two.expect("found"));
    three.expect("found");
    let asked = callers.each_ref().map(|caller| caller.asked.is_noted());
    assert_eq!(asked, [true, true, false]);
}

#[tokio::test]
async fn caches_tell_what_they_hold_and_how_often_that_was_of_use() {
    let (setup, _) = counted().await;
    for _ in 0..2 {
        let found = setup.review("acme/api:1", &anonymous()).await;
        found.expect("found");
    }
    let told: Vec<_> = setup
        .reader
        .read_caches()
        .into_iter()
        .map(|cache| {
            (
                cache.name,
                cache.entries > 0,
                cache.hits > 0,
                cache.misses > 0,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("tags", true, true, true),
            ("let_in", false, false, false),
            ("attachments", true, true, true),
            ("children", false, false, false),
            ("contents", false, false, false),
            ("tokens", true, true, true),
        ]
    );
}
