mod content;
mod pull_secrets;
mod running_pods;
pub(super) mod scenario;
mod statuses;
mod watches;

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
    runtime::watcher::{Config, Event},
};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use self::scenario::{Scenario, Watched, settle};
use super::*;
use crate::{
    clock::{FixedClock, SystemClock},
    policy::PolicyState,
};

#[tokio::test]
async fn there_is_no_snapshot_until_every_first_list_is_complete() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    let mut ready = Vec::new();
    for watched in &watches {
        settle().await;
        ready.push(cluster.current().is_some());
        watched.complete();
    }
    settle().await;
    ready.push(cluster.current().is_some());
    assert_eq!(ready, [false, false, false, false, false, false, true]);
    scenario.finish().await;
}

#[tokio::test]
async fn a_server_that_refuses_streamed_lists_is_asked_for_ordinary_ones() {
    let scenario = Scenario::default();
    scenario.refuse(CONFIG_MAPS, "sendInitialEvents=true", 422);
    scenario.list(CONFIG_MAPS, &[config_map("first")]);
    let watched = scenario.watch(CONFIG_MAPS, "resourceVersion=1");
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(scenario.client(), "assay-system", &resource);
    let mut events = Box::pin(watch::events(api, Config::default(), "config maps"));
    watched.changed(&config_map("second"));
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(match events.next().await.unwrap() {
            Event::Init => "init".to_owned(),
            Event::InitApply(object) => format!("listed {}", object.metadata.name.unwrap()),
            Event::InitDone => "complete".to_owned(),
            Event::Apply(object) => format!("changed {}", object.metadata.name.unwrap()),
            Event::Delete(_) => "deleted".to_owned(),
        });
    }
    assert_eq!(seen, ["init", "listed first", "complete", "changed second"]);
    scenario.finish().await;
}

