mod notes;

use std::time::Duration;

use serde_json::{Value, json};

use super::{ledger::Known, note::Regarding, *};
use crate::{
    clock::FixedClock,
    cluster::tests::scenario::{Scenario, settle},
    decision::Outcome,
    policy::{Action, PolicyId},
    review::{ObservedObject, ObservedOwner, Operation, Run, Told, UsedVerified, Verdict},
};

/// A Pod of a `ReplicaSet` that the mutating webhook has denied.
fn denied() -> Observation {
    Observation {
        webhook: "mutate",
        uid: "uid-1".to_owned(),
        operation: Operation::Create,
        user: "alice".to_owned(),
        object: ObservedObject {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: "shop".to_owned(),
            generate_name: "api-5d9c-".to_owned(),
            owner: Some(ObservedOwner {
                api_version: "apps/v1".to_owned(),
                kind: "ReplicaSet".to_owned(),
                name: "api-5d9c".to_owned(),
                uid: "uid-2".to_owned(),
            }),
            ..ObservedObject::default()
        },
        run: Run::Real,
        verdict: Verdict::Denied,
        told: vec![told(Action::Deny, "has no signature")],
        used_verified: Vec::new(),
        images: Vec::new(),
        judged: Vec::new(),
        labels: Vec::new(),
        took: Duration::ZERO,
    }
}

fn told(action: Action, line: &str) -> Told {
    Told {
        action,
        code: "SignatureMissing",
        outcome: Outcome::Rejected,
        policy: None,
        line: line.to_owned(),
        lowered_by: None,
    }
}

fn note(text: &str) -> Note {
    Note {
        regarding: Regarding {
            namespace: "shop".to_owned(),
            ..Regarding::default()
        },
        reason: "SignatureMissing",
        text: text.to_owned(),
    }
}

struct Stage {
    scenario: Scenario,
    events: Arc<Events>,
    metrics: Arc<Metrics>,
}

impl Stage {
    fn new() -> Self {
        let scenario = Scenario::default();
        let metrics = Arc::new(Metrics::new());
        let clock = FixedClock("2026-01-02T03:04:05Z".parse().unwrap());
        let events = Events::start(
            scenario.client(),
            "assay-7f-x2",
            Arc::new(clock),
            Arc::clone(&metrics),
            &TaskTracker::new(),
        );
        Self {
            scenario,
            events,
            metrics,
        }
    }

    fn see(&self, times: usize) {
        for _ in 0..times {
            self.events.observe(&denied());
        }
    }

    fn create(&self, status: u16, answer: Value) {
        self.scenario.post(EVENTS, status, answer);
    }

    /// The counters that are not zero.
    fn counted(&self) -> Vec<String> {
        let text = self.metrics.encode();
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("assay_events_total{result="));
        let mut lines: Vec<String> = lines
            .filter(|line| !line.ends_with(" 0"))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }
}

fn event(series: &Value) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": NAME, "namespace": "shop", "resourceVersion": "7"},
        "eventTime": "2026-01-02T03:04:05.000000Z", "series": series,
    })
}

fn refusal(status: u16, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
        "message": "refused by the scenario", "reason": reason, "code": status,
    })
}

fn series(count: i32) -> Value {
    json!({"count": count, "lastObservedTime": "2026-01-02T03:04:05.000000Z"})
}

