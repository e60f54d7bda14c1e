//! What was verified before, while a registry does not answer.

mod partly;

use std::sync::Arc;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};

use super::{
    build::*,
    judging::{admission, names},
};
use crate::{
    decision::{
        Circumstances, Decision, Evidence, ImageEvidence, LookupFailure, Reader, Recollection,
        Remembered, decide, recalled_line, recalled_warning,
    },
    limits::WARNING_CHARS,
    policy::{Action, Policy, PolicyId, RegistryOutage},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn present() -> Timestamp {
    new_year(PRESENT)
}

/// Accepts the first key, and what it has accepted before while a registry does not answer.
fn using_verified() -> Policy {
    Policy {
        outage: RegistryOutage::UseVerified { within: DAY },
        ..policy(vec![key_authority("release", 0)])
    }
}

fn unavailable() -> LookupFailure {
    LookupFailure::Unavailable {
        detail: "answered 503".to_owned(),
    }
}

fn outages() -> [LookupFailure; 3] {
    [
        LookupFailure::RateLimited { wait: None },
        unavailable(),
        LookupFailure::Timeout,
    ]
}

/// What `policy` remembers of `IMAGE`, signed by the first key, when it was judged so long ago.
fn remembered(policy: &Policy, age: SignedDuration) -> Remembered {
    let before = found(IMAGE, vec![checked_by_key(policy, 1, 0)]);
    Remembered::of(
        policy,
        &inquiry(IMAGE, Vec::new()),
        &before,
        present() - age,
    )
    .unwrap()
}

/// What is remembered, as it is found again at present.
fn recalled(remembered: Remembered) -> Recollection {
    Recollection {
        age: present().duration_since(remembered.verified_at),
        remembered: Arc::new(remembered),
    }
}

/// `IMAGE`, whose place of signatures fails like this, with what these policies remember.
fn failing(failure: LookupFailure, remembered: Vec<(&Policy, Remembered)>) -> ImageEvidence {
    let remembered = remembered.into_iter();
    ImageEvidence {
        remembered: remembered
            .map(|(policy, remembered)| (policy.scope.id.clone(), recalled(remembered)))
            .collect(),
        ..found_at(&IMAGE.parse().unwrap(), Err(failure))
    }
}

fn judged_after(age: SignedDuration) -> Decision {
    let policy = using_verified();
    let remembered = remembered(&policy, age);
    let image = failing(unavailable(), vec![(&policy, remembered)]);
    judged(policy, image)
}

#[test]
fn an_image_that_was_verified_before_is_let_in_as_it_was_then() {
    let admission = admission(judged_after(DAY));
    assert_eq!(names(&admission), ["release"]);
    let [image] = admission.images.as_slice() else {
        panic!("{:?}", admission.images);
    };
    let [recalled] = image.recalled.as_slice() else {
        panic!("{:?}", image.recalled);
    };
    assert_eq!(image.policies, [using_verified().scope.id]);
    assert_eq!(recalled.verified_at, present() - DAY);
    assert_snapshot!(recalled_line(recalled), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry answered 503 [RegistryUnavailable]; let in as verified before by policy "shop-production""#);
    assert_snapshot!(recalled_warning(recalled), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 let in as verified before [RegistryUnavailable]"#);
}

#[test]
fn only_a_registry_that_does_not_answer_lets_what_was_verified_count() {
    let policy = using_verified();
    let codes_of = |failure: LookupFailure| {
        let remembered = remembered(&policy, SignedDuration::ZERO);
        let image = failing(failure, vec![(&policy, remembered)]);
        codes(&judged(policy.clone(), image))
    };
    for failure in outages() {
        assert_eq!(codes_of(failure.clone()), [""; 0], "{failure:?}");
    }
    for (failure, code) in [
        (LookupFailure::NotFound, "ImageNotFound"),
        (
            LookupFailure::Unauthorized {
                status: 403,
                tried: Vec::new(),
                forbidden: Vec::new(),
                reader: Reader::Pod {
                    useless: Vec::new(),
                },
            },
            "RegistryUnauthorized",
        ),
        (
            LookupFailure::Tls {
                detail: "unknown issuer".to_owned(),
            },
            "RegistryTlsFailed",
        ),
        (
            LookupFailure::Unusable {
                detail: "answered a malformed manifest".to_owned(),
            },
            "RegistryUnavailable",
        ),
        (LookupFailure::Deadline, "DeadlineExceeded"),
        (
            LookupFailure::Limit {
                detail: "too much".to_owned(),
            },
            "LimitExceeded",
        ),
        (
            LookupFailure::PullSecret {
                detail: "unreadable".to_owned(),
            },
            "RegistryUnauthorized",
        ),
    ] {
        assert_eq!(codes_of(failure), [code]);
    }
}

#[test]
fn an_image_that_was_looked_at_and_is_wrong_stays_refused() {
    let policy = using_verified();
    let remembered = remembered(&policy, SignedDuration::ZERO);
    let image = ImageEvidence {
        remembered: [(policy.scope.id.clone(), recalled(remembered))].into(),
        ..found(IMAGE, vec![checked_by_key(&policy, 2, 1)])
    };
    assert_eq!(codes(&judged(policy, image)), ["KeyMismatch"]);
}

#[test]
fn what_is_older_than_the_policy_wants_does_not_count() {
    let second = SignedDuration::from_secs(1);
    assert_eq!(codes(&judged_after(DAY)), [""; 0]);
    assert_eq!(codes(&judged_after(DAY + second)), ["RegistryUnavailable"]);
}

#[test]
fn a_policy_that_denies_uses_nothing() {
    let policy = policy(vec![key_authority("release", 0)]);
    let remembered = remembered(&policy, SignedDuration::ZERO);
    let image = failing(unavailable(), vec![(&policy, remembered)]);
    assert_eq!(codes(&judged(policy, image)), ["RegistryUnavailable"]);
}

#[test]
fn what_was_verified_of_another_digest_does_not_count() {
    let policy = using_verified();
    let remembered = remembered(&policy, SignedDuration::ZERO);
    let image = ImageEvidence {
        digest: Ok(other_digest()),
        ..failing(unavailable(), vec![(&policy, remembered)])
    };
    assert_eq!(codes(&judged(policy, image)), ["RegistryUnavailable"]);
}

#[test]
fn a_tag_that_cannot_be_resolved_stays_unavailable() {
    let policy = using_verified();
    let remembered = remembered(&policy, SignedDuration::ZERO);
    let image = ImageEvidence {
        digest: Err(unavailable()),
        ..failing(unavailable(), vec![(&policy, remembered)])
    };
    assert_eq!(codes(&judged(policy, image)), ["RegistryUnavailable"]);
}

/// The key was in force when the image was verified, and is not any more.
#[test]
fn a_key_that_has_expired_since_does_not_count() {
    let until = |year| {
        let validity = between(None, Some(year));
        Policy {
            outage: RegistryOutage::UseVerified { within: DAY },
            ..policy(vec![keys_authority("release", &[(0, validity)])])
        }
    };
    for (year, expected) in [
        (PRESENT + 1, vec![]),
        (PRESENT - 1, vec!["RegistryUnavailable"]),
    ] {
        let policy = until(year);
        let remembered = remembered(&policy, SignedDuration::ZERO);
        let image = failing(unavailable(), vec![(&policy, remembered)]);
        assert_eq!(codes(&judged(policy, image)), expected, "{year}");
    }
}

/// Each policy that matches is judged by itself: what one remembers is nothing to another.
#[test]
fn every_policy_has_to_have_verified_the_image_itself() {
    let one = using_verified();
    let mut other = using_verified();
    other.scope.id = PolicyId {
        namespace: None,
        name: "other".to_owned(),
    };
    let both = |remembered: Vec<(&Policy, Remembered)>| {
        let plan = plan_of(vec![("api", IMAGE)], vec![one.clone(), other.clone()]);
        let evidence = evidence_of(IMAGE, failing(unavailable(), remembered));
        decide(&plan, &evidence)
    };
    let of = |policy| (policy, remembered(policy, SignedDuration::ZERO));
    assert_eq!(codes(&both(vec![of(&one)])), ["RegistryUnavailable"]);
    let admission = admission(both(vec![of(&one), of(&other)]));
    assert_eq!(admission.images[0].recalled.len(), 2);
}

#[test]
fn what_only_warns_is_satisfied_by_what_was_verified_too() {
    let mut policy = using_verified();
    policy.scope.action = Action::Warn;
    let remembered = remembered(&policy, SignedDuration::ZERO);
    let image = failing(unavailable(), vec![(&policy, remembered)]);
    let admission = admission(judged(policy, image));
    assert_eq!(admission.warnings, []);
    assert_eq!(admission.images[0].recalled.len(), 1);
}

#[test]
fn only_what_verified_by_the_policy_s_own_methods_is_remembered() {
    let policy = using_verified();
    let stranger = policy_of_second_key();
    let candidates = vec![
        checked_by_key(&stranger, 1, 1),
        checked_by_key(&policy, 2, 1),
        checked_by_key(&policy, 3, 0),
    ];
    let kept = Remembered::of(
        &policy,
        &inquiry(IMAGE, Vec::new()),
        &found(IMAGE, candidates),
        present(),
    );
    let kept = kept.unwrap().candidates;
    let digests: Vec<_> = kept.values().flatten().map(|one| &one.candidate).collect();
    assert_eq!(digests, [&crate::image::Digest::of(&[3])]);
}

fn policy_of_second_key() -> Policy {
    policy(vec![key_authority("security", 1)])
}

#[test]
fn the_same_image_in_many_slots_is_told_of_each() {
    let policy = using_verified();
    let image = failing(
        unavailable(),
        vec![(&policy, remembered(&policy, SignedDuration::ZERO))],
    );
    let plan = plan_of(vec![("api", IMAGE), ("init", IMAGE)], vec![policy]);
    let evidence = Evidence {
        circumstances: Circumstances::at(present()),
        ..evidence_of(IMAGE, image)
    };
    let admission = admission(decide(&plan, &evidence));
    let names: Vec<&str> = admission
        .images
        .iter()
        .flat_map(|image| &image.recalled)
        .map(|recalled| recalled.failure.slot.name.as_str())
        .collect();
    assert_eq!(names, ["api", "init"]);
}

#[test]
fn a_warning_of_a_long_reference_is_shortened_and_keeps_its_code() {
    let admission = admission(judged_after(SignedDuration::ZERO));
    let mut recalled = admission.images[0].recalled[0].clone();
    recalled.failure.slot.written = format!("registry.example/{}:1", "x".repeat(200));
    let text = recalled_warning(&recalled);
    assert!(text.chars().count() <= WARNING_CHARS, "{text}");
    assert!(
        text.ends_with("let in as verified before [RegistryUnavailable]"),
        "{text}"
    );
}
