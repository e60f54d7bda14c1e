//! `keyless.gitlab-ci.yml` and `policy-keyless.yaml`, with cosign 3.

use serde_json::json;

use super::{
    release::{Release, copy, copy_bundles, in_the_world, pulling},
    runner::Pipeline,
};
use crate::support::{eventually, scene::deployment, sigstore_servers::sigstore};

#[test]
#[ignore = "needs a cluster"]
fn what_the_keyless_pipeline_releases_runs_and_leads_to_its_job() {
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
    let link = format!("{}/acme/shop/api/-/jobs/4316132595", sigstore().issuer.url);
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
