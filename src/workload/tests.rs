//! Tests of slots, patches and what else is read from a Pod.

use serde_json::{Value, json};

use super::*;

mod patches;
mod places;

const TEMPLATES: [(WorkloadKind, &str); 8] = [
    (WorkloadKind::Deployment, "/spec/template"),
    (WorkloadKind::ReplicaSet, "/spec/template"),
    (WorkloadKind::StatefulSet, "/spec/template"),
    (WorkloadKind::DaemonSet, "/spec/template"),
    (WorkloadKind::Job, "/spec/template"),
    (WorkloadKind::ReplicationController, "/spec/template"),
    (WorkloadKind::CronJob, "/spec/jobTemplate/spec/template"),
    (WorkloadKind::PodTemplate, "/template"),
];

/// An object whose Pod or template stands at this pointer.
fn nested(pointer: &str, pod: &Value) -> Value {
    pointer
        .split('/')
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .fold(pod.clone(), |inner, name| json!({ name: inner }))
}

/// A Pod with an image in every kind of place.
fn full_pod() -> Value {
    json!({
        "kind": "Pod",
        "metadata": { "name": "shop", "labels": { "app": "shop" } },
        "spec": {
            "containers": [
                { "name": "api", "image": "api:1", "ports": [{ "containerPort": 80, "x-new": 1.5 }] },
                { "name": "web", "image": "web:1" },
            ],
            "initContainers": [{ "name": "init", "image": "init:1", "restartPolicy": "Always" }],
            "ephemeralContainers": [{ "name": "debug", "image": "debug:1" }],
            "volumes": [
                { "name": "tmp", "emptyDir": {} },
                { "name": "model", "image": { "reference": "model:1", "pullPolicy": "Always" } },
            ],
            "imagePullSecrets": [{ "name": "regcred" }, { "name": "" }, { "name": "other" }],
            "serviceAccountName": "deployer",
            "unknownToUs": { "a": [1, 2.50, null, true], "b": "ä" },
        },
    })
}

fn slot(kind: SlotKind, name: &str, pointer: &str, written: &str) -> ImageSlot {
    ImageSlot {
        kind,
        name: name.to_owned(),
        pointer: pointer.to_owned(),
        written: written.to_owned(),
    }
}

fn full_slots(pod: &str) -> Vec<ImageSlot> {
    [
        (SlotKind::Container, "api", "containers/0/image", "api:1"),
        (SlotKind::Container, "web", "containers/1/image", "web:1"),
        (
            SlotKind::InitContainer,
            "init",
            "initContainers/0/image",
            "init:1",
        ),
        (
            SlotKind::EphemeralContainer,
            "debug",
            "ephemeralContainers/0/image",
            "debug:1",
        ),
        (
            SlotKind::ImageVolume,
            "model",
            "volumes/1/image/reference",
            "model:1",
        ),
    ]
    .map(|(kind, name, place, written)| slot(kind, name, &format!("{pod}/spec/{place}"), written))
    .into()
}
