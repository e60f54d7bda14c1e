//! Whatever a registry does, a caller has its answer by its deadline: every wait is inside of it.

use std::{future::pending, io, net::IpAddr};

use assay::registry::Names;
use futures::future::{BoxFuture, join_all};

use super::{sandbox::Fault, *};

/// A DNS that does not answer.
#[derive(Debug)]
struct Silent;

impl Names for Silent {
    fn addresses(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(pending())
    }
}

/// Only the deadline ends a wait.
fn patient() -> RegistryOptions {
    let long = Duration::from_mins(10);
    RegistryOptions {
        connect_timeout: long,
        answer_timeout: long,
        body_pause_timeout: long,
        retry_pause: long,
        ..RegistryOptions::default()
    }
}

/// The error of a review that has this little time, with the registry as `HOST`.
async fn late(setup: &Setup, image: &str, access: Access) -> String {
    let deadline = Instant::now() + Duration::from_millis(200);
    let access = Access { deadline, ..access };
    let asked = setup.review(image, &access);
    let ended = tokio::time::timeout(Duration::from_secs(20), asked).await;
    let error = ended.expect("by its deadline").expect_err("an error");
    format!("{error:?}").replace(&setup.registry.host(), "HOST")
}

async fn faulty(path: &'static str, fault: Fault) -> Setup {
    let setup = Setup::with_options(sandbox::RegistrySettings::default(), patient()).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup
        .registry
        .set_fault(move |request| request.path.contains(path).then(|| fault.clone()));
    setup
}

const DEADLINE: &str = "Deadline { host: \"HOST\" }";

#[tokio::test]
async fn silence_ends_at_the_deadline_wherever_it_is() {
    for (path, fault) in [
        ("/manifests/1", Fault::Hang),
        ("/referrers/", Fault::Hang),
        ("/blobs/", Fault::Hang),
        ("/blobs/", Fault::SlowBody),
    ] {
        let setup = faulty(path, fault).await;
        assert_eq!(
            late(&setup, "acme/api:1", anonymous()).await,
            DEADLINE,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_pause_that_would_end_after_the_deadline_is_not_begun() {
    let unavailable = "Unavailable { host: \"HOST\", detail: \"answered 503\" }";
    for (fault, expected) in [
        (Fault::status(503), unavailable),
        (
            Fault::answer(503, &[("retry-after", "600")], ""),
            unavailable,
        ),
        // It would have ended within the time that any answer may take.
        (Fault::status(429), DEADLINE),
        (
            Fault::answer(429, &[("retry-after", "600")], ""),
            "RateLimited { host: \"HOST\", wait: Some(600s) }",
        ),
    ] {
        let setup = faulty("/manifests/1", fault).await;
        assert_eq!(late(&setup, "acme/api:1", anonymous()).await, expected);
    }
}

#[tokio::test]
async fn a_token_service_or_a_storage_that_is_silent_is_not_waited_for_longer() {
    let silent = faulty("", Fault::Hang).await.registry;
    // Which of the two is named depends on who notices first.
    let named = [
        DEADLINE.to_owned(),
        format!("Deadline {{ host: {:?} }}", silent.host()),
    ];
    let realm = format!("Bearer realm=\"{}/token\"", silent.base_url());
    for fault in [
        Fault::answer(401, &[("www-authenticate", &realm)], ""),
        Fault::Redirect(format!("{}/v2/x", silent.base_url())),
    ] {
        let mut setup = faulty("/manifests/1", fault).await;
        setup.reader = reader(&[&setup.registry.host(), &silent.host()], patient());
        let told = late(&setup, "acme/api:1", anonymous()).await;
        assert!(named.contains(&told), "{told}");
    }
}

#[tokio::test]
async fn neither_a_turn_nor_a_handshake_nor_the_dns_is_waited_for_longer() {
    let setup = faulty("/manifests/", Fault::Hang).await;
    let tags = 0..2 * assay::limits::REQUESTS_PER_HOST;
    let images: Vec<String> = tags.map(|tag| format!("acme/api:{tag}")).collect();
    let all = images.iter().map(|image| late(&setup, image, anonymous()));
    assert!(join_all(all).await.iter().all(|error| error == DEADLINE));

    // It accepts, and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let host = mute.local_addr().expect("bound").to_string();
    let yaml = format!("registries: [{{prefix: \"{host}\"}}]");
    let settings = RegistrySettings::from_yaml("r.yaml", &yaml).expect("settings");
    let handshake = OciRegistry::new(settings, patient(), &TaskTracker::new()).expect("a reader");
    let silent = RegistryOptions {
        names: Arc::new(Silent),
        ..patient()
    };
    for (reader, host) in [
        (handshake, host.as_str()),
        (reader(&[], silent), "r.example"),
    ] {
        let image: Reference = format!("{host}/a:1").parse().expect("a reference");
        let access = Access {
            deadline: Instant::now() + Duration::from_millis(200),
            ..anonymous()
        };
        let asked = reader.resolve(&image, &access);
        let ended = tokio::time::timeout(Duration::from_secs(20), asked).await;
        let error = ended.expect("by its deadline").expect_err("silent");
        assert!(matches!(error, RegistryError::Deadline { .. }), "{error}");
    }
}

/// Where a place has a share of the time, its silence is the registry's as soon as that was longer than a time of ours.
#[tokio::test]
async fn silence_is_the_registrys_where_the_deadline_leaves_a_brief_time_for_an_answer() {
    let host = "Timeout { host: \"HOST\" }";
    for (brief, expected) in [
        (Duration::from_millis(50), host),
        (Duration::from_secs(4), DEADLINE),
    ] {
        let options = RegistryOptions {
            brief_answer_timeout: brief,
            ..patient()
        };
        let settings = sandbox::RegistrySettings::default();
        let setup = Setup::with_options(settings, options).await;
        setup.registry.set_fault(|_| Some(Fault::Hang));
        assert_eq!(late(&setup, "acme/api:1", anonymous()).await, expected);
    }
}
