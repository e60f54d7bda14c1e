//! Demands for attestations.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::build::{
    IMAGE, by_identity, checked_by_identity, codes, digest, found, found_at, gitlab_authority,
    gitlab_identity, gitlab_identity_of, judged, key, key_authority, line, methods, other_digest,
    policy,
};
use crate::{
    decision::{Candidates, CheckFailure, Checked, Decision, Method},
    image::Digest,
    policy::{AttestationDemand, Authority, Policy},
    verify::{Identity, Layout, SignatureError, Signer, VerifiedAttestation},
};

const SLSA: &str = "https://slsa.dev/provenance/v1";
const SPDX: &str = "https://spdx.dev/Document";
const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

type Attested = Result<VerifiedAttestation, CheckFailure>;

/// No signature, and one attestation of each of these types, by this authority.
fn asking(authority: Authority, types: &[&str]) -> Policy {
    let attestations = types.iter().map(|text| AttestationDemand {
        conditions: Vec::new(),
        predicate_type: (*text).to_owned(),
    });
    Policy {
        require: 0,
        attestations: attestations.collect(),
        ..policy(vec![authority])
    }
}

fn slsa() -> Policy {
    asking(gitlab_authority(), &[SLSA])
}

/// A candidate that claims this type, with the same result by every method.
fn candidate(policy: &Policy, number: u8, claimed: Option<&str>, result: &Attested) -> Checked {
    let results = methods(policy).into_iter();
    Checked {
        layout: Layout::LegacyAttestation,
        candidate: Digest::of(&[number]),
        claimed_type: claimed.map(str::to_owned),
        results: BTreeMap::new(),
        attestations: results.map(|method| (method, result.clone())).collect(),
    }
}

fn attested_by(policy: &Policy, predicate_type: &str, identity: Identity) -> Checked {
    let signer = Signer::Certificate(Box::new(identity));
    let attestation = VerifiedAttestation::assumed(digest(), signer, predicate_type);
    candidate(policy, 1, Some(predicate_type), &Ok(attestation))
}

fn attested(policy: &Policy, predicate_type: &str) -> Checked {
    attested_by(policy, predicate_type, gitlab_identity())
}

fn failing(policy: &Policy, claimed: Option<&str>, error: SignatureError) -> Checked {
    candidate(policy, 1, claimed, &Err(CheckFailure::Signature(error)))
}

fn invalid() -> SignatureError {
    SignatureError::Invalid {
        detail: "the signature does not verify".to_owned(),
    }
}

fn on(policy: Policy, candidates: Vec<Checked>) -> Decision {
    judged(policy, found(IMAGE, candidates))
}

#[test]
fn an_attestation_of_the_type_by_an_accepted_signer_is_enough() {
    let Decision::Admit(admission) = on(slsa(), vec![attested(&slsa(), SLSA)]) else {
        panic!("refused")
    };
    let image = &admission.images[0];
    assert_eq!(image.attestations.len(), 1);
    assert_eq!(image.attestations[0].0, "release-pipeline");
    assert_eq!(image.signatures.len(), 0);
    assert_eq!(
        image.signers(),
        ["gitlab.com/acme/shop/api ref refs/tags/v1.8.2"]
    );
    assert!(image.commit().is_some());
}

#[test]
fn each_type_must_be_there() {
    let both = asking(gitlab_authority(), &[SLSA, SPDX]);
    let (one, other) = (attested(&both, SLSA), attested(&both, SPDX));
    assert_eq!(
        codes(&on(both.clone(), vec![one.clone()])),
        ["PredicateMismatch"]
    );
    assert_eq!(
        codes(&on(both.clone(), vec![other.clone()])),
        ["PredicateMismatch"]
    );
    assert_eq!(codes(&on(both, vec![one, other])), [""; 0]);
}

#[test]
fn what_a_candidate_claims_decides_nothing() {
    let policy = slsa();
    let mut liar = attested(&policy, SPDX);
    liar.claimed_type = Some(SLSA.to_owned());
    assert_ne!(codes(&on(policy.clone(), vec![liar])), [""; 0]);
    let mut silent = attested(&policy, SLSA);
    silent.claimed_type = None;
    assert_eq!(codes(&on(policy, vec![silent])), [""; 0]);
}

#[test]
fn a_signature_is_no_attestation_and_an_attestation_no_signature() {
    let asks_for_attestation = slsa();
    let signature = checked_by_identity(&asks_for_attestation, 1, &gitlab_identity());
    let mut signature = Checked {
        layout: Layout::Legacy,
        ..signature
    };
    signature.attestations = methods(&asks_for_attestation)
        .into_iter()
        .map(|method| {
            (
                method,
                Err(CheckFailure::Signature(SignatureError::NotAttestation)),
            )
        })
        .collect();
    let decision = on(asks_for_attestation.clone(), vec![signature.clone()]);
    assert_eq!(codes(&decision), ["AttestationMissing"]);
    let asks_for_both = Policy {
        require: 1,
        ..asks_for_attestation
    };
    let mut attestation = attested(&asks_for_both, SLSA);
    attestation.results = methods(&asks_for_both)
        .into_iter()
        .map(|method| {
            let presented = SLSA.to_owned();
            (
                method,
                Err(CheckFailure::Signature(SignatureError::PredicateType {
                    presented,
                })),
            )
        })
        .collect();
    assert_eq!(
        codes(&on(asks_for_both.clone(), vec![signature.clone()])),
        ["AttestationMissing"]
    );
    assert_eq!(
        codes(&on(asks_for_both.clone(), vec![attestation.clone()])),
        ["PredicateMismatch"]
    );
    assert_eq!(
        codes(&on(asks_for_both, vec![signature, attestation])),
        [""; 0]
    );
}

