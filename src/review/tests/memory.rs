//! What satisfied policies before, while a registry does not answer.

use super::*;
use crate::{
    clock::FixedClock,
    registry::{Credential, Secret},
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::advance;

const USE_VERIFIED: &str = "UseVerified";

/// Signed, under this policy's fields beside those that let what was verified be used.
fn signed(more: &Value) -> World {
    let mut fields = json!({ "whenRegistryUnavailable": USE_VERIFIED });
    for (name, value) in more.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    World::under(&[policy("shop", "r.example/**", &fields)])
        .attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())])
}

fn unavailable() -> RegistryError {
    RegistryError::Unavailable {
        host: host(),
        detail: "answered 503".to_owned(),
    }
}

/// The same world, whose registry does not answer any more.
fn down(world: &World) -> World {
    let mut world = world.clone();
    world
        .broken
        .insert("r.example/app".to_owned(), unavailable());
    world
}

fn by_digest() -> String {
    format!("r.example/app@{}", image())
}

/// What a reviewer of `world` says who remembers what this one does, at this time.
async fn codes_with(
    memory: &Reviewer,
    world: &World,
    image: &str,
    at: Timestamp,
) -> Vec<&'static str> {
    let reviewer = Reviewer {
        memory: memory.memory.clone(),
        ..world.reviewer().with_clock(Arc::new(FixedClock(at)))
    };
    codes(&reviewer.review(request(&[image])).await.unwrap())
}

fn noon() -> Timestamp {
    Timestamp::constant(1_767_355_200, 0)
}

