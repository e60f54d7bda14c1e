//! Conditions: what they see of an image, and what they refuse.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::build::{
    IMAGE, by_identity, checked, codes, digest, evidence_of, found, gitlab_authority,
    gitlab_identity, line, methods, plan_of, policy,
};
use crate::{
    condition::{ATTESTATION_VARIABLES, Condition, POLICY_VARIABLES},
    decision::{Checked, Circumstances, Decision, Evidence, ImageEvidence, LookupFailure, decide},
    image::{Contents, Digest, PlatformContents},
    policy::{AttestationDemand, ConditionDemand, Place, Policy, ProvenanceDemand},
    provenance::{ASSAY_BUILD_TYPE, SLSA_V1},
    verify::{Layout, Signer, VerifiedAttestation},
};

const SBOM: &str = "https://cyclonedx.org/bom";

fn demand(expression: &str, variables: &[&str], message: Option<&str>) -> ConditionDemand {
    ConditionDemand {
        condition: Condition::compile(expression, variables).unwrap(),
        message: message.map(str::to_owned),
    }
}

/// A signature by the pipeline, and this.
fn asking(expression: &str) -> Policy {
    Policy {
        conditions: vec![demand(expression, &POLICY_VARIABLES, None)],
        ..policy(vec![gitlab_authority()])
    }
}

fn with_provenance(policy: Policy) -> Policy {
    Policy {
        provenance: Some(ProvenanceDemand {
            authorities: vec![0],
            source_repository: None,
            refs: Vec::new(),
            tag_matches: Vec::new(),
            runners: Vec::new(),
            pipeline_sources: Vec::new(),
            base_images: Vec::new(),
            max_age: None,
        }),
        ..policy
    }
}

fn with_sbom(policy: Policy, expressions: &[&str]) -> Policy {
    let conditions = expressions.iter();
    Policy {
        attestations: vec![AttestationDemand {
            predicate_type: SBOM.to_owned(),
            conditions: conditions
                .map(|text| demand(text, &ATTESTATION_VARIABLES, None))
                .collect(),
        }],
        ..policy
    }
}

/// A candidate with a statement by the pipeline.
fn attested(policy: &Policy, predicate_type: &str, predicate: &Value) -> Checked {
    let statement = json!({"predicateType": predicate_type, "predicate": predicate}).to_string();
    let signer = Signer::Certificate(Box::new(gitlab_identity()));
    let attestation = VerifiedAttestation::assumed(digest(), signer, predicate_type)
        .assumed_saying(statement.clone());
    let methods = methods(policy).into_iter();
    Checked {
        layout: Layout::Bundle,
        candidate: Digest::of(statement.as_bytes()),
        claimed_type: Some(predicate_type.to_owned()),
        results: BTreeMap::new(),
        attestations: methods.map(|it| (it, Ok(attestation.clone()))).collect(),
    }
}

fn platform(name: &str, annotations: &[(&str, &str)], labels: &[(&str, &str)]) -> PlatformContents {
    let texts = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    };
    PlatformContents {
        platform: name.to_owned(),
        digest: Digest::of(name.as_bytes()),
        annotations: texts(annotations),
        labels: texts(labels),
    }
}

fn contents() -> Contents {
    Contents {
        annotations: BTreeMap::from([
            ("pipeline".to_owned(), "77".to_owned()),
            ("title".to_owned(), "index".to_owned()),
        ]),
        platforms: vec![
            platform(
                "linux/amd64",
                &[
                    ("title", "amd64"),
                    ("same", "1"),
                    ("other", "1"),
                    ("one", "1"),
                ],
                &[("team", "shop"), ("base", "a")],
            ),
            platform(
                "linux/arm64",
                &[("title", "arm64"), ("same", "1"), ("other", "2")],
                &[("team", "shop"), ("base", "b")],
            ),
        ],
        ..Contents::default()
    }
}

/// Signed by the pipeline, with these attestations beside.
fn image(policy: &Policy, attestations: Vec<Checked>) -> ImageEvidence {
    let mut candidates = vec![checked(policy, 0, &Ok(by_identity(gitlab_identity())))];
    candidates.extend(attestations);
    ImageEvidence {
        contents: Some(Ok(Arc::new(contents()))),
        ..found(IMAGE, candidates)
    }
}

fn judged(policy: &Policy, image: ImageEvidence) -> Decision {
    let plan = plan_of(vec![("api", IMAGE)], vec![policy.clone()]);
    let evidence = evidence_of(IMAGE, image);
    let pod = json!({"metadata": {"labels": {"app": "api"}}, "spec": {"hostNetwork": false}});
    decide(
        &plan,
        &Evidence {
            circumstances: Circumstances {
                place: Place {
                    namespace: "shop".to_owned(),
                    namespace_labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
                    ..Place::default()
                },
                pod: Arc::new(pod),
                ..evidence.circumstances
            },
            ..evidence
        },
    )
}

