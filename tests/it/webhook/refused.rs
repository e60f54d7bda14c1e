//! What must be refused, whatever lies beside the image.

use assay::sandbox::sigstore::{Attachment, Claims, SigningKeyPair};
use serde_json::json;

use super::{codes, message};
use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, PROJECT, World, authority},
};

const TAG: &str = "refs/tags/v1.8.2";

#[tokio::test]
async fn an_image_without_a_signature() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let response = world.deploy(IMAGE).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
    let message = message(&response);
    assert!(message.contains(image.hex()), "{message}");
}

#[tokio::test]
async fn a_digest_that_is_not_there_is_no_image_without_a_signature() {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    let nothing = assay::image::Digest::of(b"nothing");
    let (repository, _) = IMAGE.split_once(':').expect("a tag");
    let response = world.deploy(&format!("{repository}@{nothing}")).await;
    assert_eq!(codes(&response), ["ImageNotFound"]);
}

#[tokio::test]
async fn a_junk_signature_beside_a_genuine_certificate_and_log_entry_of_another_artifact() {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    let claims = Claims::gitlab(PROJECT, TAG);
    let other = assay::image::Digest::of(b"another artifact");
    let genuine = world.sigstore.sign_as(&claims, &other).legacy().unwrap();
    let named = world.sigstore.sign_as(&claims, &image).legacy().unwrap();
    let mut junk = Attachment {
        content: named.content,
        ..genuine
    };
    world.attach(&image, junk.clone());
    junk.annotations.insert(
        "dev.cosignproject.cosign/signature".to_owned(),
        "anVuaw==".to_owned(),
    );
    world.attach(&image, junk);
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

#[tokio::test]
async fn a_signature_whose_payload_names_another_digest() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let other = assay::image::Digest::of(b"another image");
    world.attach(&image, world.key_signature(&other));
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

#[tokio::test]
async fn a_payload_of_another_critical_type() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let signing = world.sigstore.sign_with(&world.key, &image).without_log();
    let signed = signing
        .critical_type("atomic container signature")
        .legacy()
        .unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

#[tokio::test]
async fn an_attestation_offered_as_a_signature() {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    let claims = Claims::gitlab(PROJECT, TAG);
    let signing = world.sigstore.sign_as(&claims, &image);
    let signed = signing
        .predicate_type("https://slsa.dev/provenance/v1")
        .bundle()
        .unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["PredicateMismatch"]);
}

#[tokio::test]
async fn a_bundle_whose_statement_names_another_image() {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    let other = assay::image::Digest::of(b"another image");
    world.attach(&image, world.pipeline_signature(TAG, &other));
    assert_eq!(world.codes().await, ["SignatureInvalid"]);
}

#[tokio::test]
async fn a_good_signature_by_a_key_that_is_not_listed() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let other = SigningKeyPair::generate().unwrap();
    let signing = world.sigstore.sign_with(&other, &image).without_log();
    world.attach(&image, signing.legacy().unwrap());
    assert_eq!(world.codes().await, ["KeyMismatch"]);
}

#[tokio::test]
async fn a_good_signature_by_a_key_that_has_expired() {
    let world = World::new().await;
    let key = json!({"pem": world.key.public_pem(), "notAfter": "2020-01-01T00:00:00Z"});
    world.demand(json!({"authorities": [{"name": "release-key", "key": key}]}));
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let response = world.deploy(IMAGE).await;
    assert_eq!(codes(&response), ["KeyExpired"]);
    let message = message(&response);
    assert!(message.contains("no verified time"), "{message}");
}

async fn codes_of_pipeline(claims: Claims, accepted_ref: &str) -> Vec<String> {
    let world = World::new().await;
    world.demand_pipeline(accepted_ref);
    let image = world.push_image();
    let signed = world.sigstore.sign_as(&claims, &image).bundle().unwrap();
    world.attach(&image, signed);
    world.codes().await
}

