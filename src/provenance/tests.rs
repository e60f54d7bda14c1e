//! What statements, certificates and annotations say, one test for each way of saying it.

mod agreement;
mod base_images;
mod broken;
mod documented;
mod properties;
mod recorded;
mod refused;
mod shapes;
mod sources;

use std::{fs, path::Path};

use super::*;
use crate::{
    image::Digest,
    verify::{Identity, San},
};

/// All facts as `name = value (source, path)`, in the order of the vocabulary, then the base images.
fn told(facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for name in FactName::ALL {
        for Fact {
            value,
            source,
            path,
        } in facts.all(name)
        {
            let (name, source) = (name.as_str(), source.words());
            lines.push(format!("{name} = {value} ({source}, {path})"));
        }
    }
    for image in facts.base_images() {
        let repository = image.repository.as_ref().map(ToString::to_string);
        lines.push(format!(
            "base image {} = {}@{} ({}, {})",
            image.name,
            repository.unwrap_or_default(),
            image.digest.as_ref().map(Digest::short).unwrap_or_default(),
            image.source.words(),
            image.path
        ));
    }
    lines
}

/// A statement of `tests/vectors/provenance`.
fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/provenance");
    fs::read(folder.join(format!("{name}.json"))).unwrap()
}

/// The same, read as an attestation.
fn read(name: &str) -> Provenance {
    let statement = vector(name);
    let value: Value = serde_json::from_slice(&statement).unwrap();
    let predicate_type = value["predicateType"].as_str().unwrap();
    Provenance::parse(predicate_type, &statement, Source::Attestation).unwrap()
}

fn gitlab_identity() -> Identity {
    let config = "https://gitlab.com/acme/shop/api//.gitlab-ci.yml@refs/tags/v1.8.2";
    let some = |text: &str| Some(text.to_owned());
    Identity {
        oidc_issuer: "https://gitlab.com".to_owned(),
        san: San::Uri(config.to_owned()),
        build_signer_uri: some(config),
        runner_environment: some("self-hosted"),
        source_repository_uri: some("https://gitlab.com/acme/shop/api"),
        source_repository_digest: some("4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c"),
        source_repository_ref: some("refs/tags/v1.8.2"),
        source_repository_identifier: some("45821955"),
        build_config_uri: some(config),
        build_trigger: some("push"),
        run_invocation_uri: some("https://gitlab.com/acme/shop/api/-/jobs/4316132595"),
        deployment_environment: None,
        token_subject: None,
    }
}

#[test]
fn the_certificate_of_a_gitlab_job_says_what_the_platform_knows() {
    assert_eq!(
        told(&Facts::of_certificate(&gitlab_identity())),
        [
            "sourceRepository = https://gitlab.com/acme/shop/api (certificate, extension .12)",
            "ref = refs/tags/v1.8.2 (certificate, extension .14)",
            "commit = 4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c (certificate, extension .13)",
            "jobId = 4316132595 (certificate, extension .21)",
            "jobUrl = https://gitlab.com/acme/shop/api/-/jobs/4316132595 (certificate, extension .21)",
            "pipelineSource = push (certificate, extension .20)",
        ]
    );
}
