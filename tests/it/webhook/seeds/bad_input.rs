//! Provenance and policies that are made to be dear or to confuse: each has an answer, and in time.

use regex::Regex;

use super::*;

/// The line for a statement with these bytes for a predicate, wherever it is stored.
async fn line_of_predicate(predicate: &str) -> String {
    let case = Case::asking(json!({}));
    let mut lines = Vec::new();
    // How large an attachment is depends on the layout and on the length of its signatures.
    let size = Regex::new("has [0-9]{8} bytes").unwrap();
    for stored in [Stored::Tag, Stored::Bundle] {
        let (world, image) = case.bare_world().await;
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicate":{predicate}}}"#,
            image.hex()
        );
        let signing = world.sigstore.sign_as(&case.claims, &image);
        let signing = signing
            .predicate_type("https://slsa.dev/provenance/v1")
            .payload(statement);
        let signed = match stored {
            Stored::Tag | Stored::Experiment => signing.legacy_attestation(),
            Stored::Bundle => signing.bundle(),
        };
        store(&world, PROJECT, &image, signed.unwrap(), stored);
        let response = world.deploy(&case.path()).await;
        let line = line(&world, &response);
        lines.push(size.replace(&line, "has … bytes").into_owned());
    }
    assert_eq!(lines[0], lines[1], "the layouts differ");
    lines.remove(0)
}

fn job() -> String {
    release().stated_by_job().content.to_string()
}

