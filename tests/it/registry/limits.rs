//! How often a registry is asked again, and how much at the same time.

use futures::future::join_all;

use super::{sandbox::Fault, *};

fn always(status: u16, headers: &[(&str, &str)]) -> Fault {
    Fault::answer(status, headers, "")
}

/// The error of resolving a tag of a registry that answers this, and the number of requests made for it.
async fn refused(fault: Fault) -> (String, usize) {
    let setup = Setup::new(sandbox::RegistrySettings::default()).await;
    setup.registry.set_fault(move |_| Some(fault.clone()));
    let access = Access {
        // Less than the pause after a 429 that names none.
        deadline: Instant::now() + assay::limits::RATE_LIMIT_PAUSE,
        ..anonymous()
    };
    let found = setup.resolve("acme/api:1", &access).await;
    let error = found.expect_err("refused").to_string();
    let error = error.replace(&setup.registry.host(), "HOST");
    // The probe for the referrers API goes on beside it.
    let heads = setup.requests();
    let heads = heads.iter().filter(|line| line.starts_with("HEAD"));
    (error, heads.count())
}

#[tokio::test]
async fn a_gateway_error_that_lasts_is_given_up_after_two_retries() {
    assert_eq!(
        refused(always(503, &[])).await,
        ("HOST answered 503".to_owned(), 3)
    );
}

#[tokio::test]
async fn a_host_that_says_nothing_but_429_is_waited_for_a_few_times_and_no_more() {
    assert_eq!(
        refused(always(429, &[("retry-after", "0")])).await,
        ("HOST limits the rate of requests".to_owned(), 5)
    );
}

#[tokio::test]
async fn a_rate_limit_that_names_no_time_lasts_longer_than_a_review_of_a_second() {
    assert_eq!(
        refused(always(429, &[])).await,
        ("the deadline passed while HOST was asked".to_owned(), 1)
    );
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_more() {
    let fault = Fault::Redirect("/v2/acme/api/manifests/1".to_owned());
    assert_eq!(
        refused(fault).await,
        ("HOST redirects too often".to_owned(), 6)
    );
}

#[tokio::test]
async fn requests_above_the_limit_of_a_host_wait_for_their_turn() {
    let limit = assay::limits::REQUESTS_PER_HOST;
    for (count, depth) in [(limit, 1), (limit + 1, 2)] {
        let setup = Setup::new(sandbox::RegistrySettings::default()).await;
        for number in 0..=count {
            let tag = number.to_string();
            setup.registry.push_image("acme/api", &tag, "image");
        }
        let access = anonymous();
        // What the first request learns, the others need not find out.
        let known = setup.review(&format!("acme/api:{count}"), &access).await;
        assert_eq!(known.expect("read"), []);
        setup.registry.clear_requests();
        setup.registry.answer_in_rounds();
        let images: Vec<String> = (0..count)
            .map(|number| format!("acme/api:{number}"))
            .collect();
        let found = join_all(images.iter().map(|image| setup.resolve(image, &access))).await;
        assert!(found.iter().all(Result::is_ok), "{found:?}");
        assert_eq!(setup.cost(), (count, depth));
    }
}

#[tokio::test]
async fn candidates_of_one_image_above_the_limit_wait_for_their_turn() {
    let limit = assay::limits::FETCHES_PER_IMAGE;
    for (count, depth) in [(limit, 2), (limit + 1, 3)] {
        let setup = Setup::new(sandbox::RegistrySettings::default()).await;
        let image = setup.registry.push_image("acme/api", "1", "many");
        for number in 0..count {
            let payload = number.to_string();
            setup
                .registry
                .attach_legacy("acme/api", &image, payload, &no_annotations());
        }
        let access = anonymous();
        setup.resolve("acme/api:1", &access).await.expect("read");
        let without = Digest::of(b"nothing is attached");
        let known = setup.attachments("acme/api", &without, Search::First, &access);
        assert!(known.await.expect("read").is_empty());
        setup.registry.clear_requests();
        setup.registry.answer_in_rounds();
        // One list of referrers, which is empty, and the signature's manifest come before.
        let found = setup.attachments("acme/api", &image, Search::First, &access);
        assert_eq!(found.await.expect("read").len(), count);
        assert_eq!(setup.cost(), (2 + count, 1 + depth));
    }
}

/// A reader that may hold so many bytes, and images that each have a payload of these bytes.
async fn holding(held_bytes: usize, payloads: &[usize]) -> (Setup, Vec<Digest>) {
    let options = RegistryOptions {
        held_bytes,
        ..options()
    };
    let setup = Setup::with_options(sandbox::RegistrySettings::default(), options).await;
    let images = payloads.iter().enumerate().map(|(number, bytes)| {
        let image = Digest::of(&number.to_be_bytes());
        let payload = number.to_string().repeat(*bytes);
        let registry = &setup.registry;
        registry.attach_legacy("acme/api", &image, payload, &no_annotations());
        image
    });
    let images = images.collect();
    (setup, images)
}

#[tokio::test]
async fn an_answer_that_does_not_fit_among_those_held_is_refused() {
    let (setup, images) = holding(36_000, &[8_000, 8_000, 8_000]).await;
    let access = anonymous();
    let look = |image| setup.attachments("acme/api", image, Search::First, &access);
    // Whoever holds them, be it a cache.
    for image in &images[..2] {
        assert_eq!(look(image).await.expect("read").len(), 1);
    }
    let error = look(&images[2]).await.expect_err("refused").to_string();
    let detail = "the answers of registries take all the memory there is for them";
    assert_eq!(error, format!("{}: {detail}", setup.registry.host()));
    // What is held is not asked for again, and needs nothing.
    assert_eq!(look(&images[0]).await.expect("read").len(), 1);
}

#[tokio::test]
async fn an_answer_waits_for_those_held_by_others_until_its_deadline() {
    let (setup, images) = holding(36_000, &[8_000, 8_000, 8_000]).await;
    let access = anonymous();
    for image in &images[..2] {
        let held = setup.attachments("acme/api", image, Search::First, &access);
        held.await.expect("read");
    }
    let brief = Access {
        deadline: Instant::now() + Duration::from_millis(300),
        ..anonymous()
    };
    let last = setup.attachments("acme/api", &images[2], Search::First, &brief);
    let error = last.await.expect_err("refused");
    assert!(matches!(error, RegistryError::Deadline { .. }), "{error}");
}

#[tokio::test]
async fn annotations_are_paid_for_beside_their_contents() {
    let (setup, _) = holding(42_000, &[]).await;
    let access = anonymous();
    let look = async |name: &str| {
        let image = Digest::of(name.as_bytes());
        let annotations = BTreeMap::from([("a".to_owned(), "x".repeat(9_000))]);
        let registry = &setup.registry;
        registry.attach_legacy("acme/api", &image, "payload", &annotations);
        let found = setup.attachments("acme/api", &image, Search::First, &access);
        found.await.map(|found| found.len())
    };
    for name in ["first", "second"] {
        assert_eq!(look(name).await.expect("read"), 1);
    }
    let error = look("third").await.expect_err("refused");
    assert!(matches!(error, RegistryError::Limit { .. }), "{error}");
}
