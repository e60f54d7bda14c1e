//! Watches that end, expire or stay silent: the last state is kept until a new list is complete.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_expired_watch_is_begun_anew_and_the_last_state_is_kept_until_the_new_list_is_complete()
{
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    watches[0].changed(&policy(&good_spec()));
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    assert_eq!(names(&cluster), ["shop"]);
    let again = scenario.streamed_list(POLICIES);
    watches[0].fail(410);
    pass(Duration::from_secs(4)).await;
    assert_eq!(names(&cluster), ["shop"]);
    let mut other = policy(&good_spec());
    other["metadata"]["name"] = json!("other");
    again.changed(&other);
    settle().await;
    assert_eq!(names(&cluster), ["shop"]);
    again.complete();
    settle().await;
    assert_eq!(names(&cluster), ["other"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_list_that_is_never_complete_is_given_up_for_an_ordinary_one() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    let _silent = scenario.streamed_list(POLICIES);
    scenario.list(POLICIES, &[policy(&good_spec())]);
    let _watched = scenario.watch(POLICIES, "resourceVersion=1");
    watches[0].fail(410);
    pass(Duration::from_secs(30)).await;
    assert_eq!(names(&cluster), ["shop"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_api_server_is_away_for_an_hour_reviews_go_on_and_changes_are_seen_afterwards() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    watches[0].changed(&policy(&good_spec()));
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    // Every connection is closed, and every request from here on is answered with 500.
    let [first, ..] = watches;
    drop(first);
    pass(Duration::from_hours(1)).await;
    assert_eq!(names(&cluster), ["shop"]);
    let back = scenario.watch(POLICIES, "resourceVersion=1");
    pass(Duration::from_mins(2)).await;
    let mut other = policy(&good_spec());
    other["metadata"]["name"] = json!("other");
    back.changed(&other);
    settle().await;
    assert_eq!(names(&cluster), ["other", "shop"]);
    // No faster than the pauses grow: at most a minute or so.
    let asked = scenario.unexpected(POLICIES);
    assert!((40..=400).contains(&asked), "{asked}");
}

/// Lets paused time pass in steps, with everything that comes due.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
    settle().await;
}

fn names(cluster: &Cluster) -> Vec<String> {
    let snapshot = cluster.current().unwrap();
    let states = snapshot.policies.iter();
    states.map(|(id, _)| id.name.clone()).collect()
}

const POLICIES: &str = "/apis/assay.dev/v1alpha1/clusterimagetrustpolicies";
