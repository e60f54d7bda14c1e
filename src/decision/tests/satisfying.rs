//! One policy held against what was found for one image.

use super::{
    build::*,
    judging::{admission, names, two_keys},
};
use crate::{
    decision::{CheckFailure, Evidence, LookupFailure, decide},
    image::Reference,
    policy::{Authority, AuthorityKind, GitLabJob, Policy, TrustRootName, Validity},
    verify::{Identity, SignatureError, VerifiedSignature},
};

#[test]
fn two_signatures_by_one_authority_count_once() {
    let policy = two_keys(2);
    let found = found(
        IMAGE,
        vec![checked_by_key(&policy, 1, 0), checked_by_key(&policy, 2, 0)],
    );
    assert_eq!(codes(&judged(policy, found)), ["ThresholdNotMet"]);
}

#[test]
fn two_authorities_with_the_same_key_need_more_than_its_one_holder() {
    let policy = Policy {
        require: 2,
        ..policy(vec![key_authority("release", 0), key_authority("again", 0)])
    };
    let found = found(
        IMAGE,
        vec![checked_by_key(&policy, 1, 0), checked_by_key(&policy, 2, 0)],
    );
    assert_eq!(codes(&judged(policy, found)), ["ThresholdNotMet"]);
}

#[test]
fn one_pipeline_that_runs_twice_does_not_count_for_two_authorities() {
    let policy = Policy {
        require: 2,
        ..policy(vec![gitlab_authority(), gitlab_authority()])
    };
    let mut again = gitlab_identity();
    again.run_invocation_uri = Some("https://gitlab.com/acme/shop/api/-/jobs/2".to_owned());
    let candidates = vec![
        checked_by_identity(&policy, 1, &gitlab_identity()),
        checked_by_identity(&policy, 2, &again),
    ];
    assert_eq!(
        codes(&judged(policy, found(IMAGE, candidates))),
        ["ThresholdNotMet"]
    );
}

#[test]
fn authorities_whose_keys_overlap_need_as_many_holders_as_are_asked_for() {
    let always = Validity::default();
    let policy = Policy {
        require: 2,
        ..policy(vec![
            keys_authority("release", &[(0, always), (1, always)]),
            keys_authority("security", &[(1, always), (0, always)]),
        ])
    };
    let signed_by = |keys: &[usize]| {
        let candidates = (keys.iter().zip(0_u8..))
            .map(|(key, candidate)| checked_by_key(&policy, candidate, *key))
            .collect();
        judged(policy.clone(), found(IMAGE, candidates))
    };
    assert_eq!(codes(&signed_by(&[0])), ["ThresholdNotMet"]);
    assert_eq!(codes(&signed_by(&[1, 1])), ["ThresholdNotMet"]);
    assert_eq!(
        names(&admission(signed_by(&[1, 0]))),
        ["release", "security"]
    );
}

/// The release pipeline as an identity, and as a GitLab job, in an environment if one is named.
fn same_pipeline_twice(approval: Option<&str>) -> Policy {
    let keyless = AuthorityKind::Keyless {
        oidc_issuer: "https://gitlab.com".to_owned(),
        san: pattern("https://gitlab.com/acme/shop/api//**"),
    };
    let job = GitLabJob {
        environment: approval.map(str::to_owned),
        ..gitlab_job()
    };
    Policy {
        require: 2,
        ..policy(vec![
            authority("identity", keyless),
            authority("job", AuthorityKind::GitLab(Box::new(job))),
        ])
    }
}

#[test]
fn one_identity_under_two_kinds_of_authorities_counts_once() {
    let policy = same_pipeline_twice(None);
    let elsewhere = Identity {
        deployment_environment: Some("staging".to_owned()),
        ..gitlab_identity()
    };
    let nowhere = Identity {
        deployment_environment: None,
        ..gitlab_identity()
    };
    let candidates = vec![
        checked_by_identity(&policy, 1, &gitlab_identity()),
        checked_by_identity(&policy, 2, &elsewhere),
        checked_by_identity(&policy, 3, &nowhere),
    ];
    assert_eq!(
        codes(&judged(policy, found(IMAGE, candidates))),
        ["ThresholdNotMet"]
    );
}

#[test]
fn one_pipeline_counts_again_for_an_authority_that_names_its_environment() {
    let policy = same_pipeline_twice(Some("production"));
    let build = Identity {
        deployment_environment: None,
        ..gitlab_identity()
    };
    let approval = checked_by_identity(&policy, 1, &gitlab_identity());
    let build = checked_by_identity(&policy, 2, &build);
    assert_eq!(
        names(&admission(judged(
            policy.clone(),
            found(IMAGE, vec![approval.clone(), build])
        ))),
        ["identity", "job"]
    );
    assert_eq!(
        codes(&judged(policy, found(IMAGE, vec![approval]))),
        ["ThresholdNotMet"]
    );
}

