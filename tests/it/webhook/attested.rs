//! Policies that ask for attestations.

use assay::{
    image::Digest,
    sandbox::sigstore::{Attachment, Claims},
};

use super::message;
use crate::support::world::{IMAGE, PROJECT, World};

const SLSA: &str = "https://slsa.dev/provenance/v1";
const SPDX: &str = "https://spdx.dev/Document";
const TAG: &str = "refs/tags/v1.8.2";

/// How cosign 2 and cosign 3 store it.
fn both_layouts(
    world: &World,
    git_ref: &str,
    about: &Digest,
    predicate_type: &str,
) -> [Attachment; 2] {
    let claims = Claims::gitlab(PROJECT, git_ref);
    let signing = || {
        let signing = world.sigstore.sign_as(&claims, about);
        signing.predicate_type(predicate_type)
    };
    [
        signing().legacy_attestation().unwrap(),
        signing().bundle().unwrap(),
    ]
}

/// The codes of a world that asks for provenance alone and holds one of these at a time.
async fn codes_of_each(
    git_ref: &str,
    about_the_image: bool,
    predicate_type: &str,
) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for number in 0..2 {
        let world = World::new().await;
        world.demand_attestation(0, SLSA);
        let image = world.push_image();
        let about = if about_the_image {
            image.clone()
        } else {
            Digest::of(b"another image")
        };
        let [legacy, bundle] = both_layouts(&world, git_ref, &about, predicate_type);
        world.attach(&image, if number == 0 { legacy } else { bundle });
        all.push(world.codes().await);
    }
    all
}

#[tokio::test]
async fn an_attestation_of_the_type_lets_the_image_in_in_every_layout() {
    assert_eq!(codes_of_each(TAG, true, SLSA).await, [[""; 0], [""; 0]]);
    let world = World::new().await;
    world.demand_attestation(0, SLSA);
    let image = world.push_image();
    let [legacy, _] = both_layouts(&world, TAG, &image, SLSA);
    world.registry.attach_experimental_attestation(
        PROJECT,
        &image,
        legacy.content,
        &legacy.annotations,
    );
    assert_eq!(world.codes().await, [""; 0]);
}

#[tokio::test]
async fn no_attestation_at_all() {
    let world = World::new().await;
    world.demand_attestation(0, SLSA);
    let image = world.push_image();
    let response = world.deploy(IMAGE).await;
    assert_eq!(super::codes(&response), ["AttestationMissing"]);
    assert!(message(&response).contains("cosign attest --type https://slsa.dev/provenance/v1"));
    // A signature by the same signer is none either.
    world.attach(&image, world.pipeline_signature(TAG, &image));
    assert_eq!(world.codes().await, ["AttestationMissing"]);
}

#[tokio::test]
async fn an_attestation_about_another_image() {
    let codes = codes_of_each(TAG, false, SLSA).await;
    assert_eq!(codes, [["AttestationInvalid"], ["AttestationInvalid"]]);
}

#[tokio::test]
async fn an_attestation_of_another_type() {
    let codes = codes_of_each(TAG, true, SPDX).await;
    assert_eq!(codes, [["PredicateMismatch"], ["PredicateMismatch"]]);
}

#[tokio::test]
async fn an_attestation_by_another_ref() {
    let codes = codes_of_each("refs/heads/main", true, SLSA).await;
    assert_eq!(codes, [["IdentityMismatch"], ["IdentityMismatch"]]);
}

#[tokio::test]
async fn an_attestation_is_no_signature_where_both_are_asked_for() {
    let world = World::new().await;
    world.demand_attestation(1, SLSA);
    let image = world.push_image();
    let [legacy, _] = both_layouts(&world, TAG, &image, SLSA);
    world.attach(&image, legacy);
    assert_eq!(world.codes().await, ["PredicateMismatch"]);
}

#[tokio::test]
async fn a_signature_and_an_attestation_together_let_the_image_in() {
    let world = World::new().await;
    world.demand_attestation(1, SLSA);
    let image = world.push_image();
    let [legacy, _] = both_layouts(&world, TAG, &image, SLSA);
    world.attach(&image, legacy);
    world.attach(&image, world.pipeline_signature(TAG, &image));
    assert_eq!(world.codes().await, [""; 0]);
}
