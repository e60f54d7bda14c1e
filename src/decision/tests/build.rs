//! Builders that state only what matters to a test.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use crate::{
    decision::{
        Candidates, CheckFailure, Checked, Circumstances, Decision, Enforcement, Evidence,
        ImageEvidence, Inquiry, LookupFailure, Method, Plan, PlannedImage, Question, decide,
    },
    image::{Digest, Pattern, Reference, Repository, SignaturePlaces},
    key::PublicKey,
    policy::{
        Action, Authority, AuthorityKind, DatedKey, Demand, GitHubJob, GitLabJob, Modes, Policy,
        PolicyId, RegistryOutage, Scope, Selector, Validity,
    },
    verify::{Identity, Layout, San, SignatureError, Signer, VerifiedSignature},
    workload::{ImageSlot, SlotKind},
};

pub(crate) const IMAGE: &str = "registry.gitlab.com/acme/shop/api:1.8.2";

pub(crate) fn digest() -> Digest {
    format!("sha256:ab12cd34ef56{}", "0".repeat(52))
        .parse()
        .unwrap()
}

pub(crate) fn other_digest() -> Digest {
    format!("sha256:99aa{}", "0".repeat(60)).parse().unwrap()
}

pub(crate) fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

pub(crate) fn slot(name: &str, written: &str) -> ImageSlot {
    ImageSlot {
        kind: SlotKind::Container,
        name: name.to_owned(),
        pointer: "/spec/containers/0/image".to_owned(),
        written: written.to_owned(),
    }
}

pub(crate) fn key(number: usize) -> PublicKey {
    PublicKey::from_pem(KEYS[number]).unwrap()
}

pub(crate) fn gitlab_job() -> GitLabJob {
    GitLabJob {
        instance: "https://gitlab.com".to_owned(),
        project: pattern("acme/shop/api"),
        project_id: None,
        ref_pattern: Some(pattern("refs/tags/v*")),
        protected_ref: false,
        config_path: None,
        pipeline_sources: Vec::new(),
        runner_environment: None,
        environment: None,
        image_in_project: true,
    }
}

pub(crate) fn github_job() -> GitHubJob {
    GitHubJob {
        repository: pattern("acme/shop"),
        workflow: None,
        ref_pattern: Some(pattern("refs/tags/v*")),
    }
}

pub(crate) fn authority(name: &str, kind: AuthorityKind) -> Authority {
    Authority {
        name: name.to_owned(),
        kind,
        require_log: false,
        trust_root: None,
    }
}

pub(crate) fn gitlab_authority() -> Authority {
    authority(
        "release-pipeline",
        AuthorityKind::GitLab(Box::new(gitlab_job())),
    )
}

pub(crate) fn key_authority(name: &str, number: usize) -> Authority {
    keys_authority(name, &[(number, Validity::default())])
}

/// An authority of several keys, each with when it may sign.
pub(crate) fn keys_authority(name: &str, keys: &[(usize, Validity)]) -> Authority {
    let keys = keys.iter().map(|(number, validity)| DatedKey {
        key: key(*number),
        validity: *validity,
    });
    authority(name, AuthorityKind::Keys(keys.collect()))
}

/// From and until these years, where given.
pub(crate) fn between(start: Option<i16>, end: Option<i16>) -> Validity {
    Validity {
        not_before: start.map(new_year),
        not_after: end.map(new_year),
    }
}

/// The first moment of a year.
pub(crate) fn new_year(year: i16) -> Timestamp {
    format!("{year}-01-01T00:00:00Z").parse().unwrap()
}

pub(crate) fn policy(authorities: Vec<Authority>) -> Policy {
    Policy {
        scope: Scope {
            id: PolicyId {
                namespace: None,
                name: "shop-production".to_owned(),
            },
            images: Vec::new(),
            exclude_images: Vec::new(),
            namespace_selector: Selector::default(),
            object_selector: Selector::default(),
            action: Action::Deny,
        },
        content: "1".to_owned(),
        pin: true,
        pin_workloads: false,
        signature_repository: None,
        authorities,
        require: 1,
        tags: None,
        provenance: None,
        attestations: Vec::new(),
        conditions: Vec::new(),
        outage: RegistryOutage::Deny,
        help: None,
    }
}

