//! The line that the log keeps of a review.

use jiff::Timestamp;

use super::*;
use crate::{
    admission::log,
    decision::Outcome,
    limits,
    policy::{Action, PolicyId},
    review::{
        Observation, ObservedImage, ObservedObject, ObservedOwner, Operation, Run, Told,
        UsedVerified, Verdict,
    },
    telemetry::captured,
};

fn finding(outcome: Outcome) -> Told {
    Told {
        action: Action::Deny,
        code: "SignatureMissing",
        outcome,
        policy: None,
        line: "container \"api\": a:1 has no signature [SignatureMissing]; sign it".to_owned(),
        lowered_by: None,
    }
}

fn observation() -> Observation {
    Observation {
        webhook: "mutate",
        uid: "uid-1".to_owned(),
        operation: Operation::Create,
        user: "alice".to_owned(),
        object: ObservedObject {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: "shop".to_owned(),
            name: "api".to_owned(),
            ..ObservedObject::default()
        },
        run: Run::Real,
        verdict: Verdict::Denied,
        told: vec![finding(Outcome::Rejected)],
        used_verified: Vec::new(),
        images: Vec::new(),
        judged: Vec::new(),
        labels: Vec::new(),
        took: Duration::from_micros(1_234),
    }
}

fn line(observation: &Observation) -> String {
    let lines = captured(|| log::answered(Some(observation), None));
    assert_eq!(lines.len(), 1);
    lines.into_iter().next().unwrap()
}

fn fields(observation: &Observation) -> Value {
    let mut line: Value = serde_json::from_str(&line(observation)).unwrap();
    line.as_object_mut().unwrap().remove("timestamp");
    line
}

#[test]
fn a_denial_is_one_flat_line() {
    assert_eq!(
        fields(&observation()),
        json!({
            "level": "INFO", "target": "assay::review", "message": "answered",
            "uid": "uid-1", "webhook": "mutate", "operation": "CREATE", "namespace": "shop",
            "kind": "Pod", "name": "api", "user": "alice", "dry_run": false, "decision": "denied",
            "codes": ["SignatureMissing"], "images": [], "duration_ms": 1.234,
            "findings": [{
                "action": "Deny", "code": "SignatureMissing", "policy": null,
                "line": "container \"api\": a:1 has no signature [SignatureMissing]; sign it",
            }],
        })
    );
}

fn used_verified(policy: PolicyId) -> UsedVerified {
    UsedVerified {
        container: "api".to_owned(),
        policy,
        code: "RegistryUnavailable",
        verified_at: Timestamp::UNIX_EPOCH,
        line: "what happened".to_owned(),
    }
}

#[test]
fn what_was_let_in_as_verified_before_is_a_warning_that_names_policy_and_time() {
    let policy = PolicyId {
        namespace: None,
        name: "shop".to_owned(),
    };
    let recalled = Observation {
        verdict: Verdict::Allowed,
        told: Vec::new(),
        used_verified: vec![used_verified(policy)],
        ..observation()
    };
    let line = fields(&recalled);
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["decision"], "allowed");
    assert_eq!(
        line["used_verified"],
        json!([{
            "container": "api", "policy": "shop", "code": "RegistryUnavailable",
            "verified_at": "1970-01-01T00:00:00Z",
        }])
    );
}

#[test]
fn what_could_not_be_judged_is_a_warning() {
    let told = vec![finding(Outcome::Rejected), finding(Outcome::Undetermined)];
    let undetermined = Observation {
        told,
        ..observation()
    };
    assert_eq!(fields(&undetermined)["level"], json!("WARN"));
}

#[test]
fn a_review_without_a_judgement_is_for_debugging_only() {
    let lines = captured(|| log::answered(None, Some(NothingToJudge::NothingChanged)));
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&line["level"], &line["reason"], &line["decision"]),
        (&json!("DEBUG"), &json!("NothingChanged"), &json!("allowed"))
    );
}

#[test]
fn no_line_is_longer_than_the_limit_and_what_is_left_out_is_counted() {
    let widest = |count: usize| "\u{1F600}".repeat(count);
    let name = || "\\\"".repeat(limits::NAME_BYTES / 2);
    let policy = || PolicyId {
        namespace: Some("n".repeat(63)),
        name: "p".repeat(limits::NAME_BYTES),
    };
    let image = ObservedImage {
        container: name(),
        image: name(),
        digest: Some(Digest::of(b"a")),
        signers: vec!["s".repeat(100); 3],
        commit: Some("c".repeat(64)),
        pipeline: Some("p".repeat(512)),
        job: Some("j".repeat(512)),
        policies: vec![policy()],
    };
    let told = Told {
        line: "\"".repeat(limits::MESSAGE_BYTES),
        policy: Some(policy()),
        ..finding(Outcome::Rejected)
    };
    let large = Observation {
        uid: name(),
        user: widest(limits::NAME_BYTES),
        object: ObservedObject {
            api_version: name(),
            kind: name(),
            namespace: name(),
            name: name(),
            generate_name: name(),
            uid: name(),
            owner: Some(ObservedOwner {
                kind: name(),
                name: name(),
                ..ObservedOwner::default()
            }),
        },
        told: vec![told; 50],
        used_verified: vec![used_verified(policy()); 50],
        images: vec![image; 50],
        ..observation()
    };
    let text = line(&large);
    assert!(text.len() < limits::LOG_LINE_BYTES, "{}", text.len());
    let line: Value = serde_json::from_str(&text).unwrap();
    for list in ["images", "findings", "used_verified"] {
        let shown = line[list].as_array().unwrap().len() as u64;
        assert!(shown > 0, "{list}");
        assert_eq!(line[format!("{list}_left_out")], json!(50 - shown));
    }
}
