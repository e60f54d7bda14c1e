use proptest::prelude::*;

use super::*;
use crate::image::{Digest, Reference};

fn pins(slots: &[ImageSlot]) -> Vec<(ImageSlot, String)> {
    slots
        .iter()
        .map(|slot| {
            let image: Reference = slot.written.parse().unwrap();
            (slot.clone(), image.pinned(&Digest::of(b"image")))
        })
        .collect()
}

fn patched(kind: WorkloadKind, object: &Value, annotation: Option<&str>) -> Value {
    let patch = pin_patch(
        kind,
        object,
        &pins(&image_slots(kind, object).unwrap()),
        annotation,
    );
    let mut result = object.clone();
    json_patch::patch(&mut result, &patch).unwrap();
    result
}

fn operations(kind: WorkloadKind, object: &Value, annotation: Option<&str>) -> Value {
    serde_json::to_value(pin_patch(kind, object, &[], annotation)).unwrap()
}

#[test]
fn each_replacement_is_guarded_by_a_test_of_what_was_there() {
    let api = full_slots("")[0].clone();
    let patch = pin_patch(
        WorkloadKind::Pod,
        &full_pod(),
        &[(api, "api:1@x".to_owned())],
        None,
    );
    assert_eq!(
        serde_json::to_value(patch).unwrap(),
        json!([
            { "op": "test", "path": "/spec/containers/0/image", "value": "api:1" },
            { "op": "replace", "path": "/spec/containers/0/image", "value": "api:1@x" },
        ])
    );
}

