//! Base images: named by the attestation, in the index, or in annotations.

use std::sync::Arc;

use super::*;
use crate::{
    decision::LookupFailure,
    image::{BuildStatement, Contents, PlatformContents},
};

pub(super) const ALLOWED: &str = "registry.gitlab.com/acme/base/alpine";

fn policy_on_bases() -> Policy {
    asking(|demand| {
        demand.base_images = vec!["registry.gitlab.com/acme/base/**".parse().unwrap()];
    })
}

pub(super) fn by_digest(name: &str) -> Value {
    json!({"uri": format!("pkg:docker/{name}@3.19"), "digest": {"sha256": other_digest().hex()}})
}

pub(super) fn by_tag(name: &str) -> Value {
    json!({"uri": format!("pkg:docker/{name}@3.19")})
}

/// What a job writes that names these images.
pub(super) fn naming(images: &[Value]) -> Value {
    let mut predicate = predicate();
    let dependencies = predicate.pointer_mut("/buildDefinition/resolvedDependencies");
    dependencies
        .unwrap()
        .as_array_mut()
        .unwrap()
        .extend_from_slice(images);
    predicate
}

/// An index in which BuildKit names these images.
pub(super) fn built_from(images: &[Value]) -> Contents {
    let predicate = json!({
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "resolvedDependencies": images,
        },
    });
    Contents {
        build_statements: vec![BuildStatement {
            platform: other_digest(),
            predicate_type: SLSA_V1.to_owned(),
            statement: statement(SLSA_V1, &predicate).into(),
        }],
        ..Contents::default()
    }
}

fn annotated(name: &str, digest: &str) -> Contents {
    let texts = [
        ("org.opencontainers.image.base.name", name),
        ("org.opencontainers.image.base.digest", digest),
    ];
    let texts = texts.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Contents {
        annotations: texts.into(),
        ..Contents::default()
    }
}

fn labelled(contents: Contents) -> Contents {
    Contents {
        platforms: vec![PlatformContents {
            platform: "linux/amd64".to_owned(),
            digest: other_digest(),
            annotations: BTreeMap::new(),
            labels: contents.annotations,
        }],
        ..Contents::default()
    }
}

pub(super) fn judge(attested: &[Value], contents: Contents) -> Decision {
    judge_found(attested, Some(Ok(Arc::new(contents))))
}

fn judge_found(
    attested: &[Value],
    contents: Option<Result<Arc<Contents>, LookupFailure>>,
) -> Decision {
    let policy = policy_on_bases();
    let image = ImageEvidence {
        contents,
        ..with(&policy, &[by_pipeline(&naming(attested))])
    };
    judged(policy, image)
}

pub(super) fn named(name: &str) -> Decision {
    judge(&[by_digest(name)], Contents::default())
}

pub(super) fn named_by_tag() -> Decision {
    judge(&[by_tag(ALLOWED)], Contents::default())
}

#[test]
fn every_base_image_must_be_listed_and_by_digest_whoever_names_it() {
    let (good, other) = (by_digest(ALLOWED), by_digest("docker.io/library/alpine"));
    let (one, nothing) = (std::slice::from_ref::<Value>, Contents::default);
    let digest = other_digest().to_string();
    assert_eq!(codes(&judge(one(&good), nothing())), [""; 0]);
    assert_eq!(codes(&judge(&[], built_from(one(&good)))), [""; 0]);
    assert_eq!(codes(&judge(&[], annotated(ALLOWED, &digest))), [""; 0]);
    let refused = [
        judge(one(&other), nothing()),
        judge(&[good.clone(), other.clone()], nothing()),
        judge(one(&good), built_from(one(&other))),
        judge(&[], built_from(&[good.clone(), other.clone()])),
        judge(&[other], built_from(one(&good))),
        judge(&[by_tag(ALLOWED)], nothing()),
        judge(&[good], built_from(&[by_tag(ALLOWED)])),
        judge(&[], annotated(ALLOWED, "")),
        judge(&[], annotated("docker.io/library/alpine", &digest)),
    ];
    for decision in &refused {
        assert_eq!(codes(decision), ["BaseImageNotAllowed"]);
    }
}

