//! Certificates of other platforms, annotations, labels and what lies in an index.

use std::collections::BTreeMap;

use bytes::Bytes;
use rstest::rstest;

use super::*;
use crate::{
    image::{BuildStatement, Contents, PlatformContents},
    limits,
};

fn github_identity() -> Identity {
    let workflow = "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.8.2";
    let some = |text: &str| Some(text.to_owned());
    Identity {
        oidc_issuer: GITHUB_OIDC_ISSUER.to_owned(),
        san: San::Uri(workflow.to_owned()),
        build_signer_uri: some(workflow),
        runner_environment: some("github-hosted"),
        source_repository_uri: some("https://github.com/acme/shop"),
        source_repository_identifier: some("486325809"),
        build_config_uri: some(workflow),
        run_invocation_uri: some(
            "https://github.com/acme/shop/actions/runs/10248293480/attempts/1",
        ),
        ..gitlab_identity()
    }
}

#[test]
fn the_certificate_of_a_github_job_says_what_the_platform_knows_and_agrees_with_its_attestation() {
    let certified = Facts::of_certificate(&github_identity());
    assert_eq!(
        told(&certified),
        [
            "sourceRepository = https://github.com/acme/shop (certificate, extension .12)",
            "ref = refs/tags/v1.8.2 (certificate, extension .14)",
            "commit = 4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c (certificate, extension .13)",
            "pipelineId = 10248293480 (certificate, extension .21)",
            "pipelineUrl = https://github.com/acme/shop/actions/runs/10248293480/attempts/1 (certificate, extension .21)",
            "pipelineSource = push (certificate, extension .20)",
            "runner = github-hosted (certificate, extension .11)",
            "builderId = https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.8.2 (certificate, extension .9)",
        ]
    );
    let attested = read("github").facts;
    assert_eq!(certified.merged(attested).contradictions(), []);
}

