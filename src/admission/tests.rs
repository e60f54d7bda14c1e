mod labels;
mod log;
mod malformed;
mod observed;
mod policies;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::{
    image::{Contents, Digest, Part, Reference, Repository},
    policy::{ClusterModes, DefaultAction, Lowering, PolicySet},
    registry::{Access, Attachment, Keyring, Registry, RegistryError, Search, Wanted},
    review::{PullSecrets, Snapshot, Snapshots},
    trust::TrustRoots,
    workload::PullReferences,
};

/// Policies without any policy: what is unmatched is all there is, so nothing may be looked up.
#[derive(Debug)]
struct World {
    default_action: Option<DefaultAction>,
    lowering: Lowering,
    namespace_labels: Result<BTreeMap<String, String>, String>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            default_action: Some(DefaultAction::Deny),
            lowering: Lowering::Forbidden,
            namespace_labels: Ok(BTreeMap::new()),
        }
    }
}

impl Snapshots for World {
    fn current(&self) -> Option<Snapshot> {
        Some(Snapshot {
            policies: Arc::new(PolicySet::default()),
            trust_roots: Arc::new(TrustRoots::public_only()),
            modes: ClusterModes {
                default_action: self.default_action?,
                lowering: self.lowering,
            },
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        Box::pin(async { self.namespace_labels.clone() })
    }
}

/// Any call is a failure of the test.
#[derive(Debug)]
struct NotAsked;

impl Registry for NotAsked {
    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        panic!("{image:?} was looked up")
    }

    fn attachments<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: Wanted,
        _: Search,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        panic!("{repository:?} was searched")
    }

    fn children<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        panic!("{repository:?} was searched")
    }

    fn contents<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: &'a BTreeSet<Part>,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        panic!("{repository:?} was read")
    }
}

impl PullSecrets for NotAsked {
    fn keyring<'a>(
        &'a self,
        _: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        panic!("{references:?} were looked up")
    }
}

async fn whole_answer(webhook: Webhook, world: World, review: &Value) -> Answer {
    let reviewer = Reviewer::new(Arc::new(NotAsked), Arc::new(world), Arc::new(NotAsked));
    let body = review.to_string().into_bytes();
    let deadline = Instant::now() + Duration::from_secs(9);
    answer(webhook, &body, &reviewer, deadline).await.unwrap()
}

async fn answered(webhook: Webhook, world: World, review: &Value) -> Value {
    let answer = whole_answer(webhook, world, review).await;
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["response"]["allowed"], json!(answer.allowed));
    assert_eq!(body["apiVersion"], json!("admission.k8s.io/v1"));
    assert_eq!(body["kind"], json!("AdmissionReview"));
    assert_eq!(body["response"]["uid"], json!("uid-1"));
    body["response"].take()
}

fn review(operation: &str, object: &Value, old_object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "uid-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "shop",
            "operation": operation,
            "userInfo": {"username": "alice"},
            "object": object,
            "oldObject": old_object,
        }
    })
}

fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api"},
        "spec": {"containers": [{"name": "api", "image": image}]},
    })
}

fn annotated(mut pod: Value, key: &str, value: &str) -> Value {
    pod["metadata"]["annotations"][key] = json!(value);
    pod
}

fn patch_of(response: &Value) -> Value {
    let decoded = STANDARD
        .decode(response["patch"].as_str().unwrap())
        .unwrap();
    assert_eq!(response["patchType"], json!("JSONPatch"));
    serde_json::from_slice(&decoded).unwrap()
}

#[rstest]
#[case("DELETE")]
#[case("CONNECT")]
#[tokio::test]
async fn what_makes_no_pod_is_allowed_without_a_look(#[case] operation: &str) {
    let review = review(operation, &Value::Null, &pod("a:1"));
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    assert_eq!(response, json!({"uid": "uid-1", "allowed": true}));
}

#[tokio::test]
async fn a_resource_without_pods_is_allowed_untouched() {
    let mut review = review("CREATE", &json!({"kind": "ConfigMap"}), &Value::Null);
    review["request"]["resource"]["resource"] = json!("configmaps");
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    assert_eq!(response, json!({"uid": "uid-1", "allowed": true}));
}

