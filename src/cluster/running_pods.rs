//! The Pods that run, for warming up: listed a page at a time, and nothing of them kept.

use std::time::Duration;

use futures::{AsyncReadExt as _, future::BoxFuture};
use kube::{Client, api::ListParams, core::Request};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    limits,
    policy::Place,
    review::{self, PageError, PodPage, RunningPod},
    telemetry::Causes,
    workload::{self, WorkloadKind},
};

/// Lists the Pods of all namespaces that have not ended.
#[derive(Clone)]
pub struct RunningPods {
    client: Client,
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// What one answer of the API server was.
enum Listed {
    Page(PodPage),
    /// It is larger than is read.
    TooLarge,
}

impl RunningPods {
    /// Lists by this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// As many Pods as fit into an answer that is read: their users decide how large they are.
    async fn fitting_page(&self, after: Option<&str>) -> Result<PodPage, PageError> {
        let mut pods = limits::PODS_PER_PAGE;
        while pods > 0 {
            match timeout(PATIENCE, self.list(after, pods)).await {
                Ok(Ok(Listed::Page(page))) => return Ok(page),
                Ok(Ok(Listed::TooLarge)) => pods /= 2,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(failed("the API server did not answer in time")),
            }
        }
        let bytes = limits::POD_PAGE_BYTES;
        Err(failed(&format!("a Pod has more than {bytes} bytes")))
    }

    async fn list(&self, after: Option<&str>, pods: u32) -> Result<Listed, PageError> {
        let mut parameters = ListParams::default().limit(pods).fields(NOT_ENDED);
        parameters.continue_token = after.map(str::to_owned);
        let request = Request::new("/api/v1/pods")
            .list(&parameters)
            .map_err(|error| failed(&error.to_string()))?;
        let answer = self.client.request_stream(request).await;
        let answer = answer.map_err(|error| page_error(&error))?;
        let mut bytes = Vec::new();
        let most = u64::try_from(limits::POD_PAGE_BYTES).unwrap_or(u64::MAX);
        let mut bounded = std::pin::pin!(answer.take(most + 1));
        let read = bounded.read_to_end(&mut bytes).await;
        read.map_err(|error| failed(&error.to_string()))?;
        if bytes.len() > limits::POD_PAGE_BYTES {
            return Ok(Listed::TooLarge);
        }
        let list: List =
            serde_json::from_slice(&bytes).map_err(|error| failed(&error.to_string()))?;
        Ok(Listed::Page(PodPage {
            pods: list.items.into_iter().filter_map(running).collect(),
            next: Some(list.metadata.next).filter(|next| !next.is_empty()),
        }))
    }
}

impl review::RunningPods for RunningPods {
    fn page<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<PodPage, PageError>> {
        Box::pin(self.fitting_page(after))
    }
}

impl std::fmt::Debug for RunningPods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningPods").finish_non_exhaustive()
    }
}

/// What a review would be asked of it; none where its images cannot be told.
fn running(mut pod: Value) -> Option<RunningPod> {
    let kind = WorkloadKind::Pod;
    let namespace = pod.pointer("/metadata/namespace")?.as_str()?.to_owned();
    if let Some(fields) = pod.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Some(RunningPod {
        slots: workload::image_slots(kind, &pod).ok()?,
        place: Place {
            namespace,
            object_labels: workload::pod_labels(kind, &pod),
            ..Place::default()
        },
        pull: workload::pull_references(kind, &pod),
        pod: pod.into(),
    })
}

fn page_error(error: &kube::Error) -> PageError {
    match error {
        kube::Error::Api(status) if status.code == GONE => PageError::Expired,
        error => failed(&Causes(error).to_string()),
    }
}

fn failed(reason: &str) -> PageError {
    PageError::Failed {
        reason: reason.to_owned(),
    }
}

/// What has ended starts nothing any more.
const NOT_ENDED: &str = "status.phase!=Succeeded,status.phase!=Failed";
const GONE: u16 = 410;

/// How long the API server may take for one page.
const PATIENCE: Duration = Duration::from_secs(30);