#[tokio::test]
async fn a_good_signature_by_a_project_that_is_not_listed() {
    let claims = Claims::gitlab("acme/shop/other", TAG);
    assert_eq!(
        codes_of_pipeline(claims, "refs/tags/v*").await,
        ["IdentityMismatch"]
    );
}

#[tokio::test]
async fn a_merge_request_of_a_fork_whose_certificate_is_named_after_the_target_project() {
    let claims = Claims::gitlab(PROJECT, "refs/heads/main")
        .project("mallory/api")
        .project_id("666");
    assert_eq!(
        codes_of_pipeline(claims.trigger("merge_request_event"), "refs/heads/main").await,
        ["IdentityMismatch"]
    );
}

#[tokio::test]
async fn a_merge_request_pipeline_where_none_is_listed() {
    let claims = Claims::gitlab(PROJECT, "refs/heads/main").trigger("merge_request_event");
    assert_eq!(
        codes_of_pipeline(claims, "refs/heads/main").await,
        ["IdentityMismatch"]
    );
}

#[tokio::test]
async fn a_branch_whose_name_ends_like_the_accepted_ref() {
    let claims = Claims::gitlab(PROJECT, "refs/heads/x@refs/heads/main");
    assert_eq!(
        codes_of_pipeline(claims, "refs/heads/main").await,
        ["IdentityMismatch"]
    );
}

#[tokio::test]
async fn two_signatures_of_one_authority_where_two_authorities_are_required() {
    let world = World::new().await;
    let other = SigningKeyPair::generate().unwrap();
    world.demand(json!({
        "authorities": [authority("first", &world.key), authority("second", &other)],
        "require": 2,
    }));
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let again = world.sigstore.sign_with(&world.key, &image).without_log();
    world.attach(&image, again.annotation("second", "time").legacy().unwrap());
    assert_eq!(world.codes().await, ["ThresholdNotMet"]);
}

#[tokio::test]
async fn an_index_of_which_only_a_child_is_signed() {
    let world = World::new().await;
    world.demand_key();
    let children = ["amd64", "arm64"].map(|it| world.registry.push_image(PROJECT, it, it));
    world.registry.push_index(PROJECT, "1.8.2", &children);
    world.attach(&children[1], world.key_signature(&children[1]));
    assert_eq!(world.codes().await, ["SignedChildOnly"]);
}

#[tokio::test]
async fn a_pod_that_claims_an_approved_parent() {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    let mut child = pod(&world.reference(IMAGE));
    child["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "approved", "uid": "1", "controller": true,
    }]);
    let response = world.server.mutate(&creation(&child)).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
}

#[tokio::test]
async fn a_host_that_only_begins_or_ends_like_an_allowed_one() {
    let world = World::new().await;
    world.demand_key();
    let host = world.registry.host();
    for reference in [
        format!("evil{host}/{IMAGE}"),
        format!("{}/{IMAGE}", &host[..host.len() - 1]),
        format!("evil.example/{host}/{IMAGE}").replace(':', "-"),
    ] {
        let response = world.server.mutate(&creation(&pod(&reference))).await;
        assert_eq!(codes(&response), ["NoPolicyMatches"], "{reference}");
    }
    assert_eq!(world.registry.requests(), []);
}

#[tokio::test]
async fn what_is_no_reference() {
    let world = World::new().await;
    world.demand_key();
    let response = world
        .server
        .mutate(&creation(&pod("Not A Reference")))
        .await;
    assert_eq!(codes(&response), ["ReferenceInvalid"]);
}

#[tokio::test]
async fn all_images_of_a_pod_are_told_in_their_order() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let mut mixed = pod(&world.reference(IMAGE));
    mixed["spec"]["initContainers"] =
        json!([{"name": "init", "image": world.reference("acme/shop/api:none")}]);
    mixed["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "other", "image": "docker.io/library/other:1"}));
    let response = world.server.mutate(&creation(&mixed)).await;
    assert_eq!(codes(&response), ["NoPolicyMatches", "ImageNotFound"]);
}
