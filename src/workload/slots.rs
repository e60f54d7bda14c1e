//! The places in an object where image references are written.

use std::{collections::HashSet, fmt};

use serde_json::{Map, Value};

use super::WorkloadKind;
use crate::{
    limits::{IMAGES_PER_OBJECT, SHOWN_NAME_CHARS},
    untrusted::shown,
};

/// What kind of place an image is written in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the variants are the names of Pod fields")]
pub enum SlotKind {
    Container,
    InitContainer,
    EphemeralContainer,
    ImageVolume,
}

/// One place in an object where an image reference is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageSlot {
    /// The kind of place.
    pub kind: SlotKind,
    /// The container's or volume's name, as written.
    pub name: String,
    /// The JSON pointer to the reference, as in `/spec/containers/0/image`.
    pub pointer: String,
    /// The reference as written there; not checked.
    pub written: String,
}

/// Why an object's image slots cannot be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SlotError {
    /// A field has another JSON type than its schema says.
    #[error("{} is not {expected}", if .pointer.is_empty() { "the object" } else { .pointer.as_str() })]
    WrongType {
        /// Where.
        pointer: String,
        /// The JSON type that belongs there.
        expected: &'static str,
    },
    /// The object holds more images than are judged at once.
    #[error("{found} images, at most {limit} are judged")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}

/// Every non-empty image reference in an object, in the order: containers, init containers, ephemeral
/// containers, image volumes; for [`WorkloadKind::PodEphemeralContainers`] only the ephemeral containers.
///
/// A place without a reference is left out: templates may have one, and a Pod with one is the API server's to refuse.
///
/// # Errors
/// When a field on the way has a type its schema does not allow, or there are more references than are judged.
pub fn image_slots(kind: WorkloadKind, object: &Value) -> Result<Vec<ImageSlot>, SlotError> {
    bounded(all_slots(kind, object)?)
}

/// The slots of `object` whose reference is neither the same in the same place of `old_object`, nor that of a
/// place of the same kind and name there (which may have moved).
///
/// An `old_object` that cannot be read leaves every slot changed.
pub fn changed_slots(
    kind: WorkloadKind,
    object: &Value,
    old_object: &Value,
) -> Result<Vec<ImageSlot>, SlotError> {
    let slots = all_slots(kind, object)?;
    let old = all_slots(kind, old_object).unwrap_or_default();
    let in_place: HashSet<_> = old.iter().map(|s| (&s.pointer, &s.written)).collect();
    let by_name: HashSet<_> = old.iter().map(|s| (s.kind, &s.name, &s.written)).collect();
    let is_changed = |slot: &ImageSlot| {
        !in_place.contains(&(&slot.pointer, &slot.written))
            && !by_name.contains(&(slot.kind, &slot.name, &slot.written))
    };
    bounded(slots.into_iter().filter(is_changed).collect())
}

impl ImageSlot {
    /// The field path for people and `details.causes`, as in `spec.containers[0].image`.
    pub fn field_path(&self) -> String {
        field_path(&self.pointer)
    }
}

/// A JSON pointer as people write it, as in `spec.containers[0].image`.
pub fn field_path(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').filter(|token| !token.is_empty()) {
        if token.bytes().all(|b| b.is_ascii_digit()) {
            path.push('[');
            path.push_str(token);
            path.push(']');
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(token);
    }
    path
}

impl fmt::Display for ImageSlot {
    /// As denials begin: `container "api"`, `init container "x"`, `ephemeral container "x"`, `image volume "x"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} \"{}\"",
            self.kind,
            shown(&self.name, SHOWN_NAME_CHARS)
        )
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::InitContainer => "init container",
            Self::EphemeralContainer => "ephemeral container",
            Self::ImageVolume => "image volume",
        })
    }
}

