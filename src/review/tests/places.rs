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

/// The codes of what was refused and of what was only noted, where the stranger's signature is asked for under this action
/// in the same places as the release key's, and these places answer the first search alone.
async fn codes_beside(action: &str) -> [Vec<&'static str>; 2] {
    let stranger = json!({
        "action": action,
        "authorities": [{ "name": "stranger", "key": { "pem": SIGNERS.stranger.public_pem() } }],
    });
    let policies = [
        policy("release", "r.example/**", &Value::Null),
        policy("stranger", "r.example/**", &stranger),
    ];
    let signed = vec![signed_by(&SIGNERS.release, &image())];
    let mut world = mirrored(&policies).attach(SOURCE, signed);
    for place in [SOURCE, COPY] {
        let (host, detail) = (host(), "answered 503".to_owned());
        let error = RegistryError::Unavailable { host, detail };
        world.broken_beyond.insert(place.to_owned(), error);
    }
    let decision = world.review(&["r.example/app:1"]).await.unwrap();
    let audits = match &decision {
        Decision::Admit(admission) => &admission.audits,
        Decision::Deny(refusal) => &refusal.audits,
    };
    let audits = audits.iter().map(|denial| denial.cause.code());
    [codes(&decision), audits.collect()]
}

/// Who has to look further and cannot takes nothing from who has found enough.
#[tokio::test(start_paused = true)]
async fn what_one_policy_could_not_look_for_does_not_refuse_what_is_enough_for_another() {
    let unavailable = || vec!["RegistryUnavailable"];
    assert_eq!(codes_beside("Audit").await, [vec![], unavailable()]);
    assert_eq!(codes_beside("Deny").await, [unavailable(), vec![]]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_signature_is_not_verified_a_second_time() {
    let copied = signed_by(&SIGNERS.stranger, &image());
    let world = mirrored(&[policy("shop", "r.example/**", &Value::Null)])
        .attach(SOURCE, vec![copied.clone()])
        .attach(COPY, vec![copied]);
    let reviewer = world.reviewer();
    let decision = reviewer
        .review(request(&["r.example/app:1"]))
        .await
        .unwrap();
    assert_eq!(codes(&decision), ["KeyMismatch"]);
    let readings = reviewer.read_caches().into_iter();
    let verified = readings.filter(|reading| reading.name == "signature_verdicts");
    let verified: Vec<u64> = verified.map(|one| one.hits + one.misses).collect();
    // Once for each of the three searches.
    assert_eq!(verified, [3]);
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
