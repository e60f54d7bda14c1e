//! Whole reviews through HTTPS: our server, a registry in memory and a private Sigstore.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

mod admitted;
mod advisories;
mod attested;
mod budgets;
mod cost;
mod elsewhere;
mod faults;
mod outage;
mod refused;
mod seeds;
mod tenants;
mod verified_before;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{
    reviews::{creation, pod},
    world::{IMAGE, World},
};

impl World {
    /// What `/mutate` says to a Pod with one image of the registry.
    async fn deploy(&self, path: &str) -> Value {
        self.server
            .mutate(&creation(&pod(&self.reference(path))))
            .await
    }

    /// The codes with which [`IMAGE`] is refused; none when it is let in.
    async fn codes(&self) -> Vec<String> {
        codes(&self.deploy(IMAGE).await)
    }
}

fn codes(response: &Value) -> Vec<String> {
    let causes = response["status"]["details"]["causes"].as_array();
    let codes: Vec<String> = causes
        .into_iter()
        .flatten()
        .map(|cause| cause["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(response["allowed"], json!(codes.is_empty()), "{response}");
    codes
}

fn message(response: &Value) -> &str {
    response["status"]["message"].as_str().unwrap()
}

fn patch(response: &Value) -> Value {
    let patch = response["patch"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}
