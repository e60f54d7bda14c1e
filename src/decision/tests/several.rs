//! The whole line where several signatures were judged.

use insta::assert_snapshot;

use super::build::*;
use crate::{
    decision::Checked,
    policy::{AuthorityKind, Policy},
    verify::SignatureError,
};

fn line_of(policy: &Policy, candidates: Vec<Checked>) -> String {
    line(&judged(policy.clone(), found(IMAGE, candidates)))
}

/// Two candidates, of which the second fails in this way.
fn line_beside_junk(error: SignatureError) -> String {
    let policy = policy(vec![gitlab_authority()]);
    let junk = failed(SignatureError::OtherKind("made with a key"));
    let candidates = vec![
        checked(&policy, 1, &junk),
        checked(&policy, 2, &failed(error)),
    ];
    line_of(&policy, candidates)
}

#[test]
fn none_by_an_accepted_identity() {
    let policy = policy(vec![gitlab_authority()]);
    let candidates = vec![
        checked_by_identity(
            &policy,
            1,
            &gitlab_identity_of("mallory/api", "refs/tags/v1"),
        ),
        checked_by_identity(
            &policy,
            2,
            &gitlab_identity_of("acme/shop/api", "refs/heads/x"),
        ),
    ];
    assert_snapshot!(line_of(&policy, candidates), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none by gitlab.com/acme/shop/api ref refs/tags/v* as policy "shop-production" asks, the closest is by gitlab.com/acme/shop/api ref refs/heads/x [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn none_by_an_accepted_identity_where_one_fact_decides() {
    let mut job = gitlab_job();
    job.pipeline_sources = vec!["web".to_owned()];
    let policy = policy(vec![
        authority("release", AuthorityKind::GitLab(Box::new(job))),
        key_authority("key", 0),
    ]);
    let candidates = vec![
        checked_by_identity(&policy, 1, &gitlab_identity()),
        checked_by_identity(
            &policy,
            2,
            &gitlab_identity_of("mallory/api", "refs/tags/v1"),
        ),
        checked_by_key(&policy, 3, 1),
    ];
    assert_snapshot!(line_of(&policy, candidates), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 3 signatures found, none by gitlab.com/acme/shop/api ref refs/tags/v* with pipeline source web or 1 more as policy "shop-production" asks, the closest is by gitlab.com/acme/shop/api ref refs/tags/v1.8.2 with pipeline source push [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn none_by_an_accepted_key() {
    let policy = policy(vec![key_authority("release-key", 0)]);
    let candidates = vec![checked_by_key(&policy, 1, 1), checked_by_key(&policy, 2, 1)];
    assert_snapshot!(line_of(&policy, candidates), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none by key sha256:2b66e0d124a3… as policy "shop-production" asks [KeyMismatch]; sign it with an accepted key: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn none_in_its_project() {
    let mut job = gitlab_job();
    job.project = pattern("acme/**");
    let policy = policy(vec![authority(
        "release",
        AuthorityKind::GitLab(Box::new(job)),
    )]);
    let candidates = vec![
        checked_by_identity(&policy, 1, &gitlab_identity_of("acme/copy", "refs/tags/v1")),
        checked_by_identity(
            &policy,
            2,
            &gitlab_identity_of("mallory/api", "refs/tags/v1"),
        ),
    ];
    assert_snapshot!(line_of(&policy, candidates), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none accepted: the closest was signed by project acme/copy, but acme/shop/api is not its registry path, and policy "shop-production" asks for that [ImageNotInProject]; deploy the image from acme/copy or below"#);
}

#[test]
fn none_in_the_time_of_its_key() {
    let policy = policy(vec![keys_authority(
        "release-key",
        &[(0, between(None, Some(2025)))],
    )]);
    let candidates = vec![checked_by_key(&policy, 1, 0), checked_by_key(&policy, 2, 1)];
    assert_snapshot!(line_of(&policy, candidates), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none accepted: the closest was signed with a key of authority "release-key", policy "shop-production" accepts that key until 2025-01-01T00:00:00Z; the signature carries no verified time, so the present time counts, which is later [KeyExpired]; sign it with a key that is accepted now: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn each_step_is_named() {
    let detail = || "expected this, found that".to_owned();
    assert_snapshot!(line_beside_junk(SignatureError::Invalid { detail: detail() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none valid: the closest fails at the signature: expected this, found that [SignatureInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
    assert_snapshot!(line_beside_junk(SignatureError::Certificate { detail: detail() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none valid: the closest fails at the certificate: expected this, found that [CertificateInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
    assert_snapshot!(line_beside_junk(SignatureError::Timestamp { detail: detail() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none valid: the closest fails at the verified time: expected this, found that [TimestampMissing]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
    assert_snapshot!(line_beside_junk(SignatureError::LogEntry { detail: detail() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) 2 signatures found, none valid: the closest fails at the transparency log entry: expected this, found that [LogEntryInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn attestations_are_no_signatures() {
    let presented = "https://spdx.dev/Document".to_owned();
    let attestation = failed(SignatureError::PredicateType { presented });
    let policy = policy(vec![gitlab_authority()]);
    let [first, second] = [1, 2].map(|number| checked(&policy, number, &attestation));
    assert_snapshot!(line_of(&policy, vec![first.clone(), second]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature, only 2 attestations, one of type https://spdx.dev/Document [PredicateMismatch]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
    let junk = failed(SignatureError::OtherKind("made with a key"));
    let one_signature = vec![first, checked(&policy, 3, &junk)];
    assert_snapshot!(line_of(&policy, one_signature), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by a key, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* [IdentityMismatch]; deploy an image built by the release pipeline"#);
}