#[tokio::test]
async fn a_predicate_of_ten_megabytes() {
    let padding = "x".repeat(10 * 1024 * 1024);
    let line = line_of_predicate(&format!(r#"{{"padding":"{padding}"}}"#)).await;
    insta::assert_snapshot!(line, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) could not be checked: a signature candidate has … bytes, at most 4194304 are read [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
}

#[tokio::test]
async fn ten_thousand_materials() {
    let material = json!({"uri": "pkg:docker/a@1", "digest": {"sha256": Digest::of(b"a").hex()}});
    let predicate = release().stated_by_job().with(
        "buildDefinition.resolvedDependencies",
        vec![material; 10_000],
    );
    insta::assert_snapshot!(line_of_predicate(&predicate.content.to_string()).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) could not be checked: base images: 1025, at most 1024 are read [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
}

#[tokio::test]
async fn a_predicate_that_is_deeply_nested() {
    insta::assert_snapshot!(line_nested(100).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) could not be checked: levels of one statement: 101, at most 64 are read [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
    insta::assert_snapshot!(line_nested(100_000).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) could not be checked: levels of one statement: 100001, at most 64 are read [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
}

async fn line_nested(depth: usize) -> String {
    line_of_predicate(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).await
}

#[tokio::test]
async fn a_key_that_a_predicate_has_twice() {
    let twice = job().replacen(
        "\"buildDefinition\":",
        "\"buildDefinition\":{},\"buildDefinition\":",
        1,
    );
    insta::assert_snapshot!(line_of_predicate(&twice).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has an attestation of type https://slsa.dev/provenance/v1 that is not valid: the name "buildDefinition" occurs twice in one object [AttestationInvalid]; attest it again in the GitLab release pipeline: cosign attest --type https://slsa.dev/provenance/v1 --predicate <your file> registry.example/acme/shop/api@sha256:64ebbf839cad4c793fe1bf9e55ead6857e8db0a08f0b13effdb107feef306efd"#);
}

#[tokio::test]
async fn places_that_hold_something_of_another_type() {
    for (path, value) in [
        ("buildDefinition", json!([])),
        ("buildDefinition.buildType", json!(1)),
        ("buildDefinition.externalParameters", json!("x")),
        ("buildDefinition.externalParameters.source", json!({})),
        ("buildDefinition.externalParameters.variables", json!([1])),
        ("buildDefinition.resolvedDependencies", json!({"0": 1})),
        (
            "buildDefinition.resolvedDependencies.0.digest",
            json!(["gitCommit"]),
        ),
        ("runDetails.builder", json!("x")),
        ("runDetails.metadata.finishedOn", json!(1)),
    ] {
        let predicate = release().stated_by_job().with(path, value);
        let line = line_of_predicate(&predicate.content.to_string()).await;
        assert!(line.contains("[AttestationInvalid]"), "{path}: {line}");
        assert!(
            line.contains(path.rsplit('.').next().unwrap()),
            "{path}: {line}"
        );
    }
}

#[tokio::test]
async fn a_predicate_that_is_no_object() {
    for predicate in ["1", "\"x\"", "[]", "true"] {
        let line = line_of_predicate(predicate).await;
        assert!(line.contains("[AttestationInvalid]"), "{predicate}: {line}");
    }
}

/// The line of a release that is good, under a policy with this in it.
async fn line_of_policy(field: &str, value: Value) -> String {
    let case = Case::asking(json!({}));
    let mut spec = case.spec.clone();
    spec[field] = value;
    let (world, image) = case.bare_world().await;
    let reason = world.demand_unchecked(spec);
    let provenance = case.provenance(&world, &image, Stored::Bundle);
    store(&world, PROJECT, &image, provenance, Stored::Bundle);
    let response = world.deploy(&case.path()).await;
    let line = line(&world, &response);
    assert_eq!(reason.is_some(), line.contains("[PolicyBroken]"), "{line}");
    line
}

#[tokio::test]
async fn a_regular_expression_that_would_be_too_large() {
    let tags = json!({"allow": [r"(\w{100}){100}"]});
    insta::assert_snapshot!(line_of_policy("tags", tags).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 could not be checked: policy "demand" does not compile (spec.tags.allow[0]: expected a regular expression over tags, found "(\\w{100}){100}": Compiled regex exceeds size limit of 65536 bytes.) [PolicyBroken]; its author must correct it: kubectl describe clusterimagetrustpolicy demand"#);
}

#[tokio::test]
async fn a_regular_expression_that_others_try_in_exponential_time() {
    let tags = json!({"allow": ["(([a-z0-9.])+)+!"]});
    insta::assert_snapshot!(line_of_policy("tags", tags).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) has tag v1.8.2, policy "demand" accepts (([a-z0-9.])+)+! [TagNotAllowed]; deploy it by an accepted tag, or by digest"#);
}

#[tokio::test]
async fn a_condition_that_would_run_away() {
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let expression = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .fold("true".to_owned(), |inner, name| {
            format!("{ten}.all({name}, {inner})")
        });
    let conditions = json!([{"expression": expression, "message": "it is dear"}]);
    insta::assert_snapshot!(line_of_policy("conditions", conditions).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 (sha256:64ebbf839cad…) could not be checked: a condition takes more than 2000000 steps [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
}

#[tokio::test]
async fn a_condition_that_speaks_of_what_there_is_not() {
    let conditions = json!([{"expression": "img.tag == 'v1'"}]);
    insta::assert_snapshot!(line_of_policy("conditions", conditions).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 could not be checked: policy "demand" does not compile (spec.conditions[0].expression: there is no variable "img" here, only image, signatures, provenance, attestations, pod, namespace) [PolicyBroken]; its author must correct it: kubectl describe clusterimagetrustpolicy demand"#);
}

#[tokio::test]
async fn a_condition_that_is_deeply_nested() {
    let expression = format!("{}true{}", "(".repeat(2000), ")".repeat(2000));
    let conditions = json!([{"expression": expression}]);
    insta::assert_snapshot!(line_of_policy("conditions", conditions).await, @r#"container "api": registry.example/acme/shop/api:v1.8.2 could not be checked: policy "demand" does not compile (spec.conditions[0].expression: it has more than 1024 tokens) [PolicyBroken]; its author must correct it: kubectl describe clusterimagetrustpolicy demand"#);
}
