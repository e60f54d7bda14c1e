//! What the API server is answered.
//!
//! The only ways to an allowing response are an [`Admission`] and a [`NothingToJudge`].

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use json_patch::Patch;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Answer,
    observed::Found,
    request::{API_VERSION, KIND},
};
use crate::{
    decision::{self, Admission, AdmittedImage, Denial, Outcome as Judgement, Recalled, Refusal},
    limits,
    policy::LabelNote,
    review::{Observation, ReviewError, Verdict},
    telemetry::CacheUse,
    untrusted::{self, bounded_line as bounded},
    workload::{self, ImageSlot, SlotError},
};

/// Why an object is let in without a judgement: no image of it is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NothingToJudge {
    /// It is no resource that holds Pods.
    OtherResource,
    /// It neither creates nor updates.
    OtherOperation,
    /// Each image stands where and as it stood before.
    NothingChanged,
}

/// The answer as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseReview<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: AdmissionResponse<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionResponse<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<&'static str, String>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Response {
    outcome: Outcome,
    warnings: Vec<String>,
    audit: BTreeMap<&'static str, String>,
    patch: Option<String>,
    found: Found,
}

#[derive(Debug)]
enum Outcome {
    Unjudged(NothingToJudge),
    Admitted,
    Refused {
        message: String,
        causes: Vec<Value>,
        codes: Vec<&'static str>,
    },
}

impl Response {
    pub(super) fn nothing_to_judge(reason: NothingToJudge) -> Self {
        Self::of(Outcome::Unjudged(reason))
    }

    /// That it is let in, with these facts about its images, where these references are written into it.
    pub(super) fn admitted(
        admission: &Admission,
        found: Found,
        facts: Option<&str>,
        pins: &[(ImageSlot, String)],
    ) -> Self {
        let images = admission.images.iter().map(|image| {
            let name = untrusted::shown(&image.slot.name, limits::SHOWN_NAME_CHARS);
            format!("{name}={}", held(image, pins))
        });
        let recalled = admission.images.iter().flat_map(|image| &image.recalled);
        let recalled: Vec<&Recalled> = recalled.collect();
        Self::of(Outcome::Admitted)
            .audited("images", &joined(images, " "))
            .audited("facts", facts.unwrap_or_default())
            .told(&admission.warnings, &admission.audits, &recalled)
            .labelled(&admission.labels)
            .with_found(found)
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        let codes: Vec<_> = refusal.denials.iter().map(|it| it.cause.code()).collect();
        Self::of(Outcome::Refused {
            message: decision::message(refusal),
            causes: refusal.denials.iter().map(cause).collect(),
            codes: codes.clone(),
        })
        .audited("codes", &joined(codes.into_iter().map(str::to_owned), ","))
        .told(&refusal.warnings, &refusal.audits, &[])
        .labelled(&refusal.labels)
        .with_found(Found::of_refusal(refusal))
    }

    /// Refuses an object whose images cannot be told.
    pub(super) fn undecodable(error: &SlotError) -> Self {
        let (code, judgement, field, hint) = match error {
            SlotError::WrongType { pointer, .. } => (
                "ReferenceInvalid",
                Judgement::Rejected,
                pointer.as_str(),
                "correct that field, its images cannot be told",
            ),
            SlotError::TooMany { .. } => (
                "LimitExceeded",
                Judgement::Undetermined,
                "",
                "divide the object into smaller ones",
            ),
        };
        let message = format!("{error} [{code}]; {hint}");
        Self::refused_as_a_whole(code, judgement, field, &message)
    }

    /// Refuses an object that could not be judged as a whole.
    pub(super) fn not_reviewed(error: &ReviewError) -> Self {
        let hint = match error {
            ReviewError::NotReady => "try again in a moment",
            ReviewError::Namespace { .. } => "see Assay's log and its access to namespaces",
        };
        let code = "PolicyBroken";
        let message = format!("{error} [{code}]; {hint}");
        Self::refused_as_a_whole(code, Judgement::Undetermined, "", &message)
    }

    /// Adds a patch; an empty one is left out.
    pub(super) fn with_patch(mut self, patch: &Patch) -> Self {
        if !patch.0.is_empty() {
            self.patch = Some(STANDARD.encode(written(patch)));
        }
        self
    }

