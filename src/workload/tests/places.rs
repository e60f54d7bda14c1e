use rstest::rstest;

use super::*;
use crate::limits::IMAGES_PER_OBJECT;

#[rstest]
#[case("", "pods", None, Some(WorkloadKind::Pod))]
#[case("", "pods", Some(""), Some(WorkloadKind::Pod))]
#[case(
    "",
    "pods",
    Some("ephemeralcontainers"),
    Some(WorkloadKind::PodEphemeralContainers)
)]
#[case("", "pods", Some("status"), None)]
#[case("", "pods", Some("resize"), None)]
#[case(
    "",
    "replicationcontrollers",
    None,
    Some(WorkloadKind::ReplicationController)
)]
#[case("", "podtemplates", None, Some(WorkloadKind::PodTemplate))]
#[case("apps", "deployments", None, Some(WorkloadKind::Deployment))]
#[case("apps", "deployments", Some("scale"), None)]
#[case("apps", "replicasets", None, Some(WorkloadKind::ReplicaSet))]
#[case("apps", "statefulsets", None, Some(WorkloadKind::StatefulSet))]
#[case("apps", "daemonsets", None, Some(WorkloadKind::DaemonSet))]
#[case("batch", "jobs", None, Some(WorkloadKind::Job))]
#[case("batch", "cronjobs", None, Some(WorkloadKind::CronJob))]
#[case("apps", "pods", None, None)]
#[case("", "deployments", None, None)]
#[case("argoproj.io", "rollouts", None, None)]
fn a_resource_that_carries_a_pod_spec_has_its_kind(
    #[case] group: &str,
    #[case] resource: &str,
    #[case] sub_resource: Option<&str>,
    #[case] kind: Option<WorkloadKind>,
) {
    assert_eq!(WorkloadKind::of(group, resource, sub_resource), kind);
}

#[test]
fn every_place_of_a_pod_is_found_in_order() {
    assert_eq!(
        image_slots(WorkloadKind::Pod, &full_pod()),
        Ok(full_slots(""))
    );
}

#[test]
fn every_place_of_a_template_is_found_in_order() {
    for (kind, pointer) in TEMPLATES {
        let object = nested(pointer, &full_pod());
        assert_eq!(
            image_slots(kind, &object),
            Ok(full_slots(pointer)),
            "{kind:?}"
        );
        assert!(!kind.is_pod());
    }
}

#[test]
fn for_ephemeral_containers_nothing_else_is_asked() {
    let slots = image_slots(WorkloadKind::PodEphemeralContainers, &full_pod()).unwrap();
    assert_eq!(slots, full_slots("")[3..4]);
}

#[test]
fn what_is_absent_null_or_empty_is_no_slot() {
    let empty = json!({ "spec": {
        "containers": [{ "name": "a" }, { "name": "b", "image": "" }, { "name": "c", "image": null }],
        "initContainers": null,
        "volumes": [{ "name": "v", "image": {} }, { "name": "w", "image": { "reference": "" } }],
    } });
    for object in [empty, json!({}), json!({ "spec": null })] {
        assert_eq!(image_slots(WorkloadKind::Pod, &object), Ok(Vec::new()));
    }
    let without_template = json!({ "spec": { "replicas": 1 } });
    assert_eq!(
        image_slots(WorkloadKind::ReplicationController, &without_template),
        Ok(Vec::new())
    );
}

#[rstest]
#[case(json!([]), "the object is not an object")]
#[case(json!({ "spec": [] }), "/spec is not an object")]
#[case(json!({ "spec": { "containers": {} } }), "/spec/containers is not an array")]
#[case(json!({ "spec": { "containers": ["a"] } }), "/spec/containers/0 is not an object")]
#[case(json!({ "spec": { "containers": [{ "image": 1 }] } }), "/spec/containers/0/image is not a string")]
#[case(json!({ "spec": { "containers": [{ "name": 1 }] } }), "/spec/containers/0/name is not a string")]
#[case(json!({ "spec": { "volumes": [{ "image": "a" }] } }), "/spec/volumes/0/image is not an object")]
fn a_field_of_another_type_is_named_by_its_pointer(#[case] object: Value, #[case] error: &str) {
    let found = image_slots(WorkloadKind::Pod, &object).unwrap_err();
    assert_eq!(found.to_string(), error);
}

