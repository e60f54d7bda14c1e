//! Tests of conditions.

mod budget;
mod compiling;
mod documentation;
mod evaluating;
mod oracle;
mod reading;

use serde_json::{Value, json};

use super::*;
use crate::limits;

/// Compiles as a condition of a policy.
fn compiled(expression: &str) -> Condition {
    Condition::compile(expression, &ATTESTATION_VARIABLES).unwrap()
}

fn refused(expression: &str) -> String {
    Condition::compile(expression, &POLICY_VARIABLES)
        .unwrap_err()
        .to_string()
}

/// The answer over [`variables`], or why there is none.
fn answer(expression: &str) -> Result<bool, String> {
    compiled(expression)
        .evaluate(&variables(), &Budget::default())
        .map_err(|error| error.to_string())
}

fn variables() -> Variables {
    Variables::from([
        (
            "image",
            json!({
                "reference": "registry.example/shop/api:v1.8.2",
                "registry": "registry.example",
                "repository": "registry.example/shop/api",
                "path": "shop/api",
                "tag": "v1.8.2",
                "digest": "sha256:ab",
                "annotations": {"com.gitlab.ci.pipeline_id": "812345", "käse": "\u{1f9c0}"},
                "labels": {},
                "platforms": ["linux/amd64", "linux/arm64"],
            }),
        ),
        (
            "signatures",
            json!([{"authority": "release", "signer": "key 1", "logIndex": 3}]),
        ),
        (
            "provenance",
            json!({"pipelineId": "812345", "baseImages": []}),
        ),
        ("attestations", json!([])),
        (
            "attestation",
            json!({"predicate": {
                "components": [{"name": "a", "size": 1}, {"name": "b", "size": 2.5}, {"name": "c"}],
                "huge": u64::MAX,
                "nothing": Value::Null,
                "flag": true,
            }}),
        ),
        ("pod", json!({})),
        (
            "namespace",
            json!({"name": "shop", "labels": {"env": "production"}}),
        ),
    ])
}
