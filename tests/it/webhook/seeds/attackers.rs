//! What somebody would try who may push to the registry, or run a pipeline of their own.

use super::*;
use std::collections::BTreeMap;

/// What the list asks of the release, all at once.
fn strict() -> Case {
    Case::asking(json!({
        "refs": ["refs/tags/v*"],
        "runners": ["https://gitlab.com/acme/shop/api/-/runners/1234"],
    }))
}

const COMMIT_KEY: &str = "org.opencontainers.image.revision";

#[tokio::test]
async fn an_envelope_that_nobody_signed_is_no_provenance_in_the_experimental_layout() {
    let case = strict();
    let (world, image) = case.bare_world().await;
    let signed = case.provenance(&world, &image, Stored::Experiment);
    let mut envelope: Value = serde_json::from_slice(&signed.content).unwrap();
    envelope["signatures"] = json!([]);
    let registry = &world.registry;
    let content = envelope.to_string();
    registry.attach_experimental_attestation(case.repository, &image, content, &BTreeMap::new());
    let response = world.deploy(&case.path()).await;
    insta::assert_snapshot!(line(&world, &response), @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 that is not valid: not a DSSE envelope: DSSE envelope must contain exactly one signature, found 0 [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
}

#[tokio::test]
async fn an_sbom_by_the_right_pipeline_is_no_provenance() {
    let sbom = Predicate::new("https://spdx.dev/Document", json!({}));
    insta::assert_snapshot!(strict().stated(sbom).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has no attestation of type https://slsa.dev/provenance/v1, only of type https://spdx.dev/Document [PredicateMismatch]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
}

#[tokio::test]
async fn provenance_stays_with_its_image_when_it_is_copied_to_another() {
    let case = strict();
    let (world, image) = case.bare_world().await;
    let other = world.registry.push_image(PROJECT, "other", "another image");
    for stored in [Stored::Tag, Stored::Bundle, Stored::Experiment] {
        let provenance = case.provenance(&world, &image, stored);
        store(&world, PROJECT, &image, provenance.clone(), stored);
        store(&world, PROJECT, &other, provenance, stored);
    }
    let (good, bad) = (
        world.deploy(&case.path()).await,
        world.deploy("acme/shop/api:other").await,
    );
    told_when_admitted(&world, &case.path(), &good);
    insta::assert_snapshot!(line(&world, &bad), @r#"container "api": registry.example/acme/shop/api:other (sha256:bc027ec8abb4…) 3 attestations of type https://slsa.dev/provenance/v1 found, none valid: the closest fails: signs another image (sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd) [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:bc027ec8abb4ee460cf9c9887c331deab563be5a0d7626310e093943cc9e2b92"#);
}

#[tokio::test]
async fn two_attestations_that_each_satisfy_half_of_the_rules_satisfy_none() {
    let wrong_ref = Build::gitlab(PROJECT, "refs/heads/feature/x");
    let wrong_runner = release().runner("https://gitlab.com/acme/shop/api/-/runners/666");
    for builds in [[&wrong_ref, &wrong_runner], [&wrong_runner, &wrong_ref]] {
        let (world, image) = strict().bare_world().await;
        for build in builds {
            let case = strict().built(build);
            let provenance = case.provenance(&world, &image, Stored::Bundle);
            store(&world, PROJECT, &image, provenance, Stored::Bundle);
        }
        let response = world.deploy(&strict().path()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(line(&world, &response), @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) 2 attestations of provenance found, none accepted: the closest provenance says runner https://gitlab.com/acme/shop/api/-/runners/666 (attestation), policy "demand" accepts https://gitlab.com/acme/shop/api/-/runners/1234 [RunnerNotAllowed]; build it on an accepted runner: the tags of the job choose one"#);
        }
    }
}

#[tokio::test]
async fn a_better_attestation_beside_a_worse_one_is_enough() {
    let (world, image) = strict().bare_world().await;
    for build in [&Build::gitlab(PROJECT, "refs/heads/feature/x"), &release()] {
        let provenance = strict()
            .built(build)
            .provenance(&world, &image, Stored::Tag);
        store(&world, PROJECT, &image, provenance, Stored::Tag);
    }
    let response = world.deploy(&strict().path()).await;
    told_when_admitted(&world, &strict().path(), &response);
}

#[tokio::test]
async fn statements_in_an_index_of_which_only_a_child_is_attested_are_nobodys_word() {
    let child = DescribedImage::new("amd64", "the image").stating(release().stated_by_buildkit());
    let case = Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}))
        .built(&Build::gitlab(PROJECT, TAG));
    let world = world().await;
    world.demand(case.spec.clone());
    let index = DescribedIndex::default().image(child);
    let (_, images) = world
        .registry
        .push_described_index(PROJECT, RELEASE, &index);
    let provenance = case.provenance(&world, &images[0], Stored::Bundle);
    store(&world, PROJECT, &images[0], provenance, Stored::Bundle);
    let response = world.deploy(&case.path()).await;
    insta::assert_snapshot!(line(&world, &response), @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:5a37de4e7e80…) has no signed provenance, policy "demand" asks for it [ProvenanceMissing]; attest it in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:5a37de4e7e8063920c305f423f93614c5121f3b0e57b84e9b560f6d2037d29e1"#);
}

#[tokio::test]
async fn statements_in_the_index_that_are_about_something_else_do_not_count() {
    let elsewhere = AttestationLink {
        statement_subject: Some(Digest::of(b"something else")),
        ..AttestationLink::default()
    };
    let image = DescribedImage::new("amd64", "the image")
        .stating_with(release().stated_by_buildkit(), elsewhere);
    let case = Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}))
        .built(&Build::gitlab(PROJECT, TAG))
        .pushed(DescribedIndex::default().image(image));
    insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:2a718439cb04…) has a build statement that cannot be read (it is about sha256:f41f3fa625ff120ddca7ef456bf66371ecea23c129f4e4c32367101edb516cf8, the index says sha256:59333310717302ce271a6811798a1cec8a0e17f3f69fb5d871230807f038f16c), policy "demand" asks for its base images [BaseImageNotAllowed]; build it again with an unchanged BuildKit"#);
}