fn pod_with_images(count: usize) -> Value {
    let containers: Vec<Value> = (0..count)
        .map(|n| json!({ "name": format!("c{n}"), "image": "a" }))
        .collect();
    json!({ "spec": { "containers": containers } })
}

#[test]
fn more_images_than_are_judged_are_an_error() {
    let most = pod_with_images(IMAGES_PER_OBJECT);
    assert_eq!(
        image_slots(WorkloadKind::Pod, &most).unwrap().len(),
        IMAGES_PER_OBJECT
    );
    let found = IMAGES_PER_OBJECT + 1;
    let error = Err(SlotError::TooMany {
        found,
        limit: IMAGES_PER_OBJECT,
    });
    assert_eq!(
        image_slots(WorkloadKind::Pod, &pod_with_images(found)),
        error
    );
    assert_eq!(
        changed_slots(WorkloadKind::Pod, &pod_with_images(found), &Value::Null),
        error
    );
}

#[test]
fn an_object_with_too_many_images_may_still_change_its_labels() {
    let old = pod_with_images(IMAGES_PER_OBJECT + 1);
    let mut new = old.clone();
    new["metadata"] = json!({ "labels": { "a": "b" } });
    assert_eq!(changed_slots(WorkloadKind::Pod, &new, &old), Ok(Vec::new()));
}

#[test]
fn an_update_that_leaves_the_images_changes_no_slot() {
    let mut new = full_pod();
    new["metadata"]["labels"]["app"] = json!("other");
    assert_eq!(
        changed_slots(WorkloadKind::Pod, &new, &full_pod()),
        Ok(Vec::new())
    );
}

#[test]
fn an_image_that_changed_is_the_only_changed_slot() {
    let mut new = full_pod();
    new["spec"]["containers"][1]["image"] = json!("web:2");
    assert_eq!(
        changed_slots(WorkloadKind::Pod, &new, &full_pod()),
        Ok(vec![slot(
            SlotKind::Container,
            "web",
            "/spec/containers/1/image",
            "web:2"
        )])
    );
}

