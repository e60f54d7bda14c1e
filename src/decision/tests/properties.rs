//! What holds for any evidence and any text.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::build::*;
use crate::{
    decision::{
        Asked, BaseImageFault, BuildFact, Candidates, Cause, Checked, Circumstances, Decision,
        Denial, Evidence, FactMismatch, ImageEvidence, JudgedAt, LookupFailure, Outcome, Presented,
        ProvenanceFault, Reader, Refusal, Signing, SigningKind, SigningMeans, Stated,
        TagExpectation, TagFault,
        cause::{Obstacle, Rejection, Unmatched},
        decide, message,
        text::shown,
        warning,
    },
    image::{Repository, SignaturePlaces},
    limits::{MESSAGE_BYTES, WARNING_CHARS},
    policy::{Policy, PolicyId, TrustRootName},
    verify::SignatureError,
    workload::{ImageSlot, SlotKind},
};

const IMAGES: [&str; 3] = ["r.example/a:1", "r.example/b:1", "r.example/a:1"];

fn demanding(require: usize) -> Policy {
    let mut authority = gitlab_authority();
    if let crate::policy::AuthorityKind::GitLab(job) = &mut authority.kind {
        job.image_in_project = false;
    }
    Policy {
        require,
        ..policy(vec![
            key_authority("release", 0),
            key_authority("security", 1),
            authority,
        ])
    }
}

fn candidate(policy: Policy) -> impl Strategy<Value = Checked> {
    (0_u8..6, any::<u8>()).prop_map(move |(kind, number)| match kind {
        0 | 1 => checked_by_key(&policy, number, usize::from(kind)),
        2 => checked_by_identity(&policy, number, &gitlab_identity()),
        3 => checked_by_identity(
            &policy,
            number,
            &gitlab_identity_of("mallory/api", "refs/tags/v1"),
        ),
        4 => checked(&policy, number, &failed(SignatureError::OtherKey)),
        _ => checked(
            &policy,
            number,
            &failed(SignatureError::Limit {
                what: "log entries",
                found: 33,
                limit: 32,
            }),
        ),
    })
}

fn image_evidence(image: &'static str, policy: Policy) -> impl Strategy<Value = ImageEvidence> {
    let candidates = prop::collection::vec(candidate(policy), 0..4);
    (candidates, 0_u8..8).prop_map(move |(checked, outage)| {
        let reference = image.parse().unwrap();
        match outage {
            0 => found_at(&reference, Err(LookupFailure::Timeout)),
            1 => ImageEvidence {
                digest: Err(LookupFailure::NotFound),
                ..found_at(&reference, Err(LookupFailure::NotFound))
            },
            2 => {
                let unread = Some(LookupFailure::Timeout);
                found_at(&reference, Ok(Candidates { checked, unread }))
            }
            _ => found_at(&reference, Ok(checked.into())),
        }
    })
}

fn case() -> impl Strategy<Value = (Policy, Evidence)> {
    (1_usize..4).prop_flat_map(|require| {
        let policy = demanding(require);
        let first = image_evidence(IMAGES[0], policy.clone());
        let second = image_evidence(IMAGES[1], policy.clone());
        (Just(policy), first, second).prop_map(|(policy, first, second)| {
            let images = [
                (IMAGES[0].to_owned(), first),
                (IMAGES[1].to_owned(), second),
            ];
            (
                policy,
                Evidence {
                    circumstances: Circumstances::at(new_year(PRESENT)),
                    images: images.into(),
                },
            )
        })
    })
}

/// Everything that can be taken away, one at a time.
fn weaker(evidence: &Evidence) -> Vec<Evidence> {
    let mut all = Vec::new();
    for (image, found) in &evidence.images {
        let with = |change: &dyn Fn(&mut ImageEvidence)| {
            let mut weaker = evidence.clone();
            change(weaker.images.get_mut(image).unwrap());
            weaker
        };
        let mut without = evidence.clone();
        without.images.remove(image);
        all.push(without);
        all.push(with(&|found| found.signatures.clear()));
        all.push(with(&|found| found.digest = Err(LookupFailure::Deadline)));
        let count = found
            .signatures
            .values()
            .flat_map(BTreeMap::values)
            .map(|found| found.checked.len())
            .sum();
        for index in 0..count {
            let candidates = |found: &mut ImageEvidence, change: &dyn Fn(&mut Vec<Checked>)| {
                let places = found.signatures.values_mut();
                for found in places.flat_map(BTreeMap::values_mut) {
                    change(&mut found.checked);
                }
            };
            all.push(with(&|found| {
                candidates(found, &|list| drop(list.remove(index)));
            }));
            all.push(with(&|found| {
                candidates(found, &|list| list[index].results.clear());
            }));
        }
    }
    all
}