#[test]
fn two_distinct_authorities_meet_a_threshold_of_two() {
    let policy = two_keys(2);
    let found = found(
        IMAGE,
        vec![checked_by_key(&policy, 1, 1), checked_by_key(&policy, 2, 0)],
    );
    assert_eq!(
        names(&admission(judged(policy, found))),
        ["release", "security"]
    );
}

#[test]
fn one_good_signature_among_bad_ones_is_enough() {
    let policy = two_keys(1);
    let bad = failed(SignatureError::Invalid {
        detail: "junk".to_owned(),
    });
    let found = found(
        IMAGE,
        vec![checked(&policy, 1, &bad), checked_by_key(&policy, 2, 0)],
    );
    assert_eq!(names(&admission(judged(policy, found))), ["release"]);
}

#[test]
fn a_verified_signature_of_another_digest_does_not_count() {
    let policy = two_keys(1);
    let signer = by_key(0).signer().clone();
    let other = Ok(VerifiedSignature::assumed(other_digest(), signer));
    let found = found(IMAGE, vec![checked(&policy, 1, &other)]);
    assert_eq!(codes(&judged(policy, found)), ["SignatureInvalid"]);
}

#[test]
fn an_image_that_was_not_looked_up_is_not_admitted() {
    let plan = plan_of(vec![("api", IMAGE)], vec![two_keys(1)]);
    assert_eq!(
        codes(&decide(&plan, &Evidence::default())),
        ["DeadlineExceeded"]
    );
}

#[test]
fn a_place_or_a_method_that_was_not_looked_at_leaves_it_undetermined() {
    let mut nowhere = found(IMAGE, vec![]);
    nowhere.signatures.clear();
    assert_eq!(codes(&judged(two_keys(1), nowhere)), ["DeadlineExceeded"]);
    let mut unverified = checked_by_key(&two_keys(1), 1, 0);
    unverified.results.clear();
    assert_eq!(
        codes(&judged(two_keys(1), found(IMAGE, vec![unverified]))),
        ["DeadlineExceeded"]
    );
}

#[test]
fn a_threshold_that_an_outage_might_hide_is_undetermined() {
    let reference: Reference = IMAGE.parse().unwrap();
    let found = found_at(&reference, Err(LookupFailure::RateLimited { wait: None }));
    assert_eq!(codes(&judged(two_keys(2), found)), ["RegistryRateLimited"]);
}

#[test]
fn a_missing_trust_root_matters_only_to_what_it_could_have_verified() {
    let rooted = |name: &str| Authority {
        trust_root: Some(TrustRootName::Named(name.to_owned())),
        ..gitlab_authority()
    };
    let policy = policy(vec![rooted("private"), key_authority("release", 0)]);
    let no_root = CheckFailure::TrustRoot {
        reason: "not loaded".to_owned(),
    };
    let with = |rest: CheckFailure| {
        let mut candidate = checked(&policy, 1, &Err(rest));
        candidate
            .results
            .insert(rooted("private").methods().remove(0), Err(no_root.clone()));
        codes(&judged(policy.clone(), found(IMAGE, vec![candidate])))
    };
    assert_eq!(
        with(CheckFailure::Signature(SignatureError::OtherKey)),
        ["TrustRootUnavailable"]
    );
    let attestation = SignatureError::PredicateType {
        presented: "https://a.example".to_owned(),
    };
    assert_eq!(
        with(CheckFailure::Signature(attestation)),
        ["PredicateMismatch"]
    );
    assert_eq!(
        codes(&judged(policy.clone(), found(IMAGE, vec![]))),
        ["SignatureMissing"]
    );
    let mut signed = checked_by_key(&policy, 1, 0);
    signed
        .results
        .insert(rooted("private").methods().remove(0), Err(no_root.clone()));
    assert_eq!(
        names(&admission(judged(policy, found(IMAGE, vec![signed])))),
        ["release"]
    );
}

#[test]
fn the_failure_that_came_closest_is_told() {
    let policy = policy(vec![gitlab_authority()]);
    let junk = failed(SignatureError::Invalid {
        detail: "junk".to_owned(),
    });
    let unlogged = failed(SignatureError::LogEntry {
        detail: "none".to_owned(),
    });
    let stranger = gitlab_identity_of("mallory/api", "refs/tags/v1");
    let mut candidates = vec![checked(&policy, 1, &junk)];
    let code =
        |candidates: &Vec<_>| codes(&judged(policy.clone(), found(IMAGE, candidates.clone())));
    assert_eq!(code(&candidates), ["SignatureInvalid"]);
    candidates.push(checked(&policy, 2, &unlogged));
    assert_eq!(code(&candidates), ["LogEntryInvalid"]);
    candidates.push(checked_by_identity(&policy, 3, &stranger));
    assert_eq!(code(&candidates), ["IdentityMismatch"]);
}
