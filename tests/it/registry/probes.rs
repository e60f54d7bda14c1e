//! The probe for a referrers API: who may say that there is none, and who waits for it.

use std::pin::pin;

use futures::future::{Either, select};
use tokio::task::yield_now;

use super::{
    sandbox::{Fault, Referrers},
    *,
};

/// A registry with the API, and a signed image.
async fn signed() -> Setup {
    let settings = sandbox::RegistrySettings {
        referrers: Referrers::Api,
        ..sandbox::RegistrySettings::default()
    };
    let setup = Setup::new(settings).await;
    let image = setup.registry.push_image("acme/api", "1", "signed");
    setup.registry.attach_bundle("acme/api", &image, "bundle");
    setup
}

#[tokio::test]
async fn a_repository_that_is_not_there_does_not_say_that_its_registry_has_no_api() {
    let setup = signed().await;
    // For a repository that is not there, some say 404 whatever is asked for.
    setup.registry.set_fault(|request| {
        let is_there = request.path.starts_with("/v2/acme/api/");
        (!is_there).then(|| Fault::answer(404, &[], ""))
    });
    let access = anonymous();
    let by_tag = setup.resolve("acme/nothing:1", &access).await;
    by_tag.expect_err("not found");
    let digest = Digest::of(b"nothing");
    let by_digest = setup.attachments("acme/nothing", &digest, Search::Everywhere, &access);
    assert_eq!(by_digest.await.expect("read").len(), 0);
    let by_digest = setup.attachments("acme/nothing", &digest, Search::First, &access);
    assert_eq!(by_digest.await.expect("read").len(), 0);
    setup.registry.clear_requests();
    let found = setup.review("acme/api:1", &access).await.expect("found");
    assert_eq!(found, bundle(AttachmentPlace::ReferrersApi, "bundle"));
    let requests = setup.requests();
    let by_tag = |line: &&String| line.contains("/manifests/sha256-");
    assert_eq!(requests.iter().find(by_tag), None, "{requests:?}");
}

#[tokio::test]
async fn a_tag_is_resolved_though_the_api_never_answers() {
    let setup = signed().await;
    setup.registry.set_fault(|request| {
        let is_api = request.path.contains("/referrers/");
        is_api.then_some(Fault::Hang)
    });
    // Nothing is known of the registry before its first answer, so that the second is the one with a probe beside it.
    setup.registry.push_image("acme/api", "2", "another");
    let access = Access {
        deadline: Instant::now() + assay::limits::ANSWER_TIMEOUT,
        ..anonymous()
    };
    for image in ["acme/api:1", "acme/api:2"] {
        setup.resolve(image, &access).await.expect("resolved");
    }
}

#[tokio::test]
async fn who_asks_by_digest_does_not_wait_for_a_probe_beside_an_image_that_takes_long() {
    let setup = signed().await;
    let probe = format!("/v2/acme/api/referrers/{}", Digest::of(b""));
    let probed = probe.clone();
    setup.registry.set_fault(move |request| {
        let is_slow = request.path == probed || request.path.ends_with("/manifests/slow");
        is_slow.then_some(Fault::Hang)
    });
    let until = |time| Access {
        deadline: Instant::now() + time,
        ..anonymous()
    };
    let soon = until(assay::limits::ANSWER_TIMEOUT);
    // Nothing is known of the registry before its first answer, so that the next one is that with a probe beside it.
    let image = setup.resolve("acme/api:1", &soon).await.expect("resolved");
    let late = until(Duration::from_mins(1));
    let mut slow = pin!(setup.resolve("acme/api:slow", &late));
    let is_probed = |record: &sandbox::RequestRecord| record.request.path == probe;
    while !setup.registry.requests().iter().any(is_probed) {
        select(&mut slow, pin!(yield_now())).await;
    }
    let found = pin!(setup.attachments("acme/api", &image, Search::First, &soon));
    let found = select(found, slow).await;
    let Either::Left((found, _)) = found else {
        panic!("the slow one is answered");
    };
    let expected = bundle(AttachmentPlace::ReferrersApi, "bundle");
    assert_eq!(summary(&found.expect("read")), expected);
}
