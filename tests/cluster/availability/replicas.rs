//! A replica dies, or stops answering.

use std::time::Duration;

use crate::support::{
    eventually,
    load::{Load, Report},
    platform::{Platform, platform},
};

#[test]
#[ignore = "needs a cluster"]
fn when_a_replica_is_killed_reviews_fail_for_as_long_as_connections_lead_to_it_and_another_leads() {
    let platform = platform();
    let load = platform.with_assay().load();
    let (leader, follower) = platform.leader_and_follower();
    let old = platform.holder().expect("one leads");
    let first = kill(&platform, &load, &follower);
    assert_eq!(
        platform.holder(),
        Some(old.clone()),
        "the loss of a follower is not noticed"
    );
    let second = kill(&platform, &load, &leader);
    let took = platform.wait_for_other_leader(&old);
    eprintln!(
        "another process leads {} ms after the Pod was ready again",
        took.as_millis()
    );
    load.goes_on(50);
    let report = load.stop();
    expect_failures_within(&report, "kill -9 of follower and leader", &[first, second]);
}

/// Kills a replica and waits until it is back. The times are those of the load, of the kill and a little after.
fn kill(platform: &Platform, load: &Load, replica: &str) -> (Duration, Duration) {
    let restarts = platform.node.restarts(replica);
    let killed = load.elapsed();
    platform.node.kill(replica);
    eventually("the container to be started again", || {
        (platform.node.restarts(replica) > restarts).then_some(())
    });
    platform.wait_until_whole();
    load.goes_on(50);
    // A review that was under way had been asked before.
    (killed.saturating_sub(UNDER_WAY), killed + ENDPOINTS_LAG)
}

#[test]
#[ignore = "needs a cluster"]
fn a_replica_that_hangs_is_not_ready_and_does_not_lead_and_the_other_serves() {
    let platform = platform();
    let load = platform.with_assay().load();
    let (leader, _) = platform.leader_and_follower();
    let old = platform.holder().expect("one leads");
    let frozen = load.elapsed();
    platform.node.freeze(&leader);
    eventually("the replica to be told unready", || {
        let deployment = platform
            .plane
            .get(&["-n", "assay-system", "deployment", "assay"]);
        (deployment["status"]["readyReplicas"] == 1).then_some(())
    });
    let unready = load.elapsed();
    platform.wait_for_other_leader(&old);
    let other = load.elapsed();
    platform.node.thaw(&leader);
    let thawed = load.elapsed();
    platform.wait_until_whole();
    load.goes_on(50);
    let now = platform.holder();
    let report = load.stop();
    eprintln!(
        "frozen leader: unready after {:?}, another leads after {:?}, thawed after {:?}",
        unready.saturating_sub(frozen),
        other.saturating_sub(frozen),
        thawed.saturating_sub(frozen)
    );
    assert_ne!(now, Some(old), "who has lost the lead notices");
    let while_frozen = (frozen.saturating_sub(UNDER_WAY), thawed);
    expect_failures_within(&report, "a frozen replica", &[while_frozen]);
}

/// Fails the test unless all that failed was asked in these times, and nothing was judged wrongly.
#[track_caller]
fn expect_failures_within(report: &Report, scenario: &str, times: &[(Duration, Duration)]) {
    report.tell(scenario);
    assert!(report.wrong.is_empty(), "{report:?}");
    let within = |after| {
        times
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&after))
    };
    let outside = report
        .failed
        .iter()
        .filter(|failure| !within(failure.after));
    assert_eq!(outside.count(), 0, "outside {times:?}: {report:?}");
}

/// Longer than a review takes here.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// How long connections may still be led to a Pod that has died: the node's delay, and time to notice.
const ENDPOINTS_LAG: Duration = Duration::from_secs(4);
