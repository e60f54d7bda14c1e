//! The whole line of every cause that is about how an image was built.

use insta::assert_snapshot;

use super::{base_images, *};
use crate::{
    decision::{Cause, Rejection, message, tests::build::slot},
    decision::{Denial, Refusal},
    policy::{Action, TagDemand, TagPattern},
};

fn line_of(policy: &Policy, attestations: &[VerifiedAttestation]) -> String {
    line(&on(policy, attestations))
}

/// The line when this is what the provenance says at this pointer.
fn line_when(policy: &Policy, pointer: &str, value: Value) -> String {
    line_of(policy, &[by_pipeline(&predicate_with(pointer, value))])
}

/// The line by a key, so that nothing but the statement says anything.
fn line_by_key(policy: Policy, predicate: &Value) -> String {
    let policy = Policy {
        authorities: vec![key_authority("release-key", 0)],
        ..policy
    };
    let attestation = by_key(SLSA_V1, predicate);
    line_of(&policy, &[attestation])
}

fn line_of_cause(cause: impl Into<Cause>) -> String {
    let denial = Denial {
        slot: slot("api", IMAGE),
        digest: Some(digest()),
        policy: Some(asking(|_| {}).scope.id),
        cause: cause.into(),
        judged: 0,
        help: None,
        lowered_by: None,
    };
    message(&Refusal {
        denials: vec![denial],
        images: Vec::new(),
        warnings: Vec::new(),
        audits: Vec::new(),
        judged: Vec::new(),
        labels: Vec::new(),
    })
}

