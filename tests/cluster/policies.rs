//! Policies as the API server and their authors meet them.

use serde_json::json;

use crate::support::{
    cluster, eventually,
    scene::{Scene, pod},
};

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_refuses_an_unknown_policy_field() {
    let scene = Scene::new("unknown-field");
    let mut policy = scene.policy(
        "typo",
        "registry.example/**",
        &scene.cluster.signer.public_key,
    );
    policy["spec"]["authoritys"] = json!([]);
    let stderr = scene.apply(&policy).expect_failure();
    assert!(
        stderr.contains(r#"unknown field "spec.authoritys""#),
        "{stderr}"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_refuses_what_the_schema_rules_out() {
    let scene = Scene::new("no-authority");
    let mut policy = scene.policy(
        "empty",
        "registry.example/**",
        &scene.cluster.signer.public_key,
    );
    policy["spec"]["authorities"][0]["github"] = json!({ "repository": "acme/shop" });
    let stderr = scene.apply(&policy).expect_failure();
    assert!(
        stderr.contains("is invalid: spec.authorities[0]"),
        "{stderr}"
    );
}

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_refuses_what_the_rules_for_provenance_cannot_mean() {
    let scene = Scene::new("no-provenance");
    let key = &scene.cluster.signer.public_key;
    let bom = "https://cyclonedx.org/bom";
    for (fields, expected) in [
        (
            json!({ "provenance": { "tagMatches": ["Nothing"] } }),
            r#"Unsupported value: "Nothing": supported values: "Ref", "Commit""#,
        ),
        (
            json!({ "provenance": { "branch": "main" } }),
            r#"unknown field "spec.provenance.branch""#,
        ),
        (
            json!({ "tags": { "allow": ["latest"], "immutable": true } }),
            r#"unknown field "spec.tags.immutable""#,
        ),
        (
            json!({ "require": 0 }),
            "require can be 0 only beside provenance or attestations",
        ),
        (
            json!({ "provenance": { "authorities": ["nobody"] } }),
            "provenance.authorities can name only authorities of this policy",
        ),
        (
            json!({ "provenance": { "sourceRepository": "https://*.example/acme" } }),
            "sourceRepository is an https URL whose host has no wildcard",
        ),
        (
            json!({ "provenance": { "refs": ["main"] } }),
            "ref is a full ref",
        ),
        (
            json!({ "provenance": { "refs": [] } }),
            "should have at least 1 items",
        ),
        (
            json!({ "provenance": { "runners": ["1234"] } }),
            "a runner is a URL whose host has no wildcard",
        ),
        (
            json!({ "provenance": { "baseImages": ["nginx"] } }),
            "an image pattern begins with the registry host",
        ),
        (
            json!({ "provenance": { "maxAge": "90d" } }),
            "maxAge is in hours, minutes and seconds",
        ),
        (
            json!({ "provenance": { "maxAge": "0h" } }),
            "maxAge must be more than nothing",
        ),
        (
            json!({ "attestations": [{ "predicateType": bom, "conditions": [{ "message": "no" }] }] }),
            "spec.attestations[0].conditions[0].expression: Required value",
        ),
    ] {
        let mut policy = scene.policy("refused", "registry.example/**", key);
        for (name, value) in fields.as_object().expect("an object") {
            policy["spec"][name] = value.clone();
        }
        let stderr = scene.apply(&policy).expect_failure();
        assert!(stderr.contains(expected), "{fields}: {stderr}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn the_api_server_refuses_a_time_for_what_was_verified_that_cannot_be_meant() {
    let scene = Scene::new("no-outage");
    let key = &scene.cluster.signer.public_key;
    for (time, expected) in [
        ("1d", "useVerifiedFor is in hours, minutes and seconds"),
        ("0h", "useVerifiedFor must be more than nothing"),
        ("168h1s", "useVerifiedFor is at most 168h"),
        ("200h", "useVerifiedFor is at most 168h"),
    ] {
        let mut policy = scene.policy("refused", "registry.example/**", key);
        policy["spec"]["whenRegistryUnavailable"] = "UseVerified".into();
        policy["spec"]["useVerifiedFor"] = time.into();
        let stderr = scene.apply(&policy).expect_failure();
        assert!(stderr.contains(expected), "{time}: {stderr}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn every_rule_about_provenance_is_taken_by_the_api_server_and_compiles() {
    let scene = Scene::new("provenance-rules");
    let mut policy = scene.policy(
        "whole",
        "registry.example/**",
        &scene.cluster.signer.public_key,
    );
    let condition = json!({ "expression": "image.digest != ''", "message": "no digest" });
    for (field, value) in [
        ("require", json!(0)),
        ("tags", json!({ "allow": [r"v\d+\.\d+\.\d+", "latest"] })),
        (
            "provenance",
            json!({
                "authorities": [policy["spec"]["authorities"][0]["name"]],
                "sourceRepository": "https://gitlab.com/acme/shop/api",
                "refs": ["refs/tags/v*"],
                "tagMatches": ["Ref", "Commit"],
                "runners": ["https://gitlab.com/acme/shop/api/-/runners/1234"],
                "pipelineSources": ["push"],
                "baseImages": ["registry.gitlab.com/acme/base/**"],
                "maxAge": "2160h",
            }),
        ),
        (
            "attestations",
            json!([{ "predicateType": "https://cyclonedx.org/bom", "conditions": [condition] }]),
        ),
        ("conditions", json!([condition])),
    ] {
        policy["spec"][field] = value;
    }
    scene.apply(&policy).expect_success();
    scene.wait_for_policy("whole", "True");
    let applied = scene.get(&["imagetrustpolicy", "whole"]);
    for field in ["tags", "provenance", "attestations", "conditions"] {
        assert_eq!(applied["spec"][field], policy["spec"][field], "{field}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn an_edited_policy_takes_effect() {
    let scene = Scene::new("edited");
    let registry = &scene.cluster.registry;
    let image = scene.cluster.signer.push(registry, "edited/app", "v1");
    let key = &scene.cluster.signer.public_key;
    scene.demand_key("signed", &format!("{}/elsewhere/**", registry.host), key);
    scene.accepts(&pod("before", &image.tagged));
    scene.demand_key("signed", &format!("{}/edited/**", registry.host), key);
    scene.rejects(&pod("after", &image.tagged), "SignatureMissing");
    scene
        .kubectl(&["delete", "imagetrustpolicy", "signed"])
        .expect_success();
    eventually("the deleted policy to be out of force", || {
        (scene.apply(&pod("last", &image.tagged)).code == Some(0)).then_some(())
    });
}

#[test]
#[ignore = "needs a cluster"]
fn a_cluster_policy_applies_to_the_namespaces_its_selector_matches() {
    let scene = Scene::new("selected");
    let other = Scene::new("not-selected");
    let registry = &scene.cluster.registry;
    let image = scene.cluster.signer.push(registry, "selected/app", "v1");
    scene
        .kubectl(&["label", "namespace", "selected", "env=production"])
        .expect_success();
    let mut policy = scene.policy(
        "selected-production",
        &format!("{}/selected/**", registry.host),
        &scene.cluster.signer.public_key,
    );
    policy["kind"] = json!("ClusterImageTrustPolicy");
    policy["metadata"] = json!({ "name": "selected-production" });
    policy["spec"]["match"]["namespaceSelector"] =
        json!({ "matchLabels": { "env": "production" } });
    scene.apply(&policy).expect_success();
    eventually("the cluster policy's status", || {
        let policy = scene.get(&["clusterimagetrustpolicy", "selected-production"]);
        (policy["status"]["conditions"][0]["status"] == "True").then_some(())
    });
    scene.rejects(&pod("app", &image.tagged), "SignatureMissing");
    other.accepts(&pod("app", &image.tagged));
}

#[test]
#[ignore = "needs a cluster"]
fn a_policy_that_stops_compiling_keeps_its_last_good_form_and_says_why() {
    let scene = Scene::new("last-good");
    let registry = &scene.cluster.registry;
    let maker = &scene.cluster.signer;
    let signed = maker.push(registry, "last-good/app", "signed");
    maker.sign(registry, &signed);
    let unsigned = maker.push(registry, "last-good/app", "unsigned");
    let images = format!("{}/last-good/**", registry.host);
    let mut policy = scene.policy("signed", &images, "");
    policy["spec"]["authorities"][0]["key"] =
        json!({ "secretRef": { "name": "last-good-key", "key": "cosign.pub" } });
    let keep = |text: &str| {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": "last-good-key", "namespace": "assay-system" },
            "stringData": { "cosign.pub": text },
        });
        let plane = &scene.cluster.control_plane;
        plane
            .kubectl_with_input(&["apply", "-f", "-"], &secret.to_string())
            .expect_success();
    };
    keep(&maker.public_key);
    scene.apply(&policy).expect_success();
    scene.wait_for_policy("signed", "True");
    keep("-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----\n");
    let condition = scene.wait_for_policy("signed", "False");
    assert_eq!(condition["reason"], "LastGoodInForce");
    let message = condition["message"].as_str().expect("there is a message");
    assert!(
        message.contains("spec.authorities[0].key.secretRef"),
        "{message}"
    );
    scene.accepts(&pod("signed", &signed.tagged));
    scene.rejects(&pod("unsigned", &unsigned.tagged), "SignatureMissing");
}

#[test]
#[ignore = "needs a cluster"]
fn a_policy_that_never_compiled_refuses_what_it_covers() {
    let scene = Scene::new("broken");
    let image = scene
        .cluster
        .signer
        .push(&scene.cluster.registry, "broken/app", "v1");
    let mut policy = scene.policy(
        "signed",
        &format!("{}/broken/**", cluster().registry.host),
        "",
    );
    policy["spec"]["authorities"][0]["key"] =
        json!({ "secretRef": { "name": "no-such-secret", "key": "cosign.pub" } });
    scene.apply(&policy).expect_success();
    assert_eq!(
        scene.wait_for_policy("signed", "False")["reason"],
        "KeyUnavailable"
    );
    scene.rejects(&pod("app", &image.tagged), "PolicyBroken");
}

#[test]
#[ignore = "needs a cluster"]
fn a_key_in_a_secret_of_assays_own_namespace_is_followed() {
    let scene = Scene::new("key-secret");
    let registry = &scene.cluster.registry;
    let image = scene.cluster.signer.push(registry, "key-secret/app", "v1");
    scene.cluster.signer.sign(registry, &image);
    let mut policy = scene.policy("signed", &format!("{}/key-secret/**", registry.host), "");
    policy["spec"]["authorities"][0]["key"] =
        json!({ "secretRef": { "name": "release-key", "key": "cosign.pub" } });
    scene.apply(&policy).expect_success();
    scene.wait_for_policy("signed", "False");
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "release-key", "namespace": "assay-system" },
        "stringData": { "cosign.pub": scene.cluster.signer.public_key },
    });
    let plane = &scene.cluster.control_plane;
    plane
        .kubectl_with_input(&["apply", "-f", "-"], &secret.to_string())
        .expect_success();
    scene.wait_for_policy("signed", "True");
    scene.accepts(&pod("app", &image.tagged));
}
