//! The use case over a registry that answers as each test says. Time stands still but for what the fakes wait.

mod contents;
mod memory;
mod places;
mod turns;
mod validity;
mod warm_up;
mod world;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::json;

use super::*;
use crate::{
    decision::tests::build::codes,
    image::Digest,
    limits::{CANDIDATES_PER_IMAGE, CHILDREN_PER_INDEX, LOOKUPS_PER_REVIEW},
    registry::RegistryError,
};
use world::*;

fn host() -> String {
    "r.example".to_owned()
}

fn admission(decision: Decision) -> decision::Admission {
    match decision {
        Decision::Admit(admission) => admission,
        Decision::Deny(refusal) => panic!("refused: {}", decision::message(&refusal)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_image_is_admitted_with_the_digest_its_tag_resolved_to() {
    let world =
        World::guarded().attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    let admission = admission(world.review(&["r.example/app:1"]).await.unwrap());
    let digests: Vec<_> = admission
        .images
        .into_iter()
        .map(|image| image.digest)
        .collect();
    assert_eq!(digests, [image()]);
    assert_eq!(
        world.calls(),
        [
            "keyring team",
            "resolve r.example/app:1",
            "First r.example/app"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_bundle_is_accepted_as_well() {
    let world = World::guarded().attach(
        "r.example/app",
        vec![bundled_by(&SIGNERS.release, &image())],
    );
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_in_many_containers_is_looked_up_once() {
    let world =
        World::guarded().attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    let admission = admission(world.review(&["r.example/app:1"; 8]).await.unwrap());
    assert_eq!((admission.images.len(), world.calls().len()), (8, 3));
}

#[tokio::test(start_paused = true)]
async fn a_written_digest_is_not_resolved() {
    let world =
        World::guarded().attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    let written = format!("r.example/app@{}", image());
    assert_eq!(world.codes(&[&written]).await, [""; 0]);
    assert_eq!(world.calls(), ["keyring team", "First r.example/app"]);
}

#[tokio::test(start_paused = true)]
async fn images_that_no_policy_matches_cost_nothing() {
    let world = World::guarded();
    assert_eq!(world.codes(&["elsewhere.example/app:1"]).await, [""; 0]);
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_policy_refuses_without_a_lookup() {
    let broken = policy("broken", "r.example/**", &json!({ "authorities": [] }));
    let world = World::under(&[broken]);
    assert_eq!(world.codes(&["r.example/app:1"]).await, ["PolicyBroken"]);
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_image_is_looked_for_everywhere_before_it_is_called_so() {
    let world = World::guarded();
    assert_eq!(
        world.codes(&["r.example/app:1"]).await,
        ["SignatureMissing"]
    );
    let looked = [
        "First r.example/app",
        "Everywhere r.example/app",
        "children r.example/app",
    ];
    assert_eq!(world.calls()[2..], looked);
}

#[tokio::test(start_paused = true)]
async fn a_signature_beside_another_ones_is_found_by_the_second_search() {
    let found = [
        vec![signed_by(&SIGNERS.stranger, &image())],
        vec![signed_by(&SIGNERS.release, &image())],
    ];
    let world = World::guarded().attach_to("r.example/app", &image(), found);
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_signed_after_a_refusal_is_let_in_although_anothers_signature_is_remembered() {
    let stale = vec![signed_by(&SIGNERS.stranger, &image())];
    let world = World {
        attached_since: vec![signed_by(&SIGNERS.release, &image())],
        ..World::guarded().attach("r.example/app", stale)
    };
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
    assert_eq!(world.calls()[4..], ["Afresh r.example/app"]);
}

#[tokio::test(start_paused = true)]
async fn anothers_key_and_anothers_image_are_refused() {
    let stranger = World::guarded().attach(
        "r.example/app",
        vec![signed_by(&SIGNERS.stranger, &image())],
    );
    assert_eq!(stranger.codes(&["r.example/app:1"]).await, ["KeyMismatch"]);
    let other = signed_by(&SIGNERS.release, &Digest::of(b"another image"));
    let copied = World::guarded().attach("r.example/app", vec![other]);
    assert_eq!(
        copied.codes(&["r.example/app:1"]).await,
        ["SignatureInvalid"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_attached_but_no_signature_does_not_count() {
    let mut sbom = signed_by(&SIGNERS.release, &image());
    sbom.media_type = "application/spdx+json".to_owned();
    let world = World::guarded().attach("r.example/app", vec![sbom]);
    assert_eq!(
        world.codes(&["r.example/app:1"]).await,
        ["SignatureMissing"]
    );
}

#[tokio::test(start_paused = true)]
async fn signatures_are_read_where_the_policy_says() {
    let more = json!({ "signatureRepository": "r.example/signatures" });
    let world = World::under(&[policy("shop", "r.example/app", &more)]).attach(
        "r.example/signatures",
        vec![signed_by(&SIGNERS.release, &image())],
    );
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
    assert_eq!(world.calls()[2..], ["First r.example/signatures"]);
}

#[tokio::test(start_paused = true)]
async fn an_index_whose_child_is_signed_is_refused_and_told_so() {
    let child = Digest::of(b"linux/amd64");
    let mut world = World::guarded().attach_to(
        "r.example/app",
        &child,
        [vec![signed_by(&SIGNERS.release, &child)], Vec::new()],
    );
    world.children = vec![Digest::of(b"linux/arm64"), child.clone()];
    let text = world.refusal(&["r.example/app:1"]).await;
    assert!(
        text.contains(&format!(
            "only its platform manifest {} is signed",
            child.short()
        )),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn only_so_many_children_are_looked_at() {
    let mut world = World::guarded();
    world.children = (0..=CHILDREN_PER_INDEX)
        .map(|number| Digest::of(&number.to_be_bytes()))
        .collect();
    world.codes(&["r.example/app:1"]).await;
    let first = |call: &&String| call.starts_with("First");
    assert_eq!(
        world.calls().iter().filter(first).count(),
        1 + CHILDREN_PER_INDEX
    );
}

#[tokio::test(start_paused = true)]
async fn more_candidates_than_are_verified_leave_it_undetermined() {
    let stranger = signed_by(&SIGNERS.stranger, &image());
    let mut crowd = vec![stranger; CANDIDATES_PER_IMAGE];
    crowd.push(signed_by(&SIGNERS.release, &image()));
    let text = World::guarded()
        .attach("r.example/app", crowd.clone())
        .refusal(&["r.example/app:1"])
        .await;
    assert!(
        text.contains("51 signature candidates, at most 50 are read [LimitExceeded]"),
        "{text}"
    );
    crowd.rotate_right(1);
    let world = World::guarded().attach("r.example/app", crowd);
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn every_registry_error_has_its_code() {
    for (error, code) in registry_errors() {
        let mut world = World::guarded();
        world
            .resolved
            .insert("r.example/app:1".to_owned(), Err(error.clone()));
        assert_eq!(world.codes(&["r.example/app:1"]).await, [code]);
        let mut world = World::guarded();
        world.broken.insert("r.example/app".to_owned(), error);
        assert_eq!(world.codes(&["r.example/app:1"]).await, [code]);
    }
}

/// One of each kind, with its code.
fn registry_errors() -> [(RegistryError, &'static str); 10] {
    let detail = || "detail".to_owned();
    let limited = RegistryError::RateLimited {
        host: host(),
        wait: None,
    };
    [
        (
            RegistryError::NotFound {
                host: host(),
                what: detail(),
            },
            "ImageNotFound",
        ),
        (
            RegistryError::Unauthorized {
                host: host(),
                status: 403,
                tried: vec![],
            },
            "RegistryUnauthorized",
        ),
        (limited, "RegistryRateLimited"),
        (
            RegistryError::Unavailable {
                host: host(),
                detail: detail(),
            },
            "RegistryUnavailable",
        ),
        (
            RegistryError::Unusable {
                host: host(),
                detail: detail(),
            },
            "RegistryUnavailable",
        ),
        (
            RegistryError::AddressRefused {
                host: host(),
                reason: detail(),
            },
            "RegistryUnavailable",
        ),
        (
            RegistryError::Tls {
                host: host(),
                detail: detail(),
            },
            "RegistryTlsFailed",
        ),
        (RegistryError::Timeout { host: host() }, "RegistryTimeout"),
        (RegistryError::Deadline { host: host() }, "DeadlineExceeded"),
        (
            RegistryError::Limit {
                host: host(),
                detail: detail(),
            },
            "LimitExceeded",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_silent_costs_only_its_own_image_the_deadline() {
    let mut world =
        World::guarded().attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    world.silent = vec!["r.example/slow:1".to_owned()];
    let started = Instant::now();
    let examination = world
        .reviewer()
        .examine(request(&["r.example/slow:1", "r.example/app:1"]))
        .await
        .unwrap();
    assert_eq!(started.elapsed().as_secs(), 10);
    assert_eq!(codes(&examination.decision), ["DeadlineExceeded"]);
    let found = &examination.evidence.images;
    assert_eq!(
        found["r.example/slow:1"].digest,
        Err(LookupFailure::Deadline)
    );
    assert_eq!(found["r.example/app:1"].digest, Ok(image()));
}

#[tokio::test(start_paused = true)]
async fn silence_where_signatures_are_leaves_the_digest_known() {
    let mut world = World::guarded();
    world.silent = vec!["r.example/app".to_owned()];
    let text = world.refusal(&["r.example/app:1"]).await;
    assert!(
        text.contains(&format!("({}) could not be checked", image().short())),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn pull_secrets_that_cannot_be_read_are_told() {
    let mut world = World::guarded();
    world.no_keyring = Some("secret \"regcred\": forbidden".to_owned());
    let text = world.refusal(&["r.example/app:1"]).await;
    assert!(
        text.contains("(secret \"regcred\": forbidden) [RegistryUnauthorized]"),
        "{text}"
    );
    world.silent = vec!["keyring".to_owned()];
    assert_eq!(
        world.codes(&["r.example/app:1"]).await,
        ["DeadlineExceeded"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_review_before_the_first_snapshot_or_without_labels_is_an_error() {
    let not_ready = World::default().review(&["r.example/app:1"]).await;
    assert_eq!(not_ready.unwrap_err(), ReviewError::NotReady);
    let mut world = World::guarded();
    world.no_labels = Some("no such namespace".to_owned());
    let error = world.review(&["r.example/app:1"]).await.unwrap_err();
    let text = "the labels of namespace \"team\" cannot be read: no such namespace";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn the_namespaces_labels_decide_which_policies_apply() {
    let selector = json!({ "matchLabels": { "env": "production" } });
    let more = json!({ "match": { "images": ["r.example/**"], "namespaceSelector": selector } });
    let mut world = World::under(&[policy("shop", "r.example/**", &more)]);
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
    world
        .labels
        .insert("env".to_owned(), "production".to_owned());
    assert_eq!(
        world.codes(&["r.example/app:1"]).await,
        ["SignatureMissing"]
    );
}

#[tokio::test(start_paused = true)]
async fn images_are_looked_up_together_but_not_all_at_once() {
    let mut world = World::guarded();
    world.delay = Duration::from_millis(50);
    let images: Vec<String> = (0..=LOOKUPS_PER_REVIEW)
        .map(|number| format!("r.example/app{number}:1"))
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    assert_eq!(world.codes(&images).await.len(), images.len());
    assert_eq!(
        world.calls.most_at_once.load(Ordering::SeqCst),
        LOOKUPS_PER_REVIEW
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_verified_once_is_not_taken_for_something_else() {
    let world = World::guarded();
    let reviewer = world.reviewer();
    let mut tampered = signed_by(&SIGNERS.release, &image());
    let good = world
        .clone()
        .attach("r.example/app", vec![tampered.clone()]);
    let stranger = signed_by(&SIGNERS.stranger, &image());
    // The payload is the same to the byte: only the annotation tells the two signatures apart.
    assert_eq!(tampered.digest, stranger.digest);
    tampered.annotations = stranger.annotations;
    let bad = world.attach("r.example/app", vec![tampered]);
    let sharing_verdicts = |world: &World| {
        let world = Arc::new(world.clone());
        Reviewer {
            verdicts: reviewer.verdicts.clone(),
            ..Reviewer::new(world.clone(), world.clone(), world)
        }
    };
    let codes_by = |reviewer: Reviewer| async move {
        codes(
            &reviewer
                .review(request(&["r.example/app:1"]))
                .await
                .unwrap(),
        )
    };
    assert_eq!(codes_by(sharing_verdicts(&good)).await, [""; 0]);
    assert_eq!(codes_by(sharing_verdicts(&bad)).await, ["KeyMismatch"]);
    assert_eq!(codes_by(sharing_verdicts(&good)).await, [""; 0]);
}
