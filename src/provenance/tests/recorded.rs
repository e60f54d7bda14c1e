//! Statements that others made.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

/// Reads a file of the folder that `ASSAY_VECTORS` names.
fn recorded(path: &str) -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the vectors lie is the test's own setting"
    )]
    let folder =
        std::env::var("ASSAY_VECTORS").expect("ASSAY_VECTORS names the folder of the vectors");
    fs::read(Path::new(&folder).join("oci-layouts").join(path)).unwrap()
}

fn envelope(path: &str) -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(&recorded(path)).unwrap();
    STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap()
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn what_slsa_github_generator_wrote_in_two_generations_is_read() {
    for (path, commit, run, user, version) in [
        (
            "slsa-github-generator-v1.4.0/blobs/sha256/784c5bd14237b9a979fd0251f01dcc7956f06da243ca1e9c52470c410e53c654",
            "904e2c3e02725e314cf6cf141c4700081298dcbd",
            "3894877440",
            "asraa",
            "v1.4.0",
        ),
        (
            "slsa-github-generator-v2.1.0/blobs/sha256/e163b472f2e5d66e5a2a45e26e020c51a0d2da7dc8b567b31fc2ebfd33dbc33a",
            "4d329c75e7ec1725f7c9ce917a8799d408d06be3",
            "13531731005",
            "ramonpetgrave64",
            "v2.1.0",
        ),
    ] {
        let read = Provenance::parse(SLSA_V0_2, &envelope(path), Source::Attestation).unwrap();
        assert_eq!(read.shape, Shape::SlsaGithubGenerator);
        let builder = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml";
        assert_eq!(
            told(&read.facts),
            [
                "sourceRepository = https://github.com/slsa-framework/example-package (attestation, predicate.invocation.configSource.uri)".to_owned(),
                "ref = refs/heads/main (attestation, predicate.invocation.configSource.uri)".to_owned(),
                format!("commit = {commit} (attestation, predicate.invocation.configSource.digest.sha1)"),
                format!("pipelineId = {run} (attestation, predicate.invocation.environment.github_run_id)"),
                format!("pipelineUrl = https://github.com/slsa-framework/example-package/actions/runs/{run} (attestation, predicate.invocation.configSource.uri and predicate.invocation.environment.github_run_id)"),
                "pipelineSource = workflow_dispatch (attestation, predicate.invocation.environment.github_event_name)".to_owned(),
                format!("builderId = {builder}@refs/tags/{version} (attestation, predicate.builder.id)"),
                "buildType = https://github.com/slsa-framework/slsa-github-generator/container@v1 (attestation, predicate.buildType)".to_owned(),
                format!("user = {user} (attestation, predicate.invocation.environment.github_actor)"),
            ]
        );
        assert_eq!(read.facts.contradictions(), []);
    }
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn what_buildkit_wrote_into_an_index_is_read() {
    let statement = recorded(
        "slsa-github-generator-v2.1.0/blobs/sha256/8d63b5e440cc7cfa68622b4a3cae2dbe215f8f8dcc9f2fa4ffd3078d40d61a84",
    );
    let read = Provenance::parse(SLSA_V0_2, &statement, Source::BuildStatement).unwrap();
    assert_eq!(read.shape, Shape::BuildKit);
    assert_eq!(
        told(&read.facts),
        [
            "sourceRepository = https://github.com/slsa-framework/example-package (build statement, predicate.invocation.configSource.uri)",
            "commit = 4d329c75e7ec1725f7c9ce917a8799d408d06be3 (build statement, predicate.invocation.configSource.digest.sha1)",
            "buildType = https://mobyproject.org/buildkit@v1 (build statement, predicate.buildType)",
            "startedOn = 2025-02-25T21:57:06.800879795Z (build statement, predicate.metadata.buildStartedOn)",
            "finishedOn = 2025-02-25T21:57:29.66049539Z (build statement, predicate.metadata.buildFinishedOn)",
            "base image golang:1.21 = docker.io/library/golang@sha256:4746d26432a9… (build statement, predicate.materials[0].uri)",
            "base image gcr.io/distroless/static = gcr.io/distroless/static@sha256:3f2b64ef97bd… (build statement, predicate.materials[1].uri)",
        ]
    );
}
