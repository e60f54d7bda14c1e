//! Verifications that take long.

use serde_json::json;
use tokio::time::Instant;

use super::{
    codes,
    world::{SIGNERS, World, image, policy, request, signed_by},
};
use crate::review::Request;

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_between_the_ways_to_verify_one_candidate() {
    let key = |name: &str, pair: &crate::sandbox::sigstore::SigningKeyPair| json!({ "name": name, "key": { "pem": pair.public_pem() } });
    let authorities = [
        key("release", &SIGNERS.release),
        key("stranger", &SIGNERS.stranger),
    ];
    let of = |authorities: &[serde_json::Value]| {
        let more = json!({ "authorities": authorities, "require": authorities.len() });
        World::under(&[policy("shop", "r.example/**", &more)])
            .attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())])
    };
    let at_the_end = || Request {
        deadline: Instant::now(),
        ..request(&["r.example/app:1"])
    };
    let one_way = of(&authorities[..1]).reviewer();
    assert_eq!(codes(&one_way.review(at_the_end()).await.unwrap()), [""; 0]);
    let two_ways = of(&authorities).reviewer();
    assert_eq!(
        codes(&two_ways.review(at_the_end()).await.unwrap()),
        ["DeadlineExceeded"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_between_images_whose_conditions_are_asked() {
    let asking = |more: &serde_json::Value| {
        World::under(&[policy("shop", "r.example/**", more)])
            .attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())])
    };
    let conditions = json!({ "conditions": [{ "expression": "image.tag == '1'" }] });
    let review = |more: serde_json::Value, deadline: Instant| async move {
        let reviewer = asking(&more).reviewer();
        let request = Request {
            deadline,
            ..request(&["r.example/app:1"])
        };
        codes(&reviewer.review(request).await.unwrap())
    };
    let later = Instant::now() + std::time::Duration::from_secs(1);
    assert_eq!(review(conditions.clone(), later).await, [""; 0]);
    assert_eq!(
        review(conditions, Instant::now()).await,
        ["DeadlineExceeded"]
    );
}