    /// Why nothing was judged, if so.
    pub(super) fn unjudged(&self) -> Option<NothingToJudge> {
        match self.outcome {
            Outcome::Unjudged(reason) => Some(reason),
            Outcome::Admitted | Outcome::Refused { .. } => None,
        }
    }

    /// Whether it lets the object in.
    pub(super) fn verdict(&self) -> Verdict {
        match self.outcome {
            Outcome::Unjudged(_) | Outcome::Admitted => Verdict::Allowed,
            Outcome::Refused { .. } => Verdict::Denied,
        }
    }

    /// What observers are told of.
    pub(super) fn take_found(&mut self) -> Found {
        std::mem::take(&mut self.found)
    }

    pub(super) fn into_answer(
        self,
        uid: &str,
        cache: CacheUse,
        observation: Option<Observation>,
    ) -> Answer {
        let (status, codes) = match self.outcome {
            Outcome::Unjudged(_) | Outcome::Admitted => (None, Vec::new()),
            Outcome::Refused {
                message,
                causes,
                codes,
            } => (Some(status(&message, &causes)), codes),
        };
        let allowed = status.is_none();
        let patch = self.patch.filter(|_| allowed);
        let review = ResponseReview {
            api_version: API_VERSION,
            kind: KIND,
            response: AdmissionResponse {
                uid,
                allowed,
                status,
                patch_type: patch.is_some().then_some("JSONPatch"),
                patch,
                warnings: self.warnings,
                audit_annotations: self.audit,
            },
        };
        Answer {
            body: written(&review),
            allowed,
            codes,
            cache,
            observation,
        }
    }

    fn of(outcome: Outcome) -> Self {
        let decision = match &outcome {
            Outcome::Unjudged(_) => None,
            Outcome::Admitted => Some("allowed"),
            Outcome::Refused { .. } => Some("denied"),
        };
        Self {
            outcome,
            warnings: Vec::new(),
            audit: decision
                .map(|decision| ("decision", decision.to_owned()))
                .into_iter()
                .collect(),
            patch: None,
            found: Found::default(),
        }
    }

    fn refused_as_a_whole(
        code: &'static str,
        judgement: Judgement,
        pointer: &str,
        message: &str,
    ) -> Self {
        let field = workload::field_path(pointer);
        let message = bounded(message, limits::MESSAGE_BYTES);
        let cause = json!({"reason": code, "field": field, "message": message});
        let found = Found::of_object(code, judgement, &message);
        Self::of(Outcome::Refused {
            message,
            causes: vec![cause],
            codes: vec![code],
        })
        .audited("codes", code)
        .with_found(found)
    }

    fn audited(mut self, key: &'static str, value: &str) -> Self {
        if !value.is_empty() {
            self.audit.insert(key, value.to_owned());
        }
        self
    }

    fn with_found(self, found: Found) -> Self {
        Self { found, ..self }
    }

    /// What came of the namespace's labels: whoever reads the audit log sees by what was judged.
    fn labelled(self, labels: &[LabelNote]) -> Self {
        let told = joined(labels.iter().map(LabelNote::to_string), "\n");
        self.audited("labels", &told)
    }

    /// What did not deny: warnings to the author, and everything to the audit log. What was let in by what was verified
    /// before comes first, as it is never let in silently.
    fn told(self, warnings: &[Denial], audits: &[Denial], recalled: &[&Recalled]) -> Self {
        let lines = recalled.iter().map(|one| {
            let line = decision::recalled_line(one);
            format!("{line}, verified at {}", one.verified_at)
        });
        let recalled = recalled.iter().map(|one| decision::recalled_warning(one));
        Self {
            warnings: shown(recalled.chain(warnings.iter().map(decision::warning))),
            ..self
        }
        .audited("used-verified", &joined(lines, "\n"))
        .audited(
            "warned",
            &joined(warnings.iter().map(decision::recorded), "\n"),
        )
        .audited(
            "reported",
            &joined(audits.iter().map(Denial::to_string), "\n"),
        )
    }
}