#[test]
fn labels_never_name_a_base_image_as_they_may_be_its_own() {
    let digest = other_digest().to_string();
    let contents = labelled(annotated(ALLOWED, &digest));
    assert_eq!(codes(&judge(&[], contents)), ["BaseImageNotAllowed"]);
}

#[test]
fn annotations_count_only_where_nothing_else_names_one() {
    let digest = other_digest().to_string();
    let contents = Contents {
        annotations: annotated("docker.io/library/alpine", &digest).annotations,
        ..built_from(&[by_digest(ALLOWED)])
    };
    assert_eq!(codes(&judge(&[], contents)), [""; 0]);
}

#[test]
fn what_is_no_image_is_no_base_image() {
    let source = json!({"uri": "https://github.com/acme/x.git", "digest": {"sha1": COMMIT}});
    let contents = built_from(&[source, by_digest(ALLOWED)]);
    assert_eq!(codes(&judge(&[], contents)), [""; 0]);
}

#[test]
fn a_build_statement_that_cannot_be_read_might_name_more() {
    let mut contents = built_from(&[by_digest(ALLOWED)]);
    contents.build_statements[0].statement = "no JSON".into();
    assert_eq!(
        codes(&judge(&[by_digest(ALLOWED)], contents)),
        ["BaseImageNotAllowed"]
    );
}

#[test]
fn without_an_attestation_a_build_statement_counts_for_nothing() {
    let policy = policy_on_bases();
    let image = ImageEvidence {
        contents: Some(Ok(Arc::new(built_from(&[by_digest(ALLOWED)])))),
        ..with(&policy, &[])
    };
    assert_eq!(codes(&judged(policy, image)), ["ProvenanceMissing"]);
}

#[test]
fn what_only_annotations_say_never_satisfies_a_rule_on_commits_refs_or_runners() {
    let policy = Policy {
        authorities: vec![key_authority("release-key", 0)],
        ..everything()
    };
    let silent = json!({"buildDefinition": {"buildType": ASSAY_BUILD_TYPE}});
    let attestation = by_key(SLSA_V1, &silent);
    let texts = [
        (
            "org.opencontainers.image.source",
            "https://gitlab.com/acme/shop/api",
        ),
        ("org.opencontainers.image.revision", COMMIT),
        ("com.gitlab.ci.commit.ref.name", "refs/tags/v1.8.2"),
    ];
    let texts = texts.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let image = ImageEvidence {
        contents: Some(Ok(Arc::new(Contents {
            annotations: texts.into(),
            ..Contents::default()
        }))),
        ..with(&policy, &[attestation])
    };
    let rules: [fn(&mut ProvenanceDemand); 3] = [
        |_| {},
        |demand| demand.source_repository = None,
        |demand| demand.refs.clear(),
    ];
    let mut policy = policy;
    let mut told = Vec::new();
    for rule in rules {
        rule(policy.provenance.as_mut().unwrap());
        told.extend(codes(&judged(policy.clone(), image.clone())));
    }
    assert_eq!(told, ["ProvenanceMismatch", "RefMismatch", "RefMismatch"]);
}

#[test]
fn what_could_not_be_looked_up_is_undetermined_unless_it_is_wrong_anyway() {
    let failed = |attested: &[Value], failure| codes(&judge_found(attested, Some(Err(failure))));
    let good = by_digest(ALLOWED);
    assert_eq!(
        failed(std::slice::from_ref(&good), LookupFailure::Timeout),
        ["RegistryTimeout"]
    );
    assert_eq!(
        failed(&[by_tag(ALLOWED)], LookupFailure::Timeout),
        ["BaseImageNotAllowed"]
    );
    assert_eq!(codes(&judge_found(&[good], None)), ["DeadlineExceeded"]);
}
