//! A private Sigstore known by its PEM files.

use std::sync::Arc;

use assay::{
    policy::{KeySource, ObjectEntry, TrustRootName, TrustRootObject},
    trust::{Described, TrustRoots},
    verify::TrustRoot,
};
use serde_json::{Value, json};

use super::codes;
use crate::support::world::World;

struct NoEntries;

impl KeySource for NoEntries {
    fn text(&self, _: &ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// The object with this spec, as Assay takes it.
fn root(spec: &Value) -> Arc<TrustRoot> {
    let object = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
        "metadata": {"name": "sandbox"}, "spec": spec,
    });
    let object = TrustRootObject::from_json(&object).unwrap();
    match Described::new(object.definition(&NoEntries).unwrap()).unwrap() {
        Described::Given(root) => root,
        Described::Tuf(definition) => panic!("{definition:?}"),
    }
}

fn pem(label: &str, encoded: &Value) -> String {
    let encoded = encoded.as_str().unwrap();
    format!("-----BEGIN {label}-----\n{encoded}\n-----END {label}-----\n")
}

/// The files that the administrator of this Sigstore would hand over: a chain is one of them.
fn files(world: &World) -> Value {
    let json: Value = serde_json::from_str(&world.sigstore.trusted_root_json()).unwrap();
    let chain = json["certificateAuthorities"][0]["certChain"]["certificates"].as_array();
    let chain: String = chain
        .unwrap()
        .iter()
        .map(|certificate| pem("CERTIFICATE", &certificate["rawBytes"]))
        .collect();
    let key = |list: &str| pem("PUBLIC KEY", &json[list][0]["publicKey"]["rawBytes"]);
    json!({
        "certificateAuthorities": [chain],
        "transparencyLogs": [key("tlogs")],
        "certificateLogs": [key("ctlogs")],
    })
}

/// A world with a signature of a pipeline, judged by this root.
async fn judged(world: &World, spec: &Value) -> Vec<String> {
    let name = TrustRootName::Named("sandbox".to_owned());
    world.replace_roots(TrustRoots::public_only().with(name, Ok(root(spec))));
    codes(world).await
}

async fn signed() -> World {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    world.attach(&image, world.pipeline_signature("refs/tags/v1.8.2", &image));
    world
}

#[tokio::test]
async fn a_signature_is_judged_by_pem_files_as_by_the_trusted_root_that_holds_the_same() {
    let world = signed().await;
    let files = files(&world);
    assert_eq!(judged(&world, &json!({"pem": files})).await, [""; 0]);
    let text = world.sigstore.trusted_root_json();
    assert_eq!(judged(&world, &json!({"trustedRoot": text})).await, [""; 0]);
}

#[tokio::test]
async fn the_files_of_another_sigstore_do_not_vouch_for_it() {
    let (world, other) = (signed().await, World::new().await);
    let theirs = files(&other);
    for part in [
        "certificateAuthorities",
        "transparencyLogs",
        "certificateLogs",
    ] {
        let mut files = files(&world);
        files[part] = theirs[part].clone();
        let codes = judged(&world, &json!({"pem": files})).await;
        assert_eq!(codes.len(), 1, "{part}");
    }
}
