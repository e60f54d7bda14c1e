//! What is written otherwise than the policy has it: the same in other words, and what only looks like it.

use super::*;
use crate::{decision::tests::build::authority, policy::AuthorityKind};

fn by_certificate_and_by_key(predicate: &Value) -> [Vec<&'static str>; 2] {
    let keyed = Policy {
        authorities: vec![key_authority("key", 0)],
        ..everything()
    };
    [
        codes(&on(&everything(), &[by_pipeline(predicate)])),
        codes(&on(&keyed, &[by_key(SLSA_V1, predicate)])),
    ]
}

fn built_from(source: &str) -> [Vec<&'static str>; 2] {
    let place = "/buildDefinition/externalParameters/source";
    by_certificate_and_by_key(&predicate_with(place, source.into()))
}

#[test]
fn a_repository_is_the_same_however_its_url_is_written() {
    for source in [
        "https://gitlab.com/acme/shop/api.git",
        "https://gitlab.com/acme/shop/api.git/",
        "git+https://GITLAB.com/acme/shop/api.git@refs/tags/v1.8.2",
        "https://gitlab.com:443/acme/shop/api",
        "https://gitlab.com/acme/shop/api?x#y",
    ] {
        assert_eq!(built_from(source), [[""; 0]; 2], "{source}");
    }
}

#[test]
fn a_repository_that_only_looks_like_it_is_another() {
    for source in [
        "https://gitlab.com/Acme/shop/api",
        "https://gitlab.com/acme/shop/api-evil",
        "https://gitlab.com/acme/shop",
        "https://gitlab.com/acme/shop/api/x",
        "https://gitlab.com.evil.example/acme/shop/api",
        "https://gitlab.com@evil.example/acme/shop/api",
        "https://gitlab.com\\@evil.example/acme/shop/api",
        "https://gitlab.com%2facme/shop/api",
        "https://gitlab.com/acme/shop/%61pi",
        "https://gitlab.com/acme/shop/x/../api",
        "https://gitlab.com//acme/shop/api",
        "https://gitlab.com:8443/acme/shop/api",
        "https://gitlab.com/acme/shop/api\u{200b}",
        "https://gitlab.com/acme/shop/\u{430}pi",
        "https:///gitlab.com/acme/shop/api",
    ] {
        assert_eq!(built_from(source), [["ProvenanceMismatch"]; 2], "{source}");
    }
}

#[test]
fn a_branch_that_is_called_as_a_tag_is_no_tag() {
    let of_any_ref = || {
        let mut job = crate::decision::tests::build::gitlab_job();
        job.ref_pattern = None;
        Policy {
            authorities: vec![authority(
                "release-pipeline",
                AuthorityKind::GitLab(Box::new(job)),
            )],
            ..everything()
        }
    };
    for (full_ref, tag, name) in [
        ("refs/heads/v1.8.2", Value::Null, "v1.8.2"),
        ("refs/heads/v1.8.2", json!("v1.8.2"), "v1.8.2"),
        (
            "refs/heads/refs/tags/v1.8.2",
            Value::Null,
            "refs/tags/v1.8.2",
        ),
        ("refs/heads/refs/tags/v1.8.2", json!("v1.8.2"), "v1.8.2"),
        (
            "refs/tags/refs/tags/v1.8.2",
            json!("refs/tags/v1.8.2"),
            "refs/tags/v1.8.2",
        ),
        (
            "refs/tags/refs/tags/v1.8.2",
            json!("[MASKED]"),
            "refs/tags/v1.8.2",
        ),
    ] {
        let mut predicate = predicate();
        let variables = "/buildDefinition/externalParameters/variables";
        let variables = predicate.pointer_mut(variables).unwrap();
        variables["CI_COMMIT_TAG"] = tag;
        variables["CI_COMMIT_REF_NAME"] = name.into();
        let identity = gitlab_identity_of("acme/shop/api", full_ref);
        let refused = codes(&on(&of_any_ref(), &[by(identity, &predicate)]));
        let expected = ["RefMismatch", "ProvenanceMismatch"];
        assert!(
            refused.len() == 1 && expected.contains(&refused[0]),
            "{full_ref} {refused:?}"
        );
    }
}

#[test]
fn an_image_in_many_slots_is_judged_once_and_told_of_in_each() {
    let policy = everything();
    let other = predicate_with("/runDetails/builder/id", "https://evil.example/1".into());
    let image = with(&policy, &[by_pipeline(&other)]);
    let slots = vec![("api", IMAGE), ("worker", IMAGE)];
    let decision = decide(&plan_of(slots, vec![policy]), &evidence_of(IMAGE, image));
    let Decision::Deny(refusal) = decision else {
        panic!("admitted")
    };
    let told = refusal.denials.iter();
    let told: Vec<_> = told
        .map(|denial| (denial.slot.name.as_str(), denial.cause.code()))
        .collect();
    assert_eq!(
        told,
        [("api", "RunnerNotAllowed"), ("worker", "RunnerNotAllowed")]
    );
}
