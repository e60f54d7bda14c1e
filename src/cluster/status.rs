//! The status of policies and trust roots: whether each is in force, and if not why.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{mirror::Key, pull_secrets::in_time};
use crate::clock::Clock;

/// What one object's status is to say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    /// The kind of the object.
    pub(super) resource: ApiResource,
    /// Which object.
    pub(super) key: Key,
    /// What the status says now, as last seen.
    pub(super) seen: Value,
    /// What it is to say.
    pub(super) wanted: Wanted,
}

/// The words of a status, without what only the moment of writing decides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// The generation that was judged.
    pub(super) generation: Option<i64>,
    /// Whether the object is in force in this form.
    pub(super) ready: bool,
    /// One word for machines.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
    /// Further fields of the status.
    pub(super) fields: Map<String, Value>,
}

/// Writes statuses until the reports end.
///
/// Every replica writes the same words, so no leader is needed: what an object says already is not
/// written, and no replica writes the same words for one generation twice. Replicas that disagree for
/// a while can therefore not overwrite each other without end.
pub(super) struct Writer {
    client: Client,
    clock: Arc<dyn Clock>,
    written: BTreeMap<(String, Key), Wanted>,
}

impl Writer {
    /// A writer that has written nothing yet.
    pub(super) fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            clock,
            written: BTreeMap::new(),
        }
    }

    /// Writes what changes. What cannot be written is tried again later; it never holds up a review.
    pub(super) async fn run(mut self, mut reports: watch::Receiver<Vec<Report>>) {
        loop {
            let current = reports.borrow_and_update().clone();
            let all_written = self.write_all(&current).await;
            let changed = if all_written {
                reports.changed().await
            } else {
                let pause = RETRY_PAUSE + rand::rng().random_range(Duration::ZERO..RETRY_PAUSE);
                match tokio::time::timeout(pause, reports.changed()).await {
                    Ok(changed) => changed,
                    Err(_) => Ok(()),
                }
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn write_all(&mut self, reports: &[Report]) -> bool {
        self.written.retain(|(kind, key), _| {
            reports
                .iter()
                .any(|report| report.resource.kind == *kind && report.key == *key)
        });
        let mut all_written = true;
        for report in reports {
            let id = (report.resource.kind.clone(), report.key.clone());
            if report.is_seen() || self.written.get(&id) == Some(&report.wanted) {
                continue;
            }
            match self.write(report).await {
                Ok(()) => {
                    self.written.insert(id, report.wanted.clone());
                }
                Err(reason) => {
                    all_written = false;
                    tracing::warn!(
                        kind = id.0,
                        name = report.key.1,
                        reason,
                        "status not written"
                    );
                }
            }
        }
        all_written
    }

    async fn write(&self, report: &Report) -> Result<(), String> {
        let (namespace, name) = &report.key;
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => {
                Api::namespaced_with(self.client.clone(), namespace, &report.resource)
            }
            None => Api::all_with(self.client.clone(), &report.resource),
        };
        let object = json!({
            "apiVersion": report.resource.api_version,
            "kind": report.resource.kind,
            "metadata": { "name": name },
            "status": report.status(&self.clock.now().to_string()),
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object);
        in_time(api.patch_status(name, &parameters, &patch))
            .await
            .map(drop)
    }
}

impl Report {
    /// Whether the object's status says this already.
    fn is_seen(&self) -> bool {
        let Wanted {
            generation,
            ready,
            reason,
            message,
            fields,
        } = &self.wanted;
        let condition = self.seen_condition();
        let says = |field: &str| condition.and_then(|condition| condition.get(field)?.as_str());
        self.seen.get("observedGeneration").and_then(Value::as_i64) == *generation
            && says("status") == Some(truth(*ready))
            && says("reason") == Some(reason)
            && says("message") == Some(&cut(message))
            && fields
                .iter()
                .all(|(name, value)| self.seen.get(name) == Some(value))
    }

    fn status(&self, now: &str) -> Value {
        let wanted = &self.wanted;
        let since = self
            .seen_condition()
            .filter(|condition| {
                condition.get("status").and_then(Value::as_str) == Some(truth(wanted.ready))
            })
            .and_then(|condition| condition.get("lastTransitionTime")?.as_str())
            .unwrap_or(now);
        let mut status = wanted.fields.clone();
        let mut condition = json!({
            "type": READY,
            "status": truth(wanted.ready),
            "reason": wanted.reason,
            "message": cut(&wanted.message),
            "lastTransitionTime": since,
        });
        if let (Some(generation), Value::Object(condition)) = (wanted.generation, &mut condition) {
            status.insert("observedGeneration".to_owned(), generation.into());
            condition.insert("observedGeneration".to_owned(), generation.into());
        }
        status.insert("conditions".to_owned(), json!([condition]));
        Value::Object(status)
    }

    fn seen_condition(&self) -> Option<&Value> {
        self.seen
            .get("conditions")?
            .as_array()?
            .iter()
            .find(|condition| condition.get("type").and_then(Value::as_str) == Some(READY))
    }
}

fn truth(ready: bool) -> &'static str {
    if ready { "True" } else { "False" }
}

/// The schema's bound on a message.
fn cut(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS).collect()
}

const READY: &str = "Ready";
const FIELD_MANAGER: &str = "assay";
const MESSAGE_CHARS: usize = 1024;
const RETRY_PAUSE: Duration = Duration::from_secs(10);