fn holds(policy: &Policy, attestations: Vec<Checked>) -> Result<(), String> {
    match judged(policy, image(policy, attestations)) {
        Decision::Admit(_) => Ok(()),
        refused @ Decision::Deny(_) => Err(line(&refused)),
    }
}

#[test]
fn conditions_see_the_image_its_signatures_and_where_it_runs() {
    for expression in [
        "image.reference == 'registry.gitlab.com/acme/shop/api:1.8.2'",
        "image.registry == 'registry.gitlab.com' && image.path == 'acme/shop/api'",
        "image.repository == 'registry.gitlab.com/acme/shop/api' && image.tag == '1.8.2'",
        "image.digest.startsWith('sha256:ab12cd34ef56')",
        "image.annotations == {'pipeline': '77', 'title': 'index', 'same': '1'}",
        "image.labels == {'team': 'shop'}",
        "image.platforms == ['linux/amd64', 'linux/arm64']",
        "size(signatures) == 1 && signatures[0].authority == 'release-pipeline'",
        "signatures[0].signer == 'gitlab.com/acme/shop/api ref refs/tags/v1.8.2'",
        "signatures[0].issuer == 'https://gitlab.com' && signatures[0].environment == 'production'",
        "signatures[0].commit.startsWith('8a5c') && signatures[0].jobId == '4316132595'",
        "signatures[0].repositoryId == '45821955' && signatures[0].runnerEnvironment != ''",
        "!has(signatures[0].logIndex) && !has(signatures[0].tokenSubject)",
        "namespace.name == 'shop' && namespace.labels.env == 'prod'",
        "pod.metadata.labels.app == 'api' && !pod.spec.hostNetwork",
        "!has(provenance.commit) && attestations == []",
    ] {
        assert_eq!(
            holds(&asking(expression), Vec::new()),
            Ok(()),
            "{expression}"
        );
    }
}

#[test]
fn conditions_see_the_provenance_that_was_accepted() {
    let predicate = json!({
        "buildDefinition": {
            "buildType": ASSAY_BUILD_TYPE,
            "externalParameters": {"source": "https://gitlab.com/acme/shop/api", "variables": {
                "CI_PIPELINE_URL": "https://gitlab.com/acme/shop/api/-/pipelines/77",
            }},
        },
        "runDetails": {"builder": {"id": "https://gitlab.com/acme/shop/api/-/runners/1234"}},
    });
    for expression in [
        "image.annotations.pipeline == provenance.pipelineId",
        "provenance.commit.startsWith('8a5c') && provenance.ref == 'refs/tags/v1.8.2'",
        "provenance.runner.endsWith('/1234') && provenance.shape == 'gitlab'",
        "provenance.authority == 'release-pipeline' && provenance.baseImages == []",
        "provenance.predicate.runDetails.builder.id == provenance.runner",
        "!has(provenance.startedOn) && provenance.predicateType.endsWith('/v1')",
    ] {
        let policy = with_provenance(asking(expression));
        let attestation = attested(&policy, SLSA_V1, &predicate);
        assert_eq!(holds(&policy, vec![attestation]), Ok(()), "{expression}");
    }
}

#[test]
fn one_attestation_must_meet_all_conditions_of_its_entry() {
    let policy = with_sbom(
        policy(vec![gitlab_authority()]),
        &[
            "attestation.predicate.components.size() > 0",
            "attestation.predicate.complete && attestation.authority == signatures[0].authority",
        ],
    );
    let sbom = |components: Value, complete: bool| {
        attested(
            &policy,
            SBOM,
            &json!({"components": components, "complete": complete}),
        )
    };
    let (empty, incomplete) = (sbom(json!([]), true), sbom(json!([1]), false));
    assert_eq!(
        holds(&policy, vec![empty.clone(), sbom(json!([1]), true)]),
        Ok(())
    );
    let told = holds(&policy, vec![empty, incomplete]).unwrap_err();
    assert!(
        told.contains("attestation.predicate.complete &&") && told.contains("[ConditionFailed]"),
        "the one that came furthest is told of: {told}"
    );
}

#[test]
fn the_conditions_of_the_policy_see_the_attestations_that_were_accepted() {
    let expression = "attestations.map(a, a.predicate.number) == [2]";
    let policy = with_sbom(asking(expression), &["attestation.predicate.number > 1"]);
    let numbered = |number: i32| attested(&policy, SBOM, &json!({"number": number}));
    assert_eq!(holds(&policy, vec![numbered(1), numbered(2)]), Ok(()));
}

