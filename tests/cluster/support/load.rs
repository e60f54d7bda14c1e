//! Reviews at a steady rate while something happens to Assay, each answer looked at.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{runtime::Runtime, task::JoinHandle};

use super::{control_plane::ControlPlane, direct::Direct, eventually, scene::pod};

/// What is asked, and what each answer has to be.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The namespace of the Pods.
    pub(crate) namespace: String,
    /// The images, in turn.
    pub(crate) cases: Vec<Case>,
    /// Where the webhook's Service is.
    pub(crate) service: SocketAddr,
}

/// An image, and the verdicts that are right.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What a Pod says.
    pub(crate) image: String,
    /// How it reads when it is let in, where that is right.
    pub(crate) admitted: Option<String>,
    /// The code it is refused with, where that is right.
    pub(crate) refused: Option<&'static str>,
}

/// A load that goes on until it is [stopped](Self::stop).
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    runtime: Runtime,
}

/// What came of a load.
#[derive(Clone)]
pub(crate) struct Report {
    /// All reviews that were answered by a verdict of ours or by a failure to have one.
    pub(crate) total: usize,
    /// Those without a verdict of ours.
    pub(crate) failed: Vec<Failure>,
    /// Calls that the API server itself did not answer.
    pub(crate) unanswered: usize,
    /// Verdicts of ours that are not the right one.
    pub(crate) wrong: Vec<Failure>,
    /// The longest that a verdict took.
    pub(crate) slowest: Duration,
}

/// One answer that is not the verdict it has to be.
#[derive(Clone)]
pub(crate) struct Failure {
    /// From the start of the load.
    pub(crate) after: Duration,
    /// How long the call took.
    pub(crate) took: Duration,
    /// What was asked, and how.
    pub(crate) asked: Way,
    /// The answer.
    pub(crate) answer: String,
}

/// How a review is brought about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// A dry run of a creation through the API server, which keeps its connections.
    DryRun,
    /// A creation through the API server; the Pod is deleted at once.
    Create,
    /// A review sent to the Service over a connection of its own, as by another API server.
    Direct,
}

struct Shared {
    asked: Asked,
    url: String,
    api: reqwest::Client,
    began: Instant,
    done: AtomicBool,
    answered: AtomicUsize,
    report: Mutex<Report>,
}

/// What an answer says.
enum Said {
    Right,
    Wrong(String),
    Failed(String),
    Unanswered,
}

impl Load {
    /// Starts it.
    pub(crate) fn start(plane: &ControlPlane, asked: Asked) -> Self {
        let ca = std::fs::read(plane.ca_file()).expect("it was written at the start");
        let ca = reqwest::Certificate::from_pem(&ca).expect("our own certificate is readable");
        let api = reqwest::Client::builder()
            .tls_certs_only([ca])
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .expect("the settings are valid");
        let shared = Arc::new(Shared {
            asked,
            url: plane.url().to_owned(),
            api,
            began: Instant::now(),
            done: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            report: Mutex::new(Report::new()),
        });
        let runtime = super::assay::runtime();
        let workers = WORKERS.iter().enumerate();
        let workers =
            workers.map(|(number, way)| runtime.spawn(Arc::clone(&shared).work(number, *way)));
        let load = Self {
            workers: workers.collect(),
            shared,
            runtime,
        };
        load.goes_on(2 * WORKERS.len());
        load
    }

    /// Waits until so many more reviews were answered.
    pub(crate) fn goes_on(&self, reviews: usize) {
        let before = self.shared.answered.load(Ordering::Relaxed);
        eventually("the load to go on", || {
            (self.shared.answered.load(Ordering::Relaxed) >= before + reviews).then_some(())
        });
    }

    /// How long it has gone on: the times of failures count from the same start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Ends it when every call under way is answered.
    pub(crate) fn stop(self) -> Report {
        self.shared.done.store(true, Ordering::Relaxed);
        for worker in self.workers {
            self.runtime
                .block_on(worker)
                .expect("the load does not panic");
        }
        let report = self
            .shared
            .report
            .lock()
            .expect("no panic while it is held");
        report.clone()
    }
}

impl Shared {
    async fn work(self: Arc<Self>, number: usize, way: Way) {
        let mut trusted = None;
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for turn in 0_usize.. {
            ticks.tick().await;
            if self.done.load(Ordering::Relaxed) {
                return;
            }
            let case = &self.asked.cases[(turn + number) % self.asked.cases.len()];
            let (after, began) = (self.began.elapsed(), Instant::now());
            let said = match way {
                Way::DryRun | Way::Create => {
                    let name = format!("load-{number}-{turn}");
                    self.through_the_api_server(&name, way, case).await
                }
                Way::Direct => {
                    if turn.is_multiple_of(TURNS_PER_CA_BUNDLE)
                        && let Some(direct) = self.direct().await
                    {
                        trusted = Some(direct);
                    }
                    match &trusted {
                        Some(direct) => self.directly(direct, case).await,
                        None => Said::Unanswered,
                    }
                }
            };
            self.record(said, way, after, began.elapsed());
        }
    }