#[tokio::test]
async fn a_base_image_that_the_attestation_hides_is_told_by_the_index() {
    let digest = Digest::of(b"somebody else's");
    let built = release().base_image("docker.io/mallory/debian:12", &digest);
    let image = DescribedImage::new("amd64", "the image").stating(built.stated_by_buildkit());
    let case = Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}))
        .pushed(DescribedIndex::default().image(image));
    insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:809ff4192cb1…) provenance names base image docker.io/mallory/debian:12 (build statement), policy "demand" accepts registry.gitlab.com/acme/base/** by digest [BaseImageNotAllowed]; build it from an accepted base image"#);
}

#[tokio::test]
async fn base_images_are_believed_of_annotations_and_not_of_labels() {
    let name = "org.opencontainers.image.base.name";
    let digest = "org.opencontainers.image.base.digest";
    let base = Digest::of(b"base");
    let plain = || DescribedImage::new("amd64", "the image");
    let case = |image| {
        Case::asking(json!({"baseImages": ["registry.gitlab.com/acme/base/**"]}))
            .built(&Build::gitlab(PROJECT, TAG))
            .pushed(DescribedIndex::default().image(image))
    };
    let annotated = plain()
        .annotation(name, BASE)
        .annotation(digest, base.as_str());
    case(annotated).admitted().await;
    let labelled = plain().label(name, BASE).label(digest, base.as_str());
    insta::assert_snapshot!(case(labelled).line().await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:de76fad9f0b0…) provenance names no base image, policy "demand" accepts registry.gitlab.com/acme/base/** [BaseImageNotAllowed]; build it with provenance, and sign the index that holds it: docker buildx build --provenance=mode=max"#);
}

#[tokio::test]
async fn annotations_and_labels_that_claim_a_commit_are_not_believed() {
    let claimed = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678";
    let image = DescribedImage::new("amd64", "the image")
        .annotation(COMMIT_KEY, claimed)
        .descriptor_annotation(COMMIT_KEY, claimed)
        .label(COMMIT_KEY, claimed);
    let index = DescribedIndex::default()
        .annotation(COMMIT_KEY, claimed)
        .image(image);
    let asks = || Case::asking(json!({"tagMatches": ["Commit"]})).pushed(index.clone());
    insta::assert_snapshot!(asks().tagged("a1b2c3d").line().await, @r#"container "api": registry.example/acme/shop/api:a1b2c3d (sha256:bdcb4ee156f3…) provenance says commit 714a630ec4b3ce1a1b6d2f0d9c3a5e7f8b9c0d1e (certificate), the tag says a1b2c3d, policy "demand" wants them to be the same [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
    // They do not refuse anything either.
    asks().tagged("714a630").admitted().await;
}

#[tokio::test]
async fn a_commit_that_only_annotations_state_is_not_stated() {
    let image = DescribedImage::new("amd64", "the image")
        .annotation(COMMIT_KEY, "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678");
    let predicate = release()
        .stated_by_job()
        .without("buildDefinition.resolvedDependencies")
        .without("buildDefinition.externalParameters.variables");
    let claims = release()
        .claims()
        .without_extension(13)
        .without_extension(10)
        .without_extension(19);
    let case = Case::asking(json!({"tagMatches": ["Commit"]}))
        .tagged("a1b2c3d")
        .certified(claims)
        .stated(predicate)
        .pushed(DescribedIndex::default().image(image));
    insta::assert_snapshot!(case.line().await, @r#"container "api": registry.example/acme/shop/api:a1b2c3d (sha256:45140f09dcab…) provenance says no commit, the tag says a1b2c3d, policy "demand" wants them to be the same [CommitMismatch]; deploy it by a tag that names its build, or let the release pipeline push this tag again"#);
}
