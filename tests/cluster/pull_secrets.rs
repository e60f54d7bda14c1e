//! Registries that want a login: the Pod's own credentials are used, and nobody else's. The registry is Debian's, with
//! htpasswd and a certificate of a private authority.

use serde_json::json;

use crate::support::{
    cluster, eventually,
    image::Image,
    scene::{Scene, deployment, pod},
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
    let expected = refusal(
        &image,
        "anonymous access (401)",
        "add a pull secret that may read it (in GitLab: with read_registry)",
    );
    assert_eq!(line, expected);
}

#[test]
#[ignore = "needs a cluster"]
fn a_wrong_pull_secret_is_named_in_the_refusal() {
    let scene = guarded("wrong-secret");
    let image = signed(&scene, "wrong-secret/app");
    let host = &scene.cluster.guarded.host;
    let config = json!({ "auths": { host: { "username": "robot", "password": "wrong" } } });
    put_pull_secret(&scene, "regcred", &config.to_string());
    let mut object = pod("app", &image.tagged);
    object["spec"]["imagePullSecrets"] = json!([{ "name": "regcred" }]);
    let line = scene.rejects(&object, "RegistryUnauthorized");
    let expected = refusal(
        &image,
        "pull secret \"regcred\" (401)",
        "renew it: it is wrong, has expired or may not read this (in GitLab: lacks read_registry)",
    );
    assert_eq!(line, expected);
    // The right one is tried at once.
    add_pull_secret(&scene, "regcred");
    eventually("the corrected secret to be used", || {
        (scene.apply(&object).code == Some(0)).then_some(())
    });
}

#[test]
#[ignore = "needs a cluster"]
fn a_template_is_checked_with_its_service_accounts_pull_secret() {
    let scene = guarded("template-secret");
    let image = signed(&scene, "template-secret/app");
    let object = deployment("app", &image.tagged, 0);
    let line = scene.rejects(&object, "RegistryUnauthorized");
    assert!(
        line.contains("refused anonymous access (401) [RegistryUnauthorized]"),
        "{line}"
    );
    add_pull_secret(&scene, "regcred");
    let patch = json!({ "imagePullSecrets": [{ "name": "regcred" }] }).to_string();
    scene
        .kubectl(&["patch", "serviceaccount", "default", "-p", &patch])
        .expect_success();
    eventually("the service account's secret to be used", || {
        (scene.apply(&object).code == Some(0)).then_some(())
    });
}

/// The whole line about an image that the registry refuses.
fn refusal(image: &Image, tried: &str, hint: &str) -> String {
    format!(
        "container \"app\": {} could not be checked: the registry refused {tried} [RegistryUnauthorized]; {hint}",
        image.tagged
    )
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
    put_pull_secret(scene, name, &scene.cluster.guarded.docker_config());
}

fn put_pull_secret(scene: &Scene, name: &str, config: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name },
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": config },
    });
    scene.apply(&secret).expect_success();
}
