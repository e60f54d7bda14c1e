//! Attachments that kept verifiers busy or filled their memory.

use assay::{image::Digest, limits, sandbox::sigstore::Attachment};
use serde_json::{Value, json};

use super::{REFS, TAG, edited, log_entry, pipeline};
use crate::support::world::{PROJECT, World};

/// A junk signature of the older layout.
fn junk(number: usize) -> Attachment {
    Attachment {
        media_type: "application/vnd.dev.cosign.simplesigning.v1+json",
        content: format!("junk {number}").into(),
        annotations: [(
            "dev.cosignproject.cosign/signature".to_owned(),
            "anVuaw==".to_owned(),
        )]
        .into(),
    }
}

// cosign read signatures without an end, as long as a registry had more of them.
#[tokio::test]
async fn cve_2023_46737_signatures_without_an_end() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    for number in 0..=limits::CANDIDATES_PER_IMAGE {
        world.attach(&image, junk(number));
    }
    assert_eq!(world.codes().await, ["LimitExceeded"]);
}

/// Puts a signature manifest with these layers beside the image.
fn attach_layers(world: &World, image: &Digest, layers: &[Value]) {
    let config = world.registry.push_blob(PROJECT, "{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config.as_str(),
            "size": 2,
        },
        "layers": layers,
    });
    let tag = format!("sha256-{}.sig", image.hex());
    world.registry.push_manifest(
        PROJECT,
        Some(&tag),
        "application/vnd.oci.image.manifest.v1+json",
        manifest.to_string(),
    );
}

fn layer(content: &Digest, size: usize) -> Value {
    json!({
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "digest": content.as_str(),
        "size": size,
        "annotations": {"dev.cosignproject.cosign/signature": "anVuaw=="},
    })
}

// cosign read an attachment of any size into memory.
#[tokio::test]
async fn cve_2024_29902_an_attachment_as_large_as_memory() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let large = vec![b' '; limits::ATTACHMENT_BYTES + 1];
    let size = large.len();
    let blob = world.registry.push_blob(PROJECT, large);
    attach_layers(&world, &image, &[layer(&blob, size)]);
    assert_eq!(world.codes().await, ["LimitExceeded"]);
    let blob_requests = world.registry.requests();
    assert!(
        blob_requests
            .iter()
            .all(|request| !request.request.path.contains(blob.hex())),
        "the blob was asked for"
    );
}

// cosign made room for as many signatures as a manifest said it had.
#[tokio::test]
async fn cve_2024_29903_a_manifest_with_more_layers_than_anybody_signs() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    let blob = world.registry.push_blob(PROJECT, "junk");
    let layers: Vec<Value> = (0..2000).map(|_| layer(&blob, 4)).collect();
    attach_layers(&world, &image, &layers);
    assert_eq!(world.codes().await, ["LimitExceeded"]);
}

/// A bundle with one log entry more than are read.
fn crowded(world: &World, image: &Digest) -> Attachment {
    let signed = world.sigstore.sign_as(&pipeline(), image).bundle();
    edited(signed.unwrap(), |json| {
        let entry = log_entry(json).clone();
        json["verificationMaterial"]["tlogEntries"] = (0..=limits::LOG_ENTRIES_PER_BUNDLE)
            .map(|index| {
                let mut entry = entry.clone();
                entry["logIndex"] = json!(index.to_string());
                entry
            })
            .collect();
    })
}

// sigstore-go verified as many log entries as a bundle listed.
#[tokio::test]
async fn cve_2024_45395_a_bundle_with_more_entries_than_anybody_logs() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    world.attach(&image, crowded(&world, &image));
    assert_eq!(world.codes().await, ["LimitExceeded"]);
}

#[tokio::test]
async fn cve_2024_45395_a_good_signature_beside_it_is_not_held_up() {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    world.attach(&image, crowded(&world, &image));
    world.attach(&image, world.pipeline_signature(TAG, &image));
    assert_eq!(world.codes().await, Vec::<String>::new());
}
