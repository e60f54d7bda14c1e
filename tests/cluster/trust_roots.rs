//! Trust roots as the API server and their authors meet them.

use assay::sandbox::sigstore::PrivateSigstore;
use serde_json::{Value, json};

use crate::support::{
    eventually,
    scene::Scene,
    tuf::{Fault, Mirror, Repository},
};

fn trust_root(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
        "metadata": { "name": name }, "spec": spec,
    })
}

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_refuses_a_trust_root_that_is_none() {
    let scene = Scene::new("trust-root-rules");
    let tuf = |mirror: &str| json!({ "tuf": { "mirror": mirror, "root": "{}" } });
    let two = json!({ "trustedRoot": "{}", "secretRef": { "name": "a", "key": "b" } });
    let both = json!({ "tuf": {
        "mirror": "https://t.example", "root": "{}", "rootConfigMapRef": { "name": "a", "key": "b" },
    } });
    for (name, spec, told) in [
        ("none", json!({}), "exactly one of trustedRoot"),
        ("two", two, "exactly one of trustedRoot"),
        ("plain", tuf("http://tuf.example"), "mirror is an https URL"),
        (
            "user",
            tuf("https://me@tuf.example"),
            "mirror is an https URL",
        ),
        ("both", both, "exactly one of root and rootConfigMapRef"),
        (
            "empty",
            json!({ "pem": { "certificateAuthorities": [] } }),
            "should have at least 1 items",
        ),
        (
            "typo",
            json!({ "trustedRoot": "{}", "insecureNoScts": true }),
            "unknown field",
        ),
        (
            "public",
            json!({ "trustedRoot": "{}" }),
            "the name public is taken",
        ),
    ] {
        let stderr = scene.apply(&trust_root(name, &spec)).expect_failure();
        assert!(stderr.contains(told), "{name}: {stderr}");
    }
    for mirror in [
        "https://tuf.example/acme/",
        "http://[::1]:8080",
        "http://127.0.0.1/x",
    ] {
        let root = json!({ "name": "tuf-root", "key": "root.json" });
        let spec = json!({ "tuf": { "mirror": mirror, "rootConfigMapRef": root } });
        let object = trust_root("good", &spec);
        scene.apply(&object).expect_success();
    }
    scene
        .kubectl(&["delete", "imagetrustroot", "good"])
        .expect_success();
}

#[test]
#[ignore = "needs a cluster"]
fn a_root_from_a_mirror_is_fetched_kept_in_a_secret_and_told_in_the_status() {
    let scene = Scene::new("trust-root-tuf");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let trusted_root = PrivateSigstore::new(now).unwrap().trusted_root_json();
    let repository = Repository::lasting(&trusted_root);
    let mirror = runtime.block_on(Mirror::start(&repository));
    mirror.set_fault(Fault::Broken);
    let spec = json!({ "tuf": { "mirror": mirror.url, "root": repository.pinned_root() } });
    scene.apply(&trust_root("mirrored", &spec)).expect_success();
    let status = |reason: &str| {
        eventually("the trust root's status", || {
            let status = scene.get(&["imagetrustroot", "mirrored"])["status"].clone();
            (status["conditions"][0]["reason"] == reason).then_some(status)
        })
    };
    eventually("the first fetch to fail", || {
        let message = status("NotFetched")["conditions"][0]["message"].clone();
        (message == "it could not be fetched: 2.root.json was answered with 500").then_some(())
    });
    // A definition that has changed is fetched at once.
    mirror.set_fault(Fault::None);
    let spec = json!({ "tuf": {
        "mirror": format!("{}/", mirror.url), "root": format!("{}\n", repository.pinned_root()),
    } });
    scene.apply(&trust_root("mirrored", &spec)).expect_success();
    let status = status("Loaded");
    let held = |field: &str| status[field].as_i64().unwrap_or_default();
    assert_eq!((held("authorities"), held("logs")), (1, 4), "{status}");
    assert!(status["expires"].is_string(), "{status}");
    assert!(status["lastRefreshed"].is_string(), "{status}");
    let plane = &scene.cluster.control_plane;
    let copy = eventually("the kept copy", || {
        let secret = [
            "--namespace",
            "assay-system",
            "get",
            "secret",
            "assay-trust-root-mirrored",
        ];
        let secret = plane.kubectl(&[&secret[..], &["-o", "json"]].concat());
        let secret: Value = serde_json::from_str(&secret.stdout).ok()?;
        secret["data"]["copy.json"].as_str().map(str::to_owned)
    });
    assert!(!copy.is_empty());
    scene
        .kubectl(&["delete", "imagetrustroot", "mirrored"])
        .expect_success();
}
