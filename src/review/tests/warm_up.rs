//! Warming up: what runs is looked at once, slowly, and a registry that does not answer is left alone.

mod failing;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use super::*;
use crate::{
    limits,
    review::warm_up::{PageError, PodPage, RunningPod, RunningPods, WarmUp},
    telemetry::{Metrics, WarmUpMetrics},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pods in pages; the pages that were asked for.
#[derive(Debug, Default)]
struct Pods {
    pages: Vec<Vec<RunningPod>>,
    /// Answered in place of the page, once each, in this order.
    failures: Mutex<Vec<(usize, PageError)>>,
    asked: Mutex<Vec<usize>>,
}

impl Pods {
    fn of(pages: Vec<Vec<RunningPod>>) -> Self {
        Self {
            pages,
            ..Self::default()
        }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl RunningPods for Pods {
    fn page<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<PodPage, PageError>> {
        let number: usize = after.map_or(0, |text| text.parse().unwrap());
        self.asked.lock().unwrap().push(number);
        let mut failures = self.failures.lock().unwrap();
        let failure = failures.iter().position(|(page, _)| *page == number);
        let answer = match failure {
            Some(index) => Err(failures.remove(index).1),
            None => Ok(PodPage {
                pods: self.pages.get(number).cloned().unwrap_or_default(),
                next: (number + 1 < self.pages.len()).then(|| (number + 1).to_string()),
            }),
        };
        Box::pin(async move { answer })
    }
}

fn running(image: &str, labels: &[(&str, &str)]) -> RunningPod {
    let request = request(&[image]);
    RunningPod {
        slots: request.slots,
        place: Place {
            object_labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..request.place
        },
        pull: request.pull,
        pod: Arc::default(),
    }
}

fn app(number: usize) -> String {
    format!("r.example/app{number}@{}", image())
}

/// A world of one policy over `r.example/**`, in which every image is signed.
fn world(images: usize, policy_fields: &Value) -> World {
    let mut world = World::under(&[policy("shop", "r.example/**", policy_fields)]);
    for number in 0..images {
        let name = format!("r.example/app{number}");
        world = world.attach(&name, vec![signed_by(&SIGNERS.release, &image())]);
    }
    world
}

/// What one round leads to, and how long it took.
async fn warm(world: &World, pods: Arc<Pods>, time: Duration) -> (Arc<Reviewer>, Metrics) {
    let reviewer = Arc::new(world.reviewer().remembering());
    let metrics = Metrics::new();
    let stop = CancellationToken::new();
    let warm_up = WarmUp::new(Arc::clone(&reviewer), pods, metrics.warm_up());
    let run = TaskTracker::new().spawn(warm_up.run(stop.clone()));
    tokio::time::sleep(time).await;
    stop.cancel();
    run.await.unwrap();
    (reviewer, metrics)
}

fn counted(metrics: &Metrics, result: &str) -> String {
    let text = metrics.encode();
    let beginning = format!("assay_warm_up_images_total{{result=\"{result}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&beginning));
    line.unwrap().to_owned()
}

fn searches(world: &World) -> Vec<String> {
    let calls = world.calls();
    calls
        .into_iter()
        .filter(|call| call.starts_with("First"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_pods_of_ten_images_cost_ten_looks() {
    let world = world(10, &Value::Null);
    let each = |number: usize| {
        let index = number.to_string();
        let labels = [
            ("app", "shop"),
            ("apps.kubernetes.io/pod-index", index.as_str()),
        ];
        running(&app(number % 10), &labels)
    };
    let pages = (0..200).map(|page| (0..50).map(|pod| each(page * 50 + pod)).collect());
    let pods = Arc::new(Pods::of(pages.collect()));
    let (_, metrics) = warm(&world, Arc::clone(&pods), Duration::from_mins(5)).await;
    let looks: BTreeSet<String> = searches(&world).into_iter().collect();
    assert_eq!((looks.len(), searches(&world).len()), (10, 10));
    assert_eq!(pods.asked().len(), 200);
    assert_eq!(counted(&metrics, "asked"), "10");
}

#[tokio::test(start_paused = true)]
async fn images_are_looked_at_no_faster_than_the_limit() {
    let images = 200;
    let world = world(images, &Value::Null);
    let pods = (0..images)
        .map(|number| running(&app(number), &[]))
        .collect();
    let seconds = 200 / limits::WARM_UP_IMAGES_PER_SECOND;
    // The pauses are given or taken a half, and the beginning is put off by two ticks at most.
    let (_, metrics) = warm(
        &world,
        Arc::new(Pods::of(vec![pods])),
        Duration::from_secs(u64::from(seconds)) * 3 / 4,
    )
    .await;
    let looked_at: usize = counted(&metrics, "asked").parse().unwrap();
    assert!((40..images).contains(&looked_at), "{looked_at}");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_kinds_of_pods_are_looked_at() {
    let world = World::under(&[policy("shop", "elsewhere.example/**", &Value::Null)]);
    let labelled = |number: usize| {
        let number = number.to_string();
        running("r.example/app", &[("number", number.as_str())])
    };
    let full = (0..limits::WARM_UP_PODS).map(labelled).collect();
    let pods = Pods::of(vec![full, vec![labelled(limits::WARM_UP_PODS)]]);
    let pods = Arc::new(pods);
    let (_, metrics) = warm(&world, Arc::clone(&pods), Duration::from_mins(1)).await;
    assert_eq!(pods.asked(), [0]);
    let looked_at = limits::WARM_UP_PODS.to_string();
    assert_eq!(counted(&metrics, "known"), looked_at);
}

#[tokio::test(start_paused = true)]
async fn what_the_webhook_is_not_asked_about_is_not_looked_at() {
    let world = world(1, &Value::Null);
    let reviewer = Arc::new(world.reviewer());
    let selector = json!({ "matchLabels": { "assay.dev/enabled": "true" } });
    let pods = Arc::new(Pods::of(vec![vec![running(&app(0), &[])]]));
    let stop = CancellationToken::new();
    let warm_up = WarmUp::new(reviewer, pods, WarmUpMetrics::default())
        .in_namespaces(selector.to_string().parse().unwrap());
    let run = TaskTracker::new().spawn(warm_up.run(stop.clone()));
    tokio::time::sleep(limits::WARM_UP_TICK * 3).await;
    stop.cancel();
    run.await.unwrap();
    assert_eq!(world.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_running_is_remembered_before_any_review_and_stays_young() {
    let using = json!({ "whenRegistryUnavailable": "UseVerified", "useVerifiedFor": "2h" });
    let world = world(3, &using);
    let pods = || {
        Arc::new(Pods::of(vec![
            (0..3).map(|it| running(&app(it), &[])).collect(),
        ]))
    };
    let (reviewer, _) = warm(&world, pods(), Duration::from_mins(1)).await;
    assert_eq!(reviewer.memory.as_ref().unwrap().reading().entries, 3);
    assert_eq!(searches(&world).len(), 3);
    // Every hour, as it may be used for two.
    warm(&world, pods(), Duration::from_mins(150)).await;
    assert_eq!(searches(&world).len(), 3 + 3 * 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_looked_at_again_where_no_policy_uses_it() {
    let world = world(3, &Value::Null);
    let pods = Arc::new(Pods::of(vec![
        (0..3).map(|it| running(&app(it), &[])).collect(),
    ]));
    warm(&world, Arc::clone(&pods), Duration::from_hours(8)).await;
    assert_eq!(pods.asked(), [0]);
    assert_eq!(searches(&world).len(), 3);
}

/// Which policies are in force can change.
#[derive(Debug)]
struct Changing {
    world: World,
    now: Mutex<Option<Snapshot>>,
}

impl Changing {
    fn set(&self, policies: &World) {
        *self.now.lock().unwrap() = policies.current();
    }
}

impl Snapshots for Changing {
    fn current(&self) -> Option<Snapshot> {
        self.now.lock().unwrap().clone()
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        self.world.namespace_labels(namespace)
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_of_a_policy_is_warmed_up_for() {
    let first = world(2, &Value::Null);
    let changing = Arc::new(Changing {
        world: first.clone(),
        now: Mutex::new(None),
    });
    let shared = Arc::new(first.clone());
    let reviewer = Reviewer::new(
        shared.clone(),
        Arc::clone(&changing) as Arc<dyn Snapshots>,
        shared,
    );
    let pods = Arc::new(Pods::of(vec![
        (0..2).map(|it| running(&app(it), &[])).collect(),
    ]));
    let shared_pods = Arc::clone(&pods) as Arc<dyn RunningPods>;
    let warm_up = WarmUp::new(Arc::new(reviewer), shared_pods, WarmUpMetrics::default());
    let stop = CancellationToken::new();
    let run = TaskTracker::new().spawn(warm_up.run(stop.clone()));
    let mut rounds = Vec::new();
    let changed = world(2, &json!({ "help": "another sentence" }));
    for policies in [None, Some(&first), Some(&first), Some(&changed)] {
        if let Some(policies) = policies {
            changing.set(policies);
        }
        tokio::time::sleep(Duration::from_mins(5)).await;
        rounds.push(pods.asked().len());
    }
    assert_eq!(rounds, [0, 1, 1, 2]);
    stop.cancel();
    run.await.unwrap();
}