#[tokio::test]
async fn a_server_whose_etcd_is_too_old_for_streamed_lists_is_asked_for_ordinary_ones() {
    let scenario = Scenario::default();
    let streamed = scenario.streamed_list(CONFIG_MAPS);
    streamed.fail(500);
    scenario.list(CONFIG_MAPS, &[config_map("first")]);
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(scenario.client(), "assay-system", &resource);
    let mut mirror = mirror::Mirror::new(resource);
    let mut events = Box::pin(watch::events(api, Config::default(), "config maps"));
    while !mirror.is_complete() {
        mirror.apply(events.next().await.unwrap());
    }
    let names: Vec<_> = mirror.objects().keys().map(|(_, name)| name).collect();
    assert_eq!(names, ["first"]);
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_says_the_streamed_list_is_complete_is_asked_for_an_ordinary_one() {
    let scenario = Scenario::default();
    let _silent = scenario.streamed_list(CONFIG_MAPS);
    scenario.list(CONFIG_MAPS, &[]);
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(scenario.client(), "assay-system", &resource);
    let mut events = Box::pin(watch::events(api, Config::default(), "config maps"));
    let mut complete = false;
    while !complete {
        complete = matches!(events.next().await.unwrap(), Event::InitDone);
    }
    scenario.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_not_waited_for_without_end() {
    let never = futures::future::pending::<kube::Result<()>>();
    assert_eq!(
        super::pull_secrets::in_time(never).await,
        Err("the API server did not answer in time".to_owned())
    );
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_broken_and_not_absent() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    watches[0].changed(&policy(&json!({ "mtach": {} })));
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    let snapshot = cluster.current().unwrap();
    let states: Vec<_> = snapshot
        .policies
        .iter()
        .map(|(id, state)| {
            (
                id.name.as_str(),
                matches!(state, PolicyState::Broken { .. }),
            )
        })
        .collect();
    assert_eq!(states, [("shop", true)]);
    scenario.finish().await;
}

#[tokio::test]
async fn the_labels_of_a_watched_namespace_cost_no_call_and_those_of_a_new_one_cost_one() {
    let scenario = Scenario::default();
    let watches = everything_watched(&scenario);
    let (cluster, _kept) = follow(&scenario);
    watches[5].changed(&namespace("shop", "production"));
    for watched in &watches {
        watched.complete();
    }
    settle().await;
    let labels = |env: &str| Ok(BTreeMap::from([("env".to_owned(), env.to_owned())]));
    assert_eq!(cluster.namespace_labels("shop").await, labels("production"));
    scenario.get("/api/v1/namespaces/new", namespace("new", "staging"));
    assert_eq!(cluster.namespace_labels("new").await, labels("staging"));
    scenario.refuse("/api/v1/namespaces/gone", "", 404);
    assert_eq!(
        cluster.namespace_labels("gone").await,
        Err("there is no such namespace".to_owned())
    );
    scenario.finish().await;
}

#[tokio::test]
async fn when_a_watch_ends_the_snapshot_is_withdrawn_and_the_owner_is_told() {
    let published = Arc::new(Published::default());
    let (reports, _reported) = tokio::sync::watch::channel(Vec::new());
    let keeper = Keeper::new(
        Assembler::new(
            "assay-system".to_owned(),
            ClusterModes::default(),
            TufRoots::new(Arc::new(SystemClock), None, TaskTracker::new()),
        ),
        Arc::clone(&published),
        reports,
    );
    let complete = keeper::Source::ALL.map(|source| (source, Event::InitDone));
    let seen = Arc::clone(&published);
    let mut ready = false;
    let changes = futures::stream::iter(complete).chain(futures::stream::poll_fn(|context| {
        // One turn later the keeper has published what came before.
        if std::mem::replace(&mut ready, true) {
            assert!(seen.snapshot.load().is_some());
            return std::task::Poll::Ready(None);
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }));
    assert_eq!(keeper.run(changes).await, ClusterError::WatchEnded);
    assert!(published.snapshot.load().is_none());
}

/// Follows the cluster while another replica leads.
fn follow(scenario: &Scenario) -> (Arc<Cluster>, JoinHandle<ClusterError>) {
    scenario.get(LEASE, lease(Some("another_1")));
    start(scenario)
}

/// Follows the cluster and leads.
fn lead(scenario: &Scenario) -> (Arc<Cluster>, JoinHandle<ClusterError>) {
    scenario.leads(LEASE, lease(None));
    start(scenario)
}

fn start(scenario: &Scenario) -> (Arc<Cluster>, JoinHandle<ClusterError>) {
    let settings = Settings {
        namespace: "assay-system".to_owned(),
        modes: ClusterModes::default(),
        keyring: OwnCredentials::default(),
        clock: Arc::new(FixedClock(
            "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap(),
        )),
        lease: "assay".to_owned(),
        replica: "this".to_owned(),
        stop: CancellationToken::new(),
    };
    Cluster::follow(scenario.client(), settings, &TaskTracker::new())
}

/// The watches of a start, in the order of [`keeper::Source::ALL`].
fn everything_watched(scenario: &Scenario) -> [Watched; 6] {
    [
        "/apis/assay.dev/v1alpha1/clusterimagetrustpolicies",
        "/apis/assay.dev/v1alpha1/imagetrustpolicies",
        "/apis/assay.dev/v1alpha1/imagetrustroots",
        "/api/v1/namespaces/assay-system/secrets",
        CONFIG_MAPS,
        "/api/v1/namespaces",
    ]
    .map(|path| scenario.streamed_list(path))
}

fn lease(holder: Option<&str>) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "assay", "namespace": "assay-system", "resourceVersion": "1" },
        "spec": { "holderIdentity": holder },
    })
}

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy",
        "metadata": { "name": "shop", "generation": 3, "resourceVersion": "2" },
        "spec": spec,
    })
}

fn good_spec() -> Value {
    json!({
        "match": { "images": ["registry.example/shop/**"] },
        "authorities": [{
            "name": "partner",
            "keyless": { "issuer": "https://issuer.example", "san": "https://partner.example/*" },
        }],
    })
}

fn config_map(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "assay-system", "resourceVersion": "1" },
        "data": {},
    })
}

fn namespace(name: &str, env: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "resourceVersion": "1", "labels": { "env": env } },
    })
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/assay-system/configmaps";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/assay-system/leases/assay";