#[tokio::test]
async fn an_update_with_the_same_images_is_allowed_even_before_policies_are_loaded() {
    let world = World {
        default_action: None,
        ..World::default()
    };
    let review = review("UPDATE", &pod("a:1"), &pod("a:1"));
    let response = answered(Webhook::Validate, world, &review).await;
    assert_eq!(response, json!({"uid": "uid-1", "allowed": true}));
}

#[tokio::test]
async fn an_update_cannot_change_our_annotation() {
    let ours = annotated(pod("a:1"), "assay.dev/images", "ours");
    let forged = annotated(pod("a:1"), "assay.dev/images", "forged");
    let response = answered(
        Webhook::Mutate,
        World::default(),
        &review("UPDATE", &forged, &ours),
    )
    .await;
    assert_eq!(
        patch_of(&response),
        json!([{"op": "replace", "path": "/metadata/annotations/assay.dev~1images", "value": "ours"}])
    );
}

#[tokio::test]
async fn an_update_with_another_image_is_judged() {
    let review = review("UPDATE", &pod("a:2"), &pod("a:1"));
    let response = answered(Webhook::Validate, World::default(), &review).await;
    assert_eq!(response["allowed"], json!(false));
    assert_eq!(
        response["auditAnnotations"]["codes"],
        json!("NoPolicyMatches")
    );
}

#[tokio::test]
async fn a_refusal_has_code_reason_message_and_one_cause_per_image() {
    let mut pod = pod("registry.example/a:1");
    pod["spec"]["initContainers"] = json!([{"name": "init", "image": "registry.example/b:1"}]);
    let review = review("CREATE", &pod, &Value::Null);
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    let status = &response["status"];
    assert_eq!(status["code"], json!(403));
    assert_eq!(status["reason"], json!("Forbidden"));
    let causes = status["details"]["causes"].as_array().unwrap();
    let told: Vec<_> = causes
        .iter()
        .map(|cause| (cause["reason"].clone(), cause["field"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("NoPolicyMatches"), json!("spec.containers[0].image")),
            (
                json!("NoPolicyMatches"),
                json!("spec.initContainers[0].image")
            ),
        ]
    );
    let lines: Vec<_> = causes
        .iter()
        .map(|cause| cause["message"].as_str().unwrap())
        .collect();
    assert_eq!(status["message"], json!(lines.join("\n")));
    assert_eq!(
        response["auditAnnotations"],
        json!({"decision": "denied", "codes": "NoPolicyMatches,NoPolicyMatches"})
    );
    assert_eq!(response.get("patch"), None);
}

