//! What is let in and what is refused, as kubectl shows it.

use serde_json::json;

use crate::support::{
    cluster, eventually,
    scene::{Scene, deployment, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn a_tag_signed_by_cosign_3_is_admitted_and_pinned() {
    let scene = Scene::guarded_by_key("bundle", &format!("{}/bundle/**", cluster().registry.host));
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "bundle/app", "v1");
    scene.cluster.signer.sign(&scene.cluster.registry, &image);
    let admitted = scene.accepts(&pod("app", &image.tagged));
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn a_tag_signed_by_cosign_2_is_admitted_and_pinned() {
    let scene = Scene::guarded_by_key("legacy", &format!("{}/legacy/**", cluster().registry.host));
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "legacy/app", "v1");
    scene
        .cluster
        .signer
        .sign_legacy(&scene.cluster.registry, &image);
    let admitted = scene.accepts(&pod("app", &image.tagged));
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn a_signed_index_is_admitted_and_the_index_is_what_is_pinned() {
    let scene = Scene::guarded_by_key("index", &format!("{}/index/**", cluster().registry.host));
    let image = scene
        .cluster
        .signer
        .push_index(&scene.cluster.registry, "index/app", "v1");
    scene.cluster.signer.sign(&scene.cluster.registry, &image);
    let admitted = scene.accepts(&pod("app", &image.tagged));
    assert_eq!(admitted["spec"]["containers"][0]["image"], image.pinned());
}

#[test]
#[ignore = "needs a cluster"]
fn an_unsigned_image_is_refused_in_our_words() {
    let scene = Scene::guarded_by_key(
        "unsigned",
        &format!("{}/unsigned/**", cluster().registry.host),
    );
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "unsigned/app", "v1");
    let line = scene.rejects(&pod("app", &image.tagged), "SignatureMissing");
    let start = format!("container \"app\": {} (", image.tagged);
    assert!(line.starts_with(&start), "{line}");
    let (_, next_step) = line
        .split_once("[SignatureMissing]; ")
        .expect("there is a next step");
    assert!(next_step.contains("cosign sign"), "{line}");
    assert!(next_step.contains(&image.by_digest()), "{line}");
    let absent = scene.kubectl(&["get", "pod", "app"]).expect_failure();
    assert!(absent.contains("NotFound"), "{absent}");
}

#[test]
#[ignore = "needs a cluster"]
fn a_signature_on_one_manifest_of_an_index_does_not_admit_the_index() {
    let scene = Scene::guarded_by_key("child", &format!("{}/child/**", cluster().registry.host));
    let maker = &scene.cluster.signer;
    let mut child = maker.push_index(&scene.cluster.registry, "child/app", "v1");
    let index = child.clone();
    child.digest.clone_from(&index.children[0]);
    maker.sign(&scene.cluster.registry, &child);
    scene.rejects(&pod("app", &index.tagged), "SignedChildOnly");
}

#[test]
#[ignore = "needs a cluster"]
fn a_deployment_with_an_unsigned_image_is_refused_at_apply() {
    let scene = Scene::guarded_by_key(
        "template",
        &format!("{}/template/**", cluster().registry.host),
    );
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "template/app", "v1");
    let line = scene.rejects(&deployment("app", &image.tagged, 1), "SignatureMissing");
    assert!(line.starts_with("container \"app\": "), "{line}");
}

#[test]
#[ignore = "needs a cluster"]
fn a_signed_deployment_keeps_its_template_and_its_pods_are_pinned() {
    let scene = Scene::guarded_by_key(
        "rollout",
        &format!("{}/rollout/**", cluster().registry.host),
    );
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "rollout/app", "v1");
    scene.cluster.signer.sign(&scene.cluster.registry, &image);
    let admitted = scene.accepts(&deployment("app", &image.tagged, 2));
    let template = &admitted["spec"]["template"]["spec"];
    assert_eq!(template["containers"][0]["image"], image.tagged);
    let images = eventually("the Deployment's Pods", || {
        let pods = scene.get(&["pods"]);
        let items = pods["items"].as_array()?.clone();
        (items.len() == 2).then(|| {
            let image = |pod: &serde_json::Value| pod["spec"]["containers"][0]["image"].clone();
            items.iter().map(image).collect::<Vec<_>>()
        })
    });
    assert_eq!(images, [json!(image.pinned()), json!(image.pinned())]);
}

#[test]
#[ignore = "needs a cluster"]
fn a_deployment_older_than_its_policy_shows_our_line_when_it_is_scaled_up() {
    let scene = Scene::new("older");
    let host = &scene.cluster.registry.host;
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "older/app", "v1");
    scene.accepts(&deployment("app", &image.tagged, 0));
    scene.demand_key(
        "signed",
        &format!("{host}/older/**"),
        &scene.cluster.signer.public_key,
    );
    scene
        .kubectl(&["scale", "deployment", "app", "--replicas=1"])
        .expect_success();
    let message = eventually("the ReplicaSet's FailedCreate event", || {
        let events = scene.get(&["events", "--field-selector=reason=FailedCreate"]);
        let event = events["items"].as_array()?.first()?.clone();
        assert_eq!(event["involvedObject"]["kind"], "ReplicaSet");
        event["message"].as_str().map(str::to_owned)
    });
    let line = format!("container \"app\": {} (", image.tagged);
    assert!(message.contains(&line), "{message}");
    assert!(message.contains("[SignatureMissing]; "), "{message}");
}

#[test]
#[ignore = "needs a cluster"]
fn kubectl_debug_with_an_unsigned_image_is_refused() {
    let scene = Scene::guarded_by_key("debug", &format!("{}/debug/**", cluster().registry.host));
    let maker = &scene.cluster.signer;
    let signed = maker.push(&scene.cluster.registry, "debug/app", "v1");
    maker.sign(&scene.cluster.registry, &signed);
    let unsigned = maker.push(&scene.cluster.registry, "debug/shell", "v1");
    scene.accepts(&pod("app", &signed.tagged));
    let image = format!("--image={}", unsigned.tagged);
    let stderr = scene
        .kubectl(&[
            "debug",
            "app",
            &image,
            "--container=shell",
            "--profile=general",
        ])
        .expect_failure();
    let start = format!("ephemeral container \"shell\": {} (", unsigned.tagged);
    assert!(stderr.contains(&start), "{stderr}");
    assert!(stderr.contains("[SignatureMissing]; "), "{stderr}");
    let pod = scene.get(&["pod", "app"]);
    assert_eq!(pod["spec"]["ephemeralContainers"], serde_json::Value::Null);
}

#[test]
#[ignore = "needs a cluster"]
fn a_running_pod_can_be_labelled_after_its_image_lost_its_policy() {
    let scene = Scene::new("labelled");
    let host = &scene.cluster.registry.host;
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "labelled/app", "v1");
    scene.accepts(&pod("app", &image.tagged));
    scene.demand_key(
        "signed",
        &format!("{host}/labelled/**"),
        &scene.cluster.signer.public_key,
    );
    scene
        .kubectl(&["label", "pod", "app", "seen=yes"])
        .expect_success();
    let other = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "labelled/app", "v2");
    let change = format!("app={}", other.tagged);
    let stderr = scene
        .kubectl(&["set", "image", "pod/app", &change])
        .expect_failure();
    assert!(stderr.contains("[SignatureMissing]"), "{stderr}");
}
