//! What has to be read of an image itself.

use std::collections::BTreeSet;

use super::build::{key_authority, plan_of, policy};
use crate::{
    condition::{Condition, POLICY_VARIABLES},
    image::Part,
    policy::{AttestationDemand, ConditionDemand, Policy, ProvenanceDemand},
};

fn parts_of(policies: Vec<Policy>) -> BTreeSet<Part> {
    let plan = plan_of(vec![("api", "r.example/app:1")], policies);
    plan.inquiries()[0].parts()
}

fn condition(expression: &str) -> ConditionDemand {
    ConditionDemand {
        condition: Condition::compile(expression, &POLICY_VARIABLES).unwrap(),
        message: None,
    }
}

fn with_conditions(expressions: &[&str]) -> Policy {
    Policy {
        conditions: expressions.iter().map(|text| condition(text)).collect(),
        ..policy(vec![key_authority("release", 1)])
    }
}

fn with_base_images(base_images: &[&str]) -> Policy {
    let base_images = base_images.iter().map(|text| text.parse().unwrap());
    Policy {
        provenance: Some(ProvenanceDemand {
            authorities: vec![0],
            source_repository: None,
            refs: Vec::new(),
            tag_matches: Vec::new(),
            runners: Vec::new(),
            pipeline_sources: Vec::new(),
            base_images: base_images.collect(),
            max_age: None,
        }),
        ..policy(vec![key_authority("release", 1)])
    }
}

#[test]
fn nothing_is_read_of_the_image_that_no_demand_is_about() {
    for policies in [
        vec![with_conditions(&[])],
        vec![with_conditions(&["pod.spec.hostNetwork == false"])],
        vec![with_base_images(&[])],
    ] {
        assert_eq!(parts_of(policies), BTreeSet::new());
    }
}

#[test]
fn conditions_over_annotations_and_labels_ask_for_them() {
    for (expression, parts) in [
        (
            "image.annotations['a'] == 'b'",
            [Part::Annotations].as_slice(),
        ),
        ("image.labels['a'] == 'b'", &[Part::Labels]),
        ("image.platforms == ['linux/amd64']", &[Part::Platforms]),
        (
            "size(image) > 0",
            &[Part::Annotations, Part::Labels, Part::Platforms],
        ),
    ] {
        let expected: BTreeSet<Part> = parts.iter().copied().collect();
        assert_eq!(parts_of(vec![with_conditions(&[expression])]), expected);
        let of_attestation = Policy {
            attestations: vec![AttestationDemand {
                predicate_type: "https://spdx.dev/Document".to_owned(),
                conditions: vec![condition(expression)],
            }],
            ..with_conditions(&[])
        };
        assert_eq!(parts_of(vec![of_attestation]), expected);
    }
}

#[test]
fn base_images_ask_for_annotations_and_the_builds_own_statements() {
    assert_eq!(
        parts_of(vec![with_base_images(&["r.example/base/**"])]),
        BTreeSet::from([Part::Annotations, Part::BuildStatements])
    );
}

#[test]
fn what_several_policies_ask_for_is_read_together() {
    let policies = vec![
        with_conditions(&["image.labels['a'] == 'b'"]),
        with_base_images(&["r.example/base/**"]),
    ];
    assert_eq!(
        parts_of(policies),
        BTreeSet::from([Part::Annotations, Part::Labels, Part::BuildStatements])
    );
}
