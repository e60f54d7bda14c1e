//! A copy of all objects of one kind, as raw JSON.

use std::{collections::BTreeMap, sync::Arc};

use kube::{
    api::{ApiResource, DynamicObject, TypeMeta},
    runtime::watcher::Event,
};
use serde_json::Value;

/// The namespace (of a namespaced object) and the name.
pub(super) type Key = (Option<String>, String);

/// Every object of a kind.
pub(super) type ByKey = BTreeMap<Key, Arc<Value>>;

/// What an event has changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Changed {
    /// Nothing.
    Nothing,
    /// Only what is told about objects: their statuses, or what the API server keeps about them.
    Told,
    /// What objects say, or which there are.
    Content,
}

/// All objects of one kind, as last seen.
///
/// Objects are kept as they came, because one that cannot be read must become a broken policy and not
/// vanish. A list that is fetched anew replaces the old one only when it is complete.
///
/// Has no `Debug`: the objects may be Secrets.
#[derive(Clone)]
pub(super) struct Mirror {
    resource: ApiResource,
    objects: ByKey,
    incoming: Option<ByKey>,
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
    pub(super) fn objects(&self) -> &ByKey {
        &self.objects
    }

    /// Takes an event in; tells what it has changed of [`Self::objects`].
    pub(super) fn apply(&mut self, event: Event<DynamicObject>) -> Changed {
        match event {
            Event::Init => {
                self.incoming = Some(BTreeMap::new());
                Changed::Nothing
            }
            Event::InitApply(object) => {
                let (key, value) = self.read(object);
                let incoming = self.incoming.get_or_insert_default();
                incoming.insert(key, Arc::new(value));
                Changed::Nothing
            }
            Event::InitDone => self.replace(),
            Event::Apply(object) => {
                let (key, value) = self.read(object);
                let changed = self.changed(&key, &value);
                if changed != Changed::Nothing {
                    self.objects.insert(key, Arc::new(value));
                }
                changed
            }
            Event::Delete(object) => match self.objects.remove(&key(&object)) {
                Some(_) => Changed::Content,
                None => Changed::Nothing,
            },
        }
    }

    /// Takes the list that has come in the place of the old one.
    fn replace(&mut self) -> Changed {
        let mut listed = self.incoming.take().unwrap_or_default();
        let is_first = !std::mem::replace(&mut self.complete, true);
        let are_fewer = self.objects.keys().any(|key| !listed.contains_key(key));
        let mut changed = if is_first || are_fewer {
            Changed::Content
        } else {
            Changed::Nothing
        };
        for (key, object) in &mut listed {
            changed = changed.max(self.changed(key, object));
            // One that is the same stays the same in memory, so that it is known at a glance.
            if let Some(same) = self.objects.get(key).filter(|old| *old == object) {
                *object = Arc::clone(same);
            }
        }
        self.objects = listed;
        changed
    }

    fn changed(&self, key: &Key, new: &Value) -> Changed {
        match self.objects.get(key) {
            Some(old) if **old == *new => Changed::Nothing,
            Some(old) if same_content(old, new) => Changed::Told,
            Some(_) | None => Changed::Content,
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

/// Whether two forms of an object say the same: all but the status, and of the metadata the labels.
pub(super) fn same_content(old: &Value, new: &Value) -> bool {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        return old == new;
    };
    let labels = |object: &Value| object.pointer("/metadata/labels").cloned();
    let said = |name: &str| !["status", "metadata"].contains(&name);
    before
        .keys()
        .chain(after.keys())
        .all(|name| !said(name) || before.get(name) == after.get(name))
        && labels(old) == labels(new)
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
            [
                Changed::Nothing,
                Changed::Content,
                Changed::Content,
                Changed::Nothing,
                Changed::Nothing,
                Changed::Nothing,
                Changed::Nothing,
                Changed::Content,
                Changed::Nothing,
            ]
        );
    }

    #[test]
    fn a_status_and_what_the_api_server_keeps_are_told_apart_from_content() {
        let mut mirror = mirror();
        let form = |metadata: &Value, status: u8, spec: u8| {
            let mut object = object("a");
            object.data["status"] = json!({ "images": status });
            object.data["spec"] = json!({ "require": spec });
            let metadata = metadata.as_object().unwrap();
            object.metadata.resource_version = metadata.get("version").map(Value::to_string);
            object.metadata.labels = serde_json::from_value(metadata["labels"].clone()).unwrap();
            object
        };
        let (first, labelled) = (
            json!({ "version": 1, "labels": {} }),
            json!({ "version": 1, "labels": { "env": "x" } }),
        );
        let later = json!({ "version": 2, "labels": {} });
        let told = [
            Event::Init,
            Event::InitApply(form(&first, 1, 1)),
            Event::InitDone,
            Event::Apply(form(&later, 1, 1)),
            Event::Apply(form(&later, 2, 1)),
            Event::Apply(form(&later, 2, 2)),
            Event::Apply(form(&labelled, 2, 2)),
            Event::Init,
            Event::InitApply(form(&labelled, 3, 2)),
            Event::InitDone,
        ]
        .map(|event| mirror.apply(event));
        assert_eq!(
            told,
            [
                Changed::Nothing,
                Changed::Nothing,
                Changed::Content,
                Changed::Told,
                Changed::Told,
                Changed::Content,
                Changed::Content,
                Changed::Nothing,
                Changed::Nothing,
                Changed::Told,
            ]
        );
    }

    #[test]
    fn an_object_is_kept_as_it_came_with_its_kind_filled_in() {
        let mut mirror = mirror();
        mirror.apply(Event::Apply(object("a")));
        let kept = mirror.objects().values().cloned().collect::<Vec<_>>();
        assert_eq!(
            kept,
            [Arc::new(json!({
                "apiVersion": "assay.dev/v1alpha1",
                "kind": "ImageTrustPolicy",
                "metadata": { "name": "a", "namespace": "shop" },
                "spec": { "unknown": 1 },
            }))]
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