#[test]
fn provenance_missing() {
    assert_snapshot!(line_of(&everything(), &[]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signed provenance, policy "shop-production" asks for it [ProvenanceMissing]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn provenance_by_another() {
    let fork = gitlab_identity_of("acme/fork", "refs/heads/main");
    assert_snapshot!(line_of(&everything(), &[by(fork, &predicate())]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has an attestation of type https://slsa.dev/provenance/v1 by gitlab.com/acme/fork ref refs/heads/main, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn provenance_contradicting_its_certificate() {
    let pointer = "/buildDefinition/externalParameters/source";
    let other = json!("https://gitlab.com/acme/other");
    assert_snapshot!(line_when(&everything(), pointer, other), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says source repository https://gitlab.com/acme/other (attestation), but source repository https://gitlab.com/acme/shop/api (certificate): it contradicts itself [ProvenanceMismatch]; attest it again in the GitLab release pipeline, in the job that built it: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn provenance_contradicting_itself() {
    let pointer = "/buildDefinition/externalParameters/variables/CI_COMMIT_SHA";
    let predicate = predicate_with(pointer, json!("0".repeat(40)));
    assert_snapshot!(line_by_key(everything(), &predicate), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says commit 0000000000000000000000000000000000000000 (predicate.buildDefinition.externalParameters.variables.CI_COMMIT_SHA), but commit 8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c (predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit): it contradicts itself [ProvenanceMismatch]; attest it again with an accepted key, in the job that built it: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn another_source_repository() {
    let policy = asking(|demand| {
        demand.source_repository = Some("https://gitlab.com/acme/web".parse().unwrap());
    });
    assert_snapshot!(line_of(&policy, &[by_pipeline(&predicate())]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says source repository https://gitlab.com/acme/shop/api (certificate), policy "shop-production" accepts https://gitlab.com/acme/web [ProvenanceMismatch]; deploy an image built from an accepted repository"#);
}

#[test]
fn another_ref() {
    let policy = asking(|demand| demand.refs = vec!["refs/heads/main".parse().unwrap()]);
    assert_snapshot!(line_of(&policy, &[by_pipeline(&predicate())]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says ref refs/tags/v1.8.2 (certificate), policy "shop-production" accepts refs/heads/main [RefMismatch]; deploy an image built from an accepted branch or tag"#);
}

#[test]
fn no_ref() {
    let silent = json!({"buildDefinition": {"buildType": ASSAY_BUILD_TYPE}});
    let policy = asking(|demand| demand.refs = vec!["refs/heads/main".parse().unwrap()]);
    assert_snapshot!(line_by_key(policy, &silent), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says no ref, policy "shop-production" accepts refs/heads/main [RefMismatch]; attest it with provenance that states the ref"#);
}

#[test]
fn another_pipeline_source() {
    let policy =
        asking(|demand| demand.pipeline_sources = vec!["web".to_owned(), "api".to_owned()]);
    assert_snapshot!(line_of(&policy, &[by_pipeline(&predicate())]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says pipeline source push (certificate), policy "shop-production" accepts web or api [ProvenanceMismatch]; deploy an image of a web or api pipeline"#);
}

#[test]
fn another_runner() {
    let pointer = "/runDetails/builder/id";
    let other = json!("https://gitlab.com/acme/shop/api/-/runners/9");
    assert_snapshot!(line_when(&everything(), pointer, other), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says runner https://gitlab.com/acme/shop/api/-/runners/9 (attestation), policy "shop-production" accepts https://gitlab.com/acme/shop/api/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one"#);
}

#[test]
fn the_tag_of_another_commit() {
    let policy = asking(|demand| demand.tag_matches = vec![TagMatch::Commit]);
    let written = "registry.gitlab.com/acme/shop/api:a1b2c3d";
    assert_snapshot!(line(&tagged(&policy, written, &by_pipeline(&predicate()))), @r#"container "api": registry.gitlab.com/acme/shop/api:a1b2c3d (sha256:ab12cd34ef56…) provenance says commit 8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c (certificate), the tag says a1b2c3d, policy "shop-production" wants them to be the same [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
}

#[test]
fn the_tag_of_another_ref() {
    let policy = asking(|demand| demand.tag_matches = vec![TagMatch::Ref]);
    let written = "registry.gitlab.com/acme/shop/api:1.8.3";
    assert_snapshot!(line(&tagged(&policy, written, &by_pipeline(&predicate()))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.3 (sha256:ab12cd34ef56…) provenance says ref refs/tags/v1.8.2 (certificate), the tag says 1.8.3, policy "shop-production" wants them to be the same [RefMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
}

#[test]
fn a_tag_that_may_be_a_commit_or_a_ref() {
    let policy = asking(|demand| demand.tag_matches = vec![TagMatch::Ref, TagMatch::Commit]);
    let written = "registry.gitlab.com/acme/shop/api:8812345";
    assert_snapshot!(line(&tagged(&policy, written, &by_pipeline(&predicate()))), @r#"container "api": registry.gitlab.com/acme/shop/api:8812345 (sha256:ab12cd34ef56…) provenance says commit 8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c8a5c (certificate) and ref refs/tags/v1.8.2 (certificate), the tag says 8812345, policy "shop-production" wants it to name one of them [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
}

#[test]
fn a_base_image_that_is_not_listed() {
    assert_snapshot!(line(&base_images::named("docker.io/library/alpine")), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance names base image docker.io/library/alpine:3.19 (attestation), policy "shop-production" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image"#);
}

#[test]
fn a_base_image_by_a_short_name() {
    let line = line(&base_images::named("alpine"));
    let found =
        "provenance names base image alpine:3.19 (docker.io/library/alpine) (attestation), policy";
    assert!(line.contains(found), "{line}");
}

#[test]
fn a_base_image_without_a_digest() {
    assert_snapshot!(line(&base_images::named_by_tag()), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance names base image registry.gitlab.com/acme/base/alpine:3.19 without a digest (attestation), policy "shop-production" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; name it by digest in the Dockerfile: FROM <name>@sha256:<digest>"#);
}

#[test]
fn no_base_image() {
    let nothing = crate::image::Contents::default();
    assert_snapshot!(line(&base_images::judge(&[], nothing)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance names no base image, policy "shop-production" accepts registry.gitlab.com/acme/base/** [BaseImageNotAllowed]; build it with provenance, and sign the index that holds it: docker buildx build --provenance=mode=max"#);
}

#[test]
fn a_build_that_is_too_old() {
    let pointer = "/runDetails/metadata/finishedOn";
    let old = json!("2025-01-01T00:00:00Z");
    assert_snapshot!(line_when(&everything(), pointer, old), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says it was built at 2025-01-01T00:00:00Z, policy "shop-production" accepts builds of at most 2160h [BuildTooOld]; build it again and deploy the new image"#);
}

#[test]
fn a_build_that_is_yet_to_come() {
    let pointer = "/runDetails/metadata/finishedOn";
    let future = json!("2099-01-01T00:00:00Z");
    assert_snapshot!(line_when(&everything(), pointer, future), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance says it was built at 2099-01-01T00:00:00Z, which is yet to come, policy "shop-production" accepts builds of at most 2160h [BuildTooOld]; build it again and deploy the new image"#);
}

#[test]
fn a_build_whose_time_nobody_says() {
    let mut silent = predicate();
    silent["runDetails"]["metadata"] = json!({});
    assert_snapshot!(line_of(&everything(), &[by_pipeline(&silent)]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) provenance does not say when it was built, policy "shop-production" accepts builds of at most 2160h [BuildTooOld]; attest it with provenance that states finishedOn"#);
}

#[test]
fn several_attestations_of_which_none_is_as_asked() {
    let other = predicate_with(
        "/runDetails/builder/id",
        json!("https://gitlab.com/acme/shop/api/-/runners/9"),
    );
    let attestations = [by_pipeline(&other), by_pipeline(&other)];
    assert_snapshot!(line_of(&everything(), &attestations), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 attestations of provenance found, none accepted: the closest provenance says runner https://gitlab.com/acme/shop/api/-/runners/9 (attestation), policy "shop-production" accepts https://gitlab.com/acme/shop/api/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one"#);
}

#[test]
fn tag_not_allowed() {
    let allow = [r"v?\d+\.\d+", "latest"].map(|it| TagPattern::new(it).unwrap());
    let policy = Policy {
        tags: Some(TagDemand {
            allow: allow.into(),
        }),
        ..asking(|_| {})
    };
    assert_snapshot!(line_of(&policy, &[by_pipeline(&predicate())]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has tag 1.8.2, policy "shop-production" accepts v?\d+\.\d+ or latest [TagNotAllowed]; deploy it by an accepted tag, or by digest"#);
    let by_digest = format!("registry.gitlab.com/acme/shop/api@{}", digest());
    for written in ["registry.gitlab.com/acme/shop/api", by_digest.as_str()] {
        let attestation = by_pipeline(&predicate());
        assert_eq!(codes(&tagged(&policy, written, &attestation)), [""; 0]);
    }
}

#[test]
fn a_warning_keeps_its_code() {
    let mut policy = everything();
    policy.scope.action = Action::Warn;
    let Decision::Admit(admission) = on(&policy, &[]) else {
        panic!("refused")
    };
    assert_snapshot!(crate::decision::warning(&admission.warnings[0]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 has no signed provenance [ProvenanceMissing]"#);
}

#[test]
fn condition_failed() {
    assert_snapshot!(line_of_cause(Rejection::ConditionFailed {
        predicate_type: None,
        text: "the image's annotation names another pipeline than its provenance".to_owned(),
        reason: None,
    }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) does not meet a condition of policy "shop-production": the image's annotation names another pipeline than its provenance [ConditionFailed]; correct what the condition is about, or ask the policy's author"#);
}

#[test]
fn condition_of_an_attestation_failed() {
    assert_snapshot!(line_of_cause(Rejection::ConditionFailed {
        predicate_type: Some("https://cyclonedx.org/bom".to_owned()),
        text: "attestation.predicate.components.size() > 0".to_owned(),
        reason: Some("attestation.predicate has no \"components\"".to_owned()),
    }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no attestation of type https://cyclonedx.org/bom that meets a condition of policy "shop-production": attestation.predicate.components.size() > 0 (it has no answer: attestation.predicate has no "components") [ConditionFailed]; correct what the condition is about, or ask the policy's author"#);
}