/// What the object holds once it is let in, and the digest that was judged where that is no part of it.
fn held(image: &AdmittedImage, pins: &[(ImageSlot, String)]) -> String {
    let pinned = pins.iter().find(|(slot, _)| *slot == image.slot);
    let written = image.reference.written();
    match (pinned, image.reference.digest()) {
        (Some((_, pinned)), _) => pinned.clone(),
        (None, Some(_)) => written.to_owned(),
        (None, None) => format!("{written} ({})", image.digest),
    }
}

/// Code and reason both: without a code the API server says 400, without a reason kubectl leaves it out.
fn status(message: &str, causes: &[Value]) -> Value {
    json!({
        "status": "Failure",
        "code": 403,
        "reason": "Forbidden",
        "message": message,
        "details": {"causes": causes},
    })
}

fn cause(denial: &Denial) -> Value {
    json!({
        "reason": denial.cause.code(),
        "field": denial.slot.field_path(),
        "message": denial.to_string(),
    })
}

/// It as JSON. What has only texts for names can always be written.
fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// As many warnings as are shown, the rest counted.
fn shown(warnings: impl Iterator<Item = String>) -> Vec<String> {
    let mut warnings: Vec<String> = warnings.collect();
    let more = warnings.len().saturating_sub(limits::WARNINGS_PER_REVIEW);
    if more > 0 {
        warnings.truncate(limits::WARNINGS_PER_REVIEW);
        warnings.push(format!("and {more} more"));
    }
    warnings
}

/// As many of the parts as an annotation holds, the rest counted.
fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    let parts: Vec<String> = parts.collect();
    let room = limits::ANNOTATION_BYTES - REST_BYTES;
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        if text.len() + separator.len() + part.len() > room {
            return format!("{text}{separator}and {} more", parts.len() - index);
        }
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(part);
    }
    text
}

/// The room for the count of the parts that are left out.
const REST_BYTES: usize = "\nand 1000000 more".len();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::Rejection,
        workload::{ImageSlot, SlotKind},
    };

    fn denial(container: &str) -> Denial {
        Denial {
            slot: ImageSlot {
                kind: SlotKind::Container,
                name: container.to_owned(),
                pointer: "/spec/containers/0/image".to_owned(),
                written: "registry.example/app:1".to_owned(),
            },
            digest: None,
            policy: None,
            cause: Rejection::ImageNotFound.into(),
            judged: 0,
            help: None,
            lowered_by: None,
        }
    }

    #[test]
    fn an_audit_annotation_stays_within_its_bytes_and_counts_what_it_leaves_out() {
        let part = "x".repeat(limits::ANNOTATION_BYTES / 10);
        let text = |count| joined(std::iter::repeat_n(part.clone(), count), "\n");
        let fitting = [part.as_str(); 9].join("\n");
        assert_eq!(text(9), fitting);
        assert_eq!(text(12), format!("{fitting}\nand 3 more"));
        assert!(text(12).len() <= limits::ANNOTATION_BYTES);
    }

    #[test]
    fn warnings_above_the_limit_are_counted() {
        let warnings: Vec<Denial> = (0..=limits::WARNINGS_PER_REVIEW)
            .map(|number| denial(&number.to_string()))
            .collect();
        let (last, shown) = warnings.split_last().unwrap();
        let told = |list: &[Denial]| {
            let response = Response::of(Outcome::Admitted);
            response.told(list, &[], &[]).warnings
        };
        let all: Vec<String> = shown.iter().map(decision::warning).collect();
        assert_eq!(told(shown), all);
        assert_eq!(last.slot.name, "20");
        assert_eq!(
            told(&warnings),
            [all, vec!["and 1 more".to_owned()]].concat()
        );
    }

    #[test]
    fn what_was_let_in_by_what_was_verified_before_is_told_before_every_other_warning() {
        let recalled = Recalled {
            failure: denial("recalled"),
            verified_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let others = vec![denial("other"); limits::WARNINGS_PER_REVIEW + 1];
        let response = Response::of(Outcome::Admitted).told(&others, &[], &[&recalled]);
        let (first, rest) = response.warnings.split_first().unwrap();
        assert_eq!(*first, decision::recalled_warning(&recalled));
        assert_eq!(rest.len(), limits::WARNINGS_PER_REVIEW);
        assert_eq!(rest.last().unwrap(), "and 2 more");
    }
}
