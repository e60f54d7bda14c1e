//! `key.gitlab-ci.yml` and `policy-key.yaml`, with cosign 2 and 3.

use serde_json::{Value, json};

use super::{
    keyless::{LONG_AGO, OTHER_COMMIT},
    release::{Release, beside, copy, in_the_world, pulling},
};
use crate::support::{cluster, image::Cosign};

#[test]
#[ignore = "needs a cluster"]
fn what_the_pipeline_with_a_key_releases_is_admitted_by_either_cosign() {
    for (name, cosign, tag) in [
        ("released-key-2", Cosign::Two, "v2.0.2"),
        ("released-key-3", Cosign::Three, "v2.0.3"),
    ] {
        let release = Release::by_key(name, cosign);
        let (image, digest) = release.build(&release.pipeline(tag));
        let admitted = release.scene.accepts(&pulling(&image));
        let pinned = format!("{image}@{digest}");
        assert_eq!(admitted["spec"]["containers"][0]["image"], pinned);
        let annotation = admitted["metadata"]["annotations"]["assay.dev/images"].as_str();
        let annotation = in_the_world(annotation.expect("it is there"));
        let facts: Value = serde_json::from_str(&annotation).expect("it is JSON");
        let project = "https://gitlab.example/acme/ledger/api";
        let expected = json!({ "app": {
            "digest": "sha256:DIGEST",
            "policies": ["ledger-release"],
            "signer": "key sha256:DIGEST…",
            "commit": "8f3c2d1e0b9a7f6e5d4c3b2a19087f6e5d4c3b2a",
            "job": format!("{project}/-/jobs/4316132595"),
            "pipeline": format!("{project}/-/pipelines/1212"),
        } });
        assert_eq!(facts, expected);
    }
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_built_and_signed_by_hand_is_refused() {
    let release = Release::by_key("outside-key", Cosign::Two);
    let pipeline = release.pipeline("v2.1.0");
    release.run(&pipeline, &release.job("build").without("attest"));
    release.says(&pipeline, "ProvenanceMissing", "has no signed provenance, policy \"ledger-release\" asks for it [ProvenanceMissing]; attest it with an accepted key: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.example/acme/ledger/api@sha256:DIGEST");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_rebuilt_under_the_same_tag_with_the_key_is_refused() {
    let release = Release::by_key("rebuilt-key", Cosign::Two);
    release.build(
        &release
            .pipeline("-")
            .on_branch("main", "c0ffee1d2e3f405162738495a6b7c8d9e0f10213"),
    );
    let mut later = release
        .pipeline("-")
        .on_branch("main", "c0ffee1d2e3f405162738495a6b7c8d9e0f10213")
        .with("IMAGE_TAG", "c0ffee1d");
    later.commit = OTHER_COMMIT;
    release.build(&later);
    release.says(&later, "CommitMismatch", "provenance says commit a1b2c3d4e5f60718293a4b5c6d7e8f9001122334 (attestation) and ref refs/heads/main (attestation), the tag says c0ffee1d, policy \"ledger-release\" wants it to name one of them [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_copied_from_another_project_of_the_same_key_is_refused() {
    let release = Release::by_key("copied-key", Cosign::Two);
    let mut elsewhere = release.pipeline("v2.2.0");
    elsewhere.project = "acme/ledger/web";
    let (image, digest) = release.build(&elsewhere);
    let here = image.replace("/ledger/web:", "/ledger/api:");
    copy(&image, &here);
    for suffix in [".sig", ".att"] {
        copy(
            &beside(&image, &digest, suffix),
            &beside(&here, &digest, suffix),
        );
    }
    assert_eq!(
        in_the_world(&release.rejects(&here, "ProvenanceMismatch")),
        "provenance says source repository https://gitlab.example/acme/ledger/web (attestation), policy \"ledger-release\" accepts https://gitlab.example/acme/ledger/api [ProvenanceMismatch]; deploy an image built from an accepted repository"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_a_branch_with_an_odd_name_is_refused_by_that_name() {
    let release = Release::by_key("wrong-branch-key", Cosign::Two);
    let pipeline = release
        .pipeline("-")
        .on_branch(ODD_BRANCH, "0ddba11000112233445566778899aabbccddeeff");
    release.build(&pipeline);
    let variables = &release.checkout.read("provenance.json")["buildDefinition"]["externalParameters"]
        ["variables"];
    assert_eq!(variables["CI_COMMIT_REF_NAME"], json!(ODD_BRANCH));
    release.says(
        &pipeline,
        "RefMismatch",
        &format!(
            "provenance says ref refs/heads/{ODD_BRANCH} (attestation), policy \"ledger-release\" accepts \
             refs/heads/main or refs/tags/v* [RefMismatch]; deploy an image built from an accepted branch or tag"
        ),
    );
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_a_merge_request_with_the_key_is_refused() {
    let release = Release::by_key("merge-request-key", Cosign::Two);
    let mut pipeline = release
        .pipeline("-")
        .on_branch("main", "decade0000112233445566778899aabbccddeeff");
    pipeline.source = "merge_request_event";
    release.build(&pipeline);
    release.says(&pipeline, "ProvenanceMismatch", "provenance says pipeline source merge_request_event (attestation), policy \"ledger-release\" accepts push or web [ProvenanceMismatch]; deploy an image of a push or web pipeline");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_another_runner_with_the_key_is_refused() {
    let release = Release::by_key("runner-key", Cosign::Three);
    let mut pipeline = release.pipeline("v2.3.0");
    pipeline.runner = "666";
    release.build(&pipeline);
    release.says(&pipeline, "RunnerNotAllowed", "provenance says runner https://gitlab.example/acme/ledger/api/-/runners/666 (attestation), policy \"ledger-release\" accepts https://gitlab.example/acme/ledger/*/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_on_another_base_with_the_key_is_refused() {
    let release = Release::by_key("base-key", Cosign::Three);
    let base = format!("{}/acme/elsewhere/debian:12", cluster().guarded.host);
    let pipeline = release.pipeline("v2.4.0").with("BASE_IMAGE", &base);
    release.build(&pipeline);
    release.says(&pipeline, "BaseImageNotAllowed", "provenance names base image registry.example/acme/elsewhere/debian:12 (attestation), policy \"ledger-release\" accepts registry.example/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_with_the_provenance_of_another_digest_is_refused() {
    let release = Release::by_key("other-digest-key", Cosign::Two);
    let pipeline = release.pipeline("v2.5.0");
    let (image, first) = release.build(&pipeline);
    let job = release.job("build").without("attest");
    release.run(&pipeline, &job.tampered("build", "echo changed >app"));
    let (_, second) = release.checkout.release();
    assert_ne!(first, second);
    copy(
        &beside(&image, &first, ".att"),
        &beside(&image, &second, ".att"),
    );
    release.says(&pipeline, "AttestationInvalid", "has an attestation of type https://slsa.dev/provenance/v1 that is not valid: signs another image (sha256:DIGEST) [AttestationInvalid]; attest it again with an accepted key: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.example/acme/ledger/api@sha256:DIGEST");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_whose_provenance_another_key_signed_is_refused() {
    let release = Release::by_key("attested-elsewhere-key", Cosign::Two);
    let pipeline = release.pipeline("v2.6.0");
    release.run(&pipeline, &release.job("build").without("attest"));
    let other = cluster().signer.another_private_key();
    let other = release.with_key(pipeline.clone(), &other);
    release.run(&other, &release.job("build").only("attest"));
    release.says(&pipeline, "KeyMismatch", "has an attestation of type https://slsa.dev/provenance/v1, but not signed with an accepted key, policy \"ledger-release\" accepts key sha256:DIGEST… [KeyMismatch]; attest it with an accepted key: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.example/acme/ledger/api@sha256:DIGEST");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_built_too_long_ago_with_the_key_is_refused() {
    let release = Release::by_key("old-key", Cosign::Three);
    let pipeline = release.pipeline("v2.7.0");
    release.build_with_predicate(&pipeline, LONG_AGO);
    release.says(&pipeline, "BuildTooOld", "provenance says it was built at 2020-01-01T00:00:00Z, policy \"ledger-release\" accepts builds of at most 2160h [BuildTooOld]; build it again and deploy the new image");
}

/// A name that Git allows and that would break out of JSON, of a shell's command and of a row of values.
const ODD_BRANCH: &str = r#"x","ref":"main"}$(id>&2);'`,y=z"#;
