//! Attestations that were believed elsewhere.

use super::{REFS, pipeline};
use crate::support::world::World;

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
