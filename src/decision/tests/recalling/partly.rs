//! What was verified before, while only a part of what a policy looks at can be looked at.

use super::*;
use crate::{
    decision::{Candidates, Checked, Question},
    image::{Repository, SignaturePlaces},
};

fn source() -> Repository {
    "registry.gitlab.com/acme/shop/api".parse().unwrap()
}

fn copy() -> Repository {
    "mirror.example/acme/shop/api".parse().unwrap()
}

fn places() -> SignaturePlaces {
    SignaturePlaces::new(source(), source(), [copy()])
}

type Place = Result<Vec<Checked>, LookupFailure>;

/// `IMAGE` with this at its source and in its copy.
fn holding(at_source: Place, in_copy: Place) -> ImageEvidence {
    let found = [(source(), at_source), (copy(), in_copy)];
    let candidates = |found: Place| found.map(|checked| Candidates { checked });
    found_in(
        places(),
        found.map(|(place, found)| (place, candidates(found))),
    )
}

fn down() -> Place {
    Err(unavailable())
}

/// The codes for what is found now, when that was found before and satisfied the policy.
fn codes_after(policy: &Policy, before: &ImageEvidence, now: ImageEvidence) -> Vec<&'static str> {
    let mut plan = plan_of(vec![("api", IMAGE)], vec![policy.clone()]);
    let Question::Judge(inquiry) = &mut plan.images[0].question else {
        panic!("{plan:?}");
    };
    inquiry.places = places();
    let remembered = Remembered::of(policy, inquiry, before, present()).unwrap();
    let now = ImageEvidence {
        remembered: [(policy.scope.id.clone(), Arc::new(remembered))].into(),
        ..now
    };
    codes(&decide(&plan, &evidence_of(IMAGE, now)))
}

#[test]
fn what_a_place_says_now_counts_however_silent_another_is() {
    let policy = using_verified();
    let signed = || Ok(vec![checked_by_key(&policy, 1, 0)]);
    let none = || Ok(Vec::new());
    for (before, now, expected) in [
        // The signature was withdrawn where it was.
        (
            (signed(), none()),
            (none(), down()),
            vec!["RegistryUnavailable"],
        ),
        (
            (none(), signed()),
            (down(), none()),
            vec!["RegistryUnavailable"],
        ),
        ((signed(), none()), (down(), none()), vec![]),
        ((none(), signed()), (none(), down()), vec![]),
        ((signed(), none()), (down(), down()), vec![]),
        // A place that was never looked at has nothing to be remembered.
        ((signed(), down()), (down(), down()), vec![]),
        (
            (signed(), down()),
            (none(), down()),
            vec!["RegistryUnavailable"],
        ),
    ] {
        let told = format!("{before:?} {now:?}");
        let found = codes_after(&policy, &holding(before.0, before.1), holding(now.0, now.1));
        assert_eq!(found, expected, "{told}");
    }
}

#[test]
fn what_is_found_now_and_what_was_found_before_count_together() {
    let policy = Policy {
        require: 2,
        outage: using_verified().outage,
        ..policy(vec![
            key_authority("release", 0),
            key_authority("security", 1),
        ])
    };
    let by = |number| Ok(vec![checked_by_key(&policy, 1, number)]);
    let before = holding(by(0), by(1));
    assert_eq!(
        codes_after(&policy, &before, holding(by(0), down())),
        [""; 0]
    );
    assert_eq!(
        codes_after(&policy, &before, holding(Ok(Vec::new()), down())),
        ["RegistryUnavailable"]
    );
}
