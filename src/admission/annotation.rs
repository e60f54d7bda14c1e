//! The annotation that an admitted Pod carries: per container what was verified, for people and for the audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    decision::AdmittedImage,
    limits,
    workload::{self, IMAGES_ANNOTATION, ImageSlot, SlotKind, WorkloadKind},
};

/// By container; image volumes as `volume/<name>`, which no container can be called.
pub(super) type Facts = BTreeMap<String, ImageFacts>;

/// What is known about one image.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct ImageFacts {
    digest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    policies: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pipeline: Option<String>,
}

/// The annotation's value on this object.
pub(super) fn present(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(IMAGES_ANNOTATION)?
        .as_str()
}

/// The facts of images that were just verified.
pub(super) fn of_images(images: &[AdmittedImage]) -> Facts {
    images
        .iter()
        .map(|image| (key(&image.slot), ImageFacts::of(image)))
        .collect()
}

/// On an update only changed images were judged: of the others the old facts still hold.
pub(super) fn merged(
    old_object: &Value,
    object: &Value,
    kind: WorkloadKind,
    judged: Facts,
) -> Facts {
    let kept = present(old_object)
        .and_then(|text| serde_json::from_str::<Facts>(text).ok())
        .unwrap_or_default();
    let slots = workload::image_slots(kind, object).unwrap_or_default();
    let changed = workload::changed_slots(kind, object, old_object).unwrap_or_default();
    let mut facts: Facts = slots
        .iter()
        .filter(|slot| !changed.contains(slot))
        .map(key)
        .filter_map(|key| Some((key.clone(), kept.get(&key)?.clone())))
        .collect();
    facts.extend(judged);
    facts
}

/// The value; none when there is nothing to tell. What does not fit is told as digests only, then not at all.
pub(super) fn text(facts: Facts) -> Option<String> {
    let digests = |facts: &Facts| -> Facts {
        let short = |facts: &ImageFacts| ImageFacts {
            digest: facts.digest.clone(),
            ..ImageFacts::default()
        };
        facts
            .iter()
            .map(|(key, facts)| (key.clone(), short(facts)))
            .collect()
    };
    if facts.is_empty() {
        return None;
    }
    [digests(&facts), facts]
        .into_iter()
        .rev()
        .filter_map(|facts| serde_json::to_string(&facts).ok())
        .find(|text| text.len() <= limits::ANNOTATION_BYTES)
}

impl ImageFacts {
    fn of(image: &AdmittedImage) -> Self {
        Self {
            digest: image.digest.to_string(),
            policies: image.policies.iter().map(ToString::to_string).collect(),
            signer: image.signers().into_iter().next(),
            commit: image.commit(),
            job: image.job_url(),
            pipeline: image.pipeline_url(),
        }
    }
}

fn key(slot: &ImageSlot) -> String {
    match slot.kind {
        SlotKind::Container | SlotKind::InitContainer | SlotKind::EphemeralContainer => {
            slot.name.clone()
        }
        SlotKind::ImageVolume => format!("volume/{}", slot.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(images: usize) -> Facts {
        let large = ImageFacts {
            digest: "sha256:ab".to_owned(),
            policies: vec!["p".repeat(limits::ANNOTATION_BYTES / 2)],
            ..ImageFacts::default()
        };
        (0..images)
            .map(|number| (number.to_string(), large.clone()))
            .collect()
    }

    #[test]
    fn facts_that_do_not_fit_are_told_as_digests_and_then_not_at_all() {
        let one = text(facts(1)).unwrap();
        assert!(
            one.starts_with(r#"{"0":{"digest":"sha256:ab","policies":["pp"#),
            "{one}"
        );
        assert_eq!(
            text(facts(2)).as_deref(),
            Some(r#"{"0":{"digest":"sha256:ab"},"1":{"digest":"sha256:ab"}}"#)
        );
        assert_eq!(text(facts(limits::ANNOTATION_BYTES / 20)), None);
        assert_eq!(text(facts(0)), None);
    }
}
