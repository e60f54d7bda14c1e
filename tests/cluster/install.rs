//! Assay by its chart, with the real helm: installed, upgraded, uninstalled.

use serde_json::json;

use crate::support::{
    eventually,
    platform::{OWN, Platform, SHOP, platform},
    scene::{denial, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn helm_installs_upgrades_without_a_failed_review_uninstalls_without_a_trace_and_installs_again() {
    let platform = platform();
    platform.uninstall();
    platform.with_assay();
    assert_judges(&platform);
    assert_passes_its_test(&platform);
    tell_usage(&platform, "at rest");

    let load = platform.load();
    let mut values = platform.values();
    values["podAnnotations"] = json!({ "changed": "yes" });
    let before = platform.node.pods();
    platform
        .helm_with_values("upgrade", &values)
        .expect_success();
    platform.wait_until_whole();
    load.goes_on(100);
    tell_usage(&platform, "under load");
    load.stop().expect_no_failure("helm upgrade");
    let after = platform.node.pods();
    assert!(
        after.iter().all(|name| !before.contains(name)),
        "{before:?} {after:?}"
    );

    let secret = platform.certificate_secret();
    platform.uninstall();
    assert_no_trace(&platform);
    platform
        .kubectl(&["delete", "namespace", OWN, "--timeout=60s"])
        .expect_success();

    // As after a restore from a backup.
    platform.restore(&secret);
    platform.with_assay();
    assert_judges(&platform);
}

/// A signed image is let in and pinned, an unsigned one is refused in our words.
#[track_caller]
fn assert_judges(platform: &Platform) {
    platform
        .apply(&pod("signed", &platform.signed.tagged))
        .expect_success();
    let admitted = platform.plane.get(&["-n", SHOP, "pod", "signed"]);
    assert_eq!(
        admitted["spec"]["containers"][0]["image"],
        platform.signed.pinned()
    );
    let refused = platform
        .apply(&pod("unsigned", &platform.unsigned.tagged))
        .expect_failure();
    let line = denial(&refused, "SignatureMissing");
    let start = format!("container \"app\": {} (", platform.unsigned.tagged);
    assert!(line.starts_with(&start), "{line}");
    platform
        .kubectl(&["-n", SHOP, "delete", "pod", "signed", "--force"])
        .expect_success();
}

/// The Pod of `helm test` runs with its own account and rights, and leaves nothing.
#[track_caller]
fn assert_passes_its_test(platform: &Platform) {
    let told = platform
        .helm(&["test", "assay", "--timeout=60s"])
        .expect_success();
    let phases: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("Phase:"))
        .collect();
    assert!(!phases.is_empty(), "{told}");
    for phase in phases {
        assert!(phase.ends_with("Succeeded"), "{told}");
    }
    let kinds = "pods,serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings";
    let left = platform
        .kubectl(&["-n", OWN, "get", kinds, "-o", "name"])
        .expect_success();
    assert!(!left.contains("doctor"), "{left}");
}

/// Pods can be made, nothing of the release is left, and what users wrote is.
#[track_caller]
fn assert_no_trace(platform: &Platform) {
    let unsigned = pod("unsigned", &platform.unsigned.tagged);
    platform.apply_as_dry_run(&unsigned).expect_success();
    let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,\
                 clusterrolebindings,priorityclasses";
    let label = "app.kubernetes.io/name=assay";
    let left = platform
        .kubectl(&["get", kinds, "-l", label, "-o", "name"])
        .expect_success();
    assert_eq!(left, "");
    eventually("the replicas to be gone", || {
        let kinds = "deployments,replicasets,pods,services,secrets,configmaps,leases,serviceaccounts,\
                     roles,rolebindings,poddisruptionbudgets,networkpolicies";
        let left = platform.kubectl(&["-n", OWN, "get", kinds, "-l", label, "-o", "name"]);
        left.expect_success().is_empty().then_some(())
    });
    let policy = platform.kubectl(&[
        "-n",
        SHOP,
        "get",
        "imagetrustpolicy",
        "signed",
        "-o",
        "name",
    ]);
    assert_eq!(
        policy.expect_success(),
        "imagetrustpolicy.assay.dev/signed\n"
    );
}

fn tell_usage(platform: &Platform, when: &str) {
    for replica in platform.node.pods() {
        let usage = platform.node.usage(&replica);
        let (resident, processor) = (usage.resident / 1024, usage.processor);
        eprintln!(
            "{replica} {when}: {resident} KiB resident, {processor:?} of processor time so far"
        );
    }
}
