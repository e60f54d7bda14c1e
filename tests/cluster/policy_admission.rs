//! Policies and trust roots as they are refused before they are stored, in kubectl's words.

use serde_json::{Value, json};

use crate::support::scene::Scene;

fn cluster_policy(scene: &Scene, name: &str) -> Value {
    let key = &scene.cluster.signer.public_key;
    let mut policy = scene.policy(name, "registry.example/**", key);
    policy["kind"] = json!("ClusterImageTrustPolicy");
    policy["metadata"] = json!({ "name": name });
    policy
}

#[test]
#[ignore = "needs a cluster"]
fn nonsense_is_refused_with_a_line_per_field() {
    let scene = Scene::new("nonsense");
    let mut policy = cluster_policy(&scene, "nonsense");
    policy["spec"]["conditions"] = json!([
        { "expression": "image.digest != ''" },
        { "expression": "img.digest != ''" },
    ]);
    let stderr = scene.apply(&policy).expect_failure();
    assert_eq!(
        stderr.trim_end(),
        "The ClusterImageTrustPolicy \"nonsense\" is invalid: spec.conditions[1].expression: there is no variable \"img\" here, \
         only image, signatures, provenance, attestations, pod, namespace"
    );
    policy["spec"]["authorities"][0]["key"]["pem"] =
        json!("-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----\n");
    let stderr = scene.apply(&policy).expect_failure();
    let lines: Vec<&str> = stderr.lines().collect();
    let [head, key, condition] = lines[..] else {
        panic!("{stderr}")
    };
    assert_eq!(
        head.trim_end(),
        "The ClusterImageTrustPolicy \"nonsense\" is invalid:"
    );
    assert!(
        key.starts_with("* spec.authorities[0].key.pem: "),
        "{stderr}"
    );
    assert!(
        condition.starts_with("* spec.conditions[1].expression: "),
        "{stderr}"
    );
    let absent = scene.kubectl(&["get", "clusterimagetrustpolicy", "nonsense"]);
    assert!(absent.expect_failure().contains("NotFound"));
}

#[test]
#[ignore = "needs a cluster"]
fn what_comes_later_is_warned_of_and_stored() {
    let scene = Scene::new("later");
    let mut policy = scene.policy("later", "registry.example/later/**", "");
    policy["spec"]["authorities"][0]["key"] =
        json!({ "secretRef": { "name": "no-such-key", "key": "cosign.pub" } });
    let finished = scene.apply(&policy);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stderr.trim_end(),
        "Warning: spec.authorities[0].key.secretRef: there is no Secret \"no-such-key\" in namespace \"assay-system\""
    );
    // It is broken and stays so, and can all the same be labelled and deleted.
    let labelled = scene.kubectl(&["label", "imagetrustpolicy", "later", "seen=yes"]);
    assert_eq!((labelled.code, labelled.stderr.as_str()), (Some(0), ""));
    scene
        .kubectl(&["delete", "imagetrustpolicy", "later"])
        .expect_success();
}

#[test]
#[ignore = "needs a cluster"]
fn a_trust_root_that_cannot_be_read_is_refused() {
    let scene = Scene::new("unreadable-root");
    let root = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
        "metadata": { "name": "unreadable" }, "spec": { "trustedRoot": "{}" },
    });
    let stderr = scene.apply(&root).expect_failure();
    let start = "The ImageTrustRoot \"unreadable\" is invalid: spec.trustedRoot: ";
    assert!(stderr.starts_with(start), "{stderr}");
}
