//! Keys that may sign for a time only, under a clock that tests set.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    codes,
    world::{SIGNERS, World, image, policy, request, signed_by},
};
use crate::{clock::FixedClock, review::Reviewer};

/// A signature by the release key without any time, under a policy with this authority beside its key.
fn signed_under(authority: &serde_json::Value) -> World {
    let policy = policy(
        "shop",
        "r.example/**",
        &json!({ "authorities": [authority] }),
    );
    World::under(&[policy]).attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())])
}

fn ending() -> serde_json::Value {
    let pem = SIGNERS.release.public_pem();
    json!({ "name": "release", "key": { "pem": pem, "notAfter": "2026-01-01T00:00:00Z" } })
}

async fn codes_at(reviewer: Reviewer, now: &str) -> Vec<&'static str> {
    let now: Timestamp = now.parse().unwrap();
    let reviewer = reviewer.with_clock(Arc::new(FixedClock(now)));
    codes(
        &reviewer
            .review(request(&["r.example/app:1"]))
            .await
            .unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_remembered_verdict_does_not_outlive_its_key() {
    let world = signed_under(&ending());
    let first = world.reviewer();
    let verdicts = first.verdicts.clone();
    assert_eq!(codes_at(first, "2026-01-01T00:00:00Z").await, [""; 0]);
    let second = Reviewer {
        verdicts,
        ..world.reviewer()
    };
    assert_eq!(
        codes_at(second, "2026-01-01T00:00:01Z").await,
        ["KeyExpired"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_trust_root_that_is_not_there_matters_only_where_a_time_decides() {
    let rooted = |mut authority: serde_json::Value| {
        authority["trustRootRef"] = json!({ "name": "absent" });
        authority
    };
    let now = "2025-01-01T00:00:00Z";
    let ending = rooted(ending());
    let reviewer = signed_under(&ending).reviewer();
    assert_eq!(codes_at(reviewer, now).await, ["TrustRootUnavailable"]);
    let always = rooted(json!({
        "name": "release",
        "key": { "pem": SIGNERS.release.public_pem() },
    }));
    let reviewer = signed_under(&always).reviewer();
    assert_eq!(codes_at(reviewer, now).await, [""; 0]);
    // What another key signed is wrong at any time.
    let policy = policy("shop", "r.example/**", &json!({ "authorities": [ending] }));
    let stranger = signed_by(&SIGNERS.stranger, &image());
    let world = World::under(&[policy]).attach("r.example/app", vec![stranger]);
    assert_eq!(codes_at(world.reviewer(), now).await, ["KeyMismatch"]);
}
