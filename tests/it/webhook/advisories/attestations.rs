//! Attestations that were believed elsewhere.

use super::{REFS, edited, pipeline};
use crate::support::world::{PROJECT, World};

const SLSA: &str = "https://slsa.dev/provenance/v1";
const SPDX: &str = "https://spdx.dev/Document";

// cosign looked for attestations of the wanted type, found none, and called that a success.
#[tokio::test]
async fn cve_2026_39395_a_payload_that_is_no_statement() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    let signed = signing.payload("{\"predicateType\": 1").bundle().unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

// cosign takes any attestation by the right signer for a signature when it is stored as a bundle.
#[tokio::test]
async fn cve_2026_39395_an_attestation_of_another_type_than_a_signature() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    let signed = signing.predicate_type("https://spdx.dev/Document");
    world.attach(&image, signed.bundle().unwrap());
    assert_eq!(world.codes().await, ["PredicateMismatch"]);
}

// cosign filtered attestations by type, and verified with success what was left: nothing.
#[tokio::test]
async fn cve_2022_35929_only_an_attestation_of_another_type_is_there() {
    let world = World::new().await;
    world.demand_attestation(0, SLSA);
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    let signed = signing.predicate_type(SPDX);
    world.attach(&image, signed.legacy_attestation().unwrap());
    assert_eq!(world.codes().await, ["PredicateMismatch"]);
}

// policy-controller admitted an image with any attestation where the one that was asked for was not there.
#[tokio::test]
async fn cve_2022_35930_only_an_attestation_of_another_type_is_there_as_a_bundle() {
    let world = World::new().await;
    world.demand_attestation(1, SLSA);
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    world.attach(&image, signing.bundle().unwrap());
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    world.attach(&image, signing.predicate_type(SPDX).bundle().unwrap());
    assert_eq!(world.codes().await, ["PredicateMismatch"]);
}

// policy-controller returned what it found by referrers without verifying who signed it.
#[tokio::test]
async fn policy_controller_enable_oci11_an_envelope_that_nobody_signed() {
    let world = World::new().await;
    world.demand_attestation(0, SLSA);
    let image = world.push_image();
    let signing = world.sigstore.sign_as(&pipeline(), &image);
    let signed = signing.predicate_type(SLSA).legacy_attestation().unwrap();
    let unsigned = edited(signed, |envelope| {
        envelope["signatures"] = serde_json::json!([]);
    });
    world.registry.attach_experimental_attestation(
        PROJECT,
        &image,
        unsigned.content,
        &std::collections::BTreeMap::new(),
    );
    assert_eq!(world.codes().await, ["AttestationInvalid"]);
}

// The type was read from the annotation beside the envelope, which nobody signs.
#[tokio::test]
async fn cve_2026_39395_an_annotation_that_names_another_type_changes_nothing() {
    for (signed_type, named, expected) in [
        (SPDX, SLSA, vec!["PredicateMismatch"]),
        (SLSA, SPDX, Vec::new()),
    ] {
        let world = World::new().await;
        world.demand_attestation(0, SLSA);
        let image = world.push_image();
        let signing = world.sigstore.sign_as(&pipeline(), &image);
        let mut signed = signing
            .predicate_type(signed_type)
            .legacy_attestation()
            .unwrap();
        signed
            .annotations
            .insert("predicateType".to_owned(), named.to_owned());
        world.attach(&image, signed);
        assert_eq!(world.codes().await, expected);
    }
}
