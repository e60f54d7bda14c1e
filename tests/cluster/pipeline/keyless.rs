//! `keyless.gitlab-ci.yml` and `policy-keyless.yaml`, with cosign 3.

use serde_json::json;

use super::{
    release::{Release, copy, copy_bundles, in_the_world, pulling},
    runner::Pipeline,
};
use crate::support::{cluster, eventually, scene::deployment, sigstore_servers::sigstore};

#[test]
#[ignore = "needs a cluster"]
fn what_the_keyless_pipeline_releases_runs_and_leads_to_the_pipeline() {
    let release = Release::keyless("released-keyless");
    let pipeline = release.pipeline("v1.0.0");
    let (image, digest) = release.build(&pipeline);
    let mut running = deployment("api", "registry.example/before:1", 1);
    running["spec"]["template"]["spec"]["imagePullSecrets"] = json!([{ "name": "deploy-token" }]);
    running["spec"]["template"]["spec"]["containers"][0]["name"] = json!("api");
    release.scene.accepts(&running);
    let pinned = format!("{image}@{digest}");
    for environment in ["staging", "production"] {
        let finished = release.run(&pipeline, &release.job(environment));
        assert!(
            finished.stdout.starts_with(&format!("{pinned}\n")),
            "{finished:?}"
        );
    }
    let pod = eventually("the Pod of what was deployed", || {
        let pods = release.scene.get(&["pods"]);
        let pods = pods["items"].as_array()?.iter();
        pods.filter(|pod| pod["spec"]["containers"][0]["image"] == pinned.as_str())
            .find_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
    });
    let described = release
        .scene
        .kubectl(&["describe", "pod", &pod])
        .expect_success();
    let link = format!(
        "\"pipeline\": \"{}/acme/shop/api/-/pipelines/1212\"",
        sigstore().issuer.url
    );
    assert!(described.contains(&link), "{described}");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_no_pipeline_built_is_refused() {
    let release = Release::keyless("outside-keyless");
    let pipeline = release.pipeline("v1.1.0");
    release.run(&pipeline, &release.job("build").only("build"));
    let said = release.refuses(&pipeline, "SignatureMissing");
    assert!(
        said.starts_with("has no signature [SignatureMissing]; "),
        "{said}"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_rebuilt_under_the_same_tag_is_refused() {
    let release = Release::keyless("rebuilt-keyless");
    release.build(&release.pipeline("v1.2.0"));
    let mut later = release.pipeline("v1.2.1").with("IMAGE_TAG", "v1.2.0");
    later.commit = OTHER_COMMIT;
    release.build(&later);
    release.says(&later, "RefMismatch", "provenance says ref refs/tags/v1.2.1 (certificate), the tag says v1.2.0, policy \"shop-release\" wants them to be the same [RefMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_whose_tag_says_another_commit_is_refused() {
    let release = Release::keyless("commit-keyless");
    let pipeline = release
        .pipeline("-")
        .on_branch("main", "c0ffee1d2e3f405162738495a6b7c8d9e0f10213")
        .with("IMAGE_TAG", "a1b2c3d");
    release.build(&pipeline);
    release.says(&pipeline, "CommitMismatch", "provenance says commit c0ffee1d2e3f405162738495a6b7c8d9e0f10213 (certificate) and ref refs/heads/main (certificate), the tag says a1b2c3d, policy \"shop-release\" wants it to name one of them [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_the_branch_is_admitted_under_the_short_commit() {
    let release = Release::keyless("branch-keyless");
    let pipeline = release
        .pipeline("-")
        .on_branch("main", "5eedc0de00112233445566778899aabbccddeeff");
    let (image, digest) = release.build(&pipeline);
    assert!(image.ends_with("/acme/shop/api:5eedc0de"), "{image}");
    let admitted = release.scene.accepts(&pulling(&image));
    let pinned = format!("{image}@{digest}");
    assert_eq!(admitted["spec"]["containers"][0]["image"], pinned);
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_copied_from_another_project_is_refused() {
    let release = Release::keyless("copied-keyless");
    let mut elsewhere = release.pipeline("v1.3.0");
    elsewhere.project = "acme/shop/web";
    let (image, digest) = release.build(&elsewhere);
    let here = image.replace("/shop/web:", "/shop/api:");
    copy(&image, &here);
    copy_bundles(&image, &here, &digest);
    release.scene.accepts(&pulling(&image));
    let said = in_the_world(&release.rejects(&here, "ImageNotInProject"));
    assert_eq!(
        said,
        "was signed by project acme/shop/web, but acme/shop/api is not its registry path, and policy \"shop-release\" \
         asks for that [ImageNotInProject]; deploy the image from acme/shop/web or below"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_another_branch_is_refused() {
    let release = Release::keyless("wrong-branch-keyless");
    let pipeline = release
        .pipeline("-")
        .on_branch("feature/login", "0ddba11000112233445566778899aabbccddeeff");
    release.build(&pipeline);
    release.says(&pipeline, "RefMismatch", "provenance says ref refs/heads/feature/login (certificate), policy \"shop-release\" accepts refs/heads/main or refs/tags/v* [RefMismatch]; deploy an image built from an accepted branch or tag");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_a_merge_request_is_refused() {
    let release = Release::keyless("merge-request-keyless");
    let mut pipeline = release
        .pipeline("-")
        .on_branch("main", "decade0000112233445566778899aabbccddeeff");
    pipeline.source = "merge_request_event";
    release.build(&pipeline);
    release.says(&pipeline, "IdentityMismatch", "was signed by gitlab.example/acme/shop/api ref refs/heads/main with pipeline source merge_request_event, \
         policy \"shop-release\" accepts gitlab.example/acme/shop/* with pipeline source any but merge requests \
         [IdentityMismatch]; deploy an image built by the release pipeline");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_a_scheduled_pipeline_is_refused() {
    let release = Release::keyless("schedule-keyless");
    let mut pipeline = release.pipeline("v1.4.0");
    pipeline.source = "schedule";
    release.build(&pipeline);
    release.says(&pipeline, "ProvenanceMismatch", "provenance says pipeline source schedule (certificate), policy \"shop-release\" accepts push or web [ProvenanceMismatch]; deploy an image of a push or web pipeline");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_of_another_runner_is_refused() {
    let release = Release::keyless("runner-keyless");
    let mut pipeline = release.pipeline("v1.5.0");
    pipeline.runner = "666";
    release.build(&pipeline);
    release.says(&pipeline, "RunnerNotAllowed", "provenance says runner https://gitlab.example/acme/shop/api/-/runners/666 (attestation), policy \"shop-release\" accepts https://gitlab.example/acme/shop/*/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_on_another_base_is_refused() {
    let release = Release::keyless("base-keyless");
    let base = format!("{}/acme/elsewhere/debian:12", cluster().guarded.host);
    let pipeline = release.pipeline("v1.6.0").with("BASE_IMAGE", &base);
    release.build(&pipeline);
    release.says(&pipeline, "BaseImageNotAllowed", "provenance names base image registry.example/acme/elsewhere/debian:12 (attestation), policy \"shop-release\" accepts registry.example/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_whose_base_has_no_digest_is_refused() {
    let release = Release::keyless("base-tag-keyless");
    let pipeline = release.pipeline("v1.7.0");
    release.build_with_predicate(
        &pipeline,
        "del(.buildDefinition.resolvedDependencies[1].digest)",
    );
    release.says(&pipeline, "BaseImageNotAllowed", "provenance names base image registry.example/acme/base/debian:12 without a digest (attestation), policy \"shop-release\" accepts registry.example/acme/base/** by digest [BaseImageNotAllowed]; name it by digest in the Dockerfile: FROM <name>@sha256:<digest>");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_whose_provenance_contradicts_its_certificate_is_refused() {
    let release = Release::keyless("contradiction-keyless");
    let pipeline = release.pipeline("v1.8.0");
    // What the project's settings say wins over what GitLab says.
    let claimed = pipeline.clone().with("CI_COMMIT_SHA", OTHER_COMMIT);
    release.build(&claimed);
    release.says(&pipeline, "ProvenanceMismatch", "provenance says commit a1b2c3d4e5f60718293a4b5c6d7e8f9001122334 (attestation), but commit 8f3c2d1e0b9a7f6e5d4c3b2a19087f6e5d4c3b2a (certificate): it contradicts itself [ProvenanceMismatch]; attest it again in the GitLab release pipeline, in the job that built it: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:DIGEST");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_whose_provenance_somebody_else_signed_is_refused() {
    let release = Release::keyless("attested-elsewhere-keyless");
    let pipeline = release.pipeline("v1.9.0");
    release.run(&pipeline, &release.job("build").without("attest"));
    let fork = Pipeline {
        project: "acme/fork",
        ..pipeline.clone()
    };
    release.run(&fork, &release.job("build").only("attest"));
    release.says(&pipeline, "IdentityMismatch", "has an attestation of type https://slsa.dev/provenance/v1 by gitlab.example/acme/fork ref refs/tags/v1.9.0, \
         policy \"shop-release\" accepts gitlab.example/acme/shop/* [IdentityMismatch]; deploy an image built by the release pipeline");
}

#[test]
#[ignore = "needs a cluster"]
fn an_image_that_was_built_too_long_ago_is_refused() {
    let release = Release::keyless("old-keyless");
    let pipeline = release.pipeline("v1.10.0");
    release.build_with_predicate(&pipeline, LONG_AGO);
    release.says(&pipeline, "BuildTooOld", "provenance says it was built at 2020-01-01T00:00:00Z, policy \"shop-release\" accepts builds of at most 2160h [BuildTooOld]; build it again and deploy the new image");
}

/// Sets the end of the build.
pub(super) const LONG_AGO: &str = r#".runDetails.metadata.finishedOn = "2020-01-01T00:00:00Z""#;

pub(super) const OTHER_COMMIT: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";
