//! An API server that keeps one Lease, with the optimistic locking of a real one.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use serde_json::{Value, json};

#[derive(Clone)]
pub(super) struct LeaseServer(Arc<Mutex<State>>);

struct State {
    lease: Option<Value>,
    version: u64,
    calls: Vec<String>,
    fault: Option<Fault>,
}

/// How it does not work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Answers with an error.
    Refuses,
    /// Never answers, and does nothing.
    Silent,
    /// Does what it is asked, and does not answer.
    LosesAnswers,
}

impl LeaseServer {
    /// Without a Lease.
    pub(super) fn empty() -> Self {
        Self(Arc::new(Mutex::new(State {
            lease: None,
            version: 0,
            calls: Vec::new(),
            fault: None,
        })))
    }

    /// With this one.
    pub(super) fn shipping(metadata: &Value, spec: Value) -> Self {
        let server = Self::empty();
        let mut lease = json!({ "metadata": metadata });
        if !spec.is_null() {
            lease["spec"] = spec;
        }
        server.0.lock().unwrap().store(lease);
        server
    }

    pub(super) fn held_by(identity: &str, renewed: &str) -> Self {
        let spec = json!({
            "holderIdentity": identity, "leaseDurationSeconds": 15, "leaseTransitions": 7,
            "renewTime": renewed, "acquireTime": renewed,
        });
        Self::shipping(&json!({}), spec)
    }

    pub(super) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    /// Method and status of each request that was answered.
    pub(super) fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    pub(super) fn lease(&self) -> Value {
        self.0.lock().unwrap().lease.clone().unwrap()
    }

    /// The holder without what makes it unique.
    pub(super) fn holder(&self) -> String {
        let lease = self.lease();
        let identity = lease["spec"]["holderIdentity"].as_str().unwrap();
        identity.rsplit_once('_').unwrap().0.to_owned()
    }

    /// Somebody changes it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        let mut lease = state.lease.clone().unwrap();
        change(&mut lease);
        state.store(lease);
    }

    /// Its holder renews it.
    pub(super) fn renewed(&self) {
        let version = self.0.lock().unwrap().version;
        let time = format!("1999-01-01T00:00:00.{version:06}Z");
        self.change(|lease| lease["spec"]["renewTime"] = json!(time));
    }

    pub(super) fn delete(&self) {
        self.0.lock().unwrap().lease = None;
    }

    pub(super) fn fails(&self, fault: Fault) {
        self.0.lock().unwrap().fault = Some(fault);
    }

    pub(super) fn works(&self) {
        self.0.lock().unwrap().fault = None;
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await.unwrap();
        let sent: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let collection = "/apis/coordination.k8s.io/v1/namespaces/assay-system/leases";
        let item = format!("{collection}/assay");
        let expected = if parts.method == Method::POST {
            collection
        } else {
            &item
        };
        assert_eq!(parts.uri.path(), expected);
        let answer = self.0.lock().unwrap().answer(&parts.method, sent);
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

impl State {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["apiVersion"] = json!("coordination.k8s.io/v1");
        lease["kind"] = json!("Lease");
        lease["metadata"]["name"] = json!("assay");
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        lease
    }

    fn answer(&mut self, method: &Method, sent: Value) -> Option<Response<Body>> {
        let (status, body) = match self.fault {
            Some(Fault::Silent) => return None,
            Some(Fault::Refuses) => refused(503),
            Some(Fault::LosesAnswers) => {
                self.act(method, sent);
                return None;
            }
            None => self.act(method, sent),
        };
        self.calls.push(format!("{method} {}", status.as_u16()));
        let response = Response::builder()
            .status(status)
            .header("content-type", "application/json");
        Some(response.body(Body::from(body.to_string())).unwrap())
    }

    fn act(&mut self, method: &Method, sent: Value) -> (StatusCode, Value) {
        match (method.as_str(), self.lease.clone()) {
            ("GET", Some(lease)) => (StatusCode::OK, lease),
            ("GET" | "PUT", None) => refused(404),
            ("PUT", Some(lease)) => {
                let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
                if version(&lease) == version(&sent) {
                    (StatusCode::OK, self.store(sent))
                } else {
                    refused(409)
                }
            }
            ("POST", None) => (StatusCode::CREATED, self.store(sent)),
            ("POST", Some(_)) => refused(409),
            (other, _) => panic!("{other}"),
        }
    }
}

fn refused(code: u16) -> (StatusCode, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {},
        "message": "refused", "code": code,
        "reason": if code == 404 { "NotFound" } else { "Conflict" },
    });
    (StatusCode::from_u16(code).unwrap(), status)
}
