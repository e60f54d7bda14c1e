//! What Events tell of, as kubectl shows them.

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{
    cluster, eventually,
    scene::{Scene, deployment, pod},
};

/// The Events that Assay has written into the scene's namespace.
fn events(scene: &Scene) -> Vec<Value> {
    let events = scene.get(&[
        "events",
        "--field-selector=reportingComponent=assay.dev/assay",
    ]);
    events["items"].as_array().unwrap().clone()
}

/// The one Event, once it tells of this object and was seen so often.
fn event_on(scene: &Scene, kind: &str, times: i64) -> Value {
    eventually("the Event", || {
        let events = events(scene);
        assert!(events.len() <= 1, "{events:#?}");
        let event = events.into_iter().next()?;
        assert_eq!(event["involvedObject"]["kind"], kind, "{event:#}");
        let seen = event["series"]["count"].as_i64().unwrap_or(1);
        (seen >= times).then_some(event)
    })
}

/// What differs from one run to the next, the same in all; columns one space apart.
fn plain(text: &str) -> String {
    let replaced = [
        (r"127\.0\.0\.1:\d+|registry\.example", "REGISTRY"),
        (r"[0-9a-f]{64}", "DIGEST"),
        (r"sha256:[0-9a-f]{12}…", "SHORT"),
        (r"\bx\d+ over", "xN over"),
        (r"\b(\d+m)?\d+[smh]\b", "AGE"),
        (r"\bshop-[b-z0-9]{8,10}\b", "shop-HASH"),
        (r" +", " "),
    ];
    replaced
        .iter()
        .fold(text.to_owned(), |text, (pattern, with)| {
            let pattern = Regex::new(pattern).unwrap();
            pattern.replace_all(&text, *with).into_owned()
        })
}

/// The documentation shows this output, but for what differs from run to run.
#[track_caller]
fn assert_documented(output: &str) {
    let docs = plain(include_str!("../../docs/events.md"));
    for line in plain(output).lines() {
        let line = line.trim();
        assert!(
            docs.lines().any(|known| known.trim() == line),
            "{line}\nis not in docs/events.md:\n{output}"
        );
    }
}

/// The table of Events at the end of what `kubectl describe` prints.
fn described(text: &str) -> String {
    let (_, events) = text.split_once("\nEvents:\n").expect("it has Events");
    let ours = events.lines().filter(|line| {
        line.contains("assay.dev/assay") || line.contains("----") || line.contains("Reason")
    });
    ours.collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "needs a cluster"]
fn refused_pods_of_a_replica_set_are_one_event_on_it_that_counts() {
    let scene = Scene::new("shop-set");
    let host = &scene.cluster.registry.host;
    let maker = &scene.cluster.signer;
    let image = maker.push(&scene.cluster.registry, "shop/shop", "v1");
    scene.accepts(&deployment("shop", &image.tagged, 0));
    scene.demand_key("signed", &format!("{host}/shop/**"), &maker.public_key);
    let scale = ["scale", "deployment", "shop", "--replicas=1"];
    scene.kubectl(&scale).expect_success();
    let event = event_on(&scene, "ReplicaSet", 3);
    assert_eq!(
        (&event["type"], &event["reason"], &event["action"]),
        (
            &json!("Warning"),
            &json!("SignatureMissing"),
            &json!("Admission")
        )
    );
    let message = event["message"].as_str().unwrap();
    let line = format!("container \"app\": {} (", image.tagged);
    assert!(message.starts_with(&line), "{message}");
    let described_set = scene.kubectl(&["describe", "replicaset"]).expect_success();
    assert_documented(&described(&described_set));
    let by_code = ["get", "events", "--field-selector=reason=SignatureMissing"];
    let listed = scene.kubectl(&by_code).expect_success();
    assert!(listed.contains("replicaset/shop-"), "{listed}");
}

#[test]
#[ignore = "needs a cluster"]
fn a_refused_pod_without_a_controller_is_told_in_its_namespace_and_a_dry_run_is_not() {
    let host = &cluster().registry.host;
    let scene = Scene::guarded_by_key("shop-bare", &format!("{host}/shop-bare/**"));
    let maker = &scene.cluster.signer;
    let image = maker.push(&scene.cluster.registry, "shop-bare/shop", "v1");
    let tried = pod("tried", &image.tagged).to_string();
    let arguments = [
        "--namespace",
        "shop-bare",
        "apply",
        "--dry-run=server",
        "-f",
        "-",
    ];
    let dry = scene
        .cluster
        .control_plane
        .kubectl_with_input(&arguments, &tried);
    assert!(dry.expect_failure().contains("[SignatureMissing]"));
    scene.rejects(&pod("shop", &image.tagged), "SignatureMissing");
    let event = event_on(&scene, "Namespace", 1);
    let message = event["message"].as_str().unwrap();
    assert!(
        message.starts_with("Pod shop: container \"app\": "),
        "{message}"
    );
    let arguments = [
        "get",
        "events",
        "--field-selector=reportingComponent=assay.dev/assay",
    ];
    let listed = scene.kubectl(&arguments).expect_success();
    assert_documented(&listed);
}

#[test]
#[ignore = "needs a cluster"]
fn a_pod_that_an_audit_policy_lets_in_has_the_event_itself() {
    let scene = Scene::new("shop-audit");
    let host = &scene.cluster.registry.host;
    let maker = &scene.cluster.signer;
    let image = maker.push(&scene.cluster.registry, "shop-audit/shop", "v1");
    let mut policy = scene.policy(
        "signed",
        &format!("{host}/shop-audit/**"),
        &maker.public_key,
    );
    policy["spec"]["action"] = json!("Audit");
    scene.apply(&policy).expect_success();
    scene.wait_for_policy("signed", "True");
    let admitted = scene.accepts(&pod("shop", &image.tagged));
    let event = event_on(&scene, "Pod", 1);
    assert_eq!(event["involvedObject"]["uid"], admitted["metadata"]["uid"]);
    assert_eq!(event["reason"], json!("SignatureMissing"));
    let described_pod = scene.kubectl(&["describe", "pod", "shop"]).expect_success();
    assert_documented(&described(&described_pod));
}
