//! Demands for provenance: what satisfies them, and what does not.

mod base_images;
mod messages;
mod otherwise;
mod properties;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::build::{
    IMAGE, by_identity, checked, codes, digest, evidence_of, found, gitlab_authority,
    gitlab_identity, gitlab_identity_of, judged, key, key_authority, line, methods, other_digest,
    plan_of, policy,
};
use crate::{
    decision::{CheckFailure, Checked, Decision, ImageEvidence, decide},
    image::Digest,
    limits,
    policy::{Policy, ProvenanceDemand, TagMatch},
    provenance::{ASSAY_BUILD_TYPE, SLSA_V0_2, SLSA_V1},
    verify::{Identity, Layout, SignatureError, Signer, VerifiedAttestation},
};

/// The commit that the certificates of these tests name.
const COMMIT: &str = "8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c";

/// No signature, and provenance by this pipeline.
fn asking(change: impl FnOnce(&mut ProvenanceDemand)) -> Policy {
    let mut demand = ProvenanceDemand {
        authorities: vec![0],
        source_repository: None,
        refs: Vec::new(),
        tag_matches: Vec::new(),
        runners: Vec::new(),
        pipeline_sources: Vec::new(),
        base_images: Vec::new(),
        max_age: None,
    };
    change(&mut demand);
    Policy {
        require: 0,
        provenance: Some(demand),
        ..policy(vec![gitlab_authority()])
    }
}

/// What a job of the tag v1.8.2 of acme/shop/api writes.
fn predicate() -> Value {
    json!({
        "buildDefinition": {
            "buildType": ASSAY_BUILD_TYPE,
            "externalParameters": {
                "source": "https://gitlab.com/acme/shop/api",
                "variables": {
                    "CI_COMMIT_SHA": COMMIT,
                    "CI_COMMIT_TAG": "v1.8.2",
                    "CI_COMMIT_REF_NAME": "v1.8.2",
                    "CI_PIPELINE_SOURCE": "push",
                    "CI_PIPELINE_URL": "https://gitlab.com/acme/shop/api/-/pipelines/77",
                },
            },
            "resolvedDependencies": [
                {"uri": "https://gitlab.com/acme/shop/api", "digest": {"gitCommit": COMMIT}},
            ],
        },
        "runDetails": {
            "builder": {"id": "https://gitlab.com/acme/shop/api/-/runners/1234"},
            "metadata": {"finishedOn": "2025-12-01T00:00:00Z"},
        },
    })
}

/// The predicate with another value at this pointer, which must be there.
fn predicate_with(pointer: &str, value: Value) -> Value {
    let mut predicate = predicate();
    *predicate.pointer_mut(pointer).unwrap() = value;
    predicate
}

fn statement(predicate_type: &str, predicate: &Value) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [{"name": "x", "digest": {"sha256": digest().hex()}}],
        "predicate": predicate,
    })
    .to_string()
}

fn by(identity: Identity, predicate: &Value) -> VerifiedAttestation {
    let signer = Signer::Certificate(Box::new(identity));
    VerifiedAttestation::assumed(digest(), signer, SLSA_V1)
        .assumed_saying(statement(SLSA_V1, predicate))
}

fn by_pipeline(predicate: &Value) -> VerifiedAttestation {
    by(gitlab_identity(), predicate)
}

/// By the first key, so that no certificate says anything.
fn by_key(predicate_type: &str, predicate: &Value) -> VerifiedAttestation {
    let fingerprint = key(0).fingerprint().to_owned();
    VerifiedAttestation::assumed(digest(), Signer::Key { fingerprint }, predicate_type)
        .assumed_saying(statement(predicate_type, predicate))
}

fn candidate(policy: &Policy, result: &Result<VerifiedAttestation, CheckFailure>) -> Checked {
    let claimed = result
        .as_ref()
        .map_or(SLSA_V1, VerifiedAttestation::predicate_type);
    Checked {
        layout: Layout::LegacyAttestation,
        candidate: Digest::of(claimed.as_bytes()),
        claimed_type: Some(claimed.to_owned()),
        results: BTreeMap::new(),
        attestations: methods(policy)
            .into_iter()
            .map(|method| (method, result.clone()))
            .collect(),
    }
}

fn with(policy: &Policy, attestations: &[VerifiedAttestation]) -> ImageEvidence {
    let candidates = attestations
        .iter()
        .map(|attestation| candidate(policy, &Ok(attestation.clone())));
    found(IMAGE, candidates.collect())
}