#[rstest]
#[case::public_fulcio("https://gitlab.com/")]
#[case::below_the_root("https://git.example/gitlab/")]
#[case::without_the_root("https://git.example/")]
fn a_self_managed_instance_is_that_of_the_oidc_issuer(#[case] prefix: &str) {
    let identity = Identity {
        oidc_issuer: "https://git.example/gitlab".to_owned(),
        san: San::Uri("https://git.example/acme/shop//.gitlab-ci.yml@refs/tags/v1.8.2".to_owned()),
        source_repository_uri: Some(format!("{prefix}acme/shop")),
        run_invocation_uri: Some(format!("{prefix}acme/shop/-/jobs/7")),
        ..gitlab_identity()
    };
    let facts = Facts::of_certificate(&identity);
    let value = |name| facts.best(name).map(|fact| fact.value.as_str());
    assert_eq!(
        value(FactName::SourceRepository),
        Some("https://git.example/gitlab/acme/shop")
    );
    assert_eq!(
        value(FactName::JobUrl),
        Some("https://git.example/gitlab/acme/shop/-/jobs/7")
    );
    assert_eq!(value(FactName::JobId), Some("7"));
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn both_spellings_of_gitlabs_annotations_are_read() {
    let dots = texts([
        ("com.gitlab.ci.commit.ref.name", "main"),
        ("com.gitlab.ci.commit.sha", "4F3C"),
        ("com.gitlab.ci.job.id", "7"),
        ("com.gitlab.ci.job.url", "https://gitlab.com/a/b/-/jobs/7"),
        ("com.gitlab.ci.pipeline.id", "8"),
        (
            "com.gitlab.ci.pipeline.url",
            "https://u:p@gitlab.com/a/b/-/pipelines/8",
        ),
        ("com.gitlab.ci.project.path", "a/b"),
        ("com.gitlab.ci.user.name", "jane"),
        ("tag", "1.8.2"),
    ]);
    let underscores = dots.iter().map(|(key, value)| {
        let parts = ["commit.", "job.", "pipeline.", "project.", "user."];
        let part = parts.into_iter().find(|part| key.contains(part));
        let part = part.unwrap_or("none");
        let key = key.replace(part, &part.replace('.', "_"));
        (key.replace("ref.name", "ref_name"), value.clone())
    });
    let of = |annotations| {
        let facts = Facts::of_signature_annotations(&annotations);
        let values = FactName::ALL.map(|name| facts.best(name).map(|fact| fact.value.clone()));
        values.into_iter().flatten().collect::<Vec<_>>()
    };
    let expected = [
        "a/b",
        "main",
        "4f3c",
        "8",
        "https://gitlab.com/a/b/-/pipelines/8",
        "7",
        "https://gitlab.com/a/b/-/jobs/7",
        "jane",
    ];
    assert_eq!(of(underscores.collect()), expected);
    assert_eq!(of(dots), expected);
}

/// An index of one platform, with something said at every place.
fn contents() -> Contents {
    let platform = Digest::of(b"the platform");
    Contents {
        annotations: texts([
            ("org.opencontainers.image.revision", "aa11"),
            (
                "org.opencontainers.image.base.name",
                "registry.example/base:1",
            ),
            (
                "org.opencontainers.image.base.digest",
                &Digest::of(b"base").to_string(),
            ),
        ]),
        platforms: vec![PlatformContents {
            platform: "linux/amd64".to_owned(),
            digest: platform.clone(),
            annotations: texts([
                ("org.opencontainers.image.revision", "bb22"),
                ("com.gitlab.ci.pipeline_id", ""),
            ]),
            labels: texts([(
                "org.opencontainers.image.source",
                "https://example.com/base.git",
            )]),
        }],
        build_statements: vec![statement(&platform, &vector("buildkit-v0.2"))],
        ..Contents::default()
    }
}

fn statement(platform: &Digest, statement: &[u8]) -> BuildStatement {
    BuildStatement {
        platform: platform.clone(),
        predicate_type: SLSA_V0_2.to_owned(),
        statement: Bytes::copy_from_slice(statement),
    }
}

#[test]
fn everything_that_an_image_says_about_itself_is_read_with_its_place() {
    let facts = Facts::of_contents(&contents());
    let place = "predicate.metadata[\"https://mobyproject.org/buildkit@v1#metadata\"].vcs";
    assert_eq!(
        told(&facts),
        [
            format!("sourceRepository = ssh://gitlab.com/acme/shop/api (build statement, {place}.source)"),
            "sourceRepository = https://example.com/base (label, org.opencontainers.image.source (linux/amd64))".to_owned(),
            format!("commit = 4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c (build statement, {place}.revision)"),
            "commit = aa11 (image annotation, org.opencontainers.image.revision)".to_owned(),
            "commit = bb22 (image annotation, org.opencontainers.image.revision (linux/amd64))".to_owned(),
            "buildType = https://mobyproject.org/buildkit@v1 (build statement, predicate.buildType)".to_owned(),
            "startedOn = 2026-01-02T03:04:05Z (build statement, predicate.metadata.buildStartedOn)".to_owned(),
            "finishedOn = 2026-01-02T03:06:07Z (build statement, predicate.metadata.buildFinishedOn)".to_owned(),
            "base image localhost:5000/acme/base:21 = localhost:5000/acme/base@sha256:121212121212… (build statement, predicate.materials[0].uri)".to_owned(),
            format!("base image registry.example/base:1 = registry.example/base@{} (image annotation, org.opencontainers.image.base.name)", Digest::of(b"base").short()),
        ]
    );
    assert_eq!(facts.unreadable(), []);
}

#[test]
fn a_statement_in_the_index_that_cannot_be_read_is_told_of() {
    let mut contents = contents();
    let platform = contents.platforms[0].digest.clone();
    contents.build_statements.push(statement(&platform, b"{"));
    let facts = Facts::of_contents(&contents);
    let [
        Unreadable {
            source: Source::BuildStatement,
            path,
            ..
        },
    ] = facts.unreadable()
    else {
        panic!("{:?}", facts.unreadable());
    };
    assert_eq!(path, "linux/amd64");
    assert_eq!(facts.base_images().len(), 2);
}

#[test]
fn a_bill_of_materials_in_the_index_says_nothing_about_the_build() {
    let mut contents = contents();
    for statement in &mut contents.build_statements {
        statement.predicate_type = "https://spdx.dev/Document".to_owned();
        statement.statement = Bytes::from_static(b"of any size");
    }
    let facts = Facts::of_contents(&contents);
    assert_eq!(facts.unreadable(), []);
    assert_eq!(facts.base_images().len(), 1);
}

#[test]
fn an_annotation_beyond_the_bound_is_told_of_and_not_cut() {
    let key = "org.opencontainers.image.revision";
    let of = |length: usize| Facts::of_signature_annotations(&texts([(key, &"a".repeat(length))]));
    assert_eq!(of(limits::FACT_BYTES).all(FactName::Commit).len(), 1);
    let long = of(limits::FACT_BYTES + 1);
    assert_eq!(long.all(FactName::Commit), []);
    assert_eq!(
        long.unreadable(),
        [Unreadable {
            source: Source::SignatureAnnotation,
            path: key.to_owned(),
            error: ProvenanceError::Limit {
                what: "bytes of one fact",
                found: limits::FACT_BYTES + 1,
                limit: limits::FACT_BYTES,
            },
        }]
    );
}

#[test]
fn the_same_fact_is_kept_once_for_each_source() {
    let annotations = texts([("org.opencontainers.image.revision", "aa11")]);
    let contents = Contents {
        annotations: annotations.clone(),
        platforms: vec![PlatformContents {
            platform: String::new(),
            digest: Digest::of(b"the manifest"),
            annotations: annotations.clone(),
            labels: annotations,
        }],
        ..Contents::default()
    };
    let facts = Facts::of_contents(&contents);
    let sources = facts.all(FactName::Commit).iter().map(|fact| fact.source);
    let sources: Vec<Source> = sources.collect();
    assert_eq!(sources, [Source::ImageAnnotation, Source::Label]);
}