#[test]
fn a_container_that_moved_is_not_changed_but_the_one_before_it_is() {
    let mut new = full_pod();
    let sidecar = json!({ "name": "proxy", "image": "proxy:1" });
    new["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .insert(0, sidecar);
    assert_eq!(
        changed_slots(WorkloadKind::Pod, &new, &full_pod()),
        Ok(vec![slot(
            SlotKind::Container,
            "proxy",
            "/spec/containers/0/image",
            "proxy:1"
        )])
    );
}

#[test]
fn the_same_image_in_another_kind_of_place_is_changed() {
    let mut new = full_pod();
    let moved = json!({ "name": "api", "image": "api:1" });
    new["spec"]["initContainers"]
        .as_array_mut()
        .unwrap()
        .push(moved);
    assert_eq!(
        changed_slots(WorkloadKind::Pod, &new, &full_pod()),
        Ok(vec![slot(
            SlotKind::InitContainer,
            "api",
            "/spec/initContainers/1/image",
            "api:1"
        )])
    );
}

#[test]
fn only_a_new_ephemeral_container_is_changed() {
    let mut new = full_pod();
    new["spec"]["containers"][0]["image"] = json!("api:2");
    let added = json!({ "name": "shell", "image": "shell:1" });
    new["spec"]["ephemeralContainers"]
        .as_array_mut()
        .unwrap()
        .push(added);
    assert_eq!(
        changed_slots(WorkloadKind::PodEphemeralContainers, &new, &full_pod()),
        Ok(vec![slot(
            SlotKind::EphemeralContainer,
            "shell",
            "/spec/ephemeralContainers/1/image",
            "shell:1"
        )])
    );
}

#[test]
fn without_a_readable_old_object_every_slot_is_changed() {
    for old in [Value::Null, json!({ "spec": 1 })] {
        assert_eq!(
            changed_slots(WorkloadKind::Pod, &full_pod(), &old),
            Ok(full_slots(""))
        );
    }
}

#[rstest]
#[case(SlotKind::Container, "container \"api\"")]
#[case(SlotKind::InitContainer, "init container \"api\"")]
#[case(SlotKind::EphemeralContainer, "ephemeral container \"api\"")]
#[case(SlotKind::ImageVolume, "image volume \"api\"")]
fn a_slot_is_shown_by_kind_and_name(#[case] kind: SlotKind, #[case] expected: &str) {
    assert_eq!(slot(kind, "api", "", "").to_string(), expected);
}

#[test]
fn a_name_is_escaped_and_cut_when_it_is_shown() {
    let forged = slot(SlotKind::Container, "a\"\n\u{202e}", "", "");
    assert_eq!(forged.to_string(), "container \"a\\\"\\n\\u{202e}\"");
    let long = slot(SlotKind::Container, &"a".repeat(64), "", "");
    assert_eq!(
        long.to_string(),
        format!("container \"{}…\"", "a".repeat(63))
    );
}

#[rstest]
#[case("/spec/containers/0/image", "spec.containers[0].image")]
#[case("/spec/volumes/12/image/reference", "spec.volumes[12].image.reference")]
#[case(
    "/template/spec/initContainers/1/image",
    "template.spec.initContainers[1].image"
)]
fn a_field_path_is_written_as_kubernetes_does(#[case] pointer: &str, #[case] path: &str) {
    assert_eq!(
        slot(SlotKind::Container, "", pointer, "").field_path(),
        path
    );
}

#[test]
fn only_an_annotated_pod_is_a_mirror() {
    let annotated = |kind: &str| json!({ "kind": kind, "metadata": { "annotations": { "kubernetes.io/config.mirror": "abc" } } });
    assert!(is_mirror_pod(&annotated("Pod")));
    assert!(!is_mirror_pod(&annotated("Deployment")));
    assert!(!is_mirror_pod(&full_pod()));
    assert!(!is_mirror_pod(
        &json!({ "metadata": { "labels": { "kubernetes.io/config.mirror": "" } } })
    ));
}

#[test]
fn pull_secrets_and_service_account_are_those_of_the_pod() {
    let expected = PullReferences {
        pull_secrets: vec!["regcred".to_owned(), "other".to_owned()],
        service_account: "deployer".to_owned(),
    };
    assert_eq!(pull_references(WorkloadKind::Pod, &full_pod()), expected);
    for (kind, pointer) in TEMPLATES {
        let object = nested(pointer, &full_pod());
        assert_eq!(pull_references(kind, &object), expected, "{kind:?}");
    }
}

#[test]
fn without_a_service_account_the_default_one_is_meant() {
    let expected = PullReferences {
        pull_secrets: Vec::new(),
        service_account: "default".to_owned(),
    };
    for spec in [json!({}), json!({ "serviceAccountName": "" }), Value::Null] {
        let pod = json!({ "spec": spec });
        assert_eq!(pull_references(WorkloadKind::Pod, &pod), expected);
    }
}

#[test]
fn labels_are_those_of_the_pod_and_not_of_the_workload() {
    let expected = [("app".to_owned(), "shop".to_owned())].into();
    assert_eq!(pod_labels(WorkloadKind::Pod, &full_pod()), expected);
    for (kind, pointer) in TEMPLATES {
        let mut object = nested(pointer, &full_pod());
        object["metadata"] = json!({ "labels": { "app": "workload" } });
        assert_eq!(pod_labels(kind, &object), expected, "{kind:?}");
    }
}
