//! One registry that is dead costs the others nothing, and is asked again.

use assay::telemetry::Metrics;
use futures::future::join_all;

use super::{sandbox::Fault, *};

/// Impatient, so that a test need not wait.
fn impatient() -> RegistryOptions {
    RegistryOptions {
        answer_timeout: Duration::from_millis(200),
        circuit_pause: Duration::from_millis(50),
        ..options()
    }
}

fn gateway_error() -> Fault {
    Fault::Status {
        status: 503,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

async fn start() -> MemoryRegistry {
    let registry = MemoryRegistry::start(sandbox::RegistrySettings::default()).await;
    let registry = registry.expect("a free port");
    registry.push_image("acme/api", "1", "x");
    registry
}

async fn resolve(reader: &OciRegistry, image: String) -> Result<Digest, RegistryError> {
    let image: Reference = image.parse().expect("a reference");
    reader.resolve(&image, &anonymous()).await
}

fn count(metrics: &Metrics, name: &str) -> String {
    let text = metrics.encode();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("assay_registry_{name}{{host=\"other\"}} ")));
    line.expect("told").to_owned()
}

#[tokio::test]
async fn a_registry_that_fails_is_left_alone_and_found_again_without_a_restart() {
    let registry = start().await;
    let metrics = Metrics::new();
    let options = RegistryOptions {
        requests: metrics.requests(),
        circuit_pause: Duration::from_mins(1),
        ..impatient()
    };
    let patient = reader(&[&registry.host()], options);
    let reader = reader(&[&registry.host()], impatient());
    registry.set_fault(|_| Some(gateway_error()));
    let image = || format!("{}/acme/api:1", registry.host());
    let failed = format!("{} answered 503", registry.host());
    for _ in 0..assay::limits::FAILURES_IN_A_ROW {
        for reader in [&patient, &reader] {
            let error = resolve(reader, image()).await.expect_err("fails");
            assert_eq!(error.to_string(), failed);
        }
    }
    registry.clear_requests();
    let error = resolve(&patient, image()).await.expect_err("left alone");
    assert_eq!(error.to_string(), failed);
    assert!(matches!(error, RegistryError::Unavailable { .. }));
    assert_eq!(registry.requests().len(), 0, "nothing is sent");
    assert_eq!(count(&metrics, "circuits_open"), "1");
    assert_eq!(count(&metrics, "withheld_requests_total"), "1");

    registry.clear_fault();
    let found = async {
        while resolve(&reader, image()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, found).await.expect("found");
}

#[tokio::test]
async fn a_registry_that_hangs_takes_no_turn_and_no_time_of_another() {
    let (hanging, good) = (start().await, start().await);
    hanging.set_fault(|_| Some(Fault::Hang));
    let options = RegistryOptions {
        answer_timeout: Duration::from_secs(10),
        ..impatient()
    };
    let reader = reader(&[&hanging.host(), &good.host()], options);
    let many = 4 * assay::limits::REQUESTS_PER_HOST;
    for number in 0..many {
        good.push_image("acme/api", &number.to_string(), "x");
    }
    let asked = |host: String| {
        let reader = &reader;
        join_all((0..many).map(move |number| resolve(reader, format!("{host}/acme/api:{number}"))))
    };
    tokio::select! {
        biased;
        found = asked(good.host()) => assert!(found.iter().all(Result::is_ok), "{found:?}"),
        _ = asked(hanging.host()) => panic!("the one that hangs was first"),
    }
}

#[tokio::test]
async fn silence_opens_the_circuit_too() {
    let registry = start().await;
    registry.set_fault(|_| Some(Fault::Hang));
    let options = RegistryOptions {
        circuit_pause: Duration::from_mins(1),
        answer_timeout: Duration::from_millis(20),
        ..impatient()
    };
    let reader = reader(&[&registry.host()], options);
    let image = || format!("{}/acme/api:1", registry.host());
    for _ in 0..assay::limits::FAILURES_IN_A_ROW {
        let error = resolve(&reader, image()).await.expect_err("silent");
        assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
    }
    registry.clear_requests();
    let error = resolve(&reader, image()).await.expect_err("left alone");
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
    assert_eq!(registry.requests().len(), 0, "nothing is sent");
}

#[tokio::test]
async fn answers_that_come_too_slowly_for_their_callers_do_not_close_a_registry_for_others() {
    let setup = Setup::new(sandbox::RegistrySettings::default()).await;
    setup.registry.push_image("acme/api", "1", "x");
    let images: Vec<Digest> = (0..assay::limits::FAILURES_IN_A_ROW)
        .map(|number| {
            let image = Digest::of(&number.to_be_bytes());
            let payload = format!("payload {number}");
            let registry = &setup.registry;
            registry.attach_legacy("acme/api", &image, payload, &no_annotations());
            image
        })
        .collect();
    setup.registry.set_fault(|request| {
        let is_blob = request.path.contains("/blobs/");
        is_blob.then_some(Fault::SlowBody)
    });
    let access = Access {
        deadline: Instant::now() + assay::limits::TELLING_SILENCE + Duration::from_millis(500),
        ..anonymous()
    };
    let looks = images
        .iter()
        .map(|image| setup.attachments("acme/api", image, Search::First, &access));
    for found in join_all(looks).await {
        let error = found.expect_err("too slow");
        assert!(matches!(error, RegistryError::Deadline { .. }), "{error}");
    }
    let found = setup.resolve("acme/api:1", &anonymous()).await;
    found.expect("nobody leaves it alone");
}

#[tokio::test]
async fn one_thing_that_a_registry_fails_at_does_not_close_it_for_others() {
    let registry = start().await;
    registry.set_fault(|request| {
        let fails = request.path.contains("/bad/");
        fails.then(|| Fault::Status {
            status: 500,
            headers: Vec::new(),
            body: Vec::new(),
        })
    });
    let reader = reader(&[&registry.host()], impatient());
    for number in 0..2 * assay::limits::FAILURES_IN_A_ROW {
        let bad = format!("{}/bad/api:{number}", registry.host());
        let error = resolve(&reader, bad).await.expect_err("fails");
        assert_eq!(
            error.to_string(),
            format!("{} answered 500", registry.host())
        );
    }
    let good = format!("{}/acme/api:1", registry.host());
    resolve(&reader, good).await.expect("read");
}

#[tokio::test]
async fn what_somebody_has_named_closes_no_registry_that_answers() {
    let slow = RegistryOptions {
        answer_timeout: Duration::from_millis(50),
        ..impatient()
    };
    for (fault, options) in [(gateway_error(), impatient()), (Fault::Hang, slow)] {
        let registry = start().await;
        registry.set_fault(move |request| request.path.contains("/bad/").then(|| fault.clone()));
        let reader = reader(&[&registry.host()], options);
        for number in 0..2 * assay::limits::FAILURES_IN_A_ROW {
            let bad = format!("{}/bad{number}/bad/api:1", registry.host());
            resolve(&reader, bad).await.expect_err("fails");
        }
        let roots = registry.requests();
        let roots = roots.iter().filter(|record| record.request.path == "/v2/");
        assert_eq!(roots.count(), 2, "once for each row of failures");
        let good = format!("{}/acme/api:1", registry.host());
        resolve(&reader, good).await.expect("read");
    }
}

#[tokio::test]
async fn a_registry_that_is_back_is_found_by_whoever_asks_for_whatever() {
    let registry = start().await;
    registry.set_fault(|_| Some(gateway_error()));
    let reader = reader(&[&registry.host()], impatient());
    let bad = || format!("{}/bad/api:1", registry.host());
    for _ in 0..assay::limits::FAILURES_IN_A_ROW {
        resolve(&reader, bad()).await.expect_err("fails");
    }
    registry.set_fault(|request| request.path.contains("/bad/").then(gateway_error));
    let good = format!("{}/acme/api:1", registry.host());
    resolve(&reader, good.clone())
        .await
        .expect_err("left alone");
    let asked = async {
        while registry
            .requests()
            .iter()
            .filter(|record| record.request.path == "/v2/")
            .count()
            < 2
        {
            resolve(&reader, bad()).await.expect_err("fails");
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, asked).await.expect("asked");
    resolve(&reader, good).await.expect("read");
}

#[tokio::test]
async fn no_refusal_is_a_failure() {
    for status in [401, 403, 404, 429] {
        let registry = start().await;
        registry.set_fault(move |_| {
            Some(Fault::Status {
                status,
                headers: vec![("retry-after".to_owned(), "0".to_owned())],
                body: Vec::new(),
            })
        });
        let reader = reader(&[&registry.host()], impatient());
        for number in 0..2 * assay::limits::FAILURES_IN_A_ROW {
            let image = format!("{}/acme/api:{number}", registry.host());
            let error = resolve(&reader, image).await.expect_err("refused");
            let is_judged = !matches!(error, RegistryError::Unavailable { .. });
            assert!(is_judged, "{status}: {error}");
        }
    }
}
