mod server;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::server::{Fault, LeaseServer};
use super::{Election, ElectionSettings, Role};
use crate::clock::Clock;

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_chart_ships_without_a_spec_is_taken_at_once() {
    let server = LeaseServer::shipping(&json!({ "labels": { "app": "assay" } }), Value::Null);
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    assert_eq!(replica.role(), Role::Leads);
    assert_eq!(server.calls(), ["GET 200", "PUT 200"]);
    assert_eq!(server.holder(), "a");
    let kept = server.lease();
    assert_eq!(kept["metadata"]["labels"], json!({ "app": "assay" }));
    assert_eq!(
        without_holder(&kept["spec"]),
        json!({
            "acquireTime": "2026-01-02T03:04:05.000000Z", "leaseDurationSeconds": 15,
            "leaseTransitions": 0, "renewTime": "2026-01-02T03:04:05.000000Z",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_lease_one_is_made() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    assert_eq!(replica.role(), Role::Leads);
    assert_eq!(server.calls(), ["GET 404", "POST 201"]);
    assert_eq!(server.holder(), "a");
}

#[tokio::test(start_paused = true)]
async fn the_leader_renews_about_every_five_seconds_and_nobody_else_leads() {
    let server = LeaseServer::empty();
    let first = Replica::start(&server, "a");
    sleep(SECOND).await;
    let second = Replica::start(&server, "b");
    sleep(50 * SECOND).await;
    assert_eq!((first.role(), second.role()), (Role::Leads, Role::Follows));
    let calls = server.calls();
    let count = |call: &str| calls.iter().filter(|found| *found == call).count();
    assert!((9..=11).contains(&count("PUT 200")), "{calls:?}");
    assert!((9..=13).contains(&count("GET 200")), "{calls:?}");
    assert_eq!(first.changes(), 1);
    assert_eq!(second.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_renews_is_taken_fifteen_seconds_after_it_was_first_seen() {
    // Its times are in the far future: whatever the holder's clock said does not matter.
    let server = LeaseServer::held_by("gone_1", "2099-01-01T00:00:00.000000Z");
    let replica = Replica::start(&server, "a");
    sleep(14 * SECOND).await;
    assert_eq!(replica.role(), Role::Follows);
    sleep(2 * SECOND).await;
    assert_eq!(replica.role(), Role::Leads);
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 8);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_renews_is_never_taken_however_old_its_times_are() {
    let server = LeaseServer::held_by("slow_clock", "1999-01-01T00:00:00.000000Z");
    let replica = Replica::start(&server, "a");
    for _ in 0..20 {
        sleep(6 * SECOND).await;
        server.renewed();
    }
    assert_eq!(replica.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_longer_lease_of_another_version_is_believed_up_to_a_minute() {
    for (written, good_for) in [(30, 30), (100_000, 60), (-5, 15), (1, 15)] {
        let server = LeaseServer::held_by("gone_1", "2026-01-02T03:04:05.000000Z");
        server.change(|lease| lease["spec"]["leaseDurationSeconds"] = json!(written));
        let replica = Replica::start(&server, "a");
        sleep((good_for - 1) * SECOND).await;
        assert_eq!(replica.role(), Role::Follows, "{written}");
        sleep(2 * SECOND).await;
        assert_eq!(replica.role(), Role::Leads, "{written}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_the_lease_in_other_hands_stops_leading_at_its_next_renewal() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    server.change(|lease| lease["spec"]["holderIdentity"] = json!("b_1"));
    sleep(6 * SECOND).await;
    assert_eq!(replica.role(), Role::Follows);
    assert_eq!(
        server.calls(),
        ["GET 404", "POST 201", "PUT 409", "GET 200"]
    );
    assert_eq!(server.holder(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_labels_stays_in_the_same_hands() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    server.change(|lease| lease["metadata"]["labels"] = json!({ "seen": "yes" }));
    sleep(7 * SECOND).await;
    assert_eq!((replica.role(), replica.changes()), (Role::Leads, 1));
    assert_eq!(
        server.calls(),
        ["GET 404", "POST 201", "PUT 409", "GET 200", "PUT 200"]
    );
    assert_eq!(
        server.lease()["metadata"]["labels"],
        json!({ "seen": "yes" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_made_again() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    server.delete();
    sleep(6 * SECOND).await;
    assert_eq!(replica.role(), Role::Leads);
    assert_eq!(server.holder(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_for_ten_seconds_stops_and_leads_again_later() {
    for fault in [Fault::Refuses, Fault::Silent] {
        let server = LeaseServer::empty();
        let replica = Replica::start(&server, "a");
        sleep(SECOND).await;
        server.fails(fault);
        // The last renewal was at most 5.5 s before the fault.
        sleep(4 * SECOND).await;
        assert_eq!(replica.role(), Role::Leads, "{fault:?}");
        sleep(7 * SECOND).await;
        assert_eq!(replica.role(), Role::Follows, "{fault:?}");
        server.works();
        sleep(20 * SECOND).await;
        assert_eq!(replica.role(), Role::Leads, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_of_the_api_server_leaves_the_leader_as_it_is() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    server.fails(Fault::Refuses);
    sleep(6 * SECOND).await;
    server.works();
    sleep(30 * SECOND).await;
    assert_eq!((replica.role(), replica.changes()), (Role::Leads, 1));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_is_lost_is_found_to_have_happened() {
    let server = LeaseServer::empty();
    let replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    server.fails(Fault::LosesAnswers);
    sleep(6 * SECOND).await;
    server.works();
    sleep(30 * SECOND).await;
    assert_eq!((replica.role(), replica.changes()), (Role::Leads, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_not_asked_for_without_pause() {
    let server = LeaseServer::empty();
    server.fails(Fault::Refuses);
    let replica = Replica::start(&server, "a");
    sleep(60 * SECOND).await;
    let calls = server.calls().len();
    assert!((54..=68).contains(&calls), "{calls}");
    assert_eq!(replica.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_that_come_at_once_one_leads() {
    let server = LeaseServer::shipping(&json!({}), Value::Null);
    let replicas = [Replica::start(&server, "a"), Replica::start(&server, "b")];
    sleep(60 * SECOND).await;
    let leaders = replicas
        .iter()
        .filter(|replica| replica.role() == Role::Leads);
    assert_eq!(leaders.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_lease_is_given_back_and_the_next_one_leads_soon() {
    let server = LeaseServer::empty();
    let mut first = Replica::start(&server, "a");
    sleep(SECOND).await;
    let second = Replica::start(&server, "b");
    sleep(20 * SECOND).await;
    first.stop.cancel();
    // Closed only once the lease is given back.
    while first.roles.changed().await.is_ok() {}
    assert_eq!(first.role(), Role::Follows);
    assert_eq!(server.lease()["spec"], json!({ "leaseTransitions": 0 }));
    sleep(6 * SECOND).await;
    assert_eq!(second.role(), Role::Leads);
    assert_eq!(server.lease()["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_lead_gives_nothing_back() {
    let server = LeaseServer::held_by("b_1", "2026-01-02T03:04:05.000000Z");
    let mut replica = Replica::start(&server, "a");
    sleep(SECOND).await;
    replica.stop.cancel();
    while replica.roles.changed().await.is_ok() {}
    assert_eq!(server.calls(), ["GET 200"]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_started_again_in_its_pod_is_another_one() {
    let server = LeaseServer::held_by("a_00000000", "2026-01-02T03:04:05.000000Z");
    let replica = Replica::start(&server, "a");
    sleep(10 * SECOND).await;
    assert_eq!(replica.role(), Role::Follows);
}

struct Replica {
    roles: watch::Receiver<Role>,
    stop: CancellationToken,
    changes: watch::Receiver<usize>,
}

impl Replica {
    fn start(server: &LeaseServer, name: &str) -> Self {
        let stop = CancellationToken::new();
        let settings = ElectionSettings {
            namespace: "assay-system".to_owned(),
            lease: "assay".to_owned(),
            replica: name.to_owned(),
            clock: Arc::new(PausedClock(Instant::now())),
            stop: stop.clone(),
        };
        let tasks = TaskTracker::new();
        let roles = Election::start(server.client(), settings, &tasks);
        let (count, changes) = watch::channel(0);
        let mut counted = roles.clone();
        tasks.spawn(async move {
            let mut last = *counted.borrow();
            while counted.changed().await.is_ok() {
                let role = *counted.borrow_and_update();
                if role != last {
                    count.send_modify(|count| *count += 1);
                }
                last = role;
            }
        });
        Self {
            roles,
            stop,
            changes,
        }
    }

    fn role(&self) -> Role {
        *self.roles.borrow()
    }

    fn changes(&self) -> usize {
        *self.changes.borrow()
    }
}

/// Goes as tokio's clock goes.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        start + self.0.elapsed()
    }
}

fn without_holder(spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec.as_object_mut().unwrap().remove("holderIdentity");
    spec
}

const SECOND: Duration = Duration::from_secs(1);
