//! Policies change, under load or unseen by a replica.

use serde_json::{Value, json};

use crate::support::{
    eventually,
    load::Case,
    platform::{Platform, SHOP, platform},
};

#[test]
#[ignore = "needs a cluster"]
fn a_thousand_changes_of_policies_under_load_leave_every_verdict_with_the_old_or_the_new_one() {
    let platform = platform();
    let image = platform.with_assay().push_signed("shop/swing", "v1");
    let either = Case {
        image: image.tagged.clone(),
        admitted: Some(image.pinned()),
        refused: Some("KeyMismatch"),
    };
    let keys = [platform.key(), Platform::other_key()];
    put(&platform, "swing", &keys[0]);
    let load = platform.load_with(&[either]);
    // One policy in ten decides about the load, the others about nothing.
    for change in 0..CHANGES {
        let name = match change % 10 {
            0 => "swing".to_owned(),
            other => format!("bystander-{other}"),
        };
        put(&platform, &name, &keys[(change / 10) % 2]);
    }
    load.goes_on(50);
    load.stop().expect_no_failure("1000 changes of policies");
    for name in std::iter::once("swing".to_owned()).chain((1..10).map(|n| format!("bystander-{n}")))
    {
        eventually("the status to be that of the newest form", || {
            let policy = platform.api.get(&path(&name)).ok()?;
            let is_latest =
                policy["status"]["observedGeneration"] == policy["metadata"]["generation"];
            is_latest.then(|| assert_ready(&policy))
        });
        platform
            .kubectl(&["-n", SHOP, "delete", "imagetrustpolicy", &name])
            .expect_success();
    }
}

#[test]
#[ignore = "needs a cluster"]
fn a_replica_that_missed_changes_and_whose_watch_has_expired_knows_the_newest_policies_again() {
    let platform = platform();
    let image = platform.with_assay().push_signed("shop/missed", "v1");
    let (_, follower) = platform.leader_and_follower();
    let direct = platform.direct(&follower);
    let runtime = platform.api.runtime();
    let allowed = || {
        let response = runtime.block_on(direct.review(SHOP, &image.tagged)).ok()?;
        response["allowed"].as_bool()
    };
    assert_eq!(allowed(), Some(true));
    let restarts = platform.node.restarts(&follower);
    platform.node.freeze(&follower);
    put(&platform, "missed", &Platform::other_key());
    // History that no API server can tell any more: what is asked from where the replica stands is answered by 410.
    runtime.block_on(platform.plane.compact());
    platform.plane.restart_api_server();
    platform.node.thaw(&follower);
    eventually("the replica to know the new policy", || {
        (allowed() == Some(false)).then_some(())
    });
    assert_eq!(
        platform.node.restarts(&follower),
        restarts,
        "it recovered by itself"
    );
    platform
        .kubectl(&["-n", SHOP, "delete", "imagetrustpolicy", "missed"])
        .expect_success();
    eventually("the replica to know it gone", || {
        (allowed() == Some(true)).then_some(())
    });
    platform.wait_until_whole();
}

/// Makes or replaces a policy: images of the repository that is called like it need a signature by this key.
fn put(platform: &Platform, name: &str, key: &str) {
    let spec = json!({
        "match": { "images": [platform.images(&format!("shop/{name}"))] },
        "authorities": [{ "name": "key", "key": { "pem": key } }],
    });
    let policy = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustPolicy",
        "metadata": { "name": name, "namespace": SHOP }, "spec": spec,
    });
    if platform
        .api
        .merge(&path(name), &json!({ "spec": spec }))
        .is_err()
    {
        let all = path("");
        platform
            .api
            .post(all.trim_end_matches('/'), &policy)
            .expect("a policy can be made");
    }
}

fn path(name: &str) -> String {
    format!("/apis/assay.dev/v1alpha1/namespaces/{SHOP}/imagetrustpolicies/{name}")
}

#[track_caller]
fn assert_ready(policy: &Value) {
    let conditions = policy["status"]["conditions"]
        .as_array()
        .expect("there are some");
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready");
    assert_eq!(
        ready.expect("it is one of them")["status"],
        "True",
        "{policy}"
    );
}

const CHANGES: usize = 1_000;
