use std::time::Duration;

use rstest::rstest;
use tokio::time::sleep;

use super::{
    super::tests::scenario::{Scenario, settle},
    *,
};
use crate::{
    clock::FixedClock,
    review::{Judged, ObservedObject, Operation, Run, Verdict},
};

#[tokio::test(start_paused = true)]
async fn what_was_counted_is_added_to_what_the_status_says_once_a_minute() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    for verdict in [
        PolicyVerdict::Satisfied,
        PolicyVerdict::Denied,
        PolicyVerdict::Warned,
        PolicyVerdict::Reported,
    ] {
        counts.observe(&observation("mutate", &[(shop(), verdict)]));
    }
    // Nothing is written yet: an extra call would fail.
    sleep(Duration::from_secs(59)).await;
    scenario.get(
        SHOP,
        policy(&json!({ "matched": 10, "denied": 1, "since": "2025-12-01T00:00:00Z" })),
    );
    scenario.merge(&format!("{SHOP}/status"), 200);
    sleep(Duration::from_secs(14)).await;
    assert_eq!(
        scenario.bodies(),
        [json!({
            "metadata": { "resourceVersion": "7" },
            "status": { "images": {
                "matched": 14, "denied": 2, "warned": 1, "reported": 1,
                "since": "2025-12-01T00:00:00Z",
            } },
        })]
    );
    // Nothing new, nothing written.
    sleep(Duration::from_mins(5)).await;
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_count_says_since_when() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    let team = PolicyId {
        namespace: Some("team".to_owned()),
        name: "own".to_owned(),
    };
    counts.observe(&observation("mutate", &[(team, PolicyVerdict::Satisfied)]));
    let path = "/apis/assay.dev/v1alpha1/namespaces/team/imagetrustpolicies/own";
    scenario.get(path, policy(&Value::Null));
    scenario.merge(&format!("{path}/status"), 200);
    sleep(Duration::from_secs(73)).await;
    assert_eq!(
        scenario.bodies()[0]["status"]["images"],
        json!({
            "matched": 1, "denied": 0, "warned": 0, "reported": 0,
            "since": "2026-01-02T03:04:05Z",
        })
    );
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_replica_added_meanwhile_is_kept() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    counts.observe(&observation("mutate", &[(shop(), PolicyVerdict::Denied)]));
    scenario.get(SHOP, policy(&json!({ "matched": 1 })));
    scenario.merge(&format!("{SHOP}/status"), 409);
    scenario.get(SHOP, policy(&json!({ "matched": 5, "denied": 4 })));
    scenario.merge(&format!("{SHOP}/status"), 200);
    sleep(Duration::from_secs(80)).await;
    let last = scenario.bodies().pop().unwrap();
    assert_eq!(last["status"]["images"]["matched"], 6);
    assert_eq!(last["status"]["images"]["denied"], 5);
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_overtaken_time_and_again_leaves_it_for_the_next_time() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    counts.observe(&observation("mutate", &[(shop(), PolicyVerdict::Denied)]));
    for _ in 0..limits::COUNT_ATTEMPTS {
        scenario.get(SHOP, policy(&Value::Null));
        scenario.merge(&format!("{SHOP}/status"), 409);
    }
    // One attempt more would be a call that nobody expects.
    sleep(Duration::from_secs(82)).await;
    assert_eq!(scenario.bodies().len(), limits::COUNT_ATTEMPTS);
    scenario.get(SHOP, policy(&Value::Null));
    scenario.merge(&format!("{SHOP}/status"), 200);
    sleep(Duration::from_secs(73)).await;
    let written = scenario.bodies().pop().unwrap();
    assert_eq!(written["status"]["images"]["matched"], 1);
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_added_the_next_time() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    counts.observe(&observation("mutate", &[(shop(), PolicyVerdict::Denied)]));
    scenario.refuse(SHOP, "", 503);
    sleep(Duration::from_secs(73)).await;
    counts.observe(&observation(
        "mutate",
        &[(shop(), PolicyVerdict::Satisfied)],
    ));
    scenario.get(SHOP, policy(&Value::Null));
    scenario.merge(&format!("{SHOP}/status"), 200);
    sleep(Duration::from_secs(73)).await;
    let written = scenario.bodies().pop().unwrap();
    assert_eq!(written["status"]["images"]["matched"], 2);
    assert_eq!(written["status"]["images"]["denied"], 1);
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_counts_of_a_policy_that_was_deleted_are_forgotten() {
    let scenario = Scenario::default();
    let (counts, _stop) = start(&scenario);
    counts.observe(&observation("mutate", &[(shop(), PolicyVerdict::Denied)]));
    scenario.refuse(SHOP, "", 404);
    sleep(Duration::from_mins(10)).await;
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_rest_is_written() {
    let scenario = Scenario::default();
    let (counts, stop) = start(&scenario);
    counts.observe(&observation("mutate", &[(shop(), PolicyVerdict::Denied)]));
    scenario.get(SHOP, policy(&Value::Null));
    scenario.merge(&format!("{SHOP}/status"), 200);
    stop.cancel();
    settle().await;
    scenario.finish().await;
}

#[rstest]
#[case::of_a_dry_run("mutate", Run::Dry, Verdict::Denied, 0, 0)]
#[case::that_the_mutating_webhook_refuses("mutate", Run::Real, Verdict::Denied, 1, 1)]
#[case::that_the_validating_webhook_lets_in("validate", Run::Real, Verdict::Allowed, 0, 0)]
#[case::that_only_the_validating_webhook_refuses("validate", Run::Real, Verdict::Denied, 0, 1)]
fn an_image_is_counted_once(
    #[case] webhook: &'static str,
    #[case] run: Run,
    #[case] verdict: Verdict,
    #[case] matched: u64,
    #[case] denied: u64,
) {
    let counts = counter();
    counts.observe(&Observation {
        run,
        verdict,
        ..observation(webhook, &[(shop(), PolicyVerdict::Denied)])
    });
    let found = counts.lock().get(&shop()).copied().unwrap_or_default();
    assert_eq!((found.matched, found.denied), (matched, denied));
}

#[test]
fn no_more_policies_are_counted_than_the_limit() {
    let counts = counter();
    for index in 0..=limits::COUNTED_POLICIES {
        let policy = PolicyId {
            namespace: None,
            name: index.to_string(),
        };
        counts.observe(&observation("mutate", &[(policy, PolicyVerdict::Denied)]));
    }
    assert_eq!(counts.lock().len(), limits::COUNTED_POLICIES);
}

#[test]
fn counts_that_make_no_sense_are_taken_for_none() {
    let images = json!({ "matched": -3, "denied": "many", "since": "yesterday" });
    assert_eq!(Tally::read(Some(&images)), Tally::default());
}

fn counter() -> PolicyCounts {
    PolicyCounts {
        clock: clock(),
        pending: Mutex::default(),
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock("2026-01-02T03:04:05.678Z".parse().unwrap()))
}

fn start(scenario: &Scenario) -> (Arc<PolicyCounts>, CancellationToken) {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let counts = PolicyCounts::start(scenario.client(), clock(), stop.clone(), &tasks);
    (counts, stop)
}

fn shop() -> PolicyId {
    PolicyId {
        namespace: None,
        name: "shop".to_owned(),
    }
}

fn observation(webhook: &'static str, judged: &[(PolicyId, PolicyVerdict)]) -> Observation {
    let judged = judged.iter().map(|(policy, verdict)| Judged {
        policy: policy.clone(),
        verdict: *verdict,
    });
    Observation {
        webhook,
        uid: String::new(),
        operation: Operation::Create,
        user: String::new(),
        object: ObservedObject::default(),
        run: Run::Real,
        verdict: Verdict::Denied,
        told: Vec::new(),
        used_verified: Vec::new(),
        images: Vec::new(),
        labels: Vec::new(),
        judged: judged.collect(),
        took: Duration::ZERO,
    }
}

fn policy(images: &Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "shop", "resourceVersion": "7" },
        "status": { "images": images },
    })
}

const SHOP: &str = "/apis/assay.dev/v1alpha1/clusterimagetrustpolicies/shop";