#[test]
fn a_policy_without_attestations_never_does_without_a_signature() {
    let policy = Policy {
        require: 0,
        ..policy(vec![gitlab_authority()])
    };
    assert_eq!(codes(&on(policy, Vec::new())), ["SignatureMissing"]);
}

#[test]
fn an_attestation_about_another_image_does_not_count() {
    let policy = slsa();
    let signer = by_identity(gitlab_identity()).signer().clone();
    let other = VerifiedAttestation::assumed(other_digest(), signer, SLSA);
    let found = vec![candidate(&policy, 1, Some(SLSA), &Ok(other))];
    assert_eq!(codes(&on(policy, found)), ["AttestationInvalid"]);
}

#[test]
fn what_could_not_be_judged_is_undetermined_only_where_it_may_be_what_is_missing() {
    let policy = slsa();
    let unavailable = Err(CheckFailure::TrustRoot {
        reason: "not loaded".to_owned(),
    });
    let with = |claimed| vec![candidate(&policy, 1, claimed, &unavailable)];
    assert_eq!(
        codes(&on(policy.clone(), with(Some(SLSA)))),
        ["TrustRootUnavailable"]
    );
    assert_eq!(
        codes(&on(policy.clone(), with(None))),
        ["TrustRootUnavailable"]
    );
    assert_eq!(
        codes(&on(policy.clone(), with(Some(SPDX)))),
        ["PredicateMismatch"]
    );
}

#[test]
fn what_was_not_verified_never_admits() {
    let policy = slsa();
    let mut unverified = attested(&policy, SLSA);
    unverified.attestations.clear();
    assert_eq!(
        codes(&on(policy.clone(), vec![unverified])),
        ["DeadlineExceeded"]
    );
    let other = "registry.example/other:1".parse().unwrap();
    let missing = found_at(&other, Ok(Candidates::default()));
    assert_eq!(codes(&judged(policy, missing)), ["DeadlineExceeded"]);
}

#[test]
fn none_is_there() {
    assert_snapshot!(line(&on(slsa(), Vec::new())), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no attestation of type https://slsa.dev/provenance/v1 [AttestationMissing]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn only_those_of_other_types_are_there() {
    let policy = slsa();
    let others = || {
        vec![
            attested(&policy, VULN),
            attested(&policy, SPDX),
            attested(&policy, VULN),
        ]
    };
    assert_snapshot!(line(&on(policy.clone(), others())), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no attestation of type https://slsa.dev/provenance/v1, only of type https://cosign.sigstore.dev/attestation/vuln/v1 and https://spdx.dev/Document [PredicateMismatch]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn one_is_there_and_not_valid() {
    let policy = slsa();
    let found = vec![
        attested(&policy, SPDX),
        failing(&policy, Some(SLSA), invalid()),
    ];
    assert_snapshot!(line(&on(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has an attestation of type https://slsa.dev/provenance/v1 that is not valid: the signature does not verify [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn one_is_there_that_cannot_be_read() {
    let policy = slsa();
    let found = vec![failing(&policy, None, invalid())];
    assert_snapshot!(line(&on(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has an attestation of type https://slsa.dev/provenance/v1 that is not valid: the signature does not verify [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn several_are_there_and_not_valid() {
    let policy = slsa();
    let one = failing(&policy, Some(SLSA), invalid());
    assert_snapshot!(line(&on(policy, vec![one.clone(), one])), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 attestations of type https://slsa.dev/provenance/v1 found, none valid: the closest fails: the signature does not verify [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn another_made_it() {
    let policy = slsa();
    let fork = gitlab_identity_of("acme/fork", "refs/heads/main");
    assert_snapshot!(line(&on(policy.clone(), vec![attested_by(&policy, SLSA, fork)])), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/acme/fork ref refs/heads/main, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn another_key_made_it() {
    let policy = asking(key_authority("release-key", 0), &[SLSA]);
    let found = vec![failing(&policy, Some(SLSA), SignatureError::OtherKey)];
    assert_snapshot!(line(&on(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has an attestation of type https://slsa.dev/provenance/v1, but not signed with an accepted key, policy "shop-production" accepts key sha256:2b66e0d124a3… [KeyMismatch]; attest it with an accepted key: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn the_accepted_key_made_it() {
    let policy = asking(key_authority("release-key", 0), &[SLSA]);
    let fingerprint = key(0).fingerprint().to_owned();
    let attestation = VerifiedAttestation::assumed(digest(), Signer::Key { fingerprint }, SLSA);
    let found = vec![candidate(&policy, 1, Some(SLSA), &Ok(attestation))];
    assert!(
        found[0]
            .attestations
            .keys()
            .all(|method| matches!(method, Method::Key { .. }))
    );
    assert_eq!(codes(&on(policy, found)), [""; 0]);
}
