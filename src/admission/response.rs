//! What the API server is answered.
//!
//! The only ways to an allowing response are an [`Admission`] and a [`NothingToJudge`].

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use json_patch::Patch;
use serde_json::{Value, json};

use super::{
    Answer, annotation,
    request::{API_VERSION, KIND},
};
use crate::{
    decision::{self, Admission, Denial, Judged, Refusal},
    limits,
    policy::{Action, LabelNote},
    review::{Observation, ReviewError, Told, Verdict},
    untrusted,
    workload::{self, SlotError},
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

/// One answer.
#[derive(Debug)]
pub(super) struct Response {
    outcome: Outcome,
    warnings: Vec<String>,
    audit: BTreeMap<&'static str, String>,
    patch: Option<String>,
    told: Vec<Told>,
    judged: Vec<Judged>,
    labels: Vec<LabelNote>,
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

    pub(super) fn admitted(admission: &Admission) -> Self {
        let images = admission.images.iter().map(|image| {
            let name = untrusted::shown(&image.slot.name, limits::SHOWN_NAME_CHARS);
            format!("{name}={}", image.reference.pinned(&image.digest))
        });
        let facts = annotation::text(annotation::of_images(&admission.images));
        Self::of(Outcome::Admitted)
            .audited("images", &joined(images, " "))
            .audited("facts", &facts.unwrap_or_default())
            .told(&admission.warnings, &admission.audits)
            .judged(&admission.judged)
            .labelled(&admission.labels)
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        let codes: Vec<_> = refusal.denials.iter().map(|it| it.cause.code()).collect();
        let denied = refusal.denials.iter();
        let mut response = Self::of(Outcome::Refused {
            message: decision::message(refusal),
            causes: refusal.denials.iter().map(cause).collect(),
            codes: codes.clone(),
        });
        response.told = denied.map(|it| told(Action::Deny, it)).collect();
        response
            .audited("codes", &joined(codes.into_iter().map(str::to_owned), ","))
            .told(&refusal.warnings, &refusal.audits)
            .judged(&refusal.judged)
            .labelled(&refusal.labels)
    }

    /// Refuses an object whose images cannot be told.
    pub(super) fn undecodable(error: &SlotError) -> Self {
        let (code, field, hint) = match error {
            SlotError::WrongType { pointer, .. } => (
                "ReferenceInvalid",
                pointer.as_str(),
                "correct that field, its images cannot be told",
            ),
            SlotError::TooMany { .. } => {
                ("LimitExceeded", "", "divide the object into smaller ones")
            }
        };
        Self::refused_as_a_whole(code, field, &format!("{error} [{code}]; {hint}"))
    }

    /// Refuses an object that could not be judged as a whole.
    pub(super) fn not_reviewed(error: &ReviewError) -> Self {
        let hint = match error {
            ReviewError::NotReady => "try again in a moment",
            ReviewError::Namespace { .. } => "see Assay's log and its access to namespaces",
        };
        let code = "PolicyBroken";
        Self::refused_as_a_whole(code, "", &format!("{error} [{code}]; {hint}"))
    }

    /// Adds a patch; an empty one is left out.
    pub(super) fn with_patch(mut self, patch: &Patch) -> Self {
        if !patch.0.is_empty() {
            let json = json!(patch).to_string();
            self.patch = Some(STANDARD.encode(json));
        }
        self
    }

    /// The one line that the log keeps of a review, whose span says which.
    pub(super) fn log(&self) {
        let warnings = self.warnings.len();
        match &self.outcome {
            Outcome::Unjudged(reason) => tracing::debug!(?reason, decision = "allowed", "answered"),
            Outcome::Admitted => {
                let images = self.audit.get("images").map(String::as_str);
                tracing::info!(decision = "allowed", images, warnings, "answered");
            }
            Outcome::Refused { codes, message, .. } => {
                let codes = codes.join(",");
                tracing::info!(decision = "denied", codes, message, warnings, "answered");
                for note in self.labels.iter().filter(|note| note.is_ignored()) {
                    tracing::warn!(label = %note, "a label of the namespace is without effect");
                }
            }
        }
        if let Some(lowered) = self.told.iter().find_map(|told| told.lowered_by) {
            let label = lowered.name();
            tracing::info!(label, "what would be refused is let in with a warning");
        }
    }

    /// Whether it lets the object in.
    pub(super) fn verdict(&self) -> Verdict {
        match self.outcome {
            Outcome::Unjudged(_) | Outcome::Admitted => Verdict::Allowed,
            Outcome::Refused { .. } => Verdict::Denied,
        }
    }

    /// Whether images were looked at, or should have been.
    pub(super) fn is_judgement(&self) -> bool {
        match self.outcome {
            Outcome::Unjudged(_) => false,
            Outcome::Admitted | Outcome::Refused { .. } => true,
        }
    }

    /// What did not satisfy a policy, and what each policy made of each image.
    pub(super) fn take_told(&mut self) -> (Vec<Told>, Vec<Judged>) {
        (
            std::mem::take(&mut self.told),
            std::mem::take(&mut self.judged),
        )
    }

    pub(super) fn into_answer(self, uid: &str, observation: Option<Observation>) -> Answer {
        let mut response = json!({"uid": uid, "allowed": false});
        let (allowed, codes) = match self.outcome {
            Outcome::Unjudged(_) | Outcome::Admitted => (true, Vec::new()),
            Outcome::Refused {
                message,
                causes,
                codes,
            } => {
                set(&mut response, "status", status(&message, &causes));
                (false, codes)
            }
        };
        set(&mut response, "allowed", json!(allowed));
        if let Some(patch) = self.patch.filter(|_| allowed) {
            set(&mut response, "patchType", json!("JSONPatch"));
            set(&mut response, "patch", json!(patch));
        }
        if !self.warnings.is_empty() {
            set(&mut response, "warnings", json!(self.warnings));
        }
        if !self.audit.is_empty() {
            set(&mut response, "auditAnnotations", json!(self.audit));
        }
        let review = json!({"apiVersion": API_VERSION, "kind": KIND, "response": response});
        Answer {
            body: review.to_string().into_bytes(),
            allowed,
            codes,
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
            told: Vec::new(),
            judged: Vec::new(),
            labels: Vec::new(),
        }
    }

    fn refused_as_a_whole(code: &'static str, pointer: &str, message: &str) -> Self {
        let field = workload::field_path(pointer);
        let message = bounded(message, limits::MESSAGE_BYTES);
        let cause = json!({"reason": code, "field": field, "message": message});
        let told = Told {
            action: Action::Deny,
            code,
            line: message.clone(),
            lowered_by: None,
        };
        let mut response = Self::of(Outcome::Refused {
            message,
            causes: vec![cause],
            codes: vec![code],
        });
        response.told.push(told);
        response.audited("codes", code)
    }

    fn audited(mut self, key: &'static str, value: &str) -> Self {
        if !value.is_empty() {
            self.audit.insert(key, value.to_owned());
        }
        self
    }

    fn judged(self, judged: &[Judged]) -> Self {
        Self {
            judged: judged.to_vec(),
            ..self
        }
    }

    /// What came of the namespace's labels: whoever reads the audit log sees by what was judged.
    fn labelled(self, labels: &[LabelNote]) -> Self {
        let told = joined(labels.iter().map(LabelNote::to_string), "\n");
        let labels = labels.to_vec();
        Self { labels, ..self }.audited("labels", &told)
    }

    /// What did not deny: warnings to the author, and everything to the audit log.
    fn told(mut self, warnings: &[Denial], audits: &[Denial]) -> Self {
        self.told
            .extend(warnings.iter().map(|it| told(Action::Warn, it)));
        self.told
            .extend(audits.iter().map(|it| told(Action::Audit, it)));
        let shown = limits::WARNINGS_PER_REVIEW;
        self.warnings = warnings.iter().take(shown).map(decision::warning).collect();
        if let Some(more) = warnings.len().checked_sub(shown).filter(|more| *more > 0) {
            self.warnings.push(format!("and {more} more"));
        }
        self.audited(
            "warned",
            &joined(warnings.iter().map(decision::recorded), "\n"),
        )
        .audited(
            "reported",
            &joined(audits.iter().map(Denial::to_string), "\n"),
        )
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

fn told(action: Action, denial: &Denial) -> Told {
    Told {
        action,
        code: denial.cause.code(),
        line: denial.to_string(),
        lowered_by: denial.lowered_by,
    }
}

fn cause(denial: &Denial) -> Value {
    json!({
        "reason": denial.cause.code(),
        "field": denial.slot.field_path(),
        "message": denial.to_string(),
    })
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
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

/// Cut at a character, and without anything that would break the line.
fn bounded(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if line.len() + character.len_utf8() + '…'.len_utf8() > limit {
            line.push('…');
            break;
        }
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    line
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
        let told = |list: &[Denial]| Response::of(Outcome::Admitted).told(list, &[]).warnings;
        let all: Vec<String> = shown.iter().map(decision::warning).collect();
        assert_eq!(told(shown), all);
        assert_eq!(last.slot.name, "20");
        assert_eq!(
            told(&warnings),
            [all, vec!["and 1 more".to_owned()]].concat()
        );
    }
}