/// A reviewer who has seen `image` in this world at noon, and let it in.
async fn after_review(world: &World, image: &str) -> Reviewer {
    let reviewer = world
        .reviewer()
        .with_clock(Arc::new(FixedClock(noon())))
        .remembering();
    let decision = reviewer.review(request(&[image])).await.unwrap();
    assert_eq!(codes(&decision), [""; 0]);
    reviewer
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_verified_goes_on_while_its_registry_does_not_answer() {
    let world = signed(&json!({}));
    let reviewer = after_review(&world, "r.example/app:1").await;
    let down = down(&world);
    let at = noon();
    assert_eq!(
        codes_with(&reviewer, &down, &by_digest(), at).await,
        [""; 0]
    );
    // A tag that still resolves stands for the digest.
    let by_tag = codes_with(&reviewer, &down, "r.example/app:2", at).await;
    assert_eq!(by_tag, [""; 0]);
    let elsewhere = format!("r.example/other@{}", image());
    let mut silent = down.clone();
    silent
        .broken
        .insert("r.example/other".to_owned(), unavailable());
    let elsewhere = codes_with(&reviewer, &silent, &elsewhere, at).await;
    assert_eq!(elsewhere, ["RegistryUnavailable"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_unless_a_policy_wants_it() {
    let world =
        World::guarded().attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    let reviewer = after_review(&world, &by_digest()).await;
    assert_eq!(reviewer.memory.as_ref().unwrap().reading().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reviewer_without_a_memory_denies() {
    let world = signed(&json!({}));
    let reviewer = world.reviewer();
    let first = reviewer.review(request(&[&by_digest()])).await.unwrap();
    assert_eq!(codes(&first), [""; 0]);
    let codes = codes_with(&reviewer, &down(&world), &by_digest(), noon()).await;
    assert_eq!(codes, ["RegistryUnavailable"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_policy_has_verified_nothing_yet() {
    let world = signed(&json!({}));
    let reviewer = after_review(&world, &by_digest()).await;
    let changed = down(&signed(&json!({ "help": "another word" })));
    let codes = codes_with(&reviewer, &changed, &by_digest(), noon()).await;
    assert_eq!(codes, ["RegistryUnavailable"]);
}

#[tokio::test(start_paused = true)]
async fn what_one_login_has_opened_is_not_told_to_another() {
    let mut world = signed(&json!({}));
    let with = |password: &str| {
        let mut keyring = Keyring::default();
        let credential = Credential {
            origin: "pull secret \"regcred\"".to_owned(),
            username: "tenant".to_owned(),
            password: Secret::new(password.to_owned()),
        };
        keyring.add("r.example", credential);
        keyring
    };
    world.keyring = with("a");
    let reviewer = after_review(&world, &by_digest()).await;
    let mut down = down(&world);
    let at = noon();
    assert_eq!(
        codes_with(&reviewer, &down, &by_digest(), at).await,
        [""; 0]
    );
    for other in [with("b"), Keyring::default()] {
        down.keyring = other;
        let codes = codes_with(&reviewer, &down, &by_digest(), at).await;
        assert_eq!(codes, ["RegistryUnavailable"]);
    }
}

/// What is used does not get younger by it: the time counts from the last judgement by what the registry has said.
#[tokio::test(start_paused = true)]
async fn what_was_verified_is_used_for_so_long_and_no_longer_however_often() {
    let world = signed(&json!({ "useVerifiedFor": "1h" }));
    let reviewer = after_review(&world, &by_digest()).await;
    let down = down(&world);
    for minutes in [30, 60] {
        let at = noon() + SignedDuration::from_mins(minutes);
        assert_eq!(
            codes_with(&reviewer, &down, &by_digest(), at).await,
            [""; 0]
        );
    }
    let late = noon() + SignedDuration::from_secs(3601);
    let codes_late = codes_with(&reviewer, &down, &by_digest(), late).await;
    assert_eq!(codes_late, ["RegistryUnavailable"]);
    // Once it answers again, what was verified is new again.
    assert_eq!(
        codes_with(&reviewer, &world, &by_digest(), late).await,
        [""; 0]
    );
    let later = late + SignedDuration::from_mins(59);
    assert_eq!(
        codes_with(&reviewer, &down, &by_digest(), later).await,
        [""; 0]
    );
}

/// Whoever sets the clock back, and be it the time service, neither loses what was verified nor makes it last longer.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_changes_nothing() {
    let world = signed(&json!({ "useVerifiedFor": "1h" }));
    let reviewer = after_review(&world, &by_digest()).await;
    let down = down(&world);
    let before = noon() - SignedDuration::from_hours(3);
    let image = by_digest();
    let codes_down = || codes_with(&reviewer, &down, &image, before);
    assert_eq!(codes_down().await, [""; 0]);
    advance(Duration::from_hours(1)).await;
    assert_eq!(codes_down().await, [""; 0]);
    advance(Duration::from_secs(1)).await;
    assert_eq!(codes_down().await, ["RegistryUnavailable"]);
    // What is verified from now on counts as ever.
    let up = codes_with(&reviewer, &world, &by_digest(), before).await;
    assert_eq!(up, [""; 0]);
    advance(Duration::from_hours(1)).await;
    assert_eq!(codes_down().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_satisfies_one_policy_and_not_another_is_remembered_for_the_one() {
    let audited =
        json!({ "action": "Audit", "require": 1, "conditions": [{ "expression": "false" }] });
    let using = json!({ "whenRegistryUnavailable": USE_VERIFIED });
    let world = World::under(&[
        policy("audited", "r.example/**", &audited),
        policy("shop", "r.example/**", &using),
    ])
    .attach("r.example/app", vec![signed_by(&SIGNERS.release, &image())]);
    let reviewer = after_review(&world, &by_digest()).await;
    let codes = codes_with(&reviewer, &down(&world), &by_digest(), noon()).await;
    assert_eq!(codes, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_refused_is_not_remembered() {
    let world = World::under(&[policy(
        "shop",
        "r.example/**",
        &json!({ "whenRegistryUnavailable": USE_VERIFIED }),
    )]);
    let reviewer = world.reviewer().remembering();
    let decision = reviewer.review(request(&[&by_digest()])).await.unwrap();
    assert_eq!(codes(&decision), ["SignatureMissing"]);
    assert_eq!(reviewer.memory.as_ref().unwrap().reading().entries, 0);
}

/// Contents are evidence as well: they are remembered with the rest, and conditions are judged over them again.
#[tokio::test(start_paused = true)]
async fn what_the_image_says_about_itself_is_remembered_too() {
    let condition = json!({ "conditions": [{ "expression": "image.annotations.size() == 0" }] });
    let world = signed(&condition);
    let reviewer = after_review(&world, &by_digest()).await;
    let mut silent = down(&world);
    silent.contents = Said(Err(unavailable()));
    let codes = codes_with(&reviewer, &silent, &by_digest(), noon()).await;
    assert_eq!(codes, [""; 0]);
}

/// Each place has a share of the time, and whoever asks for the review says how much that is. So running out of it is no
/// outage of the registry.
#[tokio::test(start_paused = true)]
async fn a_place_that_did_not_answer_in_its_share_of_the_time_is_not_down() {
    let mut world = signed(&json!({}));
    let places = ["r.example/app", "r.example/signatures"].map(|place| place.parse().unwrap());
    world
        .places
        .insert("r.example/app".to_owned(), places.into());
    let reviewer = after_review(&world, &by_digest()).await;
    world.attached.clear();
    world.silent = vec!["r.example/app".to_owned()];
    let codes = codes_with(&reviewer, &world, &by_digest(), noon()).await;
    assert_eq!(codes, ["DeadlineExceeded"]);
}
