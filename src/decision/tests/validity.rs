//! Keys that may sign for a time only.

use insta::assert_snapshot;

use super::{
    build::*,
    judging::{admission, names},
};
use crate::{
    decision::{CheckFailure, Circumstances, Decision, Evidence, Method, decide},
    policy::{Authority, Policy, TrustRootName, Validity},
    verify::VerifiedSignature,
};

/// `IMAGE` signed by key 0 at this time, under a policy of this one key, judged at the turn of a year.
fn judged_in(present: i16, validity: Validity, signed: Option<i16>) -> Decision {
    let policy = policy(vec![keys_authority("release-key", &[(0, validity)])]);
    let signature = match signed {
        Some(year) => by_key(0).assumed_at(new_year(year)),
        None => by_key(0),
    };
    let candidate = checked(&policy, 1, &Ok(signature));
    let plan = plan_of(vec![("api", IMAGE)], vec![policy]);
    let evidence = Evidence {
        circumstances: Circumstances::at(new_year(present)),
        ..evidence_of(IMAGE, found(IMAGE, vec![candidate]))
    };
    decide(&plan, &evidence)
}

fn codes_in(present: i16, validity: Validity, signed: Option<i16>) -> Vec<&'static str> {
    codes(&judged_in(present, validity, signed))
}

/// CVE-2026-54787: sigstore-go did not hold a key's validity against the time of signing.
#[test]
fn cve_2026_54787_a_key_that_had_expired_when_it_signed() {
    let until_2025 = between(None, Some(2025));
    assert_eq!(codes_in(2026, until_2025, Some(2026)), ["KeyExpired"]);
    assert_eq!(codes_in(2024, until_2025, Some(2026)), ["KeyExpired"]);
}

#[test]
fn a_signature_from_before_the_end_of_its_key_counts_for_ever() {
    assert_eq!(
        codes_in(2030, between(None, Some(2025)), Some(2024)),
        [""; 0]
    );
}

#[test]
fn a_key_that_was_not_accepted_yet_when_it_signed_is_refused_for_ever() {
    let from_2025 = between(Some(2025), None);
    assert_eq!(codes_in(2030, from_2025, Some(2024)), ["KeyExpired"]);
    assert_eq!(codes_in(2030, from_2025, Some(2026)), [""; 0]);
}

#[test]
fn without_a_verified_time_the_present_one_counts() {
    let window = between(Some(2024), Some(2026));
    assert_eq!(codes_in(2023, window, None), ["KeyExpired"]);
    assert_eq!(codes_in(2025, window, None), [""; 0]);
    assert_eq!(codes_in(2027, window, None), ["KeyExpired"]);
}

#[test]
fn both_ends_belong_to_the_time_in_which_a_key_may_sign() {
    let moment = between(Some(2026), Some(2026));
    assert_eq!(codes_in(2026, moment, None), [""; 0]);
    assert_eq!(codes_in(2030, moment, Some(2026)), [""; 0]);
}

#[test]
fn a_key_without_ends_needs_no_time() {
    let always = Validity::default();
    assert_eq!(codes_in(1970, always, None), [""; 0]);
    assert_eq!(codes_in(2026, always, Some(1999)), [""; 0]);
}

fn rotation(require: usize) -> Policy {
    let old = (0, between(None, Some(2025)));
    let new = (1, between(Some(2025), None));
    Policy {
        require,
        ..policy(vec![keys_authority("release", &[old, new])])
    }
}

fn by_key_in(policy: &Policy, number: usize, year: i16) -> crate::decision::Checked {
    let candidate = u8::try_from(number).unwrap();
    let mut checked = checked_by_key(policy, candidate, number);
    for result in checked.results.values_mut() {
        *result = result
            .clone()
            .map(|signature| signature.assumed_at(new_year(year)));
    }
    checked
}

