//! The Pods that run, page by page.

use serde_json::{Value, json};

use super::scenario::Scenario;
use crate::{
    cluster::running_pods::RunningPods,
    limits,
    review::{PageError, RunningPods as _},
};

const PODS: &str = "/api/v1/pods";

fn list(pods: &[Value], next: &str) -> Value {
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "continue": next }, "items": pods })
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "labels": { "app": "api" }, "managedFields": [{ "manager": "m" }],
        },
        "spec": {
            "imagePullSecrets": [{ "name": "regcred" }],
            "containers": [{ "name": "api", "image": "r.example/app:1" }],
            "initContainers": [{ "name": "init", "image": "r.example/init:1" }],
        },
        "status": { "phase": "Running" },
    })
}

#[tokio::test]
async fn pods_that_have_not_ended_are_listed_page_by_page() {
    let scenario = Scenario::default();
    let beginning = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=50";
    scenario.answer_get(PODS, beginning, list(&[pod("a")], "token"));
    scenario.answer_get(PODS, "continue=token", list(&[pod("b")], ""));
    let pods = RunningPods::new(scenario.client());
    let first = pods.page(None).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("token"));
    let [one] = first.pods.as_slice() else {
        panic!("{first:?}");
    };
    let images: Vec<&str> = one.slots.iter().map(|it| it.written.as_str()).collect();
    assert_eq!(images.len(), 2);
    assert_eq!(one.place.namespace, "shop");
    assert_eq!(one.place.object_labels["app"], "api");
    assert_eq!(one.pull.pull_secrets, ["regcred"]);
    assert_eq!(one.pod.pointer("/metadata/name"), Some(&json!("a")));
    assert_eq!(one.pod.pointer("/metadata/managedFields"), None);
    assert_eq!(one.pod.get("status"), None);
    let second = pods.page(first.next.as_deref()).await.unwrap();
    assert_eq!((second.pods.len(), second.next), (1, None));
    scenario.finish().await;
}

#[tokio::test]
async fn a_page_of_large_pods_is_asked_for_in_smaller_ones() {
    let scenario = Scenario::default();
    let mut large = pod("large");
    large["metadata"]["annotations"] = json!({ "a": "x".repeat(limits::POD_PAGE_BYTES) });
    scenario.answer_get(PODS, "limit=50", list(&[large], "token"));
    scenario.answer_get(PODS, "limit=25", list(&[pod("a")], "token"));
    let page = RunningPods::new(scenario.client())
        .page(None)
        .await
        .unwrap();
    assert_eq!(page.pods.len(), 1);
    scenario.finish().await;
}

#[tokio::test]
async fn a_list_that_has_expired_is_told_apart_from_one_that_is_refused() {
    let scenario = Scenario::default();
    scenario.refuse(PODS, "continue=old", 410);
    scenario.refuse(PODS, "limit=50", 403);
    let pods = RunningPods::new(scenario.client());
    let expired = pods.page(Some("old")).await.map(|page| page.pods.len());
    assert_eq!(expired, Err(PageError::Expired));
    let refused = pods.page(None).await.map(|page| page.pods.len());
    assert!(
        matches!(refused, Err(PageError::Failed { .. })),
        "{refused:?}"
    );
    scenario.finish().await;
}
