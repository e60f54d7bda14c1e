//! Registries that want a login: the Pod's own credentials are used, and nobody else's.

use serde_json::json;

use crate::support::{
    cluster, eventually,
    image::Image,
    scene::{Scene, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn the_pods_pull_secret_opens_a_guarded_registry() {
    let scene = guarded("pull-secret");
    let image = signed(&scene, "pull-secret/app");
    add_pull_secret(&scene, "regcred");
    let mut object = pod("app", &image.tagged);
    object["spec"]["imagePullSecrets"] = json!([{ "name": "regcred" }]);
    let admitted = scene.accepts(&object);
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn the_service_accounts_pull_secret_opens_a_guarded_registry() {
    let scene = guarded("account-secret");
    let image = signed(&scene, "account-secret/app");
    add_pull_secret(&scene, "regcred");
    let patch = json!({ "imagePullSecrets": [{ "name": "regcred" }] }).to_string();
    scene
        .kubectl(&["patch", "serviceaccount", "default", "-p", &patch])
        .expect_success();
    // The API server's own plugin learns of the change a moment later.
    let admitted = eventually("the service account's secret to be used", || {
        let object = pod("app", &image.tagged);
        (scene.apply(&object).code == Some(0)).then(|| scene.get(&["pod", "app"]))
    });
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn without_a_pull_secret_the_refusal_blames_the_registrys_login_and_not_the_image() {
    let scene = guarded("no-secret");
    let image = signed(&scene, "no-secret/app");
    let line = scene.rejects(&pod("app", &image.tagged), "RegistryUnauthorized");
    assert!(line.contains("could not be checked"), "{line}");
    assert!(!line.contains("no signature"), "{line}");
}

#[test]
#[ignore = "needs a cluster"]
fn another_namespaces_pull_secret_is_never_used() {
    let owner = guarded("secret-owner");
    let image = signed(&owner, "secret-owner/app");
    add_pull_secret(&owner, "regcred");
    let mut object = pod("app", &image.tagged);
    object["spec"]["imagePullSecrets"] = json!([{ "name": "regcred" }]);
    owner.accepts(&object);
    let thief = Scene::new("secret-thief");
    let host = &thief.cluster.guarded.host;
    thief.demand_key(
        "signed",
        &format!("{host}/**"),
        &thief.cluster.signer.public_key,
    );
    thief.rejects(&object, "RegistryUnauthorized");
}

fn guarded(name: &str) -> Scene {
    Scene::guarded_by_key(name, &format!("{}/{name}/**", cluster().guarded.host))
}

fn signed(scene: &Scene, repository: &str) -> Image {
    let registry = &scene.cluster.guarded;
    let image = scene.cluster.signer.push(registry, repository, "v1");
    scene.cluster.signer.sign(registry, &image);
    image
}

fn add_pull_secret(scene: &Scene, name: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": scene.cluster.guarded.docker_config() },
    });
    scene.apply(&secret).expect_success();
}