/// What GitLab and Fulcio write for a pipeline of the tag `v1.8.2` in `acme/shop/api`.
pub(crate) fn gitlab_identity() -> Identity {
    gitlab_identity_of("acme/shop/api", "refs/tags/v1.8.2")
}

pub(crate) fn gitlab_identity_of(project: &str, ref_name: &str) -> Identity {
    let san = format!("https://gitlab.com/{project}//.gitlab-ci.yml@{ref_name}");
    Identity {
        oidc_issuer: "https://gitlab.com".to_owned(),
        build_signer_uri: Some(san.clone()),
        build_config_uri: Some(san.clone()),
        san: San::Uri(san),
        runner_environment: Some("gitlab-hosted".to_owned()),
        source_repository_uri: Some(format!("https://gitlab.com/{project}")),
        source_repository_digest: Some("8a5c".repeat(10)),
        source_repository_ref: Some(ref_name.to_owned()),
        source_repository_identifier: Some("45821955".to_owned()),
        build_trigger: Some("push".to_owned()),
        run_invocation_uri: Some(format!("https://gitlab.com/{project}/-/jobs/4316132595")),
        deployment_environment: Some("production".to_owned()),
        token_subject: None,
    }
}

/// What GitHub and Fulcio write for a run of `release.yml` for the tag `v1.8.2` in `acme/shop`.
pub(crate) fn github_identity() -> Identity {
    let workflow = "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.8.2";
    Identity {
        oidc_issuer: "https://token.actions.githubusercontent.com".to_owned(),
        san: San::Uri(workflow.to_owned()),
        build_signer_uri: Some(workflow.to_owned()),
        build_config_uri: Some(workflow.to_owned()),
        source_repository_uri: Some("https://github.com/acme/shop".to_owned()),
        run_invocation_uri: Some(
            "https://github.com/acme/shop/actions/runs/7/attempts/1".to_owned(),
        ),
        deployment_environment: None,
        runner_environment: Some("github-hosted".to_owned()),
        ..gitlab_identity()
    }
}

pub(crate) fn by_key(number: usize) -> VerifiedSignature {
    let fingerprint = key(number).fingerprint().to_owned();
    VerifiedSignature::assumed(digest(), Signer::Key { fingerprint })
}

pub(crate) fn by_identity(identity: Identity) -> VerifiedSignature {
    VerifiedSignature::assumed(digest(), Signer::Certificate(Box::new(identity)))
}

/// A candidate with the same result by every method that the policy asks for.
pub(crate) fn checked(
    policy: &Policy,
    number: u8,
    result: &Result<VerifiedSignature, CheckFailure>,
) -> Checked {
    Checked {
        layout: Layout::Bundle,
        candidate: Digest::of(&[number]),
        claimed_type: None,
        attestations: BTreeMap::new(),
        results: methods(policy)
            .into_iter()
            .map(|method| (method, result.clone()))
            .collect(),
    }
}

/// A candidate by one of the policy's keys: every other method finds another signer.
pub(crate) fn checked_by_key(policy: &Policy, candidate: u8, number: usize) -> Checked {
    let result = |method: &Method| match method {
        Method::Key { key: tried, .. } if *tried == key(number) => Ok(by_key(number)),
        Method::Key { .. } => Err(CheckFailure::Signature(SignatureError::OtherKey)),
        Method::Certificate { .. } => Err(CheckFailure::Signature(SignatureError::OtherKind(
            "has no certificate",
        ))),
    };
    Checked {
        layout: Layout::Legacy,
        candidate: Digest::of(&[candidate]),
        claimed_type: None,
        attestations: BTreeMap::new(),
        results: methods(policy)
            .into_iter()
            .map(|method| (method.clone(), result(&method)))
            .collect(),
    }
}

/// A candidate by this identity: every key finds it of the other kind.
pub(crate) fn checked_by_identity(policy: &Policy, candidate: u8, identity: &Identity) -> Checked {
    let result = |method: &Method| match method {
        Method::Certificate { .. } => Ok(by_identity(identity.clone())),
        Method::Key { .. } => Err(CheckFailure::Signature(SignatureError::OtherKind(
            "made with a certificate",
        ))),
    };
    Checked {
        layout: Layout::Bundle,
        candidate: Digest::of(&[candidate]),
        claimed_type: None,
        attestations: BTreeMap::new(),
        results: methods(policy)
            .into_iter()
            .map(|method| (method.clone(), result(&method)))
            .collect(),
    }
}