#[tokio::test]
async fn a_warning_fits_and_has_no_line_break() {
    let world = World {
        default_action: Some(DefaultAction::Warn),
        ..World::default()
    };
    let long = format!("registry.example/{}:1", "a/".repeat(80) + "b");
    let review = review("CREATE", &pod(&long), &Value::Null);
    let response = answered(Webhook::Validate, world, &review).await;
    assert_eq!(response["allowed"], json!(true));
    let warnings = response["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    let warning = warnings[0].as_str().unwrap();
    assert!(
        warning.chars().count() <= crate::limits::WARNING_CHARS,
        "{warning}"
    );
    assert!(!warning.chars().any(char::is_control), "{warning}");
}

#[tokio::test]
async fn a_forged_annotation_is_removed_on_create_and_only_by_the_mutating_webhook() {
    let world = || World {
        default_action: Some(DefaultAction::Allow),
        ..World::default()
    };
    let forged = annotated(pod("a:1"), "assay.dev/images", "forged");
    let review = review("CREATE", &forged, &Value::Null);
    let response = answered(Webhook::Mutate, world(), &review).await;
    assert_eq!(
        patch_of(&response),
        json!([{"op": "remove", "path": "/metadata/annotations/assay.dev~1images"}])
    );
    let response = answered(Webhook::Validate, world(), &review).await;
    assert_eq!(
        response,
        json!({"uid": "uid-1", "allowed": true, "auditAnnotations": {"decision": "allowed"}})
    );
}

#[rstest]
#[case::its_kubelet("CREATE", "system:node:worker-1", "system:nodes", true)]
#[case::another_kubelet("CREATE", "system:node:worker-2", "system:nodes", false)]
#[case::a_name_outside_the_group("CREATE", "system:node:worker-1", "staff", false)]
#[case::anybody("CREATE", "alice", "system:nodes", false)]
#[case::an_update("UPDATE", "system:node:worker-1", "system:nodes", false)]
#[tokio::test]
async fn a_mirror_pod_is_only_reported_when_the_kubelet_of_its_node_creates_it(
    #[case] operation: &str,
    #[case] username: &str,
    #[case] group: &str,
    #[case] allowed: bool,
) {
    let mut mirror = annotated(pod("a:1"), "kubernetes.io/config.mirror", "0123");
    mirror["spec"]["nodeName"] = json!("worker-1");
    let mut review = review(operation, &mirror, &Value::Null);
    review["request"]["userInfo"] = json!({"username": username, "groups": [group]});
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    assert_eq!(response["allowed"], json!(allowed));
    assert_eq!(
        response["auditAnnotations"].get("reported").is_some(),
        allowed
    );
}

#[tokio::test]
async fn a_pod_that_names_an_owner_is_judged_like_any_other() {
    let mut pod = pod("a:1");
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "approved", "uid": "1", "controller": true}]);
    let review = review("CREATE", &pod, &Value::Null);
    let response = answered(Webhook::Validate, World::default(), &review).await;
    assert_eq!(response["allowed"], json!(false));
}

#[rstest]
#[case::null(Value::Null)]
#[case::text(json!("pod"))]
#[case::no_list(json!({"spec": {"containers": {"name": "api"}}}))]
#[case::number(json!({"spec": {"containers": [{"name": "api", "image": 7}]}}))]
#[tokio::test]
async fn an_object_that_cannot_be_read_is_refused_and_names_the_field(#[case] object: Value) {
    let review = review("CREATE", &object, &Value::Null);
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    assert_eq!(response["allowed"], json!(false));
    let status = &response["status"];
    assert_eq!(status["reason"], json!("Forbidden"));
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        json!("ReferenceInvalid")
    );
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("[ReferenceInvalid]"), "{message}");
}

#[tokio::test]
async fn too_many_images_are_refused_with_the_limit() {
    let image = json!({"name": "a", "image": "a:1"});
    let images = vec![image; crate::limits::IMAGES_PER_OBJECT + 1];
    let review = review(
        "CREATE",
        &json!({"spec": {"containers": images}}),
        &Value::Null,
    );
    let response = answered(Webhook::Mutate, World::default(), &review).await;
    assert_eq!(
        response["status"]["message"],
        json!(
            "501 images, at most 500 are judged [LimitExceeded]; divide the object into smaller ones"
        )
    );
}

#[tokio::test]
async fn before_policies_are_loaded_nothing_new_is_let_in() {
    let world = World {
        default_action: None,
        ..World::default()
    };
    let review = review("CREATE", &pod("a:1"), &Value::Null);
    let response = answered(Webhook::Mutate, world, &review).await;
    assert_eq!(
        response["status"]["message"],
        json!("the policies are not loaded yet [PolicyBroken]; try again in a moment")
    );
}

#[tokio::test]
async fn without_the_namespaces_labels_nothing_new_is_let_in() {
    let world = World {
        namespace_labels: Err("forbidden\nfor us".to_owned()),
        ..World::default()
    };
    let review = review("CREATE", &pod("a:1"), &Value::Null);
    let response = answered(Webhook::Mutate, world, &review).await;
    assert_eq!(
        response["status"]["message"],
        json!(
            "the labels of namespace \"shop\" cannot be read: forbidden for us [PolicyBroken]; \
             see Assay's log and its access to namespaces"
        )
    );
}
