//! Who writes statuses, when, and what they say.

use super::*;

#[tokio::test]
async fn the_leader_writes_a_status_once_and_not_again_when_it_comes_back_with_the_watch() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (_cluster, _kept) = lead(&scenario);
    scenario.patch(STATUS, "ClusterImageTrustPolicy");
    let mut object = policy(&good_spec());
    watches[0].changed(&object);
    complete(&watches);
    settle().await;
    let status = good_status("2026-01-02T03:04:05Z");
    let applied = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "shop" }, "status": status,
    });
    assert_eq!(scenario.bodies(), [applied]);
    object["status"] = status;
    watches[0].changed(&object);
    scenario.finish().await;
}

#[tokio::test]
async fn who_does_not_lead_writes_nothing() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (_cluster, _kept) = follow(&scenario);
    watches[0].changed(&policy(&good_spec()));
    complete(&watches);
    scenario.finish().await;
}

#[tokio::test]
async fn a_new_leader_rewrites_nothing_that_is_right() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (_cluster, _kept) = lead(&scenario);
    let mut object = policy(&good_spec());
    object["status"] = good_status("2025-12-31T00:00:00Z");
    watches[0].changed(&object);
    complete(&watches);
    scenario.finish().await;
}

#[tokio::test]
async fn counts_that_are_added_to_a_status_cause_no_write() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = lead(&scenario);
    let mut object = policy(&good_spec());
    object["status"] = good_status("2025-12-31T00:00:00Z");
    watches[0].changed(&object);
    complete(&watches);
    settle().await;
    let before = cluster.current().unwrap();
    for matched in 0..100 {
        object["status"]["images"] = json!({ "matched": matched });
        object["metadata"]["resourceVersion"] = json!(matched.to_string());
        watches[0].changed(&object);
        settle().await;
    }
    let after = cluster.current().unwrap();
    assert!(Arc::ptr_eq(&before.policies, &after.policies));
    scenario.finish().await;
}

#[tokio::test]
async fn a_status_that_somebody_has_spoiled_is_put_right() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (_cluster, _kept) = lead(&scenario);
    let mut object = policy(&good_spec());
    object["status"] = good_status("2025-12-31T00:00:00Z");
    watches[0].changed(&object);
    complete(&watches);
    settle().await;
    scenario.patch(STATUS, "ClusterImageTrustPolicy");
    object["status"]["conditions"][0]["status"] = json!("False");
    watches[0].changed(&object);
    settle().await;
    let written = &scenario.bodies()[0]["status"]["conditions"];
    assert_eq!(written[0]["lastTransitionTime"], "2026-01-02T03:04:05Z");
    assert_eq!(written[1]["lastTransitionTime"], "2025-12-31T00:00:00Z");
    scenario.finish().await;
}

#[tokio::test]
async fn a_policy_with_a_field_of_a_newer_version_says_so_and_others_stay_in_force() {
    let spec = |extra: bool| {
        let mut spec = good_spec();
        if extra {
            spec["promotion"] = json!({ "minimumAge": "1h" });
        }
        spec
    };
    let told = conditions(&[("newer", spec(true)), ("shop", spec(false))], &[]).await;
    assert_eq!(
        told["newer"],
        [
            "Ready=False NotCompiled spec.promotion: unknown field `promotion`, expected one of `match`, `action`, `pin`, \
             `pinWorkloads`, `signatureRepository`, `authorities`, `require`, `tags`, `provenance`, `attestations`, \
             `conditions`, `whenRegistryUnavailable`, `useVerifiedFor`, `help`; every image that it may cover is refused",
            "Compiled=False UnknownField spec.promotion: unknown field `promotion`, expected one of `match`, `action`, `pin`, \
             `pinWorkloads`, `signatureRepository`, `authorities`, `require`, `tags`, `provenance`, `attestations`, \
             `conditions`, `whenRegistryUnavailable`, `useVerifiedFor`, `help`; if it is of a newer version of Assay, this one (0.1.0) does not know it",
            "KeysLoaded=Unknown NotCompiled what it refers to is looked up once it compiles",
        ]
    );
    assert_eq!(told["shop"][0], "Ready=True Compiled in force");
}