#[test]
fn a_slot_that_moved_meanwhile_makes_the_patch_fail_instead_of_hitting_another() {
    let api = full_slots("")[0].clone();
    let patch = pin_patch(
        WorkloadKind::Pod,
        &full_pod(),
        &[(api, "api:1@x".to_owned())],
        None,
    );
    let mut other = full_pod();
    other["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .reverse();
    assert!(json_patch::patch(&mut other, &patch).is_err());
}

#[test]
fn images_and_annotation_change_and_nothing_else() {
    let result = patched(WorkloadKind::Pod, &full_pod(), Some("ours"));
    let digest = Digest::of(b"image");
    let mut expected = full_pod();
    for slot in full_slots("") {
        *expected.pointer_mut(&slot.pointer).unwrap() = json!(format!("{}@{digest}", slot.written));
    }
    expected["metadata"]["annotations"] = json!({ "assay.dev/images": "ours" });
    assert_eq!(result.to_string(), expected.to_string());
}

#[test]
fn a_template_is_pinned_in_place_and_never_annotated() {
    for (kind, pointer) in TEMPLATES {
        let object = nested(pointer, &full_pod());
        let result = patched(kind, &object, Some("ours"));
        let expected = nested(pointer, &patched(WorkloadKind::Pod, &full_pod(), None));
        assert_eq!(result, expected, "{kind:?}");
    }
}

#[test]
fn with_ephemeral_containers_the_annotation_is_left_alone() {
    let kind = WorkloadKind::PodEphemeralContainers;
    let mut object = full_pod();
    object["metadata"]["annotations"] = json!({ "assay.dev/images": "from before" });
    assert_eq!(operations(kind, &object, Some("ours")), json!([]));
    assert_eq!(operations(kind, &object, None), json!([]));
}

#[test]
fn the_maps_around_the_annotation_are_made_when_they_are_absent_or_null() {
    let add = |path: &str, value: Value| json!({ "op": "add", "path": path, "value": value });
    let key = add("/metadata/annotations/assay.dev~1images", json!("ours"));
    for metadata in [json!({}), json!({ "annotations": null })] {
        let object = json!({ "metadata": metadata });
        assert_eq!(
            operations(WorkloadKind::Pod, &object, Some("ours")),
            json!([add("/metadata/annotations", json!({})), key])
        );
    }
    assert_eq!(
        operations(WorkloadKind::Pod, &json!({}), Some("ours")),
        json!([
            add("/metadata", json!({})),
            add("/metadata/annotations", json!({})),
            key
        ])
    );
}

#[test]
fn metadata_that_is_no_object_is_not_replaced() {
    for object in [
        json!({ "metadata": "Pod" }),
        json!({ "metadata": { "annotations": "Pod" } }),
        json!({ "metadata": { "annotations": [] } }),
    ] {
        assert_eq!(
            operations(WorkloadKind::Pod, &object, Some("ours")),
            json!([])
        );
        assert_eq!(operations(WorkloadKind::Pod, &object, None), json!([]));
    }
}

#[test]
fn an_annotation_of_the_users_is_replaced_or_removed_and_its_neighbours_stay() {
    let object =
        json!({ "metadata": { "annotations": { "assay.dev/images": "forged", "b": "c" } } });
    let path = "/metadata/annotations/assay.dev~1images";
    assert_eq!(
        operations(WorkloadKind::Pod, &object, Some("ours")),
        json!([{ "op": "replace", "path": path, "value": "ours" }])
    );
    assert_eq!(
        operations(WorkloadKind::Pod, &object, None),
        json!([{ "op": "remove", "path": path }])
    );
    assert_eq!(
        patched(WorkloadKind::Pod, &object, None),
        json!({ "metadata": { "annotations": { "b": "c" } } })
    );
}

#[test]
fn nothing_to_change_is_an_empty_patch() {
    let object = json!({ "metadata": { "annotations": { "assay.dev/images": "ours" } } });
    assert_eq!(
        operations(WorkloadKind::Pod, &object, Some("ours")),
        json!([])
    );
    assert_eq!(operations(WorkloadKind::Pod, &full_pod(), None), json!([]));
    let same: Vec<_> = full_slots("")
        .into_iter()
        .map(|s| (s.clone(), s.written))
        .collect();
    assert!(pin_patch(WorkloadKind::Pod, &full_pod(), &same, None).is_empty());
}

prop_compose! {
    fn pods()(
        images in prop::collection::vec("[a-z]{1,5}(/[a-z]{1,5})?(:[a-z0-9]{1,4})?", 0..6),
        inits in prop::collection::vec("[a-z]{1,5}", 0..3),
        annotation in prop::option::of("[ -~]{0,8}"),
        extra in "[a-z/~]{1,6}",
    ) -> Value {
        let list = |images: Vec<String>| -> Vec<Value> {
            images.into_iter().enumerate()
                .map(|(n, image)| json!({ "name": format!("c{n}"), "image": image, &extra: [n] }))
                .collect()
        };
        let mut metadata = json!({ &extra: {} });
        if let Some(annotation) = annotation {
            metadata["annotations"] = json!({ "assay.dev/images": annotation, &extra: "x" });
        }
        json!({
            "metadata": metadata,
            "spec": { "containers": list(images), "initContainers": list(inits), &extra: null },
        })
    }
}

proptest! {
    #[test]
    fn pinning_a_pinned_pod_changes_nothing(pod in pods(), annotation in prop::option::of("[ -~]{0,8}")) {
        let once = patched(WorkloadKind::Pod, &pod, annotation.as_deref());
        let slots = image_slots(WorkloadKind::Pod, &once).unwrap();
        let again = pin_patch(WorkloadKind::Pod, &once, &pins(&slots), annotation.as_deref());
        prop_assert!(again.is_empty(), "{}", again);
    }

    #[test]
    fn pinning_touches_only_images_and_our_annotation(pod in pods(), annotation in prop::option::of("[ -~]{0,8}")) {
        let mut pinned = patched(WorkloadKind::Pod, &pod, annotation.as_deref());
        let mut expected = pod;
        for object in [&mut pinned, &mut expected] {
            for slot in image_slots(WorkloadKind::Pod, object).unwrap() {
                *object.pointer_mut(&slot.pointer).unwrap() = Value::Null;
            }
            let metadata = object["metadata"].as_object_mut().unwrap();
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(IMAGES_ANNOTATION);
            }
            if metadata.get("annotations") == Some(&json!({})) {
                metadata.remove("annotations");
            }
        }
        prop_assert_eq!(pinned.to_string(), expected.to_string());
    }
}
