//! The examples of the documentation.

use super::*;

const TEXT: &str = include_str!("../../../docs/conditions.md");

fn examples() -> Vec<&'static str> {
    let blocks = TEXT.split("```cel\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().trim())
        .collect()
}

#[test]
fn every_example_holds_for_a_good_image_and_for_no_bad_one() {
    let examples = examples();
    assert_eq!(examples.len(), 11);
    for example in examples {
        let answer =
            |variables: &Variables| compiled(example).evaluate(variables, &Budget::default());
        assert_eq!(answer(&good()), Ok(true), "{example}");
        assert_ne!(answer(&bad()), Ok(true), "{example}");
    }
}

#[test]
fn every_variable_and_every_limit_is_documented() {
    for variable in ATTESTATION_VARIABLES {
        let row = format!("| `{variable}");
        assert!(TEXT.contains(&row), "{variable}");
        for field in schema::fields(variable) {
            let names = [format!("`{field}`"), format!("`{field}[]`")];
            let is_named = names.iter().any(|name| TEXT.contains(name));
            assert!(is_named, "{variable}.{field}");
        }
    }
    let limits = format!(
        "{} bytes, {} tokens, {} levels and {} `?`",
        limits::CONDITION_BYTES,
        limits::CONDITION_TOKENS,
        limits::CONDITION_DEPTH,
        limits::CONDITION_CHOICES
    );
    assert!(TEXT.contains(&limits), "{limits}");
    assert_eq!(limits::CONDITION_STEPS, 2_000_000);
    assert!(TEXT.contains("2,000,000 steps"));
    assert_eq!(limits::CONDITION_STEPS_PER_REVIEW, 40_000_000);
    assert!(TEXT.contains("40,000,000"));
}

fn good() -> Variables {
    Variables::from([
        (
            "image",
            json!({
                "annotations": {"com.gitlab.ci.pipeline_id": "812345"},
                "labels": {"team": "shop"},
                "platforms": ["linux/amd64", "linux/arm64", "linux/s390x"],
            }),
        ),
        (
            "signatures",
            json!([
                {"authority": "release", "signer": "gitlab.com/acme/shop/api", "commit": "8f3c"},
                {"authority": "security", "signer": "key 12ab"},
            ]),
        ),
        (
            "provenance",
            json!({
                "sourceRepository": "https://gitlab.com/acme/platform/proxy",
                "ref": "refs/tags/v1.8.2",
                "commit": "8f3c",
                "pipelineId": "812345",
                "baseImages": [{
                    "name": "registry.gitlab.com/acme/base/alpine:3.20",
                    "repository": "registry.gitlab.com/acme/base/alpine",
                }],
            }),
        ),
        (
            "attestation",
            json!({"predicate": {
                "components": [
                    {"name": "serde", "version": "1.0", "licenses": [{"license": {"id": "MIT"}}]},
                    {"name": "log4j-core", "version": "2.17.1"},
                ],
                "scanner": {"result": {"Results": [
                    {"Target": "app"},
                    {"Target": "os", "Vulnerabilities": [{"Severity": "LOW"}]},
                ]}},
            }}),
        ),
        (
            "pod",
            json!({"metadata": {"labels": {"team": "shop"}}, "spec": {"hostNetwork": true}}),
        ),
        (
            "namespace",
            json!({"name": "shop", "labels": {"env": "production"}}),
        ),
    ])
}

fn bad() -> Variables {
    let mut bad = good();
    bad.set(
        "image",
        json!({
            "annotations": {"com.gitlab.ci.pipeline_id": "1"},
            "labels": {"team": "billing"},
            "platforms": ["linux/s390x"],
        }),
    );
    bad.set(
        "signatures",
        json!([{"authority": "release", "commit": "a1b2"}]),
    );
    bad.set(
        "provenance",
        json!({
            "sourceRepository": "https://gitlab.com/acme/shop/api",
            "ref": "refs/heads/main",
            "commit": "8f3c",
            "pipelineId": "812345",
            "baseImages": [{"name": "docker.io/library/alpine", "repository": "docker.io/library/alpine"}],
        }),
    );
    bad.set(
        "attestation",
        json!({"predicate": {
            "components": [
                {"name": "log4j-core", "version": "2.14.1", "licenses": [{"license": {"id": "GPL-3.0"}}]},
            ],
            "scanner": {"result": {"Results": [
                {"Target": "os", "Vulnerabilities": [{"Severity": "CRITICAL"}]},
            ]}},
        }}),
    );
    bad
}
