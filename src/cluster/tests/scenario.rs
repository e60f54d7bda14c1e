//! An API server that knows in advance what it is asked: an extra call fails, and so does a missing one.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures::{StreamExt, channel::mpsc};
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use serde_json::{Value, json};

/// The calls that are still to come, and what went wrong.
#[derive(Clone, Default)]
pub(in crate::cluster) struct Scenario {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    expected: Vec<Call>,
    unexpected: Vec<String>,
    bodies: Vec<Value>,
}

struct Call {
    method: Method,
    path: String,
    /// What the query must hold.
    query: &'static str,
    answer: Answer,
}

enum Answer {
    Json(StatusCode, Value),
    Events(mpsc::UnboundedReceiver<Value>),
}

/// Sends the events of a watch that stays open as long as this lives.
pub(in crate::cluster) struct Watched(mpsc::UnboundedSender<Value>);

impl Scenario {
    /// A read that is answered with an object.
    pub(in crate::cluster) fn get(&self, path: &'static str, answer: Value) {
        self.expect(Method::GET, path, "", Answer::Json(StatusCode::OK, answer));
    }

    /// A read with this in its query that is answered with an object.
    pub(in crate::cluster) fn answer_get(
        &self,
        path: &'static str,
        query: &'static str,
        answer: Value,
    ) {
        let answer = Answer::Json(StatusCode::OK, answer);
        self.expect(Method::GET, path, query, answer);
    }

    /// A request that is refused.
    pub(in crate::cluster) fn refuse(&self, path: &'static str, query: &'static str, status: u16) {
        let code = StatusCode::from_u16(status).expect("a status");
        self.expect(
            Method::GET,
            path,
            query,
            Answer::Json(code, failure(status)),
        );
    }

    /// A list.
    pub(in crate::cluster) fn list(&self, path: &'static str, items: &[Value]) {
        let answer = json!({
            "kind": "List", "apiVersion": "v1",
            "metadata": { "resourceVersion": "1" }, "items": items,
        });
        self.expect(
            Method::GET,
            path,
            "limit=500",
            Answer::Json(StatusCode::OK, answer),
        );
    }

    /// A watch that begins with a streamed list.
    pub(in crate::cluster) fn streamed_list(&self, path: &'static str) -> Watched {
        self.watch(path, "sendInitialEvents=true")
    }

    /// A watch.
    pub(in crate::cluster) fn watch(&self, path: &'static str, query: &'static str) -> Watched {
        let (sender, receiver) = mpsc::unbounded();
        self.expect(Method::GET, path, query, Answer::Events(receiver));
        Watched(sender)
    }

    /// A patch, answered with an empty object of this kind.
    pub(in crate::cluster) fn patch(&self, path: &'static str, kind: &str) {
        let answer = json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": kind, "metadata": { "name": "any" },
        });
        self.expect(
            Method::PATCH,
            path,
            "force=true",
            Answer::Json(StatusCode::OK, answer),
        );
    }

    /// A patch of some fields, answered with this status.
    pub(in crate::cluster) fn merge(&self, path: &str, status: u16) {
        let code = StatusCode::from_u16(status).expect("a status");
        let answer = match status {
            200 => json!({
                "apiVersion": "assay.dev/v1alpha1", "kind": "Any", "metadata": { "name": "any" },
            }),
            _ => failure(status),
        };
        self.expect(Method::PATCH, path, "", Answer::Json(code, answer));
    }

    /// The lead is free, and this replica takes it.
    pub(in crate::cluster) fn leads(&self, path: &'static str, free: Value) {
        self.get(path, free.clone());
        self.expect(Method::PUT, path, "", Answer::Json(StatusCode::OK, free));
    }

    /// An object is created, answered like this.
    pub(in crate::cluster) fn post(&self, path: &'static str, status: u16, answer: Value) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.expect(Method::POST, path, "", Answer::Json(status, answer));
    }

    /// A merge patch, answered like this.
    pub(in crate::cluster) fn merge_with(&self, path: &'static str, status: u16, answer: Value) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.expect(Method::PATCH, path, "", Answer::Json(status, answer));
    }

    fn expect(&self, method: Method, path: &str, query: &'static str, answer: Answer) {
        self.state.lock().unwrap().expected.push(Call {
            method,
            path: path.to_owned(),
            query,
            answer,
        });
    }

    /// A client of this server.
    pub(in crate::cluster) fn client(&self) -> Client {
        let scenario = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let scenario = scenario.clone();
            async move { Ok::<_, std::convert::Infallible>(scenario.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// The bodies that were sent, in order, but for what replaces a whole object.
    pub(in crate::cluster) fn bodies(&self) -> Vec<Value> {
        self.state.lock().unwrap().bodies.clone()
    }

    /// How many calls of this path nobody had foreseen.
    pub(in crate::cluster) fn unexpected(&self, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        let calls = state.unexpected.iter();
        calls.filter(|call| call.contains(path)).count()
    }

    /// Lets everything come to rest, then fails on an extra call and on a missing one.
    pub(in crate::cluster) async fn finish(self) {
        settle().await;
        let state = self.state.lock().unwrap();
        assert_eq!(state.unexpected, Vec::<String>::new(), "extra calls");
        let missing: Vec<String> = state
            .expected
            .iter()
            .map(|call| format!("{} {}", call.method, call.path))
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "missing calls");
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.expect("bodies are in memory");
        let query = parts.uri.query().unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        // A Lease is held by PUT, whatever else goes on.
        if !bytes.is_empty() && parts.method != Method::PUT {
            state
                .bodies
                .push(serde_json::from_slice(&bytes).expect("bodies are JSON"));
        }
        let found = state.expected.iter().position(|call| {
            call.method == parts.method
                && call.path == parts.uri.path()
                && query.contains(call.query)
        });
        let Some(found) = found else {
            state
                .unexpected
                .push(format!("{} {}", parts.method, parts.uri));
            return Response::builder().status(500).body(Body::empty()).unwrap();
        };
        match state.expected.remove(found).answer {
            Answer::Json(status, value) => Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(Body::from(value.to_string()))
                .unwrap(),
            Answer::Events(events) => {
                let lines = events.map(|event| Ok::<_, std::io::Error>(format!("{event}\n")));
                Response::new(Body::from_stream(lines))
            }
        }
    }
}

impl Watched {
    /// An object was added or changed.
    pub(in crate::cluster) fn changed(&self, object: &Value) {
        self.send(json!({ "type": "MODIFIED", "object": object }));
    }

    /// The streamed list is complete.
    pub(in crate::cluster) fn complete(&self) {
        self.send(json!({ "type": "BOOKMARK", "object": {
            "apiVersion": "v1", "kind": "Any",
            "metadata": {
                "resourceVersion": "1",
                "annotations": { "k8s.io/initial-events-end": "true" },
            },
        }}));
    }

    /// The server ends the watch with an error of its own.
    pub(in crate::cluster) fn fail(&self, code: u16) {
        self.send(json!({ "type": "ERROR", "object": {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
            "message": "refused by the scenario", "reason": "InternalError", "code": code,
        }}));
    }

    fn send(&self, event: Value) {
        self.0.unbounded_send(event).expect("the watch is open");
    }
}

fn failure(status: u16) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
        "message": "refused by the scenario", "code": status,
        "reason": if status == 404 { "NotFound" } else { "Invalid" },
    })
}

/// Lets every task run until none can: everything here is in memory, so a bounded number of turns is enough.
pub(in crate::cluster) async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
