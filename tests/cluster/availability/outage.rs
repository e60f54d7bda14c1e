//! Nothing of Assay is left for a while, or the API server starts anew.

use serde_json::json;

use crate::support::{
    eventually,
    load::{Failure, Way},
    platform::{OWN, Platform, SHOP, platform},
    scene::{denial, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn in_a_total_outage_judged_namespaces_refuse_the_others_go_on_and_assay_comes_back_by_itself() {
    let platform = platform();
    platform.with_assay();
    scale(&platform, 0);
    eventually("all replicas to be gone", || {
        platform.node.pods().is_empty().then_some(())
    });
    let refused = platform
        .apply_as_dry_run(&pod("app", &platform.signed.tagged))
        .expect_failure();
    assert!(
        refused.contains("failed calling webhook \"mutate.assay.dev\""),
        "{refused}"
    );
    for namespace in ["kube-system", OWN] {
        let mut free = pod("free", "registry.example/any:v1");
        free["metadata"]["namespace"] = json!(namespace);
        platform.apply_as_dry_run(&free).expect_success();
    }
    // What one needs to repair things is not judged.
    platform.apply(&policy_for_nothing()).expect_success();
    scale(&platform, 2);
    platform.wait_until_whole();
    eventually("the replicas to be asked again", || {
        let denied = platform.apply_as_dry_run(&pod("app", &platform.unsigned.tagged));
        denied
            .stderr
            .contains("denied the request")
            .then(|| denial(&denied.stderr, "SignatureMissing"))
    });
    platform
        .apply_as_dry_run(&pod("app", &platform.signed.tagged))
        .expect_success();
    platform
        .kubectl(&["-n", SHOP, "delete", "imagetrustpolicy", "in-an-outage"])
        .expect_success();
}

fn scale(platform: &Platform, replicas: usize) {
    let replicas = format!("--replicas={replicas}");
    platform
        .kubectl(&["-n", OWN, "scale", "deployment", "assay", &replicas])
        .expect_success();
}

fn policy_for_nothing() -> serde_json::Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustPolicy",
        "metadata": { "name": "in-an-outage", "namespace": SHOP },
        "spec": {
            "match": { "images": ["registry.example/nothing/**"] },
            "authorities": [{ "name": "any", "key": { "secretRef": { "name": "a", "key": "b" } } }],
        },
    })
}

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_may_start_anew_under_load() {
    let platform = platform();
    let load = platform.with_assay().load();
    platform.plane.restart_api_server();
    load.goes_on(100);
    platform.wait_until_whole();
    let report = load.stop();
    assert!(report.unanswered > 0, "the load has noticed");
    report.tell("API server restart");
    assert_eq!(report.failed.len(), 0, "{report:?}");
    // An API server that has just started refuses until it has read its own roles, and in a cluster nothing is sent to
    // it until then. Assay asked it nevertheless, could not read pull secrets, and says so: it lets nothing in.
    let expected = |failure: &Failure| {
        failure.asked == Way::Direct && failure.answer.contains("is forbidden: User")
    };
    assert!(report.wrong.iter().all(expected), "{report:?}");
}
