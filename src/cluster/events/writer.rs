//! The calls to the API server.

use std::future::Future;

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::Status,
};
use serde_json::json;

use super::{
    ledger::{Due, Known},
    note::{Note, Regarding},
};
use crate::limits;

/// Writes one Event after another.
pub(super) struct Writer {
    client: Client,
    replica: String,
}

/// What was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Written {
    /// A new Event.
    Created,
    /// A higher count.
    Updated,
}

/// Why nothing was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// The namespace is gone, or is going.
    NamespaceGone,
    /// The API server will not have it, now or later.
    Refused(String),
    /// It may be written another time.
    Passing(String),
}

impl Writer {
    /// Events name this replica.
    pub(super) fn new(client: Client, replica: &str) -> Self {
        let replica: String = replica.chars().take(INSTANCE_CHARS).collect();
        Self { client, replica }
    }

    /// Creates the Event, or adds to its count where it exists.
    pub(super) async fn write(&self, due: &Due) -> Result<Written, Failure> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &due.note.regarding.namespace);
        match due.known {
            Known::Not => match self.create(&api, due).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => {
                    add_to(&api, due).await
                }
                created => created.map(|()| Written::Created),
            },
            Known::Written => match add_to(&api, due).await {
                // Events live for an hour.
                Err(kube::Error::Api(status)) if status.is_not_found() => {
                    self.create(&api, due).await.map(|()| Written::Created)
                }
                added => added,
            },
        }
        .map_err(|error| failure(&error))
    }

    async fn create(&self, api: &Api<Event>, due: &Due) -> kube::Result<()> {
        let event = self.event(due);
        in_time(api.create(&PostParams::default(), &event))
            .await
            .map(drop)
    }

    fn event(&self, due: &Due) -> Event {
        let Note {
            regarding,
            reason,
            text,
        } = due.note.clone();
        Event {
            metadata: ObjectMeta {
                name: Some(due.name.clone()),
                namespace: Some(regarding.namespace.clone()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(due.last_seen)),
            series: series(due.times, due),
            regarding: Some(reference(regarding)),
            type_: Some("Warning".to_owned()),
            reason: Some(reason.to_owned()),
            note: Some(text),
            action: Some(ACTION.to_owned()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.replica.clone()),
            ..Event::default()
        }
    }
}

/// Adds to the count as it is now, which another replica may have raised: by its version, so that nothing is lost.
async fn add_to(api: &Api<Event>, due: &Due) -> kube::Result<Written> {
    let mut tries = 0;
    loop {
        let event = in_time(api.get(&due.name)).await?;
        let before = event.series.map_or(1, |series| series.count);
        let patch = json!({
            "metadata": {"resourceVersion": event.metadata.resource_version},
            "series": series(before.saturating_add(due.times), due),
        });
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(&patch));
        let patched = in_time(api.patch(&due.name, &parameters, &patch)).await;
        tries += 1;
        match patched {
            Err(kube::Error::Api(status)) if status.is_conflict() && tries < CONFLICTS => {}
            patched => return patched.map(|_| Written::Updated),
        }
    }
}

/// What has happened once is no series.
fn series(count: i32, due: &Due) -> Option<EventSeries> {
    (count > 1).then_some(EventSeries {
        count,
        last_observed_time: MicroTime(due.last_seen),
    })
}

fn reference(regarding: Regarding) -> ObjectReference {
    ObjectReference {
        api_version: Some(regarding.api_version),
        kind: Some(regarding.kind),
        namespace: Some(regarding.namespace),
        name: Some(regarding.name),
        uid: Some(regarding.uid).filter(|uid| !uid.is_empty()),
        ..ObjectReference::default()
    }
}

fn failure(error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        return Failure::Passing(error.to_string());
    };
    match status.code {
        404 => Failure::NamespaceGone,
        403 if is_terminating(status) => Failure::NamespaceGone,
        400 | 401 | 403 | 413 | 422 => Failure::Refused(status.message.clone()),
        _ => Failure::Passing(status.message.clone()),
    }
}

fn is_terminating(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == TERMINATING)
}

async fn in_time<T>(call: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    tokio::time::timeout(limits::KUBERNETES_READ_TIMEOUT, call)
        .await
        .unwrap_or_else(|elapsed| Err(kube::Error::Service(Box::new(elapsed))))
}

const ACTION: &str = "Admission";
const CONTROLLER: &str = "assay.dev/assay";
const TERMINATING: &str = "NamespaceTerminating";

/// How often in a row another replica may be quicker.
const CONFLICTS: u32 = 3;

/// The longest name of a reporting instance that the API server takes.
const INSTANCE_CHARS: usize = 128;
