use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::policy::{Action::*, DefaultAction};

fn labels(pairs: &[(ModeLabel, &str)]) -> BTreeMap<String, String> {
    let pair = |(label, value): &(ModeLabel, &str)| (label.name().to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

fn cluster(default_action: DefaultAction, lowering: Lowering) -> ClusterModes {
    ClusterModes {
        default_action,
        lowering,
    }
}

/// As in `Deny`, `Warn`, `Warn (lowered)`.
fn word(meaning: Option<Meaning>) -> String {
    match meaning {
        None => "Allow".to_owned(),
        Some(Meaning { action, lowered_by }) => {
            let lowered = lowered_by.map_or_else(String::new, |label| format!(" by {label}"));
            format!("{action:?}{lowered}")
        }
    }
}

const LOWERED: &str = "Warn by assay.dev/default-action";

/// Cluster, label, whether lowering is allowed: what unmatched images get, what those get that only policies of the
/// namespace match, and what is told of the label.
#[rstest]
#[case("Allow", "Allow", [("Allow", "Allow", ""), ("Allow", "Allow", "")])]
#[case("Allow", "Warn", [("Warn", "Allow", "raises"), ("Warn", "Allow", "raises")])]
#[case("Allow", "Deny", [("Deny", "Allow", "raises"), ("Deny", "Allow", "raises")])]
#[case("Allow", "deny", [("Allow", "Allow", "expected"), ("Allow", "Allow", "expected")])]
#[case("Warn", "Allow", [("Warn", "Warn", "is off"), ("Allow", "Allow", "lowers")])]
#[case("Warn", "Warn", [("Warn", "Warn", ""), ("Warn", "Warn", "")])]
#[case("Warn", "Deny", [("Deny", "Warn", "raises"), ("Deny", "Warn", "raises")])]
#[case("Warn", "", [("Warn", "Warn", "expected"), ("Warn", "Warn", "expected")])]
#[case("Deny", "Allow", [("Deny", "Deny", "is off"), ("Allow", "Allow", "lowers")])]
#[case("Deny", "Warn", [("Deny", "Deny", "is off"), (LOWERED, LOWERED, "lowers")])]
#[case("Deny", "Deny", [("Deny", "Deny", ""), ("Deny", "Deny", "")])]
#[case("Deny", "Permit", [("Deny", "Deny", "expected"), ("Deny", "Deny", "expected")])]
fn the_default_action_of_a_namespace(
    #[case] default: &str,
    #[case] label: &str,
    #[case] expected: [(&str, &str, &str); 2],
) {
    let default = match default {
        "Allow" => DefaultAction::Allow,
        "Warn" => DefaultAction::Warn,
        _ => DefaultAction::Deny,
    };
    let labels = labels(&[(ModeLabel::DefaultAction, label)]);
    for (lowering, (unmatched, uncovered, told)) in [Lowering::Forbidden, Lowering::Allowed]
        .into_iter()
        .zip(expected)
    {
        let modes = cluster(default, lowering).within(&labels);
        let notes: Vec<String> = modes.notes().iter().map(ToString::to_string).collect();
        assert_eq!(
            (word(modes.of_unmatched()), word(modes.of_uncovered())),
            (unmatched.to_owned(), uncovered.to_owned()),
            "{lowering:?}"
        );
        assert_eq!(notes.is_empty(), told.is_empty(), "{lowering:?}: {notes:?}");
        assert!(notes.iter().all(|note| note.contains(told)), "{notes:?}");
        // The label on the default action says nothing about policies.
        for action in [Deny, Warn, Audit] {
            assert_eq!(modes.of_policy(action), Meaning::plain(action));
        }
    }
}

/// The label, whether lowering is allowed: what a policy's three actions mean.
#[rstest]
#[case("Warn", Lowering::Allowed, "Warn by assay.dev/action Warn Audit")]
#[case("Warn", Lowering::Forbidden, "Deny Warn Audit")]
#[case("warn", Lowering::Allowed, "Deny Warn Audit")]
#[case("Audit", Lowering::Allowed, "Deny Warn Audit")]
#[case("Deny", Lowering::Allowed, "Deny Warn Audit")]
#[case("Allow", Lowering::Allowed, "Deny Warn Audit")]
#[case("", Lowering::Allowed, "Deny Warn Audit")]
fn what_policies_deny_in_a_namespace(
    #[case] label: &str,
    #[case] lowering: Lowering,
    #[case] expected: &str,
) {
    let labels = labels(&[(ModeLabel::Action, label)]);
    for default in [
        DefaultAction::Allow,
        DefaultAction::Warn,
        DefaultAction::Deny,
    ] {
        let modes = cluster(default, lowering).within(&labels);
        let words = [Deny, Warn, Audit].map(|action| word(Some(modes.of_policy(action))));
        assert_eq!(words.join(" "), expected);
        // It is not about images that no policy matches.
        let without = cluster(default, lowering).within(&BTreeMap::new());
        assert_eq!(modes.of_unmatched(), without.of_unmatched());
        assert_eq!(modes.of_uncovered(), without.of_uncovered());
        assert_eq!(modes.notes().len(), 1);
    }
}

#[test]
fn each_label_is_told_with_what_it_does() {
    let told = |modes: &Modes| -> Vec<String> {
        let notes = modes.notes().iter();
        notes
            .map(|note| format!("{note} ({})", note.is_ignored()))
            .collect()
    };
    let lax = labels(&[
        (ModeLabel::Action, "Warn"),
        (ModeLabel::DefaultAction, "Allow"),
    ]);
    assert_eq!(
        told(&cluster(DefaultAction::Deny, Lowering::Allowed).within(&lax)),
        [
            "assay.dev/default-action=Allow lowers the cluster's default action (false)",
            "assay.dev/action=Warn lowers what policies deny to a warning (false)",
        ]
    );
    assert_eq!(
        told(&cluster(DefaultAction::Deny, Lowering::Forbidden).within(&lax)),
        [
            "assay.dev/default-action=Allow does not count: namespaces may not be laxer than the cluster (--namespaces-may-lower is off) (true)",
            "assay.dev/action=Warn does not count: namespaces may not be laxer than the cluster (--namespaces-may-lower is off) (true)",
        ]
    );
    let unknown = labels(&[
        (ModeLabel::Action, "Wa\nrn"),
        (ModeLabel::DefaultAction, "Deny\""),
    ]);
    assert_eq!(
        told(&cluster(DefaultAction::Allow, Lowering::Allowed).within(&unknown)),
        [
            "assay.dev/default-action=Deny\\\" does not count: expected Allow, Warn or Deny (true)",
            "assay.dev/action=Wa\\nrn does not count: expected Warn (true)",
        ]
    );
    let strict = labels(&[(ModeLabel::DefaultAction, "Deny")]);
    assert_eq!(
        told(&cluster(DefaultAction::Warn, Lowering::Forbidden).within(&strict)),
        ["assay.dev/default-action=Deny raises the cluster's default action (false)"]
    );
}

fn any_value() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![
        prop::sample::select(vec!["Allow", "Warn", "Deny", "Audit", "deny", ""])
            .prop_map(str::to_owned),
        any::<String>(),
    ])
}

