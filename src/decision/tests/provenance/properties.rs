//! What holds for any attestations and any contents.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::{base_images::*, *};
use crate::{
    decision::{LookupFailure, tests::build::checked_by_identity},
    image::Contents,
};

type FoundContents = Option<Result<Arc<Contents>, LookupFailure>>;

/// Some of the rules, with or without a signature beside.
fn any_policy() -> impl Strategy<Value = Policy> {
    (0_u8..16, 0_usize..2).prop_map(|(rules, require)| {
        let asks = |rule: u8| rules & (1 << rule) != 0;
        let policy = asking(|demand| {
            if asks(0) {
                demand.refs = vec!["refs/tags/v*".parse().unwrap()];
            }
            if asks(1) {
                let runner = "https://gitlab.com/acme/shop/api/-/runners/1234";
                demand.runners = vec![runner.parse().unwrap()];
            }
            if asks(2) {
                demand.max_age = Some(SignedDuration::from_hours(2160));
            }
            if asks(3) {
                demand.base_images = vec!["registry.gitlab.com/acme/base/**".parse().unwrap()];
            }
        });
        Policy { require, ..policy }
    })
}

fn any_candidate(policy: Policy) -> impl Strategy<Value = Checked> {
    (0_u8..8).prop_map(move |kind| {
        let attested = |attestation| candidate(&policy, &Ok(attestation));
        match kind {
            0 | 1 => attested(by_pipeline(&naming(&[by_digest(ALLOWED)]))),
            2 => attested(by_pipeline(&naming(&[by_tag(ALLOWED)]))),
            3 => attested(by_pipeline(&predicate_with(
                "/runDetails/builder/id",
                json!("https://gitlab.com/acme/shop/api/-/runners/9"),
            ))),
            4 => attested(by_pipeline(&predicate_with(
                "/buildDefinition/externalParameters/source",
                json!("https://gitlab.com/acme/other"),
            ))),
            5 => attested(by(
                gitlab_identity_of("acme/fork", "refs/heads/main"),
                &predicate(),
            )),
            6 => candidate(
                &policy,
                &Err(CheckFailure::TrustRoot {
                    reason: "not loaded".to_owned(),
                }),
            ),
            _ => checked_by_identity(&policy, 1, &gitlab_identity()),
        }
    })
}

fn any_contents() -> impl Strategy<Value = FoundContents> {
    prop_oneof![
        Just(None),
        Just(Some(Err(LookupFailure::Timeout))),
        Just(Some(Ok(Arc::default()))),
        Just(Some(Ok(Arc::new(built_from(&[by_digest(ALLOWED)]))))),
        Just(Some(Ok(Arc::new(built_from(&[by_tag(ALLOWED)]))))),
    ]
}

fn any_case() -> impl Strategy<Value = (Policy, ImageEvidence)> {
    any_policy().prop_flat_map(|policy| {
        let candidates = prop::collection::vec(any_candidate(policy.clone()), 0..4);
        (Just(policy), candidates, any_contents()).prop_map(|(policy, candidates, contents)| {
            let image = ImageEvidence {
                contents,
                ..found(IMAGE, candidates)
            };
            (policy, image)
        })
    })
}

/// Everything that can be taken away, one at a time. The contents of an image are there as a whole or not at all.
fn weaker(image: &ImageEvidence) -> Vec<ImageEvidence> {
    let with = |change: &dyn Fn(&mut Vec<Checked>)| {
        let mut weaker = image.clone();
        let places = weaker.signatures.values_mut();
        for found in places.flat_map(BTreeMap::values_mut) {
            change(&mut found.checked);
        }
        weaker
    };
    let mut all: Vec<ImageEvidence> = [None, Some(Err(LookupFailure::Deadline))]
        .map(|contents| ImageEvidence {
            contents,
            ..image.clone()
        })
        .into();
    let found = image.signatures.values();
    let found = found.flat_map(BTreeMap::values);
    for index in 0..found.map(|found| found.checked.len()).sum() {
        all.push(with(&|list| drop(list.remove(index))));
        all.push(with(&|list| list[index].attestations.clear()));
        all.push(with(&|list| list[index].results.clear()));
    }
    all
}

fn is_admitted(decision: &Decision) -> bool {
    matches!(decision, Decision::Admit(_))
}

proptest! {
    #[test]
    fn taking_evidence_away_never_admits((policy, image) in any_case()) {
        if !is_admitted(&judged(policy.clone(), image.clone())) {
            for weaker in weaker(&image) {
                prop_assert!(!is_admitted(&judged(policy.clone(), weaker)));
            }
        }
    }

    #[test]
    fn what_is_admitted_has_provenance_by_an_accepted_signer((policy, image) in any_case()) {
        if let Decision::Admit(admission) = judged(policy.clone(), image) {
            let admitted = &admission.images[0];
            prop_assert_eq!(admitted.signatures.len(), policy.require);
            prop_assert_eq!(admitted.attestations.len(), 1);
            prop_assert_eq!(admitted.signers(), ["gitlab.com/acme/shop/api ref refs/tags/v1.8.2"]);
        }
    }
}
