//! Which facts cannot both be true.

use rstest::rstest;

use super::*;

#[rstest]
#[case::ref_after_it(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "git+https://gitlab.com/acme/shop.git@refs/heads/main"
)]
#[case::over_ssh(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "git@gitlab.com:acme/shop.git"
)]
#[case::port_of_ssh(
    FactName::SourceRepository,
    "https://git.example/acme/shop",
    "ssh://git@git.example:2222/acme/shop.git"
)]
#[case::fragment(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://GitLab.com/acme/shop.git#refs/tags/v1"
)]
#[case::slash(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab.com/acme/shop/"
)]
#[case::credentials(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab-ci-token:secret@gitlab.com/acme/shop.git"
)]
#[case::default_port(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab.com:443/acme/shop"
)]
#[case::path_alone(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "acme/shop"
)]
#[case::tag(FactName::Ref, "refs/tags/v1.8.2", "v1.8.2")]
#[case::branch(FactName::Ref, "refs/heads/main", "main")]
#[case::attempts(
    FactName::PipelineUrl,
    "https://github.com/a/b/actions/runs/7/attempts/1",
    "https://github.com/a/b/actions/runs/7"
)]
#[case::host_of_a_job(
    FactName::JobUrl,
    "https://GitLab.com/a/b/-/jobs/7",
    "https://gitlab.com/a/b/-/jobs/7/"
)]
#[case::class_and_runner(FactName::Runner, "self-hosted", "https://gitlab.com/a/b/-/runners/7")]
#[case::runner_and_workflow(
    FactName::BuilderId,
    "https://gitlab.com/a/b/-/runners/7",
    "https://github.com/a/b/.github/workflows/c.yml@refs/heads/main"
)]
#[case::times(FactName::StartedOn, "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z")]
#[case::users(FactName::User, "jane", "42")]
fn the_same_in_other_words_is_no_contradiction(
    #[case] name: FactName,
    #[case] one: &str,
    #[case] other: &str,
) {
    assert!(!name.contradicts(one, other));
    assert!(!name.contradicts(other, one));
}

#[rstest]
#[case::fork(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab.com/fork/shop"
)]
#[case::other_host(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab.com.evil.example/acme/shop"
)]
#[case::end_of_a_path(FactName::SourceRepository, "https://gitlab.com/acme/shop", "me/shop")]
#[case::case_of_a_path(
    FactName::SourceRepository,
    "https://gitlab.com/acme/shop",
    "https://gitlab.com/Acme/shop"
)]
#[case::tag_and_branch(FactName::Ref, "refs/tags/main", "refs/heads/main")]
#[case::end_of_a_ref(FactName::Ref, "refs/heads/x/main", "main")]
#[case::ref_in_a_ref(FactName::Ref, "refs/heads/refs/heads/main", "refs/heads/main/")]
#[case::short_commit(
    FactName::Commit,
    "4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c",
    "4f3c2b1"
)]
#[case::pipeline(FactName::PipelineId, "7", "77")]
#[case::run(
    FactName::PipelineUrl,
    "https://github.com/a/b/actions/runs/7",
    "https://github.com/a/b/actions/runs/77"
)]
#[case::job(
    FactName::JobUrl,
    "https://gitlab.com/a/b/-/jobs/7",
    "https://gitlab.com/a/c/-/jobs/7"
)]
#[case::source(FactName::PipelineSource, "push", "merge_request_event")]
#[case::runners(
    FactName::Runner,
    "https://gitlab.com/a/b/-/runners/7",
    "https://gitlab.com/a/b/-/runners/8"
)]
#[case::classes(FactName::Runner, "github-hosted", "self-hosted")]
#[case::workflows(
    FactName::BuilderId,
    "https://github.com/a/b/.github/workflows/c.yml@refs/heads/main",
    "https://github.com/a/b/.github/workflows/d.yml@refs/heads/main"
)]
fn what_cannot_both_be_true_is_a_contradiction(
    #[case] name: FactName,
    #[case] one: &str,
    #[case] other: &str,
) {
    assert!(name.contradicts(one, other));
    assert!(name.contradicts(other, one));
}

#[test]
fn a_contradiction_names_the_more_trusted_fact_first() {
    let other_commit = "9".repeat(40);
    let annotations = [("com.gitlab.ci.commit.sha".to_owned(), other_commit.clone())].into();
    let signed = Facts::of_signature_annotations(&annotations);
    let certified = Facts::of_certificate(&gitlab_identity());
    let expected = Contradiction {
        name: FactName::Commit,
        trusted: Fact {
            value: "4f3c2b1a0d9e8f7c6b5a4d3e2f1c0b9a8d7e6f5c".to_owned(),
            source: Source::Certificate,
            path: "extension .13".to_owned(),
        },
        other: Fact {
            value: other_commit,
            source: Source::SignatureAnnotation,
            path: "com.gitlab.ci.commit.sha".to_owned(),
        },
    };
    let found = signed.merged(certified).contradictions();
    assert_eq!(found, [expected]);
}

#[test]
fn a_job_is_compared_with_the_link_to_it() {
    let link = "https://gitlab.com/acme/shop/api/-/jobs/8";
    let annotations = [("com.gitlab.ci.job.url".to_owned(), link.to_owned())].into();
    let facts = Facts::of_certificate(&gitlab_identity())
        .merged(Facts::of_signature_annotations(&annotations));
    let names = facts.contradictions().into_iter().map(|it| it.name);
    assert_eq!(
        names.collect::<Vec<_>>(),
        [FactName::JobId, FactName::JobUrl]
    );
}

/// Its text and that of the documentation's own example agree.
#[test]
fn the_certificate_of_the_job_agrees_with_what_the_job_attests() {
    let certified = Facts::of_certificate(&gitlab_identity());
    for name in ["gitlab-runner", "gitlab"] {
        let attested = read(name).facts;
        assert_eq!(certified.clone().merged(attested).contradictions(), []);
    }
}

#[test]
fn what_a_job_writes_does_not_make_a_tag_of_the_short_name_in_its_certificate() {
    let mut identity = gitlab_identity();
    identity.source_repository_ref = Some("v1.8.2".to_owned());
    let annotations = [(
        "com.gitlab.ci.commit.ref.name".to_owned(),
        "refs/tags/v1.8.2".to_owned(),
    )];
    let facts = Facts::of_certificate(&identity)
        .merged(Facts::of_signature_annotations(&annotations.into()));
    assert!(facts.all(FactName::Ref).len() > 1, "{facts:?}");
    assert_eq!(facts.ref_name().unwrap().value, "v1.8.2");
}