#[test]
fn a_condition_that_does_not_hold_is_told_with_its_message_or_itself() {
    let told = |demand: ConditionDemand| {
        let policy = Policy {
            conditions: vec![demand],
            ..policy(vec![gitlab_authority()])
        };
        let refused = judged(&policy, image(&policy, Vec::new()));
        assert_eq!(codes(&refused), ["ConditionFailed"]);
        line(&refused)
    };
    let written = told(demand(
        "image.tag == 'latest'",
        &POLICY_VARIABLES,
        Some("it is old"),
    ));
    assert!(written.contains("it is old"), "{written}");
    let unwritten = told(demand("image.tag == 'latest'", &POLICY_VARIABLES, None));
    assert!(unwritten.contains("image.tag == 'latest'"), "{unwritten}");
    let open = told(demand("provenance.jobId == '1'", &POLICY_VARIABLES, None));
    assert!(open.contains("provenance has no \"jobId\""), "{open}");
}

#[test]
fn what_else_is_wrong_with_an_image_is_told_first() {
    let policy = asking("false");
    let unsigned = found(IMAGE, Vec::new());
    assert_eq!(codes(&judged(&policy, unsigned)), ["SignatureMissing"]);
}

#[test]
fn a_condition_that_takes_too_many_steps_leaves_the_image_undetermined() {
    let all = "[1,2,3,4,5,6,7,8,9,10]";
    let endless = (0..7).fold("true".to_owned(), |inner, _| {
        format!("{all}.all(x, {inner})")
    });
    let policy = asking(&format!("{endless} || true"));
    let refused = judged(&policy, image(&policy, Vec::new()));
    assert_eq!(codes(&refused), ["LimitExceeded"]);
    assert!(line(&refused).contains("a condition takes more than 2000000 steps"));
}

#[test]
fn annotations_that_could_not_be_fetched_leave_the_image_undetermined() {
    let judge = |expression: &str, contents| {
        let policy = asking(expression);
        let image = ImageEvidence {
            contents,
            ..image(&policy, Vec::new())
        };
        codes(&judged(&policy, image)).join(" ")
    };
    let late = || Some(Err(LookupFailure::Deadline));
    assert_eq!(judge("image.annotations == {}", late()), "DeadlineExceeded");
    assert_eq!(judge("size(image) > 0", None), "DeadlineExceeded");
    assert_eq!(judge("image.tag == '1.8.2'", late()), "");
}

#[test]
fn an_image_judged_alone_has_no_pod() {
    let policy = asking("!has(pod.spec) && !has(pod.metadata)");
    let plan = plan_of(vec![("api", IMAGE)], vec![policy.clone()]);
    let decision = decide(&plan, &evidence_of(IMAGE, image(&policy, Vec::new())));
    assert_eq!(codes(&decision), [""; 0]);
}

#[test]
fn the_conditions_of_one_review_share_what_they_may_take() {
    let steps = |slots: usize, images: usize, policies: Vec<Policy>| {
        let written: Vec<String> = (0..slots)
            .map(|index| format!("r.example/app:{}", index % images))
            .collect();
        let slots = written.iter().map(|written| ("api", written.as_str()));
        plan_of(slots.collect(), policies).condition_steps()
    };
    let with = || asking("image.tag != ''");
    let without = || policy(vec![gitlab_authority()]);
    assert_eq!(steps(500, 500, vec![with()]), 80_000);
    assert_eq!(steps(500, 500, vec![with(), with()]), 40_000);
    assert_eq!(steps(21, 21, vec![with()]), 1_904_761);
    for most in [
        steps(20, 20, vec![with()]),
        steps(500, 1, vec![with()]),
        steps(500, 500, vec![without()]),
        steps(0, 1, Vec::new()),
    ] {
        assert_eq!(most, 2_000_000);
    }
}

#[test]
fn the_share_of_a_condition_is_what_it_may_take() {
    let policy = asking("image.tag != '' && image.path != ''");
    let evidence = evidence_of(IMAGE, image(&policy, Vec::new()));
    let with = |condition_steps: u64| {
        let plan = plan_of(vec![("api", IMAGE)], vec![policy.clone()]);
        let circumstances = Circumstances {
            condition_steps,
            ..evidence.circumstances.clone()
        };
        let evidence = Evidence {
            circumstances,
            ..evidence.clone()
        };
        codes(&decide(&plan, &evidence))
    };
    assert_eq!(with(5), ["LimitExceeded"]);
    assert_eq!(with(50), [""; 0]);
}
