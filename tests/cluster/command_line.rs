//! `assay verify` says what the webhook says.

use std::{fs, path::Path};

use serde_json::json;

use crate::support::{
    assay::verify,
    cluster,
    image::Image,
    process::Finished,
    registry::Registry,
    scene::{Scene, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn verify_admits_what_the_webhook_admits_and_prints_the_pinned_reference() {
    let scene = Scene::guarded_by_key("verify-signed", &images("verify-signed"));
    let registry = &scene.cluster.registry;
    let image = scene
        .cluster
        .signer
        .push(registry, "verify-signed/app", "v1");
    scene.cluster.signer.sign(registry, &image);
    let admitted = scene.accepts(&pod("app", &image.tagged));
    let finished = verify_with_policy(&scene, registry, "verify-signed", &image);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, format!("{}\n", image.pinned()));
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn verify_refuses_an_unsigned_image_in_the_webhooks_words() {
    let scene = Scene::guarded_by_key("verify-unsigned", &images("verify-unsigned"));
    let registry = &scene.cluster.registry;
    let image = scene
        .cluster
        .signer
        .push(registry, "verify-unsigned/app", "v1");
    let line = scene.rejects(&pod("app", &image.tagged), "SignatureMissing");
    let finished = verify_with_policy(&scene, registry, "verify-unsigned", &image);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_says_the_same(&finished, &line);
}

#[test]
#[ignore = "needs a cluster"]
fn verify_cannot_judge_when_the_registry_is_stopped_and_says_what_the_webhook_says() {
    let scene = Scene::new("verify-stopped");
    let registry = &scene.cluster.passing;
    let image = scene
        .cluster
        .signer
        .push(registry, "verify-stopped/app", "v1");
    scene.cluster.signer.sign(registry, &image);
    registry.end();
    let images = format!("{}/verify-stopped/**", registry.host);
    scene.demand_key("signed", &images, &scene.cluster.signer.public_key);
    let line = scene.rejects(&pod("app", &image.tagged), "RegistryUnavailable");
    let finished = verify_with_policy(&scene, registry, "verify-stopped", &image);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_says_the_same(&finished, &line);
}

/// The same line, but for its start: outside a Pod there is no container to name.
fn assert_says_the_same(finished: &Finished, line: &str) {
    let (_, from_image) = line
        .split_once("container \"app\": ")
        .expect("the webhook names the container");
    assert!(
        finished.stderr.contains(from_image) || finished.stdout.contains(from_image),
        "expected: {from_image}\n{finished:?}"
    );
}

fn verify_with_policy(scene: &Scene, registry: &Registry, name: &str, image: &Image) -> Finished {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let policies = folder.join("policies");
    fs::create_dir_all(&policies).expect("the folder can be made");
    let images = format!("{}/{name}/**", registry.host);
    let mut policy = scene.policy("signed", &images, &scene.cluster.signer.public_key);
    policy["metadata"] = json!({ "name": "signed", "namespace": scene.namespace });
    fs::write(policies.join("policy.yaml"), policy.to_string()).expect("it can be written");
    let policies = policies.to_str().expect("the target folder's name is text");
    let arguments = [
        "--policies",
        policies,
        "--namespace",
        &scene.namespace,
        &image.tagged,
    ];
    verify(&folder, &[registry], &arguments)
}

fn images(repository: &str) -> String {
    format!("{}/{repository}/**", cluster().registry.host)
}