#[test]
fn either_key_of_a_rotation_counts_in_its_own_time() {
    let judged_by = |number, year| {
        let policy = rotation(1);
        let candidate = by_key_in(&policy, number, year);
        judged(policy, found(IMAGE, vec![candidate]))
    };
    assert_eq!(names(&admission(judged_by(0, 2024))), ["release"]);
    assert_eq!(names(&admission(judged_by(1, 2026))), ["release"]);
    assert_eq!(codes(&judged_by(0, 2026)), ["KeyExpired"]);
    assert_eq!(codes(&judged_by(1, 2024)), ["KeyExpired"]);
}

#[test]
fn two_keys_of_one_authority_are_one_authority() {
    let mut policy = rotation(2);
    policy.authorities.push(gitlab_authority());
    let candidates = vec![by_key_in(&policy, 0, 2024), by_key_in(&policy, 1, 2026)];
    assert_eq!(
        codes(&judged(policy, found(IMAGE, candidates))),
        ["ThresholdNotMet"]
    );
}

#[test]
fn an_expired_key_does_not_count_towards_a_threshold() {
    let policy = Policy {
        require: 2,
        ..policy(vec![
            keys_authority("release", &[(0, Validity::default())]),
            keys_authority("security", &[(1, between(None, Some(2025)))]),
        ])
    };
    let both = |year| vec![by_key_in(&policy, 0, year), by_key_in(&policy, 1, year)];
    let decided = |year| judged(policy.clone(), found(IMAGE, both(year)));
    assert_eq!(names(&admission(decided(2024))), ["release", "security"]);
    assert_eq!(codes(&decided(2026)), ["ThresholdNotMet"]);
}

fn without_root(
    validity: Validity,
    signature: &Result<VerifiedSignature, CheckFailure>,
) -> Decision {
    let authority = Authority {
        trust_root: Some(TrustRootName::Named("tsa".to_owned())),
        ..keys_authority("release-key", &[(0, validity)])
    };
    let policy = policy(vec![authority]);
    let candidate = checked(&policy, 1, signature);
    judged(policy, found(IMAGE, vec![candidate]))
}

#[test]
fn a_trust_root_that_is_not_there_does_not_make_a_signature_one_without_a_time() {
    let unavailable = Err(CheckFailure::TrustRoot {
        reason: "not loaded".to_owned(),
    });
    // The present time lies in the validity: the signature's own need not.
    let decision = without_root(between(None, Some(2030)), &unavailable);
    assert_eq!(codes(&decision), ["TrustRootUnavailable"]);
    let decision = without_root(Validity::default(), &Ok(by_key(0)));
    assert_eq!(codes(&decision), [""; 0]);
}

#[test]
fn only_a_key_with_an_end_waits_for_its_trust_root() {
    let waits = |validity| {
        let authority = Authority {
            trust_root: Some(TrustRootName::Public),
            ..keys_authority("a", &[(0, validity)])
        };
        authority.methods().iter().any(|method| match method {
            Method::Key { time, .. } => *time == crate::decision::TimeUse::Decides,
            Method::Certificate { .. } => false,
        })
    };
    assert!(waits(between(Some(2025), None)));
    assert!(waits(between(None, Some(2025))));
    assert!(!waits(Validity::default()));
}

#[test]
fn key_expired_by_now() {
    let window = between(None, Some(2025));
    let policy = policy(vec![keys_authority("release-key", &[(0, window)])]);
    let found = found(IMAGE, vec![checked(&policy, 1, &Ok(by_key(0)))]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed with a key of authority "release-key", policy "shop-production" accepts that key until 2025-01-01T00:00:00Z; the signature carries no verified time, so the present time counts, which is later [KeyExpired]; sign it with a key that is accepted now: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn key_not_accepted_yet() {
    let window = between(Some(2027), None);
    let policy = policy(vec![keys_authority("release-key", &[(0, window)])]);
    let found = found(IMAGE, vec![checked(&policy, 1, &Ok(by_key(0)))]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed with a key of authority "release-key", policy "shop-production" accepts that key from 2027-01-01T00:00:00Z; the signature carries no verified time, so the present time counts, which is earlier [KeyExpired]; sign it with a key that is accepted now: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}
