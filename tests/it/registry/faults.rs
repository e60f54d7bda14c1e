//! Registries that misbehave: the right class of error, inside the deadline.

use super::{
    sandbox::{Fault, Referrers, RequestInfo},
    *,
};

async fn open(referrers: Referrers, options: RegistryOptions) -> Setup {
    let settings = sandbox::RegistrySettings {
        referrers,
        ..sandbox::RegistrySettings::default()
    };
    Setup::with_options(settings, options).await
}

fn error<T: std::fmt::Debug>(setup: &Setup, result: Result<T, RegistryError>) -> String {
    let error = format!("{:?}", result.expect_err("an error"));
    error.replace(&setup.registry.host(), "HOST")
}

fn on(path: &'static str, fault: &Fault) -> impl Fn(&RequestInfo) -> Option<Fault> + use<> {
    let fault = fault.clone();
    move |request| request.path.contains(path).then(|| fault.clone())
}

/// A signed image, read while `fault` holds for paths with `path` in them.
async fn review(referrers: Referrers, path: &'static str, fault: &Fault) -> Result<Found, String> {
    let patience = Duration::from_millis(200);
    let options = RegistryOptions {
        answer_timeout: patience,
        body_pause_timeout: patience,
        ..options()
    };
    let setup = open(referrers, options).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup.registry.set_fault(on(path, fault));
    let found = setup.review("acme/api:1", &anonymous()).await;
    found.map_err(|error| format!("{error:?}").replace(&setup.registry.host(), "HOST"))
}

#[tokio::test]
async fn a_missing_image_is_not_found() {
    let setup = open(Referrers::Api, options()).await;
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &anonymous()).await),
        "NotFound { host: \"HOST\", what: \"acme/api:1\" }"
    );
    setup.registry.push_image("acme/api", "1", "x");
    setup.registry.set_fault(|_| Some(Fault::Html404));
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &anonymous()).await),
        "NotFound { host: \"HOST\", what: \"acme/api:1\" }"
    );
}

#[tokio::test]
async fn each_status_has_its_class_wherever_it_comes() {
    for path in [
        "/manifests/1",
        "/manifests/sha256-",
        "/blobs/",
        "/manifests/sha256:",
    ] {
        for (code, expected) in [
            (
                401,
                "Unauthorized { host: \"HOST\", status: 401, tried: [] }",
            ),
            (
                403,
                "Unauthorized { host: \"HOST\", status: 403, tried: [] }",
            ),
            (
                500,
                "Unavailable { host: \"HOST\", detail: \"answered 500\" }",
            ),
            (
                502,
                "Unavailable { host: \"HOST\", detail: \"answered 502\" }",
            ),
            (418, "Unusable { host: \"HOST\", detail: \"answered 418\" }"),
        ] {
            let found = review(Referrers::FallbackTag, path, &Fault::status(code)).await;
            assert_eq!(found, Err(expected.to_owned()), "{path} {code}");
        }
    }
}

#[tokio::test]
async fn a_failing_referrers_api_is_no_missing_one() {
    for (fault, expected) in [
        (
            Fault::status(401),
            "Unauthorized { host: \"HOST\", status: 401, tried: [] }",
        ),
        (
            Fault::status(403),
            "Unauthorized { host: \"HOST\", status: 403, tried: [] }",
        ),
        (
            Fault::status(503),
            "Unavailable { host: \"HOST\", detail: \"answered 503\" }",
        ),
        (Fault::Hang, "Timeout { host: \"HOST\" }"),
    ] {
        let found = review(Referrers::Both, "/referrers/", &fault).await;
        assert_eq!(found, Err(expected.to_owned()));
    }
}