/// As a pause between two writes takes it, and a little.
async fn pass(pauses: u32) {
    tokio::time::sleep(limits::EVENT_PAUSE * pauses + Duration::from_secs(1)).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_once_is_one_event_without_a_series() {
    let stage = Stage::new();
    stage.create(201, event(&Value::Null));
    stage.see(1);
    settle().await;
    assert_eq!(
        stage.scenario.bodies(),
        [json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": NAME, "namespace": "shop"},
            "eventTime": "2026-01-02T03:04:05.000000Z",
            "type": "Warning", "reason": "SignatureMissing", "note": "has no signature",
            "action": "Admission",
            "reportingController": "assay.dev/assay", "reportingInstance": "assay-7f-x2",
            "regarding": {
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "namespace": "shop",
                "name": "api-5d9c", "uid": "uid-2",
            },
        })]
    );
    assert_eq!(stage.counted(), ["\"created\"} 1"]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn repetitions_add_up_and_are_written_after_a_pause() {
    let stage = Stage::new();
    stage.create(201, event(&Value::Null));
    stage.see(1);
    settle().await;
    stage.see(40);
    settle().await;
    assert_eq!(stage.scenario.bodies().len(), 1);
    stage.scenario.get(PATH, event(&Value::Null));
    stage.scenario.merge_with(PATH, 200, event(&series(41)));
    pass(1).await;
    let patch = json!({"metadata": {"resourceVersion": "7"}, "series": series(41)});
    assert_eq!(stage.scenario.bodies().last(), Some(&patch));
    assert_eq!(stage.counted(), ["\"created\"} 1", "\"updated\"} 1"]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_another_replica_has_written_is_counted_on_even_when_that_one_is_quicker() {
    let stage = Stage::new();
    stage.create(409, refusal(409, "AlreadyExists"));
    stage.scenario.get(PATH, event(&series(4)));
    stage
        .scenario
        .merge_with(PATH, 409, refusal(409, "Conflict"));
    stage.scenario.get(PATH, event(&series(5)));
    stage.scenario.merge_with(PATH, 200, event(&series(6)));
    stage.see(1);
    settle().await;
    let counts: Vec<_> = stage.scenario.bodies()[1..]
        .iter()
        .map(|body| body["series"]["count"].clone())
        .collect();
    assert_eq!(counts, [5, 6]);
    assert_eq!(stage.counted(), ["\"updated\"} 1"]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_has_expired_is_written_anew() {
    let stage = Stage::new();
    stage.create(201, event(&Value::Null));
    stage.see(1);
    settle().await;
    stage.scenario.refuse(PATH, "", 404);
    stage.create(201, event(&series(2)));
    stage.see(2);
    pass(1).await;
    assert_eq!(stage.scenario.bodies()[1]["series"], series(2));
    assert_eq!(stage.counted(), ["\"created\"} 2"]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn of_a_namespace_that_is_going_or_gone_nothing_is_written_and_nothing_tried_again() {
    for (status, answer) in [
        (404, refusal(404, "NotFound")),
        (403, {
            let mut terminating = refusal(403, "Forbidden");
            terminating["details"] = json!({"causes": [{"reason": "NamespaceTerminating"}]});
            terminating
        }),
    ] {
        let stage = Stage::new();
        stage.create(status, answer);
        stage.see(1);
        pass(3).await;
        assert_eq!(stage.counted(), ["\"dropped\"} 1"], "{status}");
        stage.scenario.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_refuses_is_a_failure_and_not_tried_again() {
    let stage = Stage::new();
    stage.create(403, refusal(403, "Forbidden"));
    stage.see(1);
    pass(3).await;
    assert_eq!(stage.counted(), ["\"failed\"} 1"]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_asked_again_later_and_not_without_end() {
    let stage = Stage::new();
    for _ in 0..=limits::EVENT_RETRIES {
        stage.create(500, refusal(500, "InternalError"));
    }
    stage.see(1);
    pass(2 * (limits::EVENT_RETRIES + 2)).await;
    let tries = limits::EVENT_RETRIES + 1;
    assert_eq!(stage.counted(), [format!("\"failed\"}} {tries}")]);
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_the_queue_is_dropped_and_counted() {
    let stage = Stage::new();
    // The task has had no turn yet, so all of it is in the queue.
    stage.see(limits::EVENTS_QUEUED + 3);
    assert_eq!(stage.counted(), ["\"dropped\"} 3"]);
    stage.create(201, event(&Value::Null));
    settle().await;
    let seen = i32::try_from(limits::EVENTS_QUEUED).unwrap();
    assert_eq!(stage.scenario.bodies()[0]["series"], series(seen));
    stage.scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn of_one_review_no_more_is_told_than_the_limit() {
    let stage = Stage::new();
    let lines =
        (0..limits::EVENTS_PER_REVIEW + 2).map(|line| told(Action::Deny, &line.to_string()));
    let many = Observation {
        told: lines.collect(),
        ..denied()
    };
    for _ in 0..limits::EVENTS_PER_REVIEW {
        stage.create(201, event(&Value::Null));
    }
    stage.events.observe(&many);
    pass(1).await;
    let created = limits::EVENTS_PER_REVIEW;
    assert_eq!(
        stage.counted(),
        [
            format!("\"created\"}} {created}"),
            "\"dropped\"} 2".to_owned()
        ]
    );
    stage.scenario.finish().await;
}

#[test]
fn a_full_ledger_forgets_what_is_written_and_never_what_waits() {
    let (at, now) = (Timestamp::UNIX_EPOCH, Instant::now());
    let mut ledger = Ledger::default();
    let add = |ledger: &mut Ledger, number: usize| ledger.add(note(&number.to_string()), at, now);
    for number in 0..limits::EVENTS_KNOWN {
        assert_eq!(add(&mut ledger, number), Room::Found);
    }
    assert_eq!(add(&mut ledger, limits::EVENTS_KNOWN), Room::None);
    assert_eq!(add(&mut ledger, 0), Room::Found);
    let due = ledger.take_due(now).unwrap();
    ledger.written(&due, now);
    assert_eq!(add(&mut ledger, limits::EVENTS_KNOWN), Room::Found);
    assert_eq!(add(&mut ledger, limits::EVENTS_KNOWN + 1), Room::None);
}

#[test]
fn what_is_seen_while_it_is_written_counts_for_the_next_time() {
    let (at, now) = (Timestamp::UNIX_EPOCH, Instant::now());
    let mut ledger = Ledger::default();
    for _ in 0..3 {
        ledger.add(note("a"), at, now);
    }
    let due = ledger.take_due(now).unwrap();
    assert_eq!((due.times, due.known), (3, Known::Not));
    ledger.add(note("a"), at, now);
    ledger.written(&due, now);
    assert_eq!(ledger.take_due(now), None);
    let due = ledger.take_due(now + limits::EVENT_PAUSE).unwrap();
    assert_eq!((due.times, due.known), (1, Known::Written));
    ledger.put_off(&due, now);
    let due = ledger.take_due(now + limits::EVENT_PAUSE).unwrap();
    assert_eq!((due.times, due.known), (1, Known::Not));
}

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";
const PATH: &str =
    "/apis/events.k8s.io/v1/namespaces/shop/events/assay.9251f2db3cceace2dbfef1d34a591040";
const NAME: &str = "assay.9251f2db3cceace2dbfef1d34a591040";
