//! Judging what runs already, so that what its next Pods will ask is known before they ask.
//!
//! At the start, when policies or trust roots change, and often enough that what policies may use while a registry does
//! not answer stays young. Nobody waits for it: reviews are answered meanwhile, and readiness does not depend on it. Its
//! verdicts are told to nobody; what it finds goes into caches and into the memory by which reviews may let in.

mod course;

use std::{
    collections::BTreeSet,
    fmt::{Debug, Write as _},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::SignedDuration;
use rand::Rng as _;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use self::course::Course;
use super::{Request, Reviewer, Snapshot};
use crate::{
    decision::Enforcement,
    image::Digest,
    limits,
    policy::{Place, PolicyState, Selector},
    registry::Asked,
    telemetry::{WarmUpMetrics, WarmedUp},
    workload::{ImageSlot, PullReferences},
};

/// The Pods of the cluster, a page at a time.
pub trait RunningPods: Debug + Send + Sync {
    /// The first page, or what comes after another.
    fn page<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<PodPage, PageError>>;
}

/// Some Pods, and where the next are.
#[derive(Clone, Debug, Default)]
pub struct PodPage {
    /// The Pods.
    pub pods: Vec<RunningPod>,
    /// Asks for the next page; none after the last.
    pub next: Option<String>,
}

/// What a review would be asked of a Pod that runs.
#[derive(Clone, Debug)]
pub struct RunningPod {
    /// The image slots.
    pub slots: Vec<ImageSlot>,
    /// The namespace, and the Pod's labels.
    pub place: Place,
    /// Which pull credentials apply.
    pub pull: PullReferences,
    /// The Pod, for conditions.
    pub pod: Arc<Value>,
}

/// Why a page cannot be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageError {
    /// The API server does not remember what came before any more.
    #[error("the list has expired")]
    Expired,
    /// Anything else.
    #[error("{reason}")]
    Failed {
        /// What.
        reason: String,
    },
}

/// Judges running Pods again and again, slowly.
#[derive(Debug)]
pub struct WarmUp {
    reviewer: Arc<Reviewer>,
    pods: Arc<dyn RunningPods>,
    namespaces: Selector,
    metrics: WarmUpMetrics,
}

/// How one round ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Round {
    /// Nothing is to be tried again.
    Whole,
    /// Something is: a registry or the API server does not answer, or something could not be read.
    Partial,
}

impl WarmUp {
    /// Judges by this reviewer what this list tells.
    pub fn new(
        reviewer: Arc<Reviewer>,
        pods: Arc<dyn RunningPods>,
        metrics: WarmUpMetrics,
    ) -> Self {
        Self {
            reviewer,
            pods,
            namespaces: Selector::default(),
            metrics,
        }
    }

    /// Only what runs in these namespaces: no other is ever asked for.
    #[must_use]
    pub fn in_namespaces(self, namespaces: Selector) -> Self {
        Self { namespaces, ..self }
    }

