//! The line that the log keeps of a review: flat, bounded, with names that stay. `docs/logging.md` lists them.

use std::collections::BTreeSet;

use serde::Serialize;
use tracing::Level;

use super::response::NothingToJudge;
use crate::{
    decision::Outcome,
    limits,
    policy::{Action, ModeLabel},
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
    codes: List,
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
        let labels = observation.labels.iter().map(ToString::to_string);
        // Of each it is only said which: why stands in the Event and the audit annotation.
        let used_verified = observation.used_verified.iter().map(LoggedUse::of);
        let used_verified = List::within(limits::LOGGED_LIST_BYTES / 4, used_verified);
        let codes: BTreeSet<&str> = observation.told.iter().map(|told| told.code).collect();
        Self {
            observation,
            owner: owner.map(|owner| format!("{}/{}", owner.kind, owner.name)),
            codes: List::of(codes.into_iter()),
            images: List::of(observation.images.iter().map(LoggedImage::of)),
            findings: List::of(observation.told.iter().map(LoggedFinding::of)),
            used_verified: Some(used_verified).filter(|_| !observation.used_verified.is_empty()),
            labels: Some(List::of(labels)).filter(|_| !observation.labels.is_empty()),
            duration_ms: (observation.took.as_secs_f64() * 1e6).round() / 1e3,
        }
    }
}

impl List {
    fn of(items: impl ExactSizeIterator<Item: Serialize>) -> Self {
        Self::within(limits::LOGGED_LIST_BYTES, items)
    }

    fn within(room: usize, items: impl ExactSizeIterator<Item: Serialize>) -> Self {
        let total = items.len();
        let mut json = "[".to_owned();
        let mut shown = 0;
        for item in items.map_while(|item| serde_json::to_string(&item).ok()) {
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

/// An image, without what is not known of it.
#[derive(Serialize)]
struct LoggedImage<'a> {
    container: &'a str,
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    signers: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<String>,
}

#[derive(Serialize)]
struct LoggedFinding<'a> {
    action: &'static str,
    code: &'static str,
    policy: Option<String>,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lowered_by: Option<&'static str>,
}

#[derive(Serialize)]
struct LoggedUse<'a> {
    container: &'a str,
    policy: String,
    code: &'static str,
    verified_at: String,
}

impl<'a> LoggedImage<'a> {
    fn of(image: &'a ObservedImage) -> Self {
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
        Self {
            container,
            image,
            digest: digest.as_ref().map(ToString::to_string),
            commit: commit.as_deref(),
            pipeline: pipeline.as_deref(),
            job: job.as_deref(),
            signers,
            policies: policies.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<'a> LoggedFinding<'a> {
    fn of(told: &'a Told) -> Self {
        Self {
            action: match told.action {
                Action::Deny => "Deny",
                Action::Warn => "Warn",
                Action::Audit => "Audit",
            },
            code: told.code,
            policy: told.policy.as_ref().map(ToString::to_string),
            line: &told.line,
            lowered_by: told.lowered_by.map(ModeLabel::name),
        }
    }
}

impl<'a> LoggedUse<'a> {
    fn of(used: &'a UsedVerified) -> Self {
        let UsedVerified {
            container,
            policy,
            code,
            verified_at,
            line: _,
        } = used;
        Self {
            container,
            policy: policy.to_string(),
            code,
            verified_at: verified_at.to_string(),
        }
    }
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
                codes = %line.codes.json,
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