pub(crate) fn failed(error: SignatureError) -> Result<VerifiedSignature, CheckFailure> {
    Err(CheckFailure::Signature(error))
}

pub(crate) fn methods(policy: &Policy) -> Vec<Method> {
    policy
        .authorities
        .iter()
        .flat_map(Authority::methods)
        .collect()
}

/// The image of this reference with these candidates, all places looked at.
pub(crate) fn found(image: &str, candidates: Vec<Checked>) -> ImageEvidence {
    let reference: Reference = image.parse().unwrap();
    found_at(&reference, Ok(candidates.into()))
}

pub(crate) fn found_at(
    reference: &Reference,
    candidates: Result<Candidates, LookupFailure>,
) -> ImageEvidence {
    let place = reference.repository().clone();
    found_in(
        SignaturePlaces::beside(place.clone()),
        [(place, candidates)],
    )
}

/// An image of which this was found in these places.
pub(crate) fn found_in<const N: usize>(
    places: SignaturePlaces,
    found: [(Repository, Result<Candidates, LookupFailure>); N],
) -> ImageEvidence {
    let found = found.map(|(place, found)| (place, found.unwrap_or_else(Candidates::from)));
    ImageEvidence {
        signatures: BTreeMap::from([(places, found.into_iter().collect())]),
        ..ImageEvidence::of(Ok(digest()))
    }
}

/// Judges `IMAGE` in container `api` by one policy.
pub(crate) fn judged(policy: Policy, image: ImageEvidence) -> Decision {
    let plan = plan_of(vec![("api", IMAGE)], vec![policy]);
    decide(&plan, &evidence_of(IMAGE, image))
}

/// What was found about one image, at the time that tests take for the present.
pub(crate) fn evidence_of(written: &str, image: ImageEvidence) -> Evidence {
    Evidence {
        circumstances: Circumstances::at(new_year(PRESENT)),
        images: BTreeMap::from([(written.to_owned(), image)]),
    }
}

pub(crate) fn inquiry(written: &str, demands: Vec<Demand>) -> Inquiry {
    let reference: Reference = written.parse().unwrap();
    Inquiry {
        places: SignaturePlaces::beside(reference.repository().clone()),
        reference,
        demands,
    }
}

/// Every one of these images under all of these policies.
pub(crate) fn plan_of(images: Vec<(&str, &str)>, policies: Vec<Policy>) -> Plan {
    let demands: Vec<Demand> = policies
        .into_iter()
        .map(|policy| Demand::Satisfy(Arc::new(policy)))
        .collect();
    let images = images
        .into_iter()
        .map(|(name, written)| PlannedImage {
            slot: slot(name, written),
            question: Question::Judge(inquiry(written, demands.clone())),
        })
        .collect();
    Plan {
        images,
        modes: Modes::default(),
        enforcement: Enforcement::AsPolicySays,
    }
}

/// The codes of all denials.
pub(crate) fn codes(decision: &Decision) -> Vec<&'static str> {
    match decision {
        Decision::Admit(_) => Vec::new(),
        Decision::Deny(refusal) => refusal
            .denials
            .iter()
            .map(|denial| denial.cause.code())
            .collect(),
    }
}

/// The whole message of a refusal.
pub(crate) fn line(decision: &Decision) -> String {
    match decision {
        Decision::Admit(_) => "admitted".to_owned(),
        Decision::Deny(refusal) => crate::decision::message(refusal),
    }
}

/// The year that has just begun.
pub(crate) const PRESENT: i16 = 2026;

const KEYS: [&str; 2] = [
    "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDYQUMsansb9AHyVxBiGQ8kVC089T
Ql6PnVr2Ze0isYsIr4QHntuHYcv9vlXsJfVkJLiXpZrBzHBPxrd5i7+cYw==
-----END PUBLIC KEY-----
",
    "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE08qVrgmQJduecqZ+nfy0RI4vH4fN
hlt4RTPpU0u5KAglDF6wF53S2GqQ0UQG6Slr1gmvOVfvczE7sLScAbwURw==
-----END PUBLIC KEY-----
",
];
