//! A registry that does not answer as it should: the right code, inside the deadline, and never "unsigned".

use assay::sandbox::registry::Fault;
use rstest::rstest;

use super::{codes, message};
use crate::support::world::{IMAGE, World};

fn rate_limit() -> Fault {
    Fault::answer(429, &[("retry-after", "3600")], "")
}

#[rstest]
#[case::unauthorized(Fault::status(401), "RegistryUnauthorized")]
#[case::forbidden(Fault::status(403), "RegistryUnauthorized")]
#[case::not_found(Fault::status(404), "ImageNotFound")]
#[case::rate_limited(rate_limit(), "RegistryRateLimited")]
#[case::broken(Fault::status(500), "RegistryUnavailable")]
#[case::gateway(Fault::status(502), "RegistryUnavailable")]
#[case::unavailable(Fault::status(503), "RegistryUnavailable")]
#[case::silent(Fault::Hang, "RegistryTimeout")]
#[tokio::test]
async fn when_every_answer_is_wrong(#[case] fault: Fault, #[case] code: &str) {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    world.registry.set_fault(move |_| Some(fault.clone()));
    assert_eq!(world.codes().await, [code]);
}

/// The tag resolves, and what would hold the signature does not answer as it should.
#[rstest]
#[case::forbidden(Fault::status(403), "RegistryUnauthorized")]
#[case::rate_limited(rate_limit(), "RegistryRateLimited")]
#[case::broken(Fault::status(500), "RegistryUnavailable")]
#[case::endless(Fault::EndlessBody, "LimitExceeded")]
#[case::slow(Fault::SlowBody, "RegistryTimeout")]
#[case::torn(Fault::BrokenBody, "RegistryUnavailable")]
#[case::changed(Fault::WrongContent, "RegistryUnavailable")]
#[case::silent(Fault::Hang, "RegistryTimeout")]
#[tokio::test]
async fn when_the_signature_cannot_be_read(#[case] fault: Fault, #[case] code: &str) {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world.registry.set_fault(move |request| {
        let is_signature = request.path.strip_suffix(".sig").is_some();
        is_signature.then(|| fault.clone())
    });
    let response = world.deploy(IMAGE).await;
    assert_eq!(codes(&response), [code], "{}", message(&response));
}

#[tokio::test]
async fn a_web_page_in_place_of_the_referrers_api_means_that_there_is_none() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    world.registry.set_fault(|request| {
        let is_api = request.path.contains("/referrers/");
        is_api.then_some(Fault::Html404)
    });
    assert_eq!(world.codes().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_review_is_answered_before_the_api_server_gives_up() {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    world.registry.set_fault(|_| Some(Fault::Hang));
    let review =
        crate::support::reviews::creation(&crate::support::reviews::pod(&world.reference(IMAGE)));
    let response = world
        .server
        .post("/mutate?timeout=200ms", review.to_string())
        .await;
    let text = crate::support::text(response).await;
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(codes(&answer["response"]), ["DeadlineExceeded"]);
}

#[tokio::test]
async fn a_registry_that_is_gone_is_unavailable() {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    world.registry.stop().await;
    assert_eq!(world.codes().await, ["RegistryUnavailable"]);
}
