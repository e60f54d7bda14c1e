//! What was verified before, while only a part of what a policy looks at can be looked at.

use super::*;
use crate::{
    condition::{Condition, POLICY_VARIABLES},
    decision::{Candidates, Checked, Question},
    image::{Contents, Repository, SignaturePlaces},
    policy::ConditionDemand,
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
    let candidates = |found: Place| found.map(Candidates::from);
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
        remembered: [(policy.scope.id.clone(), recalled(remembered))].into(),
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

/// A place that has told of something in its first answer is as silent as one that never answered, once it does not go on.
#[test]
fn what_was_found_before_makes_up_for_a_place_that_did_not_tell_all() {
    let policy = using_verified();
    let signed = || Ok(vec![checked_by_key(&policy, 1, 0)]);
    let before = holding(signed(), Ok(Vec::new()));
    for (unread, expected) in [
        (unavailable(), vec![]),
        (LookupFailure::Deadline, vec!["DeadlineExceeded"]),
    ] {
        let mut now = holding(Ok(vec![checked_by_key(&policy, 2, 1)]), Ok(Vec::new()));
        let found = now.signatures.get_mut(&places()).unwrap();
        found.get_mut(&source()).unwrap().unread = Some(unread);
        assert_eq!(codes_after(&policy, &before, now), expected);
    }
}

/// Whether the Pod may read the image is told by the image's own registry, whatever becomes of its signatures.
#[test]
fn what_the_image_s_registry_says_of_the_image_is_not_hidden_by_an_outage_elsewhere() {
    let expression = "image.annotations.size() == 0";
    let condition = ConditionDemand {
        condition: Condition::compile(expression, &POLICY_VARIABLES).unwrap(),
        message: None,
    };
    let policy = Policy {
        conditions: vec![condition],
        ..using_verified()
    };
    let saying = |contents, found| ImageEvidence {
        contents: Some(contents),
        ..found
    };
    let signed = holding(Ok(vec![checked_by_key(&policy, 1, 0)]), Ok(Vec::new()));
    let before = saying(Ok(Arc::new(Contents::default())), signed);
    let refused = LookupFailure::Unauthorized {
        status: 401,
        tried: Vec::new(),
        forbidden: Vec::new(),
        reader: Reader::Person,
    };
    let detail = || "detail".to_owned();
    for (failure, expected) in [
        (refused, vec!["RegistryUnauthorized"]),
        (LookupFailure::NotFound, vec!["ImageNotFound"]),
        (
            LookupFailure::Tls { detail: detail() },
            vec!["RegistryTlsFailed"],
        ),
        (
            LookupFailure::Limit { detail: detail() },
            vec!["LimitExceeded"],
        ),
        (LookupFailure::Deadline, vec!["DeadlineExceeded"]),
        (LookupFailure::Timeout, vec![]),
    ] {
        let now = saying(Err(failure.clone()), holding(down(), down()));
        assert_eq!(codes_after(&policy, &before, now), expected, "{failure:?}");
    }
    // Nor does it count what a policy that does not look at it could not have read.
    let policy = using_verified();
    let now = saying(Err(LookupFailure::NotFound), holding(down(), down()));
    assert_eq!(codes_after(&policy, &before, now), [""; 0]);
}
