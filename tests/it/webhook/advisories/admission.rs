//! Admission controllers that looked at the wrong thing, or not at all.

use assay::{policy::PolicyObject, sandbox::sigstore::SigningKeyPair};
use rstest::rstest;
use serde_json::{Value, json};

use super::{REFS, TAG, pipeline};
use crate::{
    support::{
        reviews::{creation, pod, update},
        world::{IMAGE, PROJECT, World, authority},
    },
    webhook::{codes, patch},
};

/// A signed image whose tag, once it was resolved, names another image at every further look.
async fn pinned_where_the_tag_moves() -> (String, String) {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let impostor = world.registry.push_image(PROJECT, "impostor", "impostor");
    let registry = std::sync::Arc::downgrade(&world.registry);
    world.registry.set_fault(move |request| {
        if request.index > 0 {
            registry.upgrade()?.move_tag(PROJECT, "1.8.2", &impostor);
        }
        None
    });
    let response = world.deploy(IMAGE).await;
    let patch = patch(&response);
    let replaced = patch.as_array().unwrap().iter().find(|operation| {
        operation["op"] == "replace" && operation["path"] == "/spec/containers/0/image"
    });
    let pinned = replaced.unwrap()["value"].as_str().unwrap().to_owned();
    (
        pinned,
        format!("{}:1.8.2@{image}", world.reference(PROJECT)),
    )
}

// Kyverno asked for the tag a second time after verification, and pinned what that answered.
#[tokio::test]
async fn cve_2022_47633_a_registry_that_answers_differently_the_second_time() {
    let (pinned, verified) = pinned_where_the_tag_moves().await;
    assert_eq!(pinned, verified);
}

// The same again in Kyverno, for the digest that it verified.
#[tokio::test]
async fn cve_2023_47630_the_pinned_digest_is_the_verified_one() {
    let (pinned, verified) = pinned_where_the_tag_moves().await;
    assert_eq!(pinned, verified);
}

// Crossplane verified a package by its tag and installed it by its tag.
#[tokio::test]
async fn crossplane_a_tag_is_not_resolved_again_after_verification() {
    let (pinned, verified) = pinned_where_the_tag_moves().await;
    assert_eq!(pinned, verified);
}

// Kyverno's cache was keyed by tag: a hit skipped every check, and then pinned what the tag named by now.
#[tokio::test]
async fn ghsa_2r43_6962_xcw5_a_moved_tag_finds_no_verdict_of_the_old_image() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    assert_eq!(world.codes().await, Vec::<String>::new());
    let impostor = world.registry.push_image(PROJECT, "1.8.2", "impostor");
    // The tag may be remembered for seconds: then it is the verified image that is pinned.
    let remembered = world.deploy(IMAGE).await;
    assert!(patch(&remembered).to_string().contains(image.hex()));
    let moved = format!("{PROJECT}:1.8.2@{impostor}");
    assert_eq!(codes(&world.deploy(&moved).await), ["SignatureMissing"]);
}

// The other half of it: a hit also skipped what the policy demanded since.
#[tokio::test]
async fn ghsa_2r43_6962_xcw5_a_changed_policy_finds_no_verdict_of_the_old_one() {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    assert_eq!(world.codes().await, Vec::<String>::new());
    let other = SigningKeyPair::generate().unwrap();
    world.demand(json!({"authorities": [authority("key", &other)]}));
    assert_eq!(world.codes().await, ["KeyMismatch"]);
}

// Kyverno read the fields for patterns of issuer and subject, and did not use them.
#[tokio::test]
async fn cve_2025_29778_every_field_of_an_identity_counts() {
    let world = World::new().await;
    let image = world.push_image();
    world.attach(&image, world.pipeline_signature(TAG, &image));
    let demand = |issuer: &str, san: &str| {
        world.demand(json!({"authorities": [{
            "name": "partner",
            "keyless": {"issuer": issuer, "san": san},
            "trustRootRef": {"name": "sandbox"},
        }]}));
    };
    let san = format!("https://gitlab.com/{PROJECT}//.gitlab-ci.yml@{TAG}");
    demand("https://gitlab.com", &san);
    assert_eq!(world.codes().await, Vec::<String>::new());
    demand("https://gitlab.example", &san);
    assert_eq!(world.codes().await, ["IdentityMismatch"]);
    demand("https://gitlab.com", &san.replace("api", "web"));
    assert_eq!(world.codes().await, ["IdentityMismatch"]);
}

