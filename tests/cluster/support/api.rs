//! The API server over HTTP, for what kubectl is too slow for.

use std::{fs, sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{assay::runtime, control_plane::ControlPlane};

/// A client with the administrator's rights.
#[derive(Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    url: String,
    runtime: Arc<Runtime>,
}

/// Why a call has no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CallError {
    /// The API server said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The message in its answer.
        message: String,
    },
    /// There was no answer, or half of one.
    Lost(String),
}

impl Api {
    /// A client of this API server.
    pub(crate) fn new(plane: &ControlPlane) -> Self {
        let ca = fs::read(plane.ca_file()).expect("it was written at the start");
        let ca = reqwest::Certificate::from_pem(&ca).expect("our own certificate is readable");
        let client = reqwest::Client::builder()
            .tls_certs_only([ca])
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()
            .expect("the settings are valid");
        Self {
            client,
            url: plane.url().to_owned(),
            runtime: Arc::new(runtime()),
        }
    }

    /// Where background work of its users runs.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Reads an object or a list.
    pub(crate) fn get(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, path, "", None)
    }

    /// Creates.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(Method::POST, path, "application/json", Some(body))
    }

    /// Changes by merge patch.
    pub(crate) fn merge(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let kind = "application/merge-patch+json";
        self.call(Method::PATCH, path, kind, Some(body))
    }

    /// Deletes; the body holds the options.
    pub(crate) fn delete(&self, path: &str, options: &Value) -> Result<Value, CallError> {
        self.call(Method::DELETE, path, "application/json", Some(options))
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        self.runtime.block_on(async {
            let mut request = self
                .client
                .request(method, format!("{}{path}", self.url))
                .bearer_auth(ControlPlane::admin_token());
            if let Some(body) = body {
                request = request.header("content-type", kind).body(body.to_string());
            }
            let lost = |error: reqwest::Error| CallError::Lost(format!("{error:?}"));
            let answer = request.send().await.map_err(lost)?;
            let status = answer.status();
            let text = answer.text().await.map_err(lost)?;
            let object: Value = serde_json::from_str(&text).unwrap_or_default();
            if status.is_success() {
                return Ok(object);
            }
            let message = object["message"].as_str().unwrap_or(&text).to_owned();
            Err(CallError::Refused {
                status: status.as_u16(),
                message,
            })
        })
    }
}

/// Above the longest that the API server takes for anything.
const CALL_TIMEOUT: Duration = Duration::from_secs(65);
