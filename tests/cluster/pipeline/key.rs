//! `key.gitlab-ci.yml` and `policy-key.yaml`, with cosign 2 and 3.

use serde_json::json;

use super::release::{Release, beside, copy, pulling};
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
    }
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_built_and_signed_by_hand_is_refused() {
    let release = Release::by_key("outside-key", Cosign::Two);
    let pipeline = release.pipeline("v2.1.0");
    release.run(&pipeline, &release.job("build").without("attest"));
    release.says(&pipeline, "AttestationMissing", "has no attestation of type https://slsa.dev/provenance/v1 [AttestationMissing]; attest it with an accepted key: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> --key <your private key> registry.example/acme/ledger/api@sha256:DIGEST");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_a_branch_with_an_odd_name_keeps_its_name() {
    let release = Release::by_key("wrong-branch-key", Cosign::Two);
    let pipeline = release
        .pipeline("-")
        .on_branch(ODD_BRANCH, "0ddba11000112233445566778899aabbccddeeff");
    release.build(&pipeline);
    let variables = &release.checkout.read("provenance.json")["buildDefinition"]["externalParameters"]
        ["variables"];
    assert_eq!(variables["CI_COMMIT_REF_NAME"], json!(ODD_BRANCH));
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

/// A name that Git allows and that would break out of JSON, of a shell's command and of a row of values.
const ODD_BRANCH: &str = r#"x","ref":"main"}$(id>&2);'`,y=z"#;