    /// Until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.rounds()).await;
    }

    async fn rounds(self) {
        // Replicas that start together are not to ask registries together.
        sleep(limits::WARM_UP_TICK.mul_f64(by_chance(0.0..2.0))).await;
        let mut judged_by = None;
        let mut due = Instant::now();
        let mut failures = 0;
        loop {
            let Some(snapshot) = self.reviewer.snapshots.current() else {
                sleep(limits::WARM_UP_TICK).await;
                continue;
            };
            let content = content(&snapshot);
            let has_changed = judged_by.as_ref() != Some(&content);
            if !has_changed && Instant::now() < due {
                sleep(limits::WARM_UP_TICK).await;
                continue;
            }
            let round = self.round(&snapshot).await;
            judged_by = Some(content);
            let ended = Instant::now();
            due = match round {
                Round::Partial if failures < limits::WARM_UP_RETRIES => {
                    failures += 1;
                    ended + limits::WARM_UP_PAUSE.saturating_mul(2_u32.saturating_pow(failures))
                }
                Round::Partial => {
                    failures = 0;
                    ended + period(&snapshot).min(limits::WARM_UP_PERIOD)
                }
                Round::Whole => {
                    failures = 0;
                    ended + period(&snapshot)
                }
            };
            // A policy that is edited every second starts no round every second.
            sleep_until(ended + limits::WARM_UP_PAUSE).await;
        }
    }

    /// Every Pod once.
    async fn round(&self, snapshot: &Snapshot) -> Round {
        if snapshot.policies.iter().next().is_none() {
            return Round::Whole;
        }
        let _running = self.metrics.begin_round();
        let mut course = Course::default();
        for _ in 0..=limits::WARM_UP_RETRIES {
            match self.walk(&mut course).await {
                // What was seen is not looked at again.
                Err(PageError::Expired) => {}
                Err(PageError::Failed { reason }) => {
                    tracing::warn!(reason, "running Pods cannot be listed to warm up");
                    return Round::Partial;
                }
                Ok(()) if course.is_partial => return Round::Partial,
                Ok(()) => return Round::Whole,
            }
        }
        Round::Partial
    }

    async fn walk(&self, course: &mut Course) -> Result<(), PageError> {
        let mut after = None;
        loop {
            let page = self.pods.page(after.as_deref()).await?;
            for pod in page.pods {
                self.look_at(pod, course).await;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
            if course.is_full() {
                let pods = limits::WARM_UP_PODS;
                tracing::warn!(pods, "more kinds of Pods run than are looked at to warm up");
                return Ok(());
            }
        }
    }

    async fn look_at(&self, pod: RunningPod, course: &mut Course) {
        let images: BTreeSet<&str> = pod.slots.iter().map(|it| it.written.as_str()).collect();
        let images = images.len();
        if course.avoids(&pod) {
            self.metrics.count(WarmedUp::Unavailable, images);
            return;
        }
        if !course.is_new(&pod) {
            return;
        }
        let asked = Asked::default();
        let Some(result) = self.judge(pod, &asked, course).await else {
            return;
        };
        self.metrics.count(result, images);
        if asked.is_noted() {
            sleep(pause(images)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }

    /// What came of it; none where no review is asked.
    async fn judge(&self, pod: RunningPod, asked: &Asked, course: &mut Course) -> Option<WarmedUp> {
        let request = Request {
            slots: pod.slots,
            place: pod.place,
            pod: pod.pod,
            pull: pod.pull,
            enforcement: Enforcement::ReportOnly,
            deadline: Instant::now() + limits::WARM_UP_PATIENCE,
            asked: asked.clone(),
        };
        let namespace = request.place.namespace.clone();
        let decision = match self.reviewer.namespace_labels(&request).await {
            Ok(labels) if !self.namespaces.matches(&labels) => return None,
            Ok(_) => self.reviewer.review(request).await,
            Err(error) => Err(error),
        };
        let hindrance = match decision {
            Ok(decision) => course.note(&namespace, &decision),
            Err(error) => {
                tracing::debug!(namespace, %error, "a running Pod cannot be looked at to warm up");
                course.is_partial = true;
                Some(WarmedUp::Failed)
            }
        };
        Some(match hindrance {
            Some(result) => result,
            None if asked.is_noted() => WarmedUp::Asked,
            None => WarmedUp::Known,
        })
    }
}

/// Names everything that verdicts depend on: policies with what they refer to, and trust roots.
fn content(snapshot: &Snapshot) -> Digest {
    let mut text = String::new();
    for (id, state) in snapshot.policies.iter() {
        let content = state
            .in_force()
            .map_or("", |policy| policy.content.as_str());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{id} {content}");
    }
    for (name, state) in snapshot.trust_roots.iter() {
        let version = state.usable.as_ref().map_or("", |root| root.version());
        let _ = writeln!(text, "{name} {version}");
    }
    Digest::of(text.as_bytes())
}

/// How long what was verified may stay as it is: half of what the strictest policy wants that uses it, within bounds.
fn period(snapshot: &Snapshot) -> Duration {
    let policies = snapshot
        .policies
        .iter()
        .filter_map(|(_, state)| in_force(state));
    let shortest = policies.min().map(SignedDuration::unsigned_abs);
    match shortest {
        None => NEVER,
        Some(within) => (within / 2).clamp(limits::WARM_UP_LEAST_PERIOD, limits::WARM_UP_PERIOD),
    }
}

fn in_force(state: &PolicyState) -> Option<SignedDuration> {
    state.in_force()?.outage.verified_for()
}

/// So that no more images than the limit are looked at in a second, give or take a half.
fn pause(images: usize) -> Duration {
    let images = u32::try_from(images).unwrap_or(u32::MAX);
    let each = Duration::from_secs(1) / limits::WARM_UP_IMAGES_PER_SECOND;
    each.saturating_mul(images).mul_f64(by_chance(0.5..1.5))
}

fn by_chance(range: Range<f64>) -> f64 {
    rand::rng().random_range(range)
}

/// Longer than any replica runs.
const NEVER: Duration = Duration::from_hours(24 * 365);