#[tokio::test]
async fn a_policy_that_names_a_missing_secret_says_which_and_others_stay_in_force() {
    let missing = json!({
        "match": { "images": ["registry.example/**"] },
        "authorities": [{ "name": "key", "key": { "secretRef": { "name": "keys", "key": "cosign.pub" } } }],
    });
    let told = conditions(&[("keyed", missing), ("shop", good_spec())], &[]).await;
    let fault = "spec.authorities[0].key.secretRef: key \"cosign.pub\" of Secret \"keys\" cannot be had: there is no \
                 Secret \"keys\" in namespace \"assay-system\"";
    assert_eq!(
        told["keyed"],
        [
            format!("Ready=False KeyUnavailable {fault}; every image that it may cover is refused"),
            "Compiled=True Compiled every field is understood".to_owned(),
            format!("KeysLoaded=False KeyUnavailable {fault}"),
        ]
    );
    assert_eq!(told["shop"][0], "Ready=True Compiled in force");
}

#[tokio::test]
async fn a_policy_that_names_a_trust_root_that_cannot_be_had_says_so() {
    let rooted = |name: &str| {
        let mut spec = good_spec();
        spec["authorities"][0]["trustRootRef"] = json!({ "name": name });
        spec
    };
    let root = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
        "metadata": { "name": "garbage" }, "spec": { "trustedRoot": "no JSON" },
    });
    let told = conditions(
        &[("absent", rooted("nowhere")), ("broken", rooted("garbage"))],
        &[root],
    )
    .await;
    let fault = "spec.authorities[0].trustRootRef: trust root \"nowhere\" cannot be used: there is no such ImageTrustRoot";
    assert_eq!(
        told["absent"],
        [
            format!(
                "Ready=False TrustRootUnavailable {fault}; until then images are refused that no other authority accepts"
            ),
            "Compiled=True Compiled every field is understood".to_owned(),
            format!("KeysLoaded=False TrustRootUnavailable {fault}"),
        ]
    );
    assert!(
        told["broken"][2].starts_with(
            "KeysLoaded=False TrustRootUnavailable spec.authorities[0].trustRootRef: trust root \"garbage\" cannot be used: "
        ),
        "{told:?}"
    );
    assert!(
        told["garbage"][0].starts_with("Ready=False NotLoaded "),
        "{told:?}"
    );
}

/// What the leader writes about these policies and trust roots, as `TYPE=STATUS REASON MESSAGE`, by name.
async fn conditions(policies: &[(&str, Value)], roots: &[Value]) -> BTreeMap<String, Vec<String>> {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (_cluster, _kept) = lead(&scenario);
    for (name, spec) in policies {
        let mut object = policy(spec);
        object["metadata"]["name"] = json!(name);
        watches[0].changed(&object);
        let path = format!("/apis/assay.dev/v1alpha1/clusterimagetrustpolicies/{name}/status");
        scenario.merge(&path, 200);
    }
    for root in roots {
        watches[2].changed(root);
        let name = root["metadata"]["name"].as_str().unwrap();
        let path = format!("/apis/assay.dev/v1alpha1/imagetrustroots/{name}/status");
        scenario.merge(&path, 200);
    }
    complete(&watches);
    settle().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = scenario.bodies().into_iter().map(|body| {
        let conditions = body["status"]["conditions"].as_array().unwrap().clone();
        let lines = conditions.iter().map(|condition| {
            let part = |name: &str| text(&condition[name]);
            format!(
                "{}={} {} {}",
                part("type"),
                part("status"),
                part("reason"),
                part("message")
            )
        });
        (text(&body["metadata"]["name"]), lines.collect())
    });
    let told = told.collect();
    scenario.finish().await;
    told
}

fn complete(watches: &[Watched]) {
    for watched in watches {
        watched.complete();
    }
}

fn good_status(since: &str) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": since, "observedGeneration": 3,
        })
    };
    json!({
        "observedGeneration": 3,
        "inForce": "Latest",
        "conditions": [
            condition("Ready", "Compiled", "in force"),
            condition("Compiled", "Compiled", "every field is understood"),
            condition("KeysLoaded", "Loaded", "every key and trust root that it names is there"),
        ],
    })
}

const STATUS: &str = "/apis/assay.dev/v1alpha1/clusterimagetrustpolicies/shop/status";