    fn record(&self, said: Said, asked: Way, after: Duration, took: Duration) {
        let mut report = self.report.lock().expect("no panic while it is held");
        let failure = |answer| Failure {
            after,
            took,
            asked,
            answer,
        };
        report.total += 1;
        match said {
            Said::Right => report.slowest = report.slowest.max(took),
            Said::Wrong(answer) => report.wrong.push(failure(answer)),
            Said::Failed(answer) => report.failed.push(failure(answer)),
            Said::Unanswered => {
                report.total -= 1;
                report.unanswered += 1;
            }
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    async fn through_the_api_server(&self, name: &str, way: Way, case: &Case) -> Said {
        let pods = format!(
            "{}/api/v1/namespaces/{}/pods",
            self.url, self.asked.namespace
        );
        let url = match way {
            Way::DryRun => format!("{pods}?dryRun=All"),
            Way::Create | Way::Direct => pods.clone(),
        };
        let Some((status, answer)) = self.post(&url, pod(name, &case.image)).await else {
            return Said::Unanswered;
        };
        if status == 201 && way == Way::Create {
            let request = self
                .api
                .delete(format!("{pods}/{name}?gracePeriodSeconds=0"));
            let _ = request
                .bearer_auth(ControlPlane::admin_token())
                .send()
                .await;
        }
        let message = answer["message"].as_str().unwrap_or_default();
        match status {
            201 => case.right_if_admitted(answer["spec"]["containers"][0]["image"].as_str()),
            403 if message.contains("denied the request: container ") => {
                case.right_if_denied(message)
            }
            // The API server says this of itself while it stops or starts.
            401 | 403 | 429 | 503 if !message.contains("webhook") => Said::Unanswered,
            status => Said::Failed(format!("{status}: {message}")),
        }
    }

    async fn post(&self, url: &str, body: Value) -> Option<(u16, Value)> {
        let request = self.api.post(url).bearer_auth(ControlPlane::admin_token());
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((
            status,
            serde_json::from_str(&answer.text().await.ok()?).ok()?,
        ))
    }

    /// Trusts what the API server is told to trust.
    async fn direct(&self) -> Option<Direct> {
        let path = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/assay";
        let request = self.api.get(format!("{}/{path}", self.url));
        let request = request.bearer_auth(ControlPlane::admin_token());
        let answer = request.send().await.ok()?.text().await.ok()?;
        let object: Value = serde_json::from_str(&answer).ok()?;
        let webhooks = object["webhooks"].as_array()?;
        let webhook = webhooks
            .iter()
            .find(|webhook| webhook["name"] == "validate.assay.dev")?;
        let bundle = webhook["clientConfig"]["caBundle"].as_str()?;
        Direct::new(self.asked.service, &STANDARD.decode(bundle).ok()?)
    }

    async fn directly(&self, direct: &Direct, case: &Case) -> Said {
        match direct.review(&self.asked.namespace, &case.image).await {
            Ok(response) => match response["allowed"].as_bool() {
                Some(true) => case.right_if_admitted(None),
                Some(false) => {
                    let message = response["status"]["message"].as_str();
                    case.right_if_denied(message.unwrap_or_default())
                }
                None => Said::Failed(response.to_string()),
            },
            Err(error) => Said::Failed(error),
        }
    }
}

impl Report {
    fn new() -> Self {
        Self {
            total: 0,
            failed: Vec::new(),
            unanswered: 0,
            wrong: Vec::new(),
            slowest: Duration::ZERO,
        }
    }

    /// Fails the test unless every review had the right verdict.
    #[track_caller]
    pub(crate) fn expect_no_failure(&self, scenario: &str) {
        self.tell(scenario);
        assert!(self.failed.is_empty() && self.wrong.is_empty(), "{self:?}");
    }

    /// Prints its figures: they are for people too.
    pub(crate) fn tell(&self, scenario: &str) {
        eprintln!(
            "{scenario}: {} of {} reviews failed, {} calls without an answer of the API server, slowest {} ms",
            self.failed.len(),
            self.total,
            self.unanswered,
            self.slowest.as_millis()
        );
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, wrong) = (self.failed.len(), self.wrong.len());
        writeln!(f, "{failed} failed and {wrong} wrong of {}", self.total)?;
        for failure in self.failed.iter().chain(&self.wrong).take(20) {
            writeln!(
                f,
                "after {:?}, taking {:?}, {:?}: {}",
                failure.after, failure.took, failure.asked, failure.answer
            )?;
        }
        Ok(())
    }
}

impl Case {
    /// Let in, and pinned where the answer shows it.
    fn right_if_admitted(&self, image: Option<&str>) -> Said {
        match (&self.admitted, image) {
            (Some(expected), Some(image)) if expected == image => Said::Right,
            (Some(_), None) => Said::Right,
            (_, image) => Said::Wrong(format!("{} let in as {image:?}", self.image)),
        }
    }

    fn right_if_denied(&self, message: &str) -> Said {
        match self.refused {
            Some(code) if message.contains(&format!("[{code}]")) => Said::Right,
            _ => Said::Wrong(message.to_owned()),
        }
    }
}

/// One task each. Signed and unsigned images take turns.
const WORKERS: [Way; 8] = [
    Way::DryRun,
    Way::DryRun,
    Way::DryRun,
    Way::DryRun,
    Way::Create,
    Way::Create,
    Way::Direct,
    Way::Direct,
];

/// Between a worker's reviews.
const PERIOD: Duration = Duration::from_millis(100);

/// How often a worker reads the `caBundle` again: as late as an API server may be.
const TURNS_PER_CA_BUNDLE: usize = 5;