#[tokio::test]
async fn bodies_without_end_or_pace_are_cut_off() {
    let endless = "Limit { host: \"HOST\", detail: \"the manifest sha256-";
    let found = review(
        Referrers::FallbackTag,
        "/manifests/sha256-",
        &Fault::EndlessBody,
    )
    .await;
    let found = found.expect_err("refused");
    assert!(found.starts_with(endless), "{found}");
    assert!(
        found.ends_with("is larger than 4194304 bytes\" }"),
        "{found}"
    );
    for fault in [Fault::SlowBody, Fault::Hang] {
        let found = review(Referrers::FallbackTag, "/blobs/", &fault).await;
        assert_eq!(found, Err("Timeout { host: \"HOST\" }".to_owned()));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_asked_for_again_and_then_given_up() {
    let found = review(Referrers::Api, "/blobs/", &Fault::BrokenBody).await;
    let expected = "Unavailable { host: \"HOST\", detail: \"broke off its answer\" }";
    assert_eq!(found, Err(expected.to_owned()));
}

#[tokio::test]
async fn a_digest_is_computed_when_none_is_announced() {
    let setup = open(Referrers::Api, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "x");
    for fault in [Fault::NoDigestHeader, Fault::status(405)] {
        setup
            .registry
            .set_fault(move |request| (request.method == "HEAD").then(|| fault.clone()));
        setup.registry.push_image("acme/api", "1", "x");
        let reader = reader(&[&setup.registry.host()], options());
        let found = reader
            .resolve(&setup.image("acme/api:1"), &anonymous())
            .await;
        assert_eq!(found.expect("resolved"), image);
    }
}

#[tokio::test]
async fn a_rate_limit_that_ends_in_time_is_waited_for() {
    let setup = open(Referrers::Api, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "x");
    setup
        .registry
        .set_fault(|request| (request.index == 0).then(|| rate_limit("0")));
    let found = setup.resolve("acme/api:1", &anonymous()).await;
    assert_eq!(found.expect("resolved"), image);
    assert_eq!(setup.requests().len(), 2);
}

#[tokio::test]
async fn a_rate_limit_that_lasts_stops_all_callers_of_the_host() {
    let setup = open(Referrers::Api, options()).await;
    setup.registry.set_fault(|_| Some(rate_limit("60")));
    let limited = "RateLimited { host: \"HOST\", wait: Some(60s) }";
    for image in ["acme/api:1", "acme/web:1"] {
        assert_eq!(
            error(&setup, setup.resolve(image, &anonymous()).await),
            limited
        );
    }
    assert_eq!(setup.requests(), ["HEAD /v2/acme/api/manifests/1 429"]);
}

fn rate_limit(seconds: &str) -> Fault {
    Fault::Status {
        status: 429,
        headers: vec![("retry-after".to_owned(), seconds.to_owned())],
        body: Vec::new(),
    }
}

#[tokio::test]
async fn a_gateway_error_that_passes_is_not_noticed() {
    let setup = open(Referrers::Api, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "x");
    setup
        .registry
        .set_fault(|request| (request.index < 2).then(|| Fault::status(503)));
    assert_eq!(
        setup
            .resolve("acme/api:1", &anonymous())
            .await
            .expect("resolved"),
        image
    );
}

#[tokio::test]
async fn the_deadline_ends_a_request_that_hangs() {
    let setup = open(Referrers::Api, options()).await;
    setup.registry.set_fault(|_| Some(Fault::Hang));
    let access = Access {
        deadline: Instant::now() + Duration::from_millis(100),
        ..anonymous()
    };
    let deadline = "Deadline { host: \"HOST\" }";
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &access).await),
        deadline
    );
}

#[tokio::test]
async fn a_registry_that_is_gone_and_one_that_speaks_no_tls_are_told_apart() {
    let setup = open(Referrers::Api, options()).await;
    let yaml = format!("registries: [{{prefix: \"{}\"}}]", setup.registry.host());
    let settings = RegistrySettings::from_yaml("r.yaml", &yaml).expect("settings");
    let secure = OciRegistry::new(settings, options(), &TaskTracker::new()).expect("a reader");
    let image = setup.image("acme/api:1");
    let found = secure.resolve(&image, &anonymous()).await;
    assert!(matches!(found, Err(RegistryError::Tls { .. })), "{found:?}");
    setup.registry.stop().await;
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &anonymous()).await),
        "Unavailable { host: \"HOST\", detail: \"could not be reached (connection refused)\" }"
    );
}

#[tokio::test]
async fn redirects_lead_to_no_plain_http_and_not_on_for_ever() {
    let setup = open(Referrers::Api, options()).await;
    setup
        .registry
        .set_fault(|_| Some(Fault::Redirect("http://assay.invalid/x".to_owned())));
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &anonymous()).await),
        "Unusable { host: \"HOST\", detail: \"redirects to http://assay.invalid, which is not allowed\" }"
    );
    setup
        .registry
        .set_fault(|request| Some(Fault::Redirect(request.path.clone())));
    assert_eq!(
        error(&setup, setup.resolve("acme/api:1", &anonymous()).await),
        "Unusable { host: \"HOST\", detail: \"redirects too often\" }"
    );
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let setup = open(Referrers::Api, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup.registry.set_fault(|_| Some(Fault::status(500)));
    setup
        .review("acme/api:1", &anonymous())
        .await
        .expect_err("an error");
    setup.registry.clear_fault();
    let found = setup
        .review("acme/api:1", &anonymous())
        .await
        .expect("read");
    assert_eq!(found, bundle(AttachmentPlace::ReferrersApi, "bundle"));
}

#[tokio::test]
async fn annotations_count_among_the_bytes_of_candidates() {
    let setup = open(Referrers::FallbackTag, options()).await;
    let image = setup.registry.push_image("acme/api", "1", "annotated");
    let blob = setup.registry.push_blob("acme/api", "bundle");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let listed: Vec<serde_json::Value> = (0..5)
        .map(|number| {
            let manifest = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": media_type,
                "layers": [{
                    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                    "digest": blob.as_str(),
                    "size": 6,
                    "annotations": {"a": format!("{number}{}", "x".repeat(assay::limits::MANIFEST_BYTES - 4096))},
                }],
                "subject": {"mediaType": media_type, "digest": image.as_str(), "size": 1},
            });
            let text = manifest.to_string();
            let size = text.len();
            let digest = setup.registry.push_manifest("acme/api", None, media_type, text);
            serde_json::json!({"mediaType": media_type, "digest": digest.as_str(), "size": size})
        })
        .collect();
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": index_type, "manifests": listed,
    });
    let tag = format!("sha256-{}", image.hex());
    setup
        .registry
        .push_manifest("acme/api", Some(&tag), index_type, index.to_string());
    let found = setup
        .attachments("acme/api", &image, Search::First, &anonymous())
        .await;
    let expected = format!(
        "Limit {{ host: \"HOST\", detail: \"the signature candidates have more than {} bytes together\" }}",
        assay::limits::CANDIDATE_BYTES_PER_IMAGE
    );
    assert_eq!(error(&setup, found), expected);
}
