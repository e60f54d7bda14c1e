//! The line that the log keeps of a review: flat, bounded, with names that stay. `docs/logging.md` lists them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::Level;

use super::response::NothingToJudge;
use crate::{
    decision::Outcome,
    limits,
    policy::Action,
    review::{Observation, ObservedImage, ObservedObject, Run, Told, UsedVerified},
};

/// Logs that a review was answered.
///
/// A denial is Assay at work, so it is told like an admission. What could not be judged is a warning: somebody who
/// looks after the cluster is to act.
pub(super) fn answered(observation: Option<&Observation>, unjudged: Option<NothingToJudge>) {
    match observation {
        None => {
            let reason = unjudged.map(tracing::field::debug);
            tracing::debug!(reason, decision = "allowed", "nothing to judge");
        }
        Some(observation) if needs_looking_after(observation) => {
            if tracing::enabled!(target: TARGET, Level::WARN) {
                write(Level::WARN, &Line::of(observation));
            }
        }
        Some(observation) => {
            if tracing::enabled!(target: TARGET, Level::INFO) {
                write(Level::INFO, &Line::of(observation));
            }
        }
    }
}

/// Whether a registry, a trust root or a policy has to be looked after.
fn needs_looking_after(observation: &Observation) -> bool {
    observation.told.iter().any(is_obstacle) || !observation.used_verified.is_empty()
}

fn is_obstacle(told: &Told) -> bool {
    match told.outcome {
        Outcome::Undetermined => true,
        Outcome::Rejected => false,
    }
}

/// What the line says. Lists are JSON, which the log's own JSON form takes in as it is.
struct Line<'a> {
    observation: &'a Observation,
    owner: Option<String>,
    codes: Value,
    images: List,
    findings: List,
    used_verified: Option<List>,
    labels: Option<List>,
    duration_ms: f64,
}

/// As much of a list as fits into [`limits::LOGGED_LIST_BYTES`], and how much is left out.
#[derive(Debug, Eq, PartialEq)]
struct List {
    json: String,
    left_out: Option<usize>,
}

impl<'a> Line<'a> {
    fn of(observation: &'a Observation) -> Self {
        let owner = observation.object.owner.as_ref();
        let labels = observation.labels.iter();
        let labels = labels.map(|label| json!(label.to_string()));
        // Of each it is only said which: why stands in the Event and the audit annotation.
        let used_verified = observation.used_verified.iter().map(used);
        let used_verified = List::within(limits::LOGGED_LIST_BYTES / 4, used_verified);
        let codes: BTreeSet<&str> = observation.told.iter().map(|told| told.code).collect();
        Self {
            observation,
            owner: owner.map(|owner| format!("{}/{}", owner.kind, owner.name)),
            codes: json!(codes),
            images: List::of(observation.images.iter().map(image)),
            findings: List::of(observation.told.iter().map(finding)),
            used_verified: Some(used_verified).filter(|_| !observation.used_verified.is_empty()),
            labels: Some(List::of(labels)).filter(|_| !observation.labels.is_empty()),
            duration_ms: (observation.took.as_secs_f64() * 1e6).round() / 1e3,
        }
    }
}

impl List {
    fn of(items: impl ExactSizeIterator<Item = Value>) -> Self {
        Self::within(limits::LOGGED_LIST_BYTES, items)
    }

    fn within(room: usize, items: impl ExactSizeIterator<Item = Value>) -> Self {
        let total = items.len();
        let mut json = "[".to_owned();
        let mut shown = 0;
        for item in items.map(|item| item.to_string()) {
            if json.len() + item.len() + ",]".len() > room {
                break;
            }
            if shown > 0 {
                json.push(',');
            }
            json.push_str(&item);
            shown += 1;
        }
        json.push(']');
        let left_out = (total > shown).then_some(total - shown);
        Self { json, left_out }
    }
}

/// Without what is not known.
fn image(image: &ObservedImage) -> Value {
    let ObservedImage {
        container,
        image,
        digest,
        signers,
        commit,
        pipeline,
        job,
        policies,
    } = image;
    let mut told = json!({"container": container, "image": image});
    if let Some(fields) = told.as_object_mut() {
        let texts = [
            ("digest", digest.as_ref().map(ToString::to_string)),
            ("commit", commit.clone()),
            ("pipeline", pipeline.clone()),
            ("job", job.clone()),
        ];
        let known = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        fields.extend(known.map(|(name, text)| (name.to_owned(), text.into())));
        let policies: Vec<String> = policies.iter().map(ToString::to_string).collect();
        for (name, list) in [("signers", signers), ("policies", &policies)] {
            if !list.is_empty() {
                fields.insert(name.to_owned(), json!(list));
            }
        }
    }
    told
}

fn finding(told: &Told) -> Value {
    let action = match told.action {
        Action::Deny => "Deny",
        Action::Warn => "Warn",
        Action::Audit => "Audit",
    };
    let policy = told.policy.as_ref().map(ToString::to_string);
    let mut finding =
        json!({"action": action, "code": told.code, "policy": policy, "line": told.line});
    if let (Some(fields), Some(label)) = (finding.as_object_mut(), told.lowered_by) {
        fields.insert("lowered_by".to_owned(), label.name().into());
    }
    finding
}

fn used(used: &UsedVerified) -> Value {
    let UsedVerified {
        container,
        policy,
        code,
        verified_at,
        line: _,
    } = used;
    json!({
        "container": container,
        "policy": policy.to_string(),
        "code": code,
        "verified_at": verified_at.to_string(),
    })
}

/// The line stands alone, outside of the review's span: whatever is logged of it, all of it is there.
fn write(level: Level, line: &Line<'_>) {
    let Observation {
        webhook,
        uid,
        operation,
        user,
        object,
        run,
        verdict,
        ..
    } = line.observation;
    let ObservedObject {
        kind,
        namespace,
        name,
        generate_name,
        ..
    } = object;
    macro_rules! write {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                parent: None,
                $level,
                uid,
                webhook,
                operation = operation.name(),
                namespace,
                kind,
                name = some(name),
                generate_name = some(generate_name),
                owner = line.owner,
                user,
                dry_run = *run == Run::Dry,
                decision = verdict.name(),
                codes = %line.codes,
                images = %line.images.json,
                images_left_out = line.images.left_out,
                findings = %line.findings.json,
                findings_left_out = line.findings.left_out,
                used_verified = line.used_verified.as_ref().map(|used| tracing::field::display(&used.json)),
                used_verified_left_out = line.used_verified.as_ref().and_then(|used| used.left_out),
                labels = line.labels.as_ref().map(|labels| tracing::field::display(&labels.json)),
                duration_ms = line.duration_ms,
                "answered",
            )
        };
    }
    if level == Level::WARN {
        write!(Level::WARN);
    } else {
        write!(Level::INFO);
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

const TARGET: &str = "assay::review";
