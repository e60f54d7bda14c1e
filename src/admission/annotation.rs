//! The annotation that an admitted Pod carries: per container what was verified, for people and for the audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    decision::AdmittedImage,
    limits,
    review::ObservedImage,
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
    /// When it satisfied a policy that lets it in for that alone, as its registry does not answer.
    #[serde(
        default,
        rename = "usedVerified",
        skip_serializing_if = "Option::is_none"
    )]
    used_verified: Option<String>,
}

/// The annotation's value on this object.
pub(super) fn present(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(IMAGES_ANNOTATION)?
        .as_str()
}

/// The facts of images that were just verified, of each of which observers are told this.
pub(super) fn of_images(images: &[AdmittedImage], told: &[ObservedImage]) -> Facts {
    images
        .iter()
        .zip(told)
        .map(|(image, told)| (key(&image.slot), ImageFacts::of(image, told)))
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
///
/// One fact a line: `kubectl describe` cuts each line after 140 bytes, and of a single one would show the digest alone.
pub(super) fn text(facts: &Facts) -> Option<String> {
    if facts.is_empty() {
        return None;
    }
    let fitting = |facts: &Facts| {
        let text = serde_json::to_string_pretty(facts).ok()?;
        (text.len() <= limits::ANNOTATION_BYTES).then_some(text)
    };
    fitting(facts).or_else(|| fitting(&digests_alone(facts)))
}

fn digests_alone(facts: &Facts) -> Facts {
    let short = |facts: &ImageFacts| ImageFacts {
        digest: facts.digest.clone(),
        ..ImageFacts::default()
    };
    let facts = facts.iter();
    facts
        .map(|(key, facts)| (key.clone(), short(facts)))
        .collect()
}

impl ImageFacts {
    fn of(image: &AdmittedImage, told: &ObservedImage) -> Self {
        let oldest = image.recalled.iter().map(|it| it.verified_at).min();
        Self {
            digest: image.digest.to_string(),
            policies: image.policies.iter().map(ToString::to_string).collect(),
            signer: told.signers.first().cloned(),
            commit: told.commit.clone(),
            job: told.job.clone(),
            pipeline: told.pipeline.clone(),
            used_verified: oldest.map(|at| at.to_string()),
        }
    }
}

/// What a slot is called: its container's name, or `volume/NAME`.
pub(super) fn key(slot: &ImageSlot) -> String {
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
        let read = |facts: Facts| serde_json::from_str::<Facts>(&text(&facts).unwrap()).unwrap();
        assert_eq!(read(facts(1)), facts(1));
        let short = |images| -> Facts {
            let digest = "sha256:ab".to_owned();
            let short = ImageFacts {
                digest,
                ..ImageFacts::default()
            };
            let key = |number: usize| number.to_string();
            (0..images).map(|it| (key(it), short.clone())).collect()
        };
        assert_eq!(read(facts(2)), short(2));
        assert_eq!(text(&facts(limits::ANNOTATION_BYTES / 20)), None);
        assert_eq!(text(&facts(0)), None);
    }

    #[test]
    fn each_fact_stands_on_a_line_of_its_own_that_kubectl_describe_does_not_cut() {
        let facts = ImageFacts {
            digest: format!("sha256:{}", "ab".repeat(32)),
            policies: vec!["shop-release".to_owned()],
            job: Some("https://gitlab.com/acme/shop/api/-/jobs/4316132595".to_owned()),
            ..ImageFacts::default()
        };
        let expected = r#"{
  "api": {
    "digest": "sha256:abababababababababababababababababababababababababababababababab",
    "policies": [
      "shop-release"
    ],
    "job": "https://gitlab.com/acme/shop/api/-/jobs/4316132595"
  }
}"#;
        let text = text(&Facts::from([("api".to_owned(), facts)]));
        assert_eq!(text.as_deref(), Some(expected));
    }
}
