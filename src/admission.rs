//! `AdmissionReview` in and out (`admission.k8s.io/v1`): what is asked, and the answer with status, patch, warnings
//! and audit annotations.

mod annotation;
mod log;
mod object;
mod observed;
mod policies;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use policies::{POLICIES, answer_policies};

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument;

use self::{
    annotation::Facts,
    observed::Found,
    request::{AdmissionRequest, Operation},
    response::{NothingToJudge, Response},
};
use crate::{
    decision::{Admission, AdmittedImage, Decision, Enforcement},
    policy::Place,
    review::{Asked, Observation, Request, Reviewer},
    telemetry::CacheUse,
    workload::{self, ImageSlot, WorkloadKind},
};

/// Which of the two webhooks is called: only the mutating one may patch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Webhook {
    /// `/mutate`: judges and pins.
    Mutate,
    /// `/validate`: judges again, after all mutation.
    Validate,
}

impl Webhook {
    /// As metrics and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}

/// Why a body is no admission review: answered with HTTP 400.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewBodyError {
    /// Not JSON, or not an `AdmissionReview` of `admission.k8s.io/v1` with a request.
    #[error("not an admission review: {detail}")]
    Malformed {
        /// What is wrong, without the content.
        detail: String,
    },
}

/// What came of one review, beside the body: for the metrics and the log line.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response review, JSON.
    pub body: Vec<u8>,
    /// Whether it allows.
    pub allowed: bool,
    /// The codes of all denials, in order.
    pub codes: Vec<&'static str>,
    /// Whether it was found without asking a registry.
    pub cache: CacheUse,
    /// What observers are to be told; none where no image was judged.
    pub observation: Option<Observation>,
}

/// Answers one review.
///
/// # Errors
///
/// When the body is no admission review. An object that cannot be read inside a good review is an answer: refused.
pub async fn answer(
    webhook: Webhook,
    body: &[u8],
    reviewer: &Reviewer,
    deadline: Instant,
) -> Result<Answer, ReviewBodyError> {
    let request = AdmissionRequest::parse(body)?;
    let span = tracing::info_span!(
        "review",
        webhook = webhook.name(),
        uid = request.uid,
        namespace = request.namespace,
        resource = request.resource.resource,
    );
    async {
        let received = Instant::now();
        let asked = Asked::default();
        let mut response = respond(webhook, &request, reviewer, deadline, &asked).await;
        let took = received.elapsed();
        let observation = observed::observation(webhook, &request, &mut response, took);
        log::answered(observation.as_ref(), response.unjudged());
        let cache = if asked.is_noted() {
            CacheUse::Miss
        } else {
            CacheUse::Hit
        };
        Ok(response.into_answer(&request.uid, cache, observation))
    }
    .instrument(span)
    .await
}

async fn respond(
    webhook: Webhook,
    request: &AdmissionRequest,
    reviewer: &Reviewer,
    deadline: Instant,
    asked: &Asked,
) -> Response {
    let Some(kind) = request.workload_kind() else {
        return Response::nothing_to_judge(NothingToJudge::OtherResource);
    };
    let slots = match request.operation {
        Operation::Delete | Operation::Connect => {
            return Response::nothing_to_judge(NothingToJudge::OtherOperation);
        }
        Operation::Create => workload::image_slots(kind, &request.object),
        Operation::Update => workload::changed_slots(kind, &request.object, &request.old_object),
    };
    let slots = match slots {
        Ok(slots) => slots,
        Err(error) => return Response::undecodable(&error),
    };
    if request.operation == Operation::Update && slots.is_empty() {
        return unchanged(webhook, kind, request);
    }
    let enforcement = enforcement(kind, request);
    let question = Request {
        slots,
        place: Place {
            namespace: request.namespace.clone(),
            object_labels: workload::pod_labels(kind, &request.object),
            ..Place::default()
        },
        pod: pod(kind, request),
        pull: workload::pull_references(kind, &request.object),
        enforcement,
        deadline,
        asked: asked.clone(),
    };
    match reviewer.review(question).await {
        Ok(Decision::Admit(admission)) => {
            let found = Found::of_admission(&admission);
            let facts = annotation::of_images(&admission.images, found.images());
            let annotation = annotation::text(&facts);
            let pins = match (webhook, enforcement) {
                // What the kubelet mirrors runs already; a patch would only make the mirror differ.
                (Webhook::Validate, _) | (_, Enforcement::ReportOnly) => None,
                (Webhook::Mutate, Enforcement::AsPolicySays) => Some(pins(kind, &admission)),
            };
            let written = pins.as_deref().unwrap_or_default();
            let response = Response::admitted(&admission, found, annotation.as_deref(), written);
            match pins {
                None => response,
                Some(pins) => response.with_patch(&patch(kind, request, &pins, facts, annotation)),
            }
        }
        Ok(Decision::Deny(refusal)) => Response::refused(&refusal),
        Err(error) => Response::not_reviewed(&error),
    }
}

/// What conditions read. A Pod is the object itself, and most reviews are about Pods.
fn pod(kind: WorkloadKind, request: &AdmissionRequest) -> Arc<Value> {
    if kind.is_pod() {
        Arc::clone(&request.object)
    } else {
        Arc::new(
            workload::pod(kind, &request.object)
                .cloned()
                .unwrap_or_default(),
        )
    }
}

/// Nothing is looked up, but our annotation stays what it was: its author is not who sends the update.
fn unchanged(webhook: Webhook, kind: WorkloadKind, request: &AdmissionRequest) -> Response {
    let response = Response::nothing_to_judge(NothingToJudge::NothingChanged);
    match webhook {
        Webhook::Validate => response,
        Webhook::Mutate => {
            let kept = annotation::present(&request.old_object);
            response.with_patch(&workload::pin_patch(kind, &request.object, &[], kept))
        }
    }
}

/// Only the kubelet of a Pod's own node mirrors static Pods; the annotation alone is something anyone can write.
fn enforcement(kind: WorkloadKind, request: &AdmissionRequest) -> Enforcement {
    let is_mirror = kind == WorkloadKind::Pod
        && request.operation == Operation::Create
        && workload::is_mirror_pod(&request.object)
        && workload::node_name(&request.object)
            .is_some_and(|node| request.user_info.is_kubelet_of(node));
    if is_mirror {
        Enforcement::ReportOnly
    } else {
        Enforcement::AsPolicySays
    }
}

/// What is to stand in place of which images.
fn pins(kind: WorkloadKind, admission: &Admission) -> Vec<(ImageSlot, String)> {
    let is_pinned = |image: &&AdmittedImage| {
        if kind.is_pod() {
            image.pin
        } else {
            image.pin_workloads
        }
    };
    let pinned = admission.images.iter().filter(is_pinned);
    pinned
        .map(|image| (image.slot.clone(), image.reference.pinned(&image.digest)))
        .collect()
}

fn patch(
    kind: WorkloadKind,
    request: &AdmissionRequest,
    pins: &[(ImageSlot, String)],
    facts: Facts,
    annotation: Option<String>,
) -> json_patch::Patch {
    let annotation = match request.operation {
        Operation::Update => {
            let (old, new) = (&request.old_object, &request.object);
            annotation::text(&annotation::merged(old, new, kind, facts))
        }
        Operation::Create | Operation::Delete | Operation::Connect => annotation,
    };
    workload::pin_patch(kind, &request.object, pins, annotation.as_deref())
}