fn is_admitted(decision: &Decision) -> bool {
    matches!(decision, Decision::Admit(_))
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "\\PC{0,400}",
        "(\u{202e}|\n|\"|é|😀|\\\\){0,300}"
    ]
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each cause, and nothing else"
)]
fn any_rejection() -> impl Strategy<Value = Cause> {
    let texts = prop::collection::vec(any_text(), 0..5);
    (0_u8..12, any_text(), any_text(), texts).prop_map(|(kind, one, two, many)| {
        let predicate_type = format!("https://example.test/{}", "x".repeat(one.len()));
        let signing = any_signing(&two, &predicate_type);
        let accepted = many.iter().map(|text| shown(text, 100)).collect();
        let fact = FactMismatch {
            name: "pipeline source",
            presented: Some(one.clone()),
            accepted: two.clone(),
        };
        let signer = Presented::Signer(shown(&one, 100));
        Cause::Rejected(match kind {
            0 => Rejection::SignatureInvalid {
                detail: one,
                signing,
            },
            1 => Rejection::PredicateMismatch {
                presented: vec![one],
                signing,
            },
            2 => Rejection::IdentityMismatch {
                presented: signer,
                accepted,
                fact: None,
            },
            3 => Rejection::IdentityMismatch {
                presented: signer,
                accepted,
                fact: Some(fact),
            },
            4 => Rejection::ImageNotInProject {
                project: one,
                path: two,
            },
            5 => Rejection::ThresholdNotMet {
                required: 3,
                signed: many.clone(),
                missing: many,
            },
            6 => Rejection::NoPolicyMatches {
                repository: long_repository(),
                by: Unmatched::ByCluster,
            },
            7 => Rejection::KeyExpired {
                authority: one,
                validity: between(Some(2025), Some(2026)),
                judged_at: JudgedAt::Present(new_year(2027)),
                signing,
            },
            8 => Rejection::AttestationMissing {
                predicate_type,
                signing,
            },
            9 => Rejection::AttestationInvalid {
                predicate_type,
                detail: one,
                signing,
            },
            10 => Rejection::IdentityMismatch {
                presented: Presented::Attester {
                    predicate_type,
                    signer: Some(shown(&one, 100)),
                },
                accepted,
                fact: Some(fact),
            },
            _ => Rejection::KeyMismatch { accepted, signing },
        })
    })
}

fn any_fault() -> impl Strategy<Value = Cause> {
    let texts = prop::collection::vec(any_text(), 0..5);
    (0_u8..7, any_text(), any_text(), texts).prop_map(|(kind, one, two, many)| {
        let said = |value: &str| Stated {
            value: value.to_owned(),
            place: two.clone(),
        };
        let fault = match kind {
            0 => ProvenanceFault::Missing {
                signing: any_signing(&two, "https://slsa.dev/provenance/v1"),
            },
            1 => ProvenanceFault::Contradicted {
                name: "source repository",
                trusted: said(&one),
                other: said(&two),
                signing: any_signing("x", "https://slsa.dev/provenance/v1"),
            },
            2 => ProvenanceFault::NotAccepted {
                fact: BuildFact::PipelineSource,
                stated: Some(said(&one)),
                accepted: many,
            },
            3 => ProvenanceFault::OtherTag(TagFault {
                tag: one.clone(),
                expected: vec![
                    TagExpectation::Commit(Some(said(&one))),
                    TagExpectation::Ref(Some(said(&two))),
                ],
                means_commit: true,
            }),
            4 => ProvenanceFault::BaseImageNotAllowed {
                fault: BaseImageFault::NoDigest {
                    base: said(&one),
                    others: usize::MAX,
                },
                accepted: many,
            },
            5 => {
                return Cause::Rejected(Rejection::TagNotAllowed {
                    tag: one,
                    allowed: many,
                });
            }
            _ => {
                return Cause::Rejected(Rejection::ConditionFailed {
                    predicate_type: Some(one.clone()),
                    text: two,
                    reason: Some(one),
                });
            }
        };
        Cause::Rejected(Rejection::Provenance(fault))
    })
}

/// What is to be signed: a signature or an attestation, by the length of a text.
fn any_signing(text: &str, predicate_type: &str) -> Signing {
    Signing {
        kind: if text.len().is_multiple_of(2) {
            SigningKind::Signature
        } else {
            let predicate_type = predicate_type.to_owned();
            SigningKind::Attestation { predicate_type }
        },
        with: SigningMeans::Key,
        digest: digest(),
        image: long_repository(),
        places: SignaturePlaces::new(
            long_repository(),
            "registry.example/signatures".parse().unwrap(),
            [long_repository()],
        ),
    }
}

