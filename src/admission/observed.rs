//! What observers and the log are told of a review.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::{
    Webhook, annotation,
    request::{AdmissionRequest, Operation},
    response::Response,
};
use crate::{
    decision::{self, Admission, AdmittedImage, Denial, Judged, Outcome, Refusal},
    limits,
    policy::{Action, LabelNote},
    review::{
        self, Observation, ObservedImage, ObservedObject, ObservedOwner, Run, Told, UsedVerified,
    },
    untrusted::{self, bounded_line},
    workload::ImageSlot,
};

/// The part of an [`Observation`] that a decision leads to.
#[derive(Debug, Default)]
pub(super) struct Found {
    told: Vec<Told>,
    used_verified: Vec<UsedVerified>,
    images: Vec<ObservedImage>,
    /// Where the images stand.
    listed: BTreeSet<String>,
    judged: Vec<Judged>,
    labels: Vec<LabelNote>,
}

impl Found {
    /// That an object is let in.
    pub(super) fn of_admission(admission: &Admission) -> Self {
        Self {
            judged: admission.judged.clone(),
            labels: admission.labels.clone(),
            used_verified: used_verified(&admission.images),
            ..Self::default()
        }
        .with_images(&admission.images)
        .with_findings(Action::Warn, &admission.warnings)
        .with_findings(Action::Audit, &admission.audits)
    }

    /// That an object is refused.
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        Self {
            judged: refusal.judged.clone(),
            labels: refusal.labels.clone(),
            ..Self::default()
        }
        .with_images(&refusal.images)
        .with_findings(Action::Deny, &refusal.denials)
        .with_findings(Action::Warn, &refusal.warnings)
        .with_findings(Action::Audit, &refusal.audits)
    }

    /// That an object is refused without a look at its images.
    pub(super) fn of_object(code: &'static str, outcome: Outcome, line: &str) -> Self {
        let told = Told {
            action: Action::Deny,
            code,
            outcome,
            policy: None,
            line: line.to_owned(),
            lowered_by: None,
        };
        Self {
            told: vec![told],
            ..Self::default()
        }
    }

    #[cfg(test)]
    pub(super) fn told(&self) -> &[Told] {
        &self.told
    }

    /// The images: those that are accepted first, each in its place.
    pub(super) fn images(&self) -> &[ObservedImage] {
        &self.images
    }

    fn with_images(mut self, images: &[AdmittedImage]) -> Self {
        self.listed = images.iter().map(|it| it.slot.pointer.clone()).collect();
        self.images = images.iter().map(accepted).collect();
        self
    }

    /// An image that satisfied no policy is listed with what is known of it: its digest.
    fn with_findings(mut self, action: Action, denials: &[Denial]) -> Self {
        for denial in denials {
            self.told.push(told(action, denial));
            if self.listed.insert(denial.slot.pointer.clone()) {
                self.images.push(ObservedImage {
                    digest: denial.digest.clone(),
                    ..named(&denial.slot)
                });
            }
        }
        self
    }
}

/// What came of a review; none where nothing was judged.
pub(super) fn observation(
    webhook: Webhook,
    request: &AdmissionRequest,
    response: &mut Response,
    took: Duration,
) -> Option<Observation> {
    if response.unjudged().is_some() {
        return None;
    }
    let Found {
        told,
        used_verified,
        images,
        judged,
        labels,
        ..
    } = response.take_found();
    Some(Observation {
        webhook: webhook.name(),
        uid: shown(&request.uid),
        operation: match request.operation {
            Operation::Update => review::Operation::Update,
            Operation::Create | Operation::Delete | Operation::Connect => review::Operation::Create,
        },
        user: shown(&request.user_info.username),
        object: object(request),
        run: if request.dry_run { Run::Dry } else { Run::Real },
        verdict: response.verdict(),
        told,
        used_verified,
        images,
        judged,
        labels,
        took,
    })
}

fn object(request: &AdmissionRequest) -> ObservedObject {
    let metadata = request.object.get("metadata");
    let kind = &request.kind;
    let api_version = match kind.group.as_str() {
        "" => kind.version.clone(),
        group => format!("{group}/{}", kind.version),
    };
    // The name that the API server has made of a `generateName` is in the object only, and not before validation.
    let name = match request.name.as_str() {
        "" => text(metadata, "name"),
        name => shown(name),
    };
    let uid = match text(metadata, "uid") {
        uid if uid.is_empty() => text(request.old_object.get("metadata"), "uid"),
        uid => uid,
    };
    ObservedObject {
        api_version: shown(&api_version),
        kind: shown(&kind.name),
        namespace: shown(&request.namespace),
        name,
        generate_name: text(metadata, "generateName"),
        uid,
        owner: owner(metadata),
    }
}

fn owner(metadata: Option<&Value>) -> Option<ObservedOwner> {
    let owners = metadata?.get("ownerReferences")?.as_array()?;
    let owner = owners
        .iter()
        .take(limits::OWNERS_PER_OBJECT)
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    owner.map(|_| ObservedOwner {
        api_version: text(owner, "apiVersion"),
        kind: text(owner, "kind"),
        name: text(owner, "name"),
        uid: text(owner, "uid"),
    })
}

fn told(action: Action, denial: &Denial) -> Told {
    Told {
        action,
        code: denial.cause.code(),
        outcome: denial.cause.outcome(),
        policy: denial.policy.clone(),
        line: bounded_line(&denial.to_string(), limits::MESSAGE_BYTES),
        lowered_by: denial.lowered_by,
    }
}

fn used_verified(images: &[AdmittedImage]) -> Vec<UsedVerified> {
    let recalled = images.iter().flat_map(|image| &image.recalled);
    let told = recalled.filter_map(|recalled| {
        let failure = &recalled.failure;
        Some(UsedVerified {
            container: shown(&annotation::key(&failure.slot)),
            policy: failure.policy.clone()?,
            code: failure.cause.code(),
            verified_at: recalled.verified_at,
            line: bounded_line(&decision::recalled_line(recalled), limits::MESSAGE_BYTES),
        })
    });
    told.collect()
}

fn accepted(image: &AdmittedImage) -> ObservedImage {
    ObservedImage {
        digest: Some(image.digest.clone()),
        signers: image.signers(),
        commit: image.commit(),
        pipeline: image.pipeline_url(),
        job: image.job_url(),
        policies: image.policies.clone(),
        ..named(&image.slot)
    }
}

fn named(slot: &ImageSlot) -> ObservedImage {
    ObservedImage {
        container: shown(&annotation::key(slot)),
        image: shown(&slot.written),
        ..ObservedImage::default()
    }
}

/// A field's text; one that is longer than any name of Kubernetes is taken for none.
fn text(value: Option<&Value>, field: &str) -> String {
    value
        .and_then(|value| value.get(field)?.as_str())
        .filter(|text| text.len() <= limits::NAME_BYTES)
        .map(shown)
        .unwrap_or_default()
}

fn shown(text: &str) -> String {
    untrusted::shown(text, limits::NAME_BYTES)
}