fn on(policy: &Policy, attestations: &[VerifiedAttestation]) -> Decision {
    judged(policy.clone(), with(policy, attestations))
}

/// The same for another reference to the image.
fn tagged(policy: &Policy, written: &str, attestation: &VerifiedAttestation) -> Decision {
    let image = with(policy, std::slice::from_ref(attestation));
    let plan = plan_of(vec![("api", written)], vec![policy.clone()]);
    decide(&plan, &evidence_of(written, image))
}

fn everything() -> Policy {
    asking(|demand| {
        demand.source_repository = Some("https://gitlab.com/acme/shop/api".parse().unwrap());
        demand.refs = vec!["refs/tags/v*".parse().unwrap()];
        demand.tag_matches = vec![TagMatch::Ref, TagMatch::Commit];
        demand.runners = vec![
            "https://gitlab.com/acme/shop/api/-/runners/1234"
                .parse()
                .unwrap(),
        ];
        demand.pipeline_sources = vec!["push".to_owned()];
        demand.max_age = Some(SignedDuration::from_hours(2160));
    })
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn provenance_that_is_as_asked_is_enough() {
    let Decision::Admit(admission) = on(&everything(), &[by_pipeline(&predicate())]) else {
        panic!("refused")
    };
    let image = &admission.images[0];
    assert_eq!(image.attestations.len(), 1);
    assert_eq!(image.attestations[0].0, "release-pipeline");
    assert_eq!(image.commit().as_deref(), Some(COMMIT));
    assert_eq!(
        image.job_url().as_deref(),
        Some("https://gitlab.com/acme/shop/api/-/jobs/4316132595")
    );
    assert_eq!(
        image.pipeline_url().as_deref(),
        Some("https://gitlab.com/acme/shop/api/-/pipelines/77")
    );
}

#[test]
fn the_pipeline_is_what_an_accepted_signer_added_where_no_provenance_is_asked_for() {
    let pipeline = |url: &str| {
        let policy = policy(vec![gitlab_authority()]);
        let signature =
            by_identity(gitlab_identity()).assumed_with(&[("com.gitlab.ci.pipeline.url", url)]);
        let image = found(IMAGE, vec![checked(&policy, 1, &Ok(signature))]);
        let Decision::Admit(admission) = judged(policy, image) else {
            panic!("refused")
        };
        admission.images[0].pipeline_url()
    };
    let url = "https://gitlab.com/acme/shop/api/-/pipelines/77";
    assert_eq!(pipeline(url).as_deref(), Some(url));
    let long = format!("https://gitlab.com/{}", "x".repeat(600));
    for other in [
        "javascript:alert(1)",
        "https://gitlab.com/a b",
        "https://gitlab.com/\u{202e}",
        "",
        &long,
    ] {
        assert_eq!(pipeline(other), None, "{other}");
    }
}

#[test]
fn a_signature_is_still_required_beside_provenance_unless_the_policy_says_0() {
    let policy = Policy {
        require: 1,
        ..everything()
    };
    assert_eq!(
        codes(&on(&policy, &[by_pipeline(&predicate())])),
        ["DeadlineExceeded"]
    );
    assert_eq!(codes(&on(&policy, &[])), ["SignatureMissing"]);
}

#[test]
fn an_attestation_of_another_digest_does_not_count() {
    let signer = Signer::Certificate(Box::new(gitlab_identity()));
    let other = VerifiedAttestation::assumed(other_digest(), signer, SLSA_V1)
        .assumed_saying(statement(SLSA_V1, &predicate()));
    assert_eq!(codes(&on(&everything(), &[other])), ["AttestationInvalid"]);
}

#[test]
fn only_the_listed_authorities_may_attest() {
    let mut other = gitlab_authority();
    other.name = "nightly".to_owned();
    if let crate::policy::AuthorityKind::GitLab(job) = &mut other.kind {
        job.ref_pattern = Some("refs/heads/nightly".parse().unwrap());
    }
    let mut policy = asking(|_| {});
    policy.authorities.push(other);
    let nightly = gitlab_identity_of("acme/shop/api", "refs/heads/nightly");
    let predicate = predicate_with(
        "/buildDefinition/externalParameters/variables",
        json!({"CI_COMMIT_REF_NAME": "nightly"}),
    );
    let attested = [by(nightly, &predicate)];
    let refused = on(&policy, &attested);
    assert_eq!(codes(&refused), ["IdentityMismatch"]);
    assert!(!line(&refused).contains("nightly or"), "{}", line(&refused));
    policy.provenance.as_mut().unwrap().authorities = vec![0, 1];
    assert_eq!(codes(&on(&policy, &attested)), [""; 0]);
}

#[test]
fn one_attestation_must_satisfy_all_rules() {
    let policy = everything();
    let other_runner = by_pipeline(&predicate_with(
        "/runDetails/builder/id",
        json!("https://gitlab.com/acme/shop/api/-/runners/9"),
    ));
    let old = by_pipeline(&predicate_with(
        "/runDetails/metadata/finishedOn",
        json!("2020-01-01T00:00:00Z"),
    ));
    assert_eq!(
        codes(&on(&policy, std::slice::from_ref(&other_runner))),
        ["RunnerNotAllowed"]
    );
    assert_eq!(
        codes(&on(&policy, std::slice::from_ref(&old))),
        ["BuildTooOld"]
    );
    assert_eq!(codes(&on(&policy, &[other_runner, old])), ["BuildTooOld"]);
}

#[test]
fn a_statement_of_each_version_is_no_better_than_one() {
    let policy = Policy {
        authorities: vec![key_authority("release-key", 0)],
        ..asking(|demand| {
            demand.refs = vec!["refs/tags/v*".parse().unwrap()];
            demand.runners = vec![
                "https://gitlab.com/acme/shop/api/-/runners/1234"
                    .parse()
                    .unwrap(),
            ];
        })
    };
    let elder = json!({
        "buildType": "https://github.com/npm/CLI/gitlab/v0alpha1",
        "builder": {"id": "https://gitlab.com/acme/shop/api/-/runners/9"},
        "invocation": {"parameters": {"CI_COMMIT_TAG": "v1.8.2", "CI_COMMIT_REF_NAME": "v1.8.2"}},
    });
    let elder = by_key(SLSA_V0_2, &elder);
    let mut newer = predicate();
    newer["buildDefinition"]["externalParameters"]["variables"] =
        json!({"CI_COMMIT_REF_NAME": "main", "CI_COMMIT_BRANCH": "main"});
    let newer = by_key(SLSA_V1, &newer);
    assert_eq!(
        codes(&on(&policy, std::slice::from_ref(&newer))),
        ["RefMismatch"]
    );
    for found in [vec![elder.clone(), newer.clone()], vec![newer, elder]] {
        assert_eq!(codes(&on(&policy, &found)), ["RunnerNotAllowed"]);
    }
}

#[test]
fn what_contradicts_its_certificate_satisfies_nothing() {
    let policy = asking(|_| {});
    for (pointer, value) in [
        (
            "/buildDefinition/externalParameters/source",
            json!("https://gitlab.com/acme/other"),
        ),
        (
            "/buildDefinition/externalParameters/variables/CI_COMMIT_SHA",
            json!("0".repeat(40)),
        ),
        (
            "/buildDefinition/externalParameters/variables/CI_PIPELINE_SOURCE",
            json!("web"),
        ),
        (
            "/buildDefinition/resolvedDependencies/0/digest/gitCommit",
            json!("0".repeat(40)),
        ),
    ] {
        let refused = on(&policy, &[by_pipeline(&predicate_with(pointer, value))]);
        assert_eq!(codes(&refused), ["ProvenanceMismatch"], "{pointer}");
    }
}

#[test]
fn without_a_certificate_the_holder_of_the_key_is_believed_and_must_say_it() {
    let policy = Policy {
        authorities: vec![key_authority("release-key", 0)],
        ..everything()
    };
    assert_eq!(
        codes(&on(&policy, &[by_key(SLSA_V1, &predicate())])),
        [""; 0]
    );
    let silent = json!({"buildDefinition": {"buildType": ASSAY_BUILD_TYPE}});
    assert_eq!(
        codes(&on(&policy, &[by_key(SLSA_V1, &silent)])),
        ["ProvenanceMismatch"]
    );
}

#[test]
fn a_tag_must_name_the_ref_or_the_commit() {
    let policy = asking(|demand| demand.tag_matches = vec![TagMatch::Ref, TagMatch::Commit]);
    let attestation = by_pipeline(&predicate());
    let repository = "registry.gitlab.com/acme/shop/api";
    let by_digest = format!("@{}", digest());
    for named in [":1.8.2", ":v1.8.2", ":8a5c8a5", &by_digest] {
        let written = format!("{repository}{named}");
        assert_eq!(codes(&tagged(&policy, &written, &attestation)), [""; 0]);
    }
    let with_digest = format!(":latest{by_digest}");
    for (other, code) in [
        (":latest", "RefMismatch"),
        ("", "RefMismatch"),
        (with_digest.as_str(), "RefMismatch"),
        (":8812345", "CommitMismatch"),
        (":8a5c8a", "RefMismatch"),
    ] {
        let written = format!("{repository}{other}");
        assert_eq!(codes(&tagged(&policy, &written, &attestation)), [code]);
    }
}

#[test]
fn nobody_makes_a_build_younger_by_what_they_write() {
    let policy = asking(|demand| demand.max_age = Some(SignedDuration::from_hours(24)));
    let finished = |time: &str| {
        by_pipeline(&predicate_with(
            "/runDetails/metadata/finishedOn",
            json!(time),
        ))
    };
    let (young, old, future) = (
        "2025-12-31T12:00:00Z",
        "2025-12-30T23:59:59Z",
        "2027-01-01T00:00:00Z",
    );
    assert_eq!(codes(&on(&policy, &[finished(young)])), [""; 0]);
    assert_eq!(codes(&on(&policy, &[finished(future)])), ["BuildTooOld"]);
    // Clocks differ a little.
    let now = at("2026-01-01T00:00:00Z");
    let ahead = |seconds: i64| {
        let ahead = SignedDuration::from_secs(seconds);
        finished(&(now + limits::BUILD_CLOCK_SKEW + ahead).to_string())
    };
    assert_eq!(codes(&on(&policy, &[ahead(0)])), [""; 0]);
    assert_eq!(codes(&on(&policy, &[ahead(1)])), ["BuildTooOld"]);
    assert_eq!(codes(&on(&policy, &[finished(old)])), ["BuildTooOld"]);
    for claimed in [young, future] {
        let signed_before = finished(claimed).assumed_at(at(old));
        assert_eq!(codes(&on(&policy, &[signed_before])), ["BuildTooOld"]);
    }
    let signed_after = finished(old).assumed_at(at(young));
    assert_eq!(codes(&on(&policy, &[signed_after])), ["BuildTooOld"]);
    let mut silent = predicate();
    silent["runDetails"]["metadata"] = json!({});
    assert_eq!(
        codes(&on(&policy, &[by_pipeline(&silent)])),
        ["BuildTooOld"]
    );
    let signed = by_pipeline(&silent).assumed_at(at(young));
    assert_eq!(codes(&on(&policy, &[signed])), [""; 0]);
}

#[test]
fn what_could_not_be_judged_might_have_been_as_asked() {
    let policy = everything();
    let old = by_pipeline(&predicate_with(
        "/runDetails/metadata/finishedOn",
        json!("2020-01-01T00:00:00Z"),
    ));
    let unavailable = Err(CheckFailure::TrustRoot {
        reason: "not loaded".to_owned(),
    });
    let open = candidate(&policy, &unavailable);
    let refused = candidate(&policy, &Ok(old));
    for found_there in [vec![open.clone()], vec![refused.clone(), open]] {
        let image = found(IMAGE, found_there);
        assert_eq!(
            codes(&judged(policy.clone(), image)),
            ["TrustRootUnavailable"]
        );
    }
    let invalid = Err(CheckFailure::Signature(SignatureError::OtherKey));
    let image = found(IMAGE, vec![refused, candidate(&policy, &invalid)]);
    assert_eq!(codes(&judged(policy, image)), ["BuildTooOld"]);
}

#[test]
fn what_cannot_be_read_is_not_valid_and_what_is_too_much_is_undetermined() {
    let policy = asking(|_| {});
    let saying = |text: String| by_pipeline(&json!({})).assumed_saying(text);
    let malformed = predicate_with("/buildDefinition/externalParameters/source", json!(7));
    let twice = statement(SLSA_V1, &json!({})).replacen('{', r#"{"predicate":{},"#, 1);
    for text in ["no JSON".to_owned(), statement(SLSA_V1, &malformed), twice] {
        assert_eq!(codes(&on(&policy, &[saying(text)])), ["AttestationInvalid"]);
    }
    let dependency = json!({"uri": "pkg:docker/alpine@3", "digest": {"sha256": digest().hex()}});
    let many = predicate_with(
        "/buildDefinition/resolvedDependencies",
        json!(vec![dependency; 20_000]),
    );
    let refused = on(&policy, &[saying(statement(SLSA_V1, &many))]);
    assert_eq!(codes(&refused), ["LimitExceeded"]);
}
