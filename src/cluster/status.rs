//! The status of policies and trust roots: whether each is in force, and if not why.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{leader::Role, mirror::Key, pull_secrets::in_time};
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
    /// Its conditions, the most important one first.
    pub(super) conditions: Vec<Told>,
    /// Further fields of the status.
    pub(super) fields: Map<String, Value>,
}

/// The words of one condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// What it is about.
    pub(super) kind: &'static str,
    /// Whether it holds.
    pub(super) truth: Truth,
    /// One word for machines.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

/// Writes statuses while this replica leads, until the reports end.
///
/// What an object says already is not written, so a new leader rewrites nothing that is right.
pub(super) struct Writer {
    client: Client,
    clock: Arc<dyn Clock>,
    /// What was written, and what the status said then as far as the watch had told.
    written: BTreeMap<(String, Key), (Wanted, Value)>,
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
    pub(super) async fn run(
        mut self,
        mut reports: watch::Receiver<Vec<Report>>,
        mut role: watch::Receiver<Role>,
    ) {
        loop {
            let leads = *role.borrow_and_update() == Role::Leads;
            let current = reports.borrow_and_update().clone();
            let all_written = if leads {
                self.write_all(&current, &role).await
            } else {
                self.written.clear();
                true
            };
            let pause = RETRY_PAUSE + rand::rng().random_range(Duration::ZERO..RETRY_PAUSE);
            let changed = tokio::select! {
                changed = reports.changed() => changed,
                changed = role.changed() => changed,
                () = tokio::time::sleep(pause), if !all_written => Ok(()),
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn write_all(&mut self, reports: &[Report], role: &watch::Receiver<Role>) -> bool {
        self.forget_all_but(reports);
        let mut all_written = true;
        for report in reports {
            let id = report.id();
            // The watch has not told of what we wrote yet.
            let is_on_its_way =
                |(wanted, seen): &(Wanted, Value)| *wanted == report.wanted && *seen == report.seen;
            if report.is_seen() || self.written.get(&id).is_some_and(is_on_its_way) {
                continue;
            }
            if *role.borrow() != Role::Leads {
                return true;
            }
            match self.write(report).await {
                Ok(()) => {
                    let written = (report.wanted.clone(), report.seen.clone());
                    self.written.insert(id, written);
                }
                Err(reason) => {
                    all_written = false;
                    let (kind, (namespace, name)) = id;
                    tracing::warn!(kind, namespace, name, reason, "status not written");
                }
            }
        }
        all_written
    }

    fn forget_all_but(&mut self, reports: &[Report]) {
        if self.written.is_empty() {
            return;
        }
        let there: BTreeSet<_> = reports.iter().map(Report::id).collect();
        self.written.retain(|id, _| there.contains(id));
    }

    async fn write(&self, report: &Report) -> Result<(), String> {
        let name = &report.key.1;
        // Whole seconds, as Kubernetes writes them.
        let now = self.clock.now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let now = now.to_string();
        let api = object_api(&self.client, &report.resource, &report.key);
        let object = json!({
            "apiVersion": report.resource.api_version,
            "kind": report.resource.kind,
            "metadata": { "name": name },
            "status": report.status(&now),
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object);
        let written = in_time(api.patch_status(name, &parameters, &patch)).await;
        written.map(drop)
    }
}

/// The way to one object.
pub(super) fn object_api(client: &Client, resource: &ApiResource, key: &Key) -> Api<DynamicObject> {
    match &key.0 {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

impl Report {
    fn id(&self) -> (String, Key) {
        (self.resource.kind.clone(), self.key.clone())
    }

    /// Whether the object's status says this already.
    fn is_seen(&self) -> bool {
        let Wanted {
            generation,
            conditions,
            fields,
        } = &self.wanted;
        let number = |value: &Value| value.get("observedGeneration").and_then(Value::as_i64);
        let says = |told: &Told| {
            let Some(seen) = self.seen_condition(told.kind) else {
                return false;
            };
            let text = |field: &str| seen.get(field).and_then(Value::as_str);
            text("status") == Some(told.truth.text())
                && text("reason") == Some(told.reason)
                && text("message") == Some(&cut(&told.message))
                && number(seen) == *generation
        };
        number(&self.seen) == *generation
            && conditions.iter().all(says)
            && fields
                .iter()
                .all(|(name, value)| self.seen.get(name) == Some(value))
    }

    fn status(&self, now: &str) -> Value {
        let wanted = &self.wanted;
        let mut status = wanted.fields.clone();
        let conditions = wanted
            .conditions
            .iter()
            .map(|told| self.condition(told, now));
        status.insert("conditions".to_owned(), conditions.collect());
        if let Some(generation) = wanted.generation {
            status.insert("observedGeneration".to_owned(), generation.into());
        }
        Value::Object(status)
    }

    /// A condition that holds as it did before keeps the time since when it does.
    fn condition(&self, told: &Told, now: &str) -> Value {
        let since = self
            .seen_condition(told.kind)
            .filter(|seen| seen.get("status").and_then(Value::as_str) == Some(told.truth.text()))
            .and_then(|seen| seen.get("lastTransitionTime")?.as_str())
            .unwrap_or(now);
        let mut condition = json!({
            "type": told.kind,
            "status": told.truth.text(),
            "reason": told.reason,
            "message": cut(&told.message),
            "lastTransitionTime": since,
        });
        if let (Some(generation), Value::Object(condition)) =
            (self.wanted.generation, &mut condition)
        {
            condition.insert("observedGeneration".to_owned(), generation.into());
        }
        condition
    }

    fn seen_condition(&self, kind: &str) -> Option<&Value> {
        self.seen
            .get("conditions")?
            .as_array()?
            .iter()
            .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
    }
}

impl Truth {
    fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The schema's bound on a message.
fn cut(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS).collect()
}

const FIELD_MANAGER: &str = "assay";
const MESSAGE_CHARS: usize = 1024;
const RETRY_PAUSE: Duration = Duration::from_secs(10);