impl SlotKind {
    /// The list in the Pod spec.
    fn list(self) -> &'static str {
        match self {
            Self::Container => "containers",
            Self::InitContainer => "initContainers",
            Self::EphemeralContainer => "ephemeralContainers",
            Self::ImageVolume => "volumes",
        }
    }

    /// The way from an entry of that list to the reference.
    fn reference_path(self) -> &'static [&'static str] {
        match self {
            Self::Container | Self::InitContainer | Self::EphemeralContainer => &["image"],
            Self::ImageVolume => &["image", "reference"],
        }
    }

    fn all_of(kind: WorkloadKind) -> &'static [Self] {
        match kind {
            WorkloadKind::PodEphemeralContainers => &[Self::EphemeralContainer],
            WorkloadKind::Pod
            | WorkloadKind::Deployment
            | WorkloadKind::ReplicaSet
            | WorkloadKind::StatefulSet
            | WorkloadKind::DaemonSet
            | WorkloadKind::Job
            | WorkloadKind::CronJob
            | WorkloadKind::ReplicationController
            | WorkloadKind::PodTemplate => &[
                Self::Container,
                Self::InitContainer,
                Self::EphemeralContainer,
                Self::ImageVolume,
            ],
        }
    }
}

/// A value with the pointer that leads to it.
struct Place<'a> {
    pointer: String,
    value: &'a Value,
}

impl<'a> Place<'a> {
    /// What a field holds; none when it is absent or null, which mean the same to the API server.
    fn field(&self, name: &str) -> Result<Option<Self>, SlotError> {
        let value = self.object()?.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Place {
            pointer: format!("{}/{name}", self.pointer),
            value,
        }))
    }

    /// What a chain of fields holds.
    fn at(self, path: &[&str]) -> Result<Option<Self>, SlotError> {
        let mut place = self;
        for name in path {
            match place.field(name)? {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    fn entries(&self) -> Result<impl Iterator<Item = Place<'a>>, SlotError> {
        let entries = self.value.as_array().ok_or_else(|| self.not("an array"))?;
        let list = self.pointer.clone();
        Ok(entries.iter().enumerate().map(move |(index, value)| Place {
            pointer: format!("{list}/{index}"),
            value,
        }))
    }

    fn object(&self) -> Result<&'a Map<String, Value>, SlotError> {
        self.value.as_object().ok_or_else(|| self.not("an object"))
    }

    fn text(&self) -> Result<&'a str, SlotError> {
        self.value.as_str().ok_or_else(|| self.not("a string"))
    }

    fn not(&self, expected: &'static str) -> SlotError {
        SlotError::WrongType {
            pointer: self.pointer.clone(),
            expected,
        }
    }
}

fn all_slots(kind: WorkloadKind, object: &Value) -> Result<Vec<ImageSlot>, SlotError> {
    let root = Place {
        pointer: String::new(),
        value: object,
    };
    // The template of a ReplicationController may be absent.
    let Some(pod) = root.at(kind.pod_path())? else {
        return Ok(Vec::new());
    };
    let Some(spec) = pod.field("spec")? else {
        return Ok(Vec::new());
    };
    let mut slots = Vec::new();
    for slot_kind in SlotKind::all_of(kind) {
        let Some(list) = spec.field(slot_kind.list())? else {
            continue;
        };
        for entry in list.entries()? {
            slots.extend(slot(*slot_kind, entry)?);
        }
    }
    Ok(slots)
}

fn slot(kind: SlotKind, entry: Place<'_>) -> Result<Option<ImageSlot>, SlotError> {
    let name = match entry.field("name")? {
        Some(name) => name.text()?.to_owned(),
        None => String::new(),
    };
    let Some(reference) = entry.at(kind.reference_path())? else {
        return Ok(None);
    };
    let written = reference.text()?.to_owned();
    if written.is_empty() {
        return Ok(None);
    }
    Ok(Some(ImageSlot {
        kind,
        name,
        pointer: reference.pointer,
        written,
    }))
}

fn bounded(slots: Vec<ImageSlot>) -> Result<Vec<ImageSlot>, SlotError> {
    if slots.len() > IMAGES_PER_OBJECT {
        return Err(SlotError::TooMany {
            found: slots.len(),
            limit: IMAGES_PER_OBJECT,
        });
    }
    Ok(slots)
}
