//! Conditions: every one that compiles is evaluated within its budget, answers the same twice, and does not depend on
//! what it does not say to read.

#![no_main]

use std::sync::LazyLock;

use assay::condition::{
    ATTESTATION_VARIABLES, Budget, Condition, EvaluationError, Variables,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let condition = match Condition::compile(text, &ATTESTATION_VARIABLES) {
        Ok(condition) => condition,
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty() && said.len() < 1024 && !said.contains('\n'), "{said}");
            return;
        }
    };
    let budget = Budget::new(STEPS);
    let found = condition.evaluate(&VARIABLES, &budget);
    assert!(budget.taken() <= STEPS);
    let again = Budget::new(STEPS);
    assert_eq!(condition.evaluate(&VARIABLES, &again), found);
    assert_eq!(again.taken(), budget.taken());
    if let Err(error) = &found {
        let said = error.to_string();
        assert!(!said.is_empty() && said.len() < 1024 && !said.contains('\n'), "{said}");
    }
    // What it does not say to read, it does not read.
    if !matches!(found, Err(EvaluationError::Limit { .. })) {
        for name in ATTESTATION_VARIABLES {
            if !condition.reads(&[name]) {
                let mut fewer = VARIABLES.clone();
                fewer.set(name, json!(null));
                assert_eq!(condition.evaluate(&fewer, &Budget::new(STEPS)), found, "{name}");
            }
        }
    }
});

const STEPS: u64 = 20_000;

static VARIABLES: LazyLock<Variables> = LazyLock::new(|| {
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
                "labels": {"maintainer": "shop"},
                "platforms": ["linux/amd64", "linux/arm64"],
            }),
        ),
        ("signatures", json!([{"authority": "release", "signer": "key 1", "logIndex": 3}])),
        ("provenance", json!({"pipelineId": "812345", "baseImages": [{"name": "golang"}]})),
        ("attestations", json!([{"predicateType": "https://cyclonedx.org/bom", "predicate": {}}])),
        (
            "attestation",
            json!({"predicate": {
                "components": [{"name": "a", "size": 1}, {"name": "b", "size": 2.5}, {"name": "c"}],
                "huge": u64::MAX,
                "least": i64::MIN,
                "nothing": null,
                "flag": true,
                "deep": [[[[{"a": [{"b": [1, 2]}]}]]]],
            }}),
        ),
        ("pod", json!({"metadata": {"name": "api"}, "spec": {"containers": [{"image": "a"}]}})),
        ("namespace", json!({"name": "shop", "labels": {"env": "production"}})),
    ])
});
