//! What happens to the object: actions, the order of failures, and what is pinned.

use std::{collections::BTreeMap, sync::Arc};

use super::build::*;
use crate::{
    decision::{
        Admission, Circumstances, Decision, Enforcement, Evidence, ImageEvidence, LookupFailure,
        Method, Plan, PlannedImage, Question, TimeUse, decide,
    },
    image::{Reference, Repository},
    policy::{
        Action, Authority, ClusterModes, DefaultAction, Demand, Modes, Policy, PolicyId,
        TrustRootName,
    },
};

pub(super) fn admission(decision: Decision) -> Admission {
    match decision {
        Decision::Admit(admission) => admission,
        Decision::Deny(refusal) => panic!("refused: {:?}", refusal.denials),
    }
}

pub(super) fn two_keys(require: usize) -> Policy {
    Policy {
        require,
        ..policy(vec![
            key_authority("release", 0),
            key_authority("security", 1),
        ])
    }
}

fn unsigned(image: &str) -> (String, ImageEvidence) {
    (image.to_owned(), found(image, vec![]))
}

pub(super) fn names(admission: &Admission) -> Vec<&str> {
    admission.images[0]
        .signatures
        .iter()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn in_action(action: Action) -> Policy {
    let mut policy = policy(vec![key_authority("release", 0)]);
    policy.scope.action = action;
    policy
}

#[test]
fn a_signed_image_is_admitted_and_pinned_to_what_was_verified() {
    let policy = two_keys(1);
    let found = found(IMAGE, vec![checked_by_key(&policy, 1, 1)]);
    let admission = admission(judged(policy, found));
    let image = &admission.images[0];
    assert_eq!(
        (&image.digest, image.pin, image.pin_workloads),
        (&digest(), true, false)
    );
    let id = PolicyId {
        namespace: None,
        name: "shop-production".to_owned(),
    };
    assert_eq!(
        (image.policies.as_slice(), names(&admission)),
        ([id].as_slice(), vec!["security"])
    );
}

#[test]
fn every_policy_that_matches_must_be_satisfied() {
    let (first, mut second) = (two_keys(1), two_keys(1));
    second.scope.id.name = "second".to_owned();
    second.authorities = vec![gitlab_authority()];
    let mut candidate = checked_by_key(&first, 1, 0);
    candidate
        .results
        .extend(checked_by_key(&second, 1, 0).results);
    let plan = plan_of(vec![("api", IMAGE)], vec![first, second]);
    let images = BTreeMap::from([(IMAGE.to_owned(), found(IMAGE, vec![candidate]))]);
    let Decision::Deny(refusal) = decide(
        &plan,
        &Evidence {
            circumstances: Circumstances::at(new_year(PRESENT)),
            images,
        },
    ) else {
        panic!("admitted although one policy is not satisfied")
    };
    let policies: Vec<_> = refusal
        .denials
        .iter()
        .map(|denial| denial.policy.clone().unwrap().name)
        .collect();
    assert_eq!(policies, ["second"]);
    assert!(refusal.images.is_empty(), "{:?}", refusal.images);
}

#[test]
fn rejections_come_before_what_could_not_be_judged_each_in_slot_order() {
    let images = vec![
        ("a", "r.example/a"),
        ("b", "r.example/b"),
        ("c", "r.example/c"),
        ("d", "r.example/d"),
    ];
    let plan = plan_of(images, vec![two_keys(1)]);
    let timeout = |image: &str| {
        let reference: Reference = image.parse().unwrap();
        (
            image.to_owned(),
            found_at(&reference, Err(LookupFailure::Timeout)),
        )
    };
    let evidence = Evidence {
        circumstances: Circumstances::at(new_year(PRESENT)),
        images: BTreeMap::from([
            timeout("r.example/a"),
            unsigned("r.example/b"),
            timeout("r.example/c"),
            unsigned("r.example/d"),
        ]),
    };
    let Decision::Deny(refusal) = decide(&plan, &evidence) else {
        panic!("admitted")
    };
    let names: Vec<_> = refusal
        .denials
        .iter()
        .map(|denial| denial.slot.name.as_str())
        .collect();
    assert_eq!(names, ["b", "d", "a", "c"]);
}

#[test]
fn a_rejection_by_one_policy_is_told_before_an_outage_of_another() {
    let mut elsewhere = two_keys(1);
    elsewhere.signature_repository = Some("r.example/signatures".parse().unwrap());
    let plan = plan_of(vec![("api", IMAGE)], vec![elsewhere, two_keys(1)]);
    let mut evidence = found(IMAGE, vec![]);
    let there: Repository = "r.example/signatures".parse().unwrap();
    let places = inquiry(IMAGE, Vec::new()).places.only_in(there.clone());
    let failed = found_in(places, [(there, Err(LookupFailure::Timeout))]);
    evidence.signatures.extend(failed.signatures);
    let images = BTreeMap::from([(IMAGE.to_owned(), evidence)]);
    assert_eq!(
        codes(&decide(
            &plan,
            &Evidence {
                circumstances: Circumstances::at(new_year(PRESENT)),
                images
            }
        )),
        ["SignatureMissing"]
    );
}

#[test]
fn warn_and_audit_admit_and_tell() {
    let told = |action| {
        let admission = admission(judged(in_action(action), found(IMAGE, vec![])));
        (
            admission.images.len(),
            admission.warnings.len(),
            admission.audits.len(),
        )
    };
    assert_eq!(told(Action::Warn), (0, 1, 0));
    assert_eq!(told(Action::Audit), (0, 0, 1));
}

#[test]
fn a_policy_that_only_audits_does_not_pin() {
    let pins = |action| {
        let policy = in_action(action);
        let found = found(IMAGE, vec![checked_by_key(&policy, 1, 0)]);
        admission(judged(policy, found)).images[0].pin
    };
    assert_eq!(
        [Action::Deny, Action::Warn, Action::Audit].map(pins),
        [true, true, false]
    );
}

#[test]
fn a_mirror_pod_is_reported_and_neither_denied_nor_pinned() {
    let policy = in_action(Action::Deny);
    let signed = checked_by_key(&policy, 1, 0);
    let mut plan = plan_of(
        vec![("a", "r.example/a"), ("b", "r.example/b")],
        vec![policy],
    );
    plan.enforcement = Enforcement::ReportOnly;
    let images = BTreeMap::from([
        unsigned("r.example/a"),
        ("r.example/b".to_owned(), found("r.example/b", vec![signed])),
    ]);
    let admission = admission(decide(
        &plan,
        &Evidence {
            circumstances: Circumstances::at(new_year(PRESENT)),
            images,
        },
    ));
    let pins: Vec<_> = admission.images.iter().map(|image| image.pin).collect();
    assert_eq!((pins, admission.audits.len()), (vec![false], 1));
}

#[test]
fn a_broken_policy_refuses_whatever_was_found() {
    let policy = two_keys(1);
    let scope = Arc::new(policy.scope.clone());
    let mut plan = plan_of(vec![("api", IMAGE)], vec![policy.clone()]);
    let Question::Judge(inquiry) = &mut plan.images[0].question else {
        panic!("not judged")
    };
    inquiry.demands.push(Demand::Broken {
        scope,
        reason: "no key".to_owned(),
    });
    let signed = found(IMAGE, vec![checked_by_key(&policy, 1, 0)]);
    assert_eq!(
        codes(&decide(&plan, &evidence_of(IMAGE, signed))),
        ["PolicyBroken"]
    );
}

#[test]
fn unmatched_images_get_the_default_action() {
    let decided = |default_action| {
        let question = Question::Unmatched(IMAGE.parse().unwrap());
        let images = vec![PlannedImage {
            slot: slot("api", IMAGE),
            question,
        }];
        let plan = Plan {
            images,
            modes: ClusterModes::from(default_action).within(&BTreeMap::new()),
            enforcement: Enforcement::AsPolicySays,
        };
        decide(&plan, &Evidence::default())
    };
    let allowed = admission(decided(DefaultAction::Allow));
    assert!(allowed.images.is_empty() && allowed.warnings.is_empty());
    let warned = admission(decided(DefaultAction::Warn));
    assert_eq!(warned.warnings[0].cause.code(), "NoPolicyMatches");
    assert_eq!(codes(&decided(DefaultAction::Deny)), ["NoPolicyMatches"]);
}

#[test]
fn an_unreadable_reference_is_refused_even_where_no_policy_matches() {
    let reason = "Upper/case".parse::<Reference>().unwrap_err();
    let images = vec![PlannedImage {
        slot: slot("api", "Upper/case"),
        question: Question::Unreadable(reason),
    }];
    let plan = Plan {
        images,
        modes: Modes::default(),
        enforcement: Enforcement::AsPolicySays,
    };
    assert_eq!(
        codes(&decide(&plan, &Evidence::default())),
        ["ReferenceInvalid"]
    );
}

#[test]
fn a_reference_in_several_slots_is_one_inquiry() {
    let plan = plan_of(
        vec![("a", IMAGE), ("b", "r.example/b"), ("c", IMAGE)],
        vec![two_keys(1)],
    );
    let written: Vec<_> = plan
        .inquiries()
        .iter()
        .map(|inquiry| inquiry.reference.written())
        .collect();
    assert_eq!(written, [IMAGE, "r.example/b"]);
}

#[test]
fn an_inquiry_asks_each_place_only_for_its_own_policies() {
    let mut elsewhere = policy(vec![gitlab_authority()]);
    let signatures: Repository = "r.example/signatures".parse().unwrap();
    elsewhere.signature_repository = Some(signatures.clone());
    let plan = plan_of(vec![("api", IMAGE)], vec![two_keys(1), elsewhere.clone()]);
    let inquiry = plan.inquiries()[0];
    let own = &inquiry.places;
    let there = &own.only_in(signatures.clone());
    assert_eq!(
        inquiry
            .signature_repositories()
            .into_iter()
            .collect::<Vec<_>>(),
        [signatures.clone(), inquiry.reference.repository().clone()]
    );
    assert_eq!(
        inquiry.methods(own).of_signatures,
        methods(&two_keys(1)).into_iter().collect()
    );
    assert_eq!(
        inquiry.methods(there).of_signatures,
        methods(&elsewhere).into_iter().collect()
    );
    let mut evidence = found(IMAGE, vec![checked_by_key(&two_keys(1), 1, 0)]);
    assert!(inquiry.is_satisfied_by(own, &evidence, &Circumstances::at(new_year(PRESENT))));
    assert!(!inquiry.is_satisfied_by(there, &evidence, &Circumstances::at(new_year(PRESENT))));
    let found_elsewhere = checked_by_identity(&elsewhere, 1, &gitlab_identity());
    let checked = vec![found_elsewhere];
    let found = found_in(there.clone(), [(signatures, Ok(checked.into()))]);
    evidence.signatures.extend(found.signatures);
    assert!(inquiry.is_satisfied_by(own, &evidence, &Circumstances::at(new_year(PRESENT))));
    assert!(inquiry.is_satisfied_by(there, &evidence, &Circumstances::at(new_year(PRESENT))));
}

#[test]
fn keys_without_a_log_or_a_trust_root_of_their_own_share_one_verification() {
    assert_eq!(
        key_authority("b", 0).methods(),
        key_authority("a", 0).methods()
    );
    let with_root = Authority {
        trust_root: Some(TrustRootName::Named("private".to_owned())),
        ..key_authority("b", 0)
    };
    let logged = Authority {
        require_log: true,
        ..with_root.clone()
    };
    let used = |authority: &Authority| match authority.methods().remove(0) {
        Method::Key {
            trust_root, time, ..
        } => (trust_root, time),
        Method::Certificate { .. } => panic!("{authority:?}"),
    };
    let private = || Some(TrustRootName::Named("private".to_owned()));
    assert_eq!(used(&key_authority("a", 0)), (None, TimeUse::Informs));
    assert_eq!(used(&with_root), (private(), TimeUse::Informs));
    assert_eq!(used(&logged), (private(), TimeUse::Informs));
    let ending = Authority {
        trust_root: private(),
        ..keys_authority("a", &[(0, between(None, Some(2027)))])
    };
    assert_eq!(used(&ending), (private(), TimeUse::Decides));
    let logged_without_root = Authority {
        require_log: true,
        ..key_authority("a", 0)
    };
    assert_eq!(
        used(&logged_without_root),
        (Some(TrustRootName::Public), TimeUse::Informs)
    );
}