fn any_obstacle() -> impl Strategy<Value = Cause> {
    let tried = prop::collection::vec(any_text(), 0..5);
    (0_u8..6, any_text(), any_text(), tried).prop_map(|(kind, detail, reason, tried)| {
        let asked = Asked::SignatureRepository(long_repository());
        Cause::Undetermined(match kind {
            0 => Obstacle::RegistryUnauthorized {
                asked,
                status: 403,
                forbidden: tried.clone(),
                reader: Reader::Pod {
                    useless: tried.clone(),
                },
                tried,
            },
            1 => Obstacle::RegistryTlsFailed { asked, detail },
            2 => Obstacle::TrustRootUnavailable {
                name: TrustRootName::Named(detail),
                reason,
            },
            3 => Obstacle::PolicyBroken { reason },
            4 => Obstacle::LimitExceeded { detail },
            _ => Obstacle::PullSecretUnreadable { detail },
        })
    })
}

fn long_repository() -> Repository {
    format!("registry.example/{}x", "p/".repeat(120))
        .parse()
        .unwrap()
}

fn any_cause() -> impl Strategy<Value = Cause> {
    prop_oneof![any_rejection(), any_fault(), any_obstacle()]
}

fn any_denial() -> impl Strategy<Value = Denial> {
    (
        any_text(),
        any_text(),
        any_text(),
        any_cause(),
        (any::<bool>(), 0_usize..4),
        prop::option::of(any_text()),
    )
        .prop_map(
            |(name, written, policy, cause, (resolved, judged), help)| Denial {
                slot: ImageSlot {
                    kind: SlotKind::EphemeralContainer,
                    name,
                    pointer: "/spec/ephemeralContainers/0/image".to_owned(),
                    written,
                },
                digest: resolved.then(digest),
                policy: Some(PolicyId {
                    namespace: Some(policy.clone()),
                    name: policy,
                }),
                cause,
                judged,
                lowered_by: None,
                help,
            },
        )
}

proptest! {
    #[test]
    fn taking_evidence_away_never_turns_a_denial_into_an_admission((policy, evidence) in case()) {
        let plan = plan_of(vec![("a", IMAGES[0]), ("b", IMAGES[1]), ("c", IMAGES[2])], vec![policy]);
        if !is_admitted(&decide(&plan, &evidence)) {
            for weaker in weaker(&evidence) {
                prop_assert!(!is_admitted(&decide(&plan, &weaker)));
            }
        }
    }

    #[test]
    fn what_is_admitted_has_enough_distinct_signers((policy, evidence) in case()) {
        let require = policy.require;
        let plan = plan_of(vec![("a", IMAGES[0]), ("b", IMAGES[1])], vec![policy]);
        if let Decision::Admit(admission) = decide(&plan, &evidence) {
            for image in admission.images {
                prop_assert!(image.signers().len() >= require);
            }
        }
    }

    #[test]
    fn the_answer_depends_on_nothing_but_plan_and_evidence((policy, evidence) in case()) {
        let plan = plan_of(vec![("a", IMAGES[0]), ("b", IMAGES[1]), ("c", IMAGES[2])], vec![policy]);
        let decision = decide(&plan, &evidence);
        prop_assert_eq!(line(&decision), line(&decide(&plan.clone(), &evidence.clone())));
        if let Decision::Deny(refusal) = decision {
            let outcomes: Vec<Outcome> =
                refusal.denials.iter().map(|denial| denial.cause.outcome()).collect();
            prop_assert!(outcomes.is_sorted());
        }
    }

    #[test]
    fn a_message_is_bounded_and_shows_no_line_but_its_own(
        denials in prop::collection::vec(any_denial(), 1..6),
    ) {
        let refusal = Refusal { denials, images: Vec::new(), warnings: Vec::new(), audits: Vec::new(), judged: Vec::new(), labels: Vec::new() };
        let text = message(&refusal);
        prop_assert!(text.len() < MESSAGE_BYTES, "{} bytes: {text}", text.len());
        prop_assert!(text.lines().count() <= refusal.denials.len());
        let hidden = |character: char| character != '\n' && character.is_control() || character == '\u{202e}';
        prop_assert!(!text.contains(hidden));
        prop_assert!(text.starts_with("ephemeral container \""));
    }

    #[test]
    fn a_command_is_whole_or_absent(denial in any_denial()) {
        let refusal = Refusal { denials: vec![denial], images: Vec::new(), warnings: Vec::new(), audits: Vec::new(), judged: Vec::new(), labels: Vec::new() };
        let text = message(&refusal);
        prop_assert_eq!(text.contains("cosign "), text.contains(digest().as_str()));
    }

    #[test]
    fn a_warning_is_short_and_keeps_its_code(denial in any_denial()) {
        let text = warning(&denial);
        prop_assert!(text.chars().count() <= WARNING_CHARS, "{text}");
        let code = format!("[{}]", denial.cause.code());
        prop_assert!(text.ends_with(&code));
        prop_assert!(!text.contains(char::is_control));
    }
}