fn any_labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    (any_value(), any_value()).prop_map(|(default, action)| {
        let pairs = [
            (ModeLabel::DefaultAction, default),
            (ModeLabel::Action, action),
        ];
        let pairs = pairs.into_iter();
        pairs
            .filter_map(|(label, value)| Some((label.name().to_owned(), value?)))
            .collect()
    })
}

fn any_default() -> impl Strategy<Value = DefaultAction> {
    prop::sample::select(vec![
        DefaultAction::Allow,
        DefaultAction::Warn,
        DefaultAction::Deny,
    ])
}

/// All that one namespace says, from lax to strict.
fn strictness(modes: &Modes) -> Vec<u8> {
    let rank = |meaning: Option<Meaning>| match meaning.map(|meaning| meaning.action) {
        None => 0,
        Some(Audit) => 1,
        Some(Warn) => 2,
        Some(Deny) => 3,
    };
    let of_policies = [Deny, Warn, Audit].map(|action| Some(modes.of_policy(action)));
    let of_default = [modes.of_unmatched(), modes.of_uncovered()];
    of_policies
        .into_iter()
        .chain(of_default)
        .map(rank)
        .collect()
}

fn is_as_strict(one: &Modes, other: &Modes) -> bool {
    strictness(one)
        .into_iter()
        .zip(strictness(other))
        .all(|(one, other)| one >= other)
}

proptest! {
    #[test]
    fn no_label_makes_anything_laxer_unless_that_is_allowed(labels in any_labels(), default in any_default()) {
        let cluster = cluster(default, Lowering::Forbidden);
        let without = cluster.within(&BTreeMap::new());
        prop_assert!(is_as_strict(&cluster.within(&labels), &without));
    }

    #[test]
    fn taking_the_permission_away_makes_nothing_laxer(labels in any_labels(), default in any_default()) {
        let forbidden = cluster(default, Lowering::Forbidden).within(&labels);
        let allowed = cluster(default, Lowering::Allowed).within(&labels);
        prop_assert!(is_as_strict(&forbidden, &allowed));
    }

    #[test]
    fn whatever_is_laxer_than_the_cluster_is_told(labels in any_labels(), default in any_default()) {
        let cluster = cluster(default, Lowering::Allowed);
        let modes = cluster.within(&labels);
        let lowers = modes.notes().iter().any(|note| note.effect == LabelEffect::Lowers);
        prop_assert_eq!(!is_as_strict(&modes, &cluster.within(&BTreeMap::new())), lowers);
    }
}
