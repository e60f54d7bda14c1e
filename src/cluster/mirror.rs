//! A copy of all objects of one kind, as raw JSON.

use std::collections::BTreeMap;

use kube::{
    api::{ApiResource, DynamicObject, TypeMeta},
    runtime::watcher::Event,
};
use serde_json::Value;

/// The namespace (of a namespaced object) and the name.
pub(super) type Key = (Option<String>, String);

/// All objects of one kind, as last seen.
///
/// Objects are kept as they came, because one that cannot be read must become a broken policy and not
/// vanish. A list that is fetched anew replaces the old one only when it is complete.
///
/// Has no `Debug`: the objects may be Secrets.
pub(super) struct Mirror {
    resource: ApiResource,
    objects: BTreeMap<Key, Value>,
    incoming: Option<BTreeMap<Key, Value>>,
    complete: bool,
}

impl Mirror {
    /// Empty, and not complete.
    pub(super) fn new(resource: ApiResource) -> Self {
        Self {
            resource,
            objects: BTreeMap::new(),
            incoming: None,
            complete: false,
        }
    }

    /// What kind of objects these are.
    pub(super) fn resource(&self) -> &ApiResource {
        &self.resource
    }

    /// Whether a first list has been received whole.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Every object, by namespace and name.
    pub(super) fn objects(&self) -> &BTreeMap<Key, Value> {
        &self.objects
    }

    /// Takes an event in; tells whether [`Self::objects`] has changed.
    pub(super) fn apply(&mut self, event: Event<DynamicObject>) -> bool {
        match event {
            Event::Init => {
                self.incoming = Some(BTreeMap::new());
                false
            }
            Event::InitApply(object) => {
                let (key, value) = self.read(object);
                self.incoming.get_or_insert_default().insert(key, value);
                false
            }
            Event::InitDone => {
                let listed = self.incoming.take().unwrap_or_default();
                let changed = !self.complete || listed != self.objects;
                self.complete = true;
                self.objects = listed;
                changed
            }
            Event::Apply(object) => {
                let (key, value) = self.read(object);
                self.objects.insert(key, value.clone()) != Some(value)
            }
            Event::Delete(object) => self.objects.remove(&key(&object)).is_some(),
        }
    }

    fn read(&self, mut object: DynamicObject) -> (Key, Value) {
        object.metadata.managed_fields = None;
        // The items of a list do not repeat what they are.
        object.types = Some(TypeMeta {
            api_version: self.resource.api_version.clone(),
            kind: self.resource.kind.clone(),
        });
        let key = key(&object);
        // Maps with text keys always serialise.
        let value = serde_json::to_value(object).unwrap_or(Value::Null);
        (key, value)
    }
}

fn key(object: &DynamicObject) -> Key {
    (
        object.metadata.namespace.clone(),
        object.metadata.name.clone().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_replaces_the_objects_only_when_it_is_complete() {
        let mut mirror = mirror();
        apply_all(
            &mut mirror,
            [Event::Init, Event::InitApply(object("a")), Event::InitDone],
        );
        apply_all(&mut mirror, [Event::Init, Event::InitApply(object("b"))]);
        assert_eq!(names(&mirror), ["a"]);
        apply_all(&mut mirror, [Event::InitDone]);
        assert_eq!(names(&mirror), ["b"]);
    }

    #[test]
    fn only_a_whole_first_list_makes_it_complete() {
        let mut mirror = mirror();
        apply_all(&mut mirror, [Event::Init, Event::InitApply(object("a"))]);
        assert!(!mirror.is_complete());
        apply_all(&mut mirror, [Event::InitDone]);
        assert!(mirror.is_complete());
    }

    #[test]
    fn it_tells_whether_anything_has_changed() {
        let mut mirror = mirror();
        let told = [
            Event::Init,
            Event::InitDone,
            Event::Apply(object("a")),
            Event::Apply(object("a")),
            Event::Init,
            Event::InitApply(object("a")),
            Event::InitDone,
            Event::Delete(object("a")),
            Event::Delete(object("a")),
        ]
        .map(|event| mirror.apply(event));
        assert_eq!(
            told,
            [false, true, true, false, false, false, false, true, false]
        );
    }

    #[test]
    fn an_object_is_kept_as_it_came_with_its_kind_filled_in() {
        let mut mirror = mirror();
        mirror.apply(Event::Apply(object("a")));
        let kept = mirror.objects().values().collect::<Vec<_>>();
        assert_eq!(
            kept,
            [&json!({
                "apiVersion": "assay.dev/v1alpha1",
                "kind": "ImageTrustPolicy",
                "metadata": { "name": "a", "namespace": "shop" },
                "spec": { "unknown": 1 },
            })]
        );
    }

    fn apply_all<const N: usize>(mirror: &mut Mirror, events: [Event<DynamicObject>; N]) {
        for event in events {
            mirror.apply(event);
        }
    }

    fn names(mirror: &Mirror) -> Vec<&str> {
        mirror
            .objects()
            .keys()
            .map(|(_, name)| name.as_str())
            .collect()
    }

    fn mirror() -> Mirror {
        Mirror::new(ApiResource {
            group: "assay.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "assay.dev/v1alpha1".to_owned(),
            kind: "ImageTrustPolicy".to_owned(),
            plural: "imagetrustpolicies".to_owned(),
        })
    }

    fn object(name: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": { "name": name, "namespace": "shop", "managedFields": [] },
            "spec": { "unknown": 1 },
        }))
        .unwrap()
    }
}
