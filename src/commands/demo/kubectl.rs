//! What kubectl and the API server do with an object, as far as admission webhooks see it.

use base64::{Engine, engine::general_purpose::STANDARD};
use json_patch::Patch;
use reqwest::{Certificate, Client};
use serde_json::Value;

use super::{DemoError, scenes::Scene, stage::Stage};

/// Applies objects: first the mutating webhook, then, with its patch, the validating one.
pub(super) struct Kubectl {
    client: Client,
    base_url: String,
}

/// What came of one object.
pub(super) enum Verdict {
    Admitted {
        /// The image of each container as it will run.
        images: Vec<String>,
    },
    Refused {
        /// Which webhook refused.
        webhook: &'static str,
        /// What it said.
        message: String,
        /// Its codes.
        codes: Vec<String>,
    },
}

impl Kubectl {
    pub(super) fn new(stage: &Stage) -> Result<Self, DemoError> {
        let trusted = Certificate::from_pem(stage.certificate_pem.as_bytes())?;
        let client = Client::builder().tls_certs_only([trusted]).build()?;
        Ok(Self {
            client,
            base_url: format!("https://{}", stage.webhook),
        })
    }

    pub(super) async fn apply(&self, scene: &Scene) -> Result<Verdict, DemoError> {
        let mut object = scene.object();
        for (path, webhook) in [
            ("mutate", "mutate.assay.dev"),
            ("validate", "validate.assay.dev"),
        ] {
            let response = self.call(path, &scene.review(&object)).await?;
            if response.get("allowed").and_then(Value::as_bool) != Some(true) {
                return refused(webhook, &response);
            }
            if let Some(patch) = response.get("patch") {
                apply_patch(&mut object, patch)?;
            }
        }
        let images = object
            .pointer("/spec/containers")
            .or_else(|| object.pointer("/spec/template/spec/containers"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|container| Some(container.get("image")?.as_str()?.to_owned()))
            .collect();
        Ok(Verdict::Admitted { images })
    }

    async fn call(&self, path: &str, review: &Value) -> Result<Value, DemoError> {
        let mut response = self
            .client
            .post(format!("{}/{path}?timeout=10s", self.base_url))
            .header("content-type", "application/json")
            .body(review.to_string())
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|mut review| Some(review.get_mut("response")?.take()))
            .ok_or_else(|| answer("no admission review"))
    }
}

fn refused(webhook: &'static str, response: &Value) -> Result<Verdict, DemoError> {
    let message = response
        .pointer("/status/message")
        .and_then(Value::as_str)
        .ok_or_else(|| answer("a refusal without a message"))?;
    let codes = response
        .pointer("/status/details/causes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|cause| Some(cause.get("reason")?.as_str()?.to_owned()))
        .collect();
    Ok(Verdict::Refused {
        webhook,
        message: message.to_owned(),
        codes,
    })
}

fn apply_patch(object: &mut Value, patch: &Value) -> Result<(), DemoError> {
    let patch: Patch = patch
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| answer("a patch that is none"))?;
    json_patch::patch(object, &patch)
        .map_err(|error| answer(&format!("a patch that fails: {error}")))
}

fn answer(found: &str) -> DemoError {
    DemoError::Answer {
        found: found.to_owned(),
    }
}