// What is not known must not be left out: a misspelt field would demand nothing.
#[rstest]
#[case::of_the_policy("/spec", "issuerRegExp")]
#[case::of_the_identity("/spec/authorities/0/keyless", "subjectRegExp")]
fn cve_2025_29778_an_unknown_field_is_an_error(#[case] place: &str, #[case] field: &str) {
    let mut object = json!({
        "apiVersion": "assay.dev/v1alpha1",
        "kind": "ClusterImageTrustPolicy",
        "metadata": {"name": "demand"},
        "spec": {
            "match": {"images": ["**"]},
            "authorities": [{
                "name": "partner",
                "keyless": {"issuer": "https://issuer.example", "san": "https://partner.example/ci"},
            }],
        },
    });
    object.pointer_mut(place).unwrap()[field] = json!(".*");
    let compiled = PolicyObject::from_json(object)
        .unwrap()
        .compile(&NoEntries)
        .map(|_| ());
    let error = compiled.unwrap_err().to_string();
    assert!(error.contains(field), "{error}");
}

struct NoEntries;

impl assay::policy::KeySource for NoEntries {
    fn text(&self, _: &assay::policy::ObjectEntry) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

// Kyverno applied a failing patch, went on with no object, and found no image to verify in it.
#[rstest]
#[case::null(Value::Null)]
#[case::no_object(json!("pod"))]
#[case::no_containers(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": {}}}))]
#[tokio::test]
async fn kyverno_15705_what_cannot_be_read_is_not_empty(#[case] object: Value) {
    let world = World::new().await;
    world.demand_key();
    let response = world.server.mutate(&creation(&object)).await;
    assert_eq!(response["allowed"], json!(false), "{response}");
}

// Kyverno passed every object that was being deleted. A finalizer keeps such a Pod, and its image can be changed.
#[tokio::test]
async fn cve_2023_34091_an_image_that_changes_while_the_pod_is_being_deleted() {
    let world = World::new().await;
    world.demand_key();
    world.push_image();
    let mut before = pod(&world.reference("acme/shop/api:old"));
    before["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    before["metadata"]["finalizers"] = json!(["example.com/wait"]);
    let mut after = before.clone();
    after["spec"]["containers"][0]["image"] = json!(world.reference(IMAGE));
    let response = world.server.mutate(&update(&after, &before)).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
}

// Connaisseur looked at the containers of a Pod, and at nothing else that brings an image.
#[rstest]
#[case::init_containers("initContainers", json!([{"name": "setup", "image": "IMAGE"}]))]
#[case::ephemeral_containers("ephemeralContainers", json!([{"name": "debug", "image": "IMAGE"}]))]
#[case::volumes("volumes", json!([{"name": "data", "image": {"reference": "IMAGE"}}]))]
#[tokio::test]
async fn connaisseur_an_image_outside_of_the_containers(#[case] field: &str, #[case] value: Value) {
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let unsigned = world.registry.push_image(PROJECT, "unsigned", "unsigned");
    let mut mixed = pod(&world.reference(IMAGE));
    let reference = format!("{}@{unsigned}", world.reference(PROJECT));
    let value = value.to_string().replace("IMAGE", &reference);
    mixed["spec"][field] = serde_json::from_str(&value).unwrap();
    let response = world.server.mutate(&creation(&mixed)).await;
    assert_eq!(codes(&response), ["SignatureMissing"]);
}

// Fulcio matched the addresses of token issuers by expressions that were not anchored.
#[rstest]
#[case::a_longer_host("https://gitlab.com.evil.example")]
#[case::a_path("https://evil.example/https://gitlab.com")]
#[case::another_scheme("http://gitlab.com")]
#[case::a_port("https://gitlab.com:8443")]
#[tokio::test]
async fn ghsa_59jp_pj84_45mr_an_issuer_that_only_looks_alike(#[case] issuer: &str) {
    let world = World::new().await;
    world.demand_pipeline(REFS);
    let image = world.push_image();
    let claims = pipeline().oidc_issuer(issuer);
    let signed = world.sigstore.sign_as(&claims, &image).bundle().unwrap();
    world.attach(&image, signed);
    assert_eq!(world.codes().await, ["IdentityMismatch"]);
}
