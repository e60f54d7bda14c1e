//! An API server that keeps a few objects: watches with streamed lists, patches, and optimistic locking.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use futures::{StreamExt, channel::mpsc};
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) const SECRETS: &str = "/api/v1/namespaces/assay-system/secrets";
pub(super) const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
pub(super) const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

#[derive(Clone)]
pub(super) struct MemoryServer {
    state: Arc<Mutex<State>>,
    began: Instant,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    watches: Vec<(String, mpsc::UnboundedSender<Value>)>,
    writes: Vec<String>,
    refuses: bool,
    refused: usize,
    /// How the time is told; none tells none.
    dates: Option<fn(Duration) -> Timestamp>,
}

impl MemoryServer {
    pub(super) fn new() -> Self {
        Self {
            state: Arc::default(),
            began: Instant::now(),
        }
    }

    /// When it began, from which tests count time.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Replaces an object, as its user would.
    pub(super) fn put(&self, kind: &str, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        self.state.lock().unwrap().store(kind, name, object);
    }

    /// Deletes an object, as its user would.
    pub(super) fn delete(&self, kind: &str, name: &str) {
        let mut state = self.state.lock().unwrap();
        let object = state.objects.remove(&format!("{kind}/{name}")).unwrap();
        state.tell(kind, "DELETED", &object);
    }

    pub(super) fn object(&self, kind: &str, name: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        state.objects.get(&format!("{kind}/{name}")).cloned()
    }

    /// Every write that went through: the method, and what kind of object.
    pub(super) fn writes(&self) -> Vec<String> {
        self.state.lock().unwrap().writes.clone()
    }

    pub(super) fn refuse_writes(&self, refuses: bool) {
        self.state.lock().unwrap().refuses = refuses;
    }

    /// Tells the time with every answer, by how long it has run.
    pub(super) fn tell_time(&self, time: fn(Duration) -> Timestamp) {
        self.state.lock().unwrap().dates = Some(time);
    }

    pub(super) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    pub(super) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap();
        let mut state = self.state.lock().unwrap();
        let path = parts.uri.path();
        if path == "/version" {
            return state.dated(self.began.elapsed());
        }
        if parts.method == Method::GET {
            return state.watch(path, parts.uri.query().unwrap_or_default());
        }
        if state.refuses {
            state.refused += 1;
            return refusal(StatusCode::FORBIDDEN);
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let (kind, name, object) = if parts.method == Method::POST {
            let name = body["metadata"]["name"].as_str().unwrap().to_owned();
            if state.objects.contains_key(&format!("{path}/{name}")) {
                return refusal(StatusCode::CONFLICT);
            }
            (path, name, body)
        } else {
            let Some(found) = state.objects.get(path) else {
                return refusal(StatusCode::NOT_FOUND);
            };
            if body["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"] {
                return refusal(StatusCode::CONFLICT);
            }
            let (kind, name) = path.rsplit_once('/').unwrap();
            (kind, name.to_owned(), patched(found.clone(), &body))
        };
        let plural = kind.rsplit_once('/').unwrap().1;
        state.writes.push(format!("{} {plural}", parts.method));
        let stored = state.store(kind, &name, object);
        Response::new(Body::from(stored.to_string()))
    }
}

impl State {
    fn store(&mut self, kind: &str, name: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects
            .insert(format!("{kind}/{name}"), object.clone());
        self.tell(kind, "MODIFIED", &object);
        object
    }

    fn dated(&self, elapsed: Duration) -> Response<Body> {
        let mut answer = Response::builder();
        if let Some(time) = self.dates {
            let date = time(elapsed).strftime("%a, %d %b %Y %H:%M:%S GMT");
            answer = answer.header("date", date.to_string());
        }
        answer.body(Body::from("{}")).unwrap()
    }

    fn tell(&mut self, kind: &str, event: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let about = format!("{kind}/{name}");
        for (watched, events) in &self.watches {
            if *watched == about {
                let _ = events.unbounded_send(json!({ "type": event, "object": object }));
            }
        }
    }

    /// Only one object is ever watched at once: by its name.
    fn watch(&mut self, kind: &str, query: &str) -> Response<Body> {
        let selector = "fieldSelector=metadata.name%3D";
        let (_, rest) = query
            .split_once(selector)
            .expect("every watch is of one name");
        let name = rest.split('&').next().unwrap();
        let (events, receiver) = mpsc::unbounded();
        let key = format!("{kind}/{name}");
        let streams_list = query.contains("sendInitialEvents=true");
        // A watch that goes on after a pause is told only what it has missed.
        let is_news = |object: &&Value| {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap();
            streams_list || !query.contains(&format!("resourceVersion={version}"))
        };
        if let Some(object) = self.objects.get(&key).filter(is_news) {
            let _ = events.unbounded_send(json!({ "type": "MODIFIED", "object": object }));
        }
        if streams_list {
            let annotations = json!({ "k8s.io/initial-events-end": "true" });
            let _ = events.unbounded_send(json!({ "type": "BOOKMARK", "object": {
                "apiVersion": "v1", "kind": "Any",
                "metadata": { "resourceVersion": "1", "annotations": annotations },
            }}));
        }
        self.watches.push((key, events));
        let lines = receiver.map(|event| Ok::<_, std::io::Error>(format!("{event}\n")));
        Response::new(Body::from_stream(lines))
    }
}

/// Merged as both kinds of patch do it here: webhooks by name, all else by key.
fn patched(mut object: Value, patch: &Value) -> Value {
    for webhook in patch["webhooks"].as_array().into_iter().flatten() {
        let all = object["webhooks"].as_array_mut().unwrap();
        let mut all = all.iter_mut();
        let found = all.find(|found| found["name"] == webhook["name"]).unwrap();
        found["clientConfig"]["caBundle"] = webhook["clientConfig"]["caBundle"].clone();
    }
    for (name, content) in patch["data"].as_object().into_iter().flatten() {
        object["data"][name] = content.clone();
    }
    object
}

fn refusal(status: StatusCode) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
        "message": "refused by the test", "reason": "Refused", "code": status.as_u16(),
    });
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}
