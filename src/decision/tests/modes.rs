//! What failures mean where a namespace's labels have a say.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::build::*;
use crate::{
    decision::{Decision, Enforcement, Evidence, Plan, PlannedImage, Question, decide, recorded},
    image::Reference,
    policy::{
        Action, ClusterModes, DefaultAction, Demand, Lowering, ModeLabel, Modes, Policy, PolicyId,
    },
};

fn modes(default_action: DefaultAction, lowering: Lowering, labels: &[(ModeLabel, &str)]) -> Modes {
    let pair = |(label, value): &(ModeLabel, &str)| (label.name().to_owned(), (*value).to_owned());
    let labels: BTreeMap<String, String> = labels.iter().map(pair).collect();
    ClusterModes {
        default_action,
        lowering,
    }
    .within(&labels)
}

fn lowered() -> Modes {
    let labels = [
        (ModeLabel::Action, "Warn"),
        (ModeLabel::DefaultAction, "Warn"),
    ];
    modes(DefaultAction::Deny, Lowering::Allowed, &labels)
}

fn by(namespace: Option<&str>, action: Action) -> Policy {
    let mut policy = policy(vec![key_authority("release", 0)]);
    policy.scope.action = action;
    policy.scope.id = PolicyId {
        namespace: namespace.map(str::to_owned),
        name: "release".to_owned(),
    };
    policy
}

/// An unsigned image.
fn unsigned(policies: Vec<Policy>, modes: Modes) -> Decision {
    let plan = Plan {
        modes,
        ..plan_of(vec![("api", IMAGE)], policies)
    };
    decide(&plan, &evidence_of(IMAGE, found(IMAGE, vec![])))
}

fn signed(policies: Vec<Policy>, modes: Modes) -> Decision {
    let candidate = checked_by_key(&policies[0], 1, 0);
    let plan = Plan {
        modes,
        ..plan_of(vec![("api", IMAGE)], policies)
    };
    decide(&plan, &evidence_of(IMAGE, found(IMAGE, vec![candidate])))
}

/// One line for each failure, as in `warned SignatureMissing by assay.dev/action`.
fn told(decision: &Decision) -> Vec<String> {
    let (denials, warnings, audits) = match decision {
        Decision::Admit(it) => (&[][..], &it.warnings, &it.audits),
        Decision::Deny(it) => (it.denials.as_slice(), &it.warnings, &it.audits),
    };
    [
        ("denied", denials),
        ("warned", warnings),
        ("reported", audits),
    ]
    .into_iter()
    .flat_map(|(word, list)| list.iter().map(move |denial| (word, denial)))
    .map(|(word, denial)| {
        let label = denial.lowered_by.map(|label| format!(" by {label}"));
        format!(
            "{word} {}{}",
            denial.cause.code(),
            label.unwrap_or_default()
        )
    })
    .collect()
}

#[rstest]
#[case(Action::Deny, Lowering::Forbidden, &["denied SignatureMissing"])]
#[case(Action::Deny, Lowering::Allowed, &["warned SignatureMissing by assay.dev/action"])]
#[case(Action::Warn, Lowering::Forbidden, &["warned SignatureMissing"])]
#[case(Action::Warn, Lowering::Allowed, &["warned SignatureMissing"])]
#[case(Action::Audit, Lowering::Forbidden, &["reported SignatureMissing"])]
#[case(Action::Audit, Lowering::Allowed, &["reported SignatureMissing"])]
fn a_label_lowers_what_policies_deny_where_that_is_allowed(
    #[case] action: Action,
    #[case] lowering: Lowering,
    #[case] expected: &[&str],
) {
    // A namespaced policy is lowered as those of the cluster are.
    for namespace in [None, Some("shop")] {
        for default in [DefaultAction::Allow, DefaultAction::Deny] {
            let policies = match namespace {
                None => vec![by(None, action)],
                // Covered by the cluster too, by a policy that the image satisfies in the other case.
                Some(_) => vec![by(namespace, action), by(None, Action::Audit)],
            };
            let covered_by_cluster = namespace.map(|_| "reported SignatureMissing");
            let modes = modes(default, lowering, &[(ModeLabel::Action, "Warn")]);
            let expected: Vec<&str> = expected.iter().copied().chain(covered_by_cluster).collect();
            assert_eq!(told(&unsigned(policies, modes)), expected);
        }
    }
}

#[test]
fn a_lowered_denial_says_so_on_record_and_not_to_the_author() {
    let Decision::Admit(admission) = unsigned(vec![by(None, Action::Deny)], lowered()) else {
        panic!("refused")
    };
    let [warning] = admission.warnings.as_slice() else {
        panic!("{:?}", admission.warnings)
    };
    let line = warning.to_string();
    assert!(!line.contains("label"), "{line}");
    assert_eq!(
        recorded(warning),
        format!("{line}; lowered from Deny to Warn by the namespace's label assay.dev/action")
    );
    assert_eq!(admission.labels, lowered().notes());
}

#[test]
fn what_only_a_label_keeps_from_being_refused_is_told_before_what_warns_anyway() {
    let policies = vec![by(None, Action::Warn), by(Some("shop"), Action::Deny)];
    let decision = unsigned(policies, lowered());
    assert_eq!(
        told(&decision),
        ["warned SignatureMissing by assay.dev/action"]
    );
}

