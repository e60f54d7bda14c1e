//! Images whose signatures lie in several places, and policies that look in different ones.

use super::*;
use crate::policy::PolicyObject;

const SOURCE: &str = "r.example/source";
const COPY: &str = "r.example/app";

/// A world in which what lies in [`COPY`] is a copy of [`SOURCE`].
fn mirrored(policies: &[PolicyObject]) -> World {
    let mut world = World::under(policies);
    let places = [SOURCE, COPY].map(|place| place.parse().unwrap());
    world.places.insert(COPY.to_owned(), places.into());
    world
}

/// One policy that looks wherever the settings say for the release key, and one that looks at the source alone for the
/// stranger's.
fn two_policies() -> [PolicyObject; 2] {
    let stranger = json!({
        "signatureRepository": SOURCE,
        "authorities": [{ "name": "stranger", "key": { "pem": SIGNERS.stranger.public_pem() } }],
    });
    [
        policy("release", "r.example/**", &Value::Null),
        policy("stranger", "r.example/**", &stranger),
    ]
}

#[tokio::test(start_paused = true)]
async fn policies_that_share_a_place_each_find_their_own_signature_there() {
    let both = vec![
        signed_by(&SIGNERS.release, &image()),
        signed_by(&SIGNERS.stranger, &image()),
    ];
    let world = mirrored(&two_policies()).attach(SOURCE, both);
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
}

/// Who has found enough in the first look does not speak for who had to look further and could not.
#[tokio::test(start_paused = true)]
async fn what_is_enough_for_one_policy_does_not_hide_that_another_could_not_look() {
    let signed = vec![signed_by(&SIGNERS.release, &image())];
    let mut world = mirrored(&two_policies()).attach(SOURCE, signed);
    let error = RegistryError::RateLimited {
        host: host(),
        wait: None,
    };
    world.broken_beyond.insert(SOURCE.to_owned(), error);
    assert_eq!(
        world.codes(&["r.example/app:1"]).await,
        ["RegistryRateLimited"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_that_does_not_answer_leaves_the_others_their_share_of_the_time() {
    let mut world = mirrored(&[policy("shop", "r.example/**", &Value::Null)])
        .attach(COPY, vec![signed_by(&SIGNERS.release, &image())]);
    world.silent = vec![SOURCE.to_owned()];
    let started = Instant::now();
    assert_eq!(world.codes(&["r.example/app:1"]).await, [""; 0]);
    assert_eq!(started.elapsed().as_secs(), 5);
}
