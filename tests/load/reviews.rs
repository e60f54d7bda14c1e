//! Admission reviews, as an API server sends them for what controllers create.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::post;

/// Which webhook is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Webhook {
    Mutate,
    Validate,
}

/// A request that asks about a Pod with these images.
pub(crate) fn pod_request(webhook: Webhook, images: &[String]) -> Arc<[u8]> {
    request(webhook, &review("", "Pod", "pods", &pod(images)))
}

/// The ten requests of a Deployment with three replicas: it, its ReplicaSet and its Pods, each to both webhooks.
pub(crate) fn deployment_requests(image: &str) -> Vec<Arc<[u8]>> {
    let images = [image.to_owned()];
    let template = json!({"metadata": {"labels": {"app": "api"}}, "spec": spec(&images)});
    let workload = |kind: &str| {
        json!({
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": "api", "namespace": NAMESPACE},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "api"}}, "template": template},
        })
    };
    let deployment = review("apps", "Deployment", "deployments", &workload("Deployment"));
    let replica_set = review("apps", "ReplicaSet", "replicasets", &workload("ReplicaSet"));
    let pod = review("", "Pod", "pods", &pod(&images));
    [&deployment, &replica_set, &pod, &pod, &pod]
        .into_iter()
        .flat_map(|object| {
            [Webhook::Mutate, Webhook::Validate].map(|webhook| request(webhook, object))
        })
        .collect()
}

fn request(webhook: Webhook, review: &Value) -> Arc<[u8]> {
    let path = match webhook {
        Webhook::Mutate => "/mutate?timeout=10s",
        Webhook::Validate => "/validate?timeout=10s",
    };
    post(path, review.to_string().as_bytes()).into()
}

fn review(group: &str, kind: &str, resource: &str, object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "5e3b1f0a-0000-4000-8000-000000000001",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "requestKind": {"group": group, "version": "v1", "kind": kind},
            "requestResource": {"group": group, "version": "v1", "resource": resource},
            "name": "",
            "namespace": NAMESPACE,
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "1c6f2a52-3f0c-4f43-9a53-7f6f0a3b6f0e",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
                "extra": {"authentication.kubernetes.io/credential-id": ["JTI=7d1c7c1c-3a11-4b0f-8a9f-2d5a4c0c2b11"]},
            },
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        }
    })
}

fn pod(images: &[String]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "api-7c5ddbdf54-",
            "namespace": NAMESPACE,
            "labels": {"app": "api", "pod-template-hash": "7c5ddbdf54", "app.kubernetes.io/part-of": "shop"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "api-7c5ddbdf54",
                "uid": "a9c5a7b8-6c11-4f3e-9d6e-3d8f8f6f1b77",
                "controller": true,
                "blockOwnerDeletion": true,
            }],
            "managedFields": [{
                "manager": "kube-controller-manager",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-01-02T03:04:05Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {
                        "f:annotations": {".": {}, "f:prometheus.io/port": {}, "f:prometheus.io/scrape": {}},
                        "f:generateName": {},
                        "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}},
                        "f:ownerReferences": {".": {}, "k:{\"uid\":\"a9c5a7b8-6c11-4f3e-9d6e-3d8f8f6f1b77\"}": {}},
                    },
                    "f:spec": {
                        "f:containers": {"k:{\"name\":\"c0\"}": {
                            ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
                            "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                        }},
                        "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
                        "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
                    },
                },
            }],
        },
        "spec": spec(images),
        "status": {},
    })
}

fn spec(images: &[String]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| container(number, image))
        .collect();
    json!({
        "containers": containers,
        "volumes": [{
            "name": "kube-api-access-x7k2p",
            "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ]},
        }],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "api",
        "serviceAccount": "api",
        "securityContext": {"runAsNonRoot": true},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
        "priority": 0,
        "enableServiceLinks": true,
        "preemptionPolicy": "PreemptLowerPriority",
    })
}

fn container(number: usize, image: &str) -> Value {
    json!({
        "name": format!("c{number}"),
        "image": image,
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}},
        ],
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [{
            "name": "kube-api-access-x7k2p",
            "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
    })
}

const NAMESPACE: &str = "shop";