#[test]
fn a_broken_policy_denies_under_every_label() {
    let policy = by(None, Action::Deny);
    let demand = Demand::Broken {
        scope: policy.scope.into(),
        reason: "spec.authorities: missing".to_owned(),
    };
    let mut plan = plan_of(vec![("api", IMAGE)], vec![by(None, Action::Deny)]);
    plan.modes = lowered();
    if let Some(Question::Judge(inquiry)) = plan.images.first_mut().map(|it| &mut it.question) {
        inquiry.demands.push(demand);
    }
    let decision = decide(&plan, &evidence_of(IMAGE, found(IMAGE, vec![])));
    assert_eq!(
        told(&decision),
        [
            "denied PolicyBroken",
            "warned SignatureMissing by assay.dev/action"
        ]
    );
}

#[test]
fn an_unreadable_reference_is_refused_under_every_label() {
    let reason = "Upper/case".parse::<Reference>().unwrap_err();
    let plan = Plan {
        images: vec![PlannedImage {
            slot: slot("api", "Upper/case"),
            question: Question::Unreadable(reason),
        }],
        modes: lowered(),
        enforcement: Enforcement::AsPolicySays,
    };
    let decision = decide(&plan, &Evidence::default());
    assert_eq!(told(&decision), ["denied ReferenceInvalid"]);
}

#[test]
fn what_is_only_reported_is_lowered_by_no_label() {
    let mut plan = plan_of(vec![("api", IMAGE)], vec![by(None, Action::Deny)]);
    plan.modes = lowered();
    plan.enforcement = Enforcement::ReportOnly;
    let decision = decide(&plan, &evidence_of(IMAGE, found(IMAGE, vec![])));
    assert_eq!(told(&decision), ["reported SignatureMissing"]);
}

#[rstest]
#[case(DefaultAction::Allow, &[], &[])]
#[case(DefaultAction::Warn, &[], &["warned NoPolicyMatches"])]
#[case(DefaultAction::Deny, &[], &["denied NoPolicyMatches"])]
#[case(DefaultAction::Allow, &[(ModeLabel::DefaultAction, "Deny")], &[])]
#[case(DefaultAction::Deny, &[(ModeLabel::DefaultAction, "Warn")], &["warned NoPolicyMatches by assay.dev/default-action"])]
#[case(DefaultAction::Deny, &[(ModeLabel::DefaultAction, "Allow")], &[])]
#[case(DefaultAction::Deny, &[(ModeLabel::Action, "Warn")], &["denied NoPolicyMatches"])]
fn a_namespaced_policy_takes_no_image_out_of_what_the_cluster_says(
    #[case] default: DefaultAction,
    #[case] labels: &[(ModeLabel, &str)],
    #[case] expected: &[&str],
) {
    let own = || by(Some("shop"), Action::Deny);
    let lowered = modes(default, Lowering::Allowed, labels);
    assert_eq!(told(&signed(vec![own()], lowered.clone())), expected);
    // A policy of the cluster does, and both must then be satisfied.
    let both = vec![own(), by(None, Action::Deny)];
    assert_eq!(told(&signed(both, lowered)), [""; 0]);
}

#[test]
fn what_a_namespaced_policy_refuses_is_told_before_that_the_cluster_has_none() {
    let own = by(Some("shop"), Action::Deny);
    let decision = unsigned(
        vec![own],
        modes(DefaultAction::Deny, Lowering::Forbidden, &[]),
    );
    assert_eq!(told(&decision), ["denied SignatureMissing"]);
}

fn any_modes(lowering: Lowering) -> impl Strategy<Value = Modes> {
    let values = || prop::option::of(prop::sample::select(vec!["Allow", "Warn", "Deny", "?"]));
    let defaults = vec![
        DefaultAction::Allow,
        DefaultAction::Warn,
        DefaultAction::Deny,
    ];
    (prop::sample::select(defaults), values(), values()).prop_map(move |(default, one, two)| {
        let labels = [(ModeLabel::DefaultAction, one), (ModeLabel::Action, two)];
        let labels: Vec<_> = labels
            .into_iter()
            .filter_map(|(label, value)| Some((label, value?)))
            .collect();
        modes(default, lowering, &labels)
    })
}

fn any_policies() -> impl Strategy<Value = Vec<Policy>> {
    let action = prop::sample::select(vec![Action::Deny, Action::Warn, Action::Audit]);
    let namespace = prop::option::of(Just("shop"));
    prop::collection::vec((namespace, action), 1..4).prop_map(|all| {
        all.into_iter()
            .map(|(place, action)| by(place, action))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_label_admits_nothing_that_policies_deny_unless_that_is_allowed(
        policies in any_policies(),
        modes in any_modes(Lowering::Forbidden),
    ) {
        let denies = policies.iter().any(|policy| policy.scope.action == Action::Deny);
        let decision = unsigned(policies, modes);
        prop_assert!(!denies || matches!(decision, Decision::Deny(_)));
    }

    #[test]
    fn nothing_that_would_be_refused_is_lowered_without_being_told(
        policies in any_policies(),
        modes in any_modes(Lowering::Allowed),
    ) {
        let denies = policies.iter().any(|policy| policy.scope.action == Action::Deny);
        let decision = unsigned(policies, modes);
        let is_told = told(&decision).iter().any(|line| line.contains(" by "));
        prop_assert!(!denies || matches!(decision, Decision::Deny(_)) || is_told);
    }
}
