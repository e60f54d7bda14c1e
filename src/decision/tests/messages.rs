//! The whole line of every cause.

use std::time::Duration;

use insta::assert_snapshot;

use super::build::*;
use crate::{
    decision::{
        Asked, Candidates, Cause, Denial, LookupFailure, Reader, Refusal, WhyUnsigned,
        cause::{Obstacle, Rejection, Unmatched},
        message, warning,
    },
    image::{Reference, Repository},
    policy::{Authority, AuthorityKind, Policy, TrustRootName},
    verify::SignatureError,
};

fn gitlab_policy() -> Policy {
    policy(vec![gitlab_authority()])
}

fn key_policy() -> Policy {
    policy(vec![key_authority("release-key", 0)])
}

fn keyless(trust_root: TrustRootName) -> Authority {
    let kind = AuthorityKind::Keyless {
        oidc_issuer: "https://issuer.example".to_owned(),
        san: pattern("https://partner.example/*"),
    };
    Authority {
        trust_root: Some(trust_root),
        ..authority("partner", kind)
    }
}

/// The line when the only candidate fails in this way under every method.
fn line_of_failure(policy: Policy, error: SignatureError) -> String {
    let candidate = checked(&policy, 1, &failed(error));
    line(&judged(policy, found(IMAGE, vec![candidate])))
}

pub(super) fn line_of_lookup(failure: LookupFailure) -> String {
    let reference: Reference = IMAGE.parse().unwrap();
    line(&judged(gitlab_policy(), found_at(&reference, Err(failure))))
}

pub(super) fn denial_of(cause: impl Into<Cause>) -> Denial {
    Denial {
        slot: slot("api", IMAGE),
        digest: None,
        policy: Some(gitlab_policy().scope.id),
        cause: cause.into(),
        judged: 1,
        help: None,
        lowered_by: None,
    }
}

#[test]
fn signature_missing_in_a_gitlab_project() {
    assert_snapshot!(line(&judged(gitlab_policy(), found(IMAGE, vec![]))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn signature_missing_where_a_key_is_accepted() {
    assert_snapshot!(line(&judged(key_policy(), found(IMAGE, vec![]))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it with an accepted key: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn signature_missing_where_signatures_live_elsewhere() {
    let mut policy = gitlab_policy();
    policy.signature_repository = Some("registry.example/signatures".parse().unwrap());
    let there: Repository = "registry.example/signatures".parse().unwrap();
    let places = inquiry(IMAGE, Vec::new()).places.only_in(there.clone());
    let found = found_in(places, [(there, Ok(Candidates::default()))]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature (looked in registry.example/signatures) [SignatureMissing]; sign it in the GitLab release pipeline: COSIGN_REPOSITORY=registry.example/signatures cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn signature_missing_with_the_help_of_the_policy() {
    let mut policy = gitlab_policy();
    policy.help = Some("Release guide:\nhttps://wiki.acme.example/release".to_owned());
    assert_snapshot!(line(&judged(policy, found(IMAGE, vec![]))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000; Release guide: https://wiki.acme.example/release"#);
}

#[test]
fn signed_child_only() {
    let mut found = found(IMAGE, vec![]);
    found.unsigned = Some(WhyUnsigned::SignedChild(other_digest()));
    assert_snapshot!(line(&judged(gitlab_policy(), found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) is an index without a signature, only its platform manifest sha256:99aa00000000… is signed [SignedChildOnly]; sign the index in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn signature_invalid() {
    let error = SignatureError::Invalid {
        detail: "the signature does not verify".to_owned(),
    };
    assert_snapshot!(line_of_failure(gitlab_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has a signature that is not valid: the signature does not verify [SignatureInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn signature_invalid_as_it_is_another_images() {
    let error = SignatureError::OtherImage {
        presented: other_digest().short(),
    };
    assert_snapshot!(line_of_failure(key_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has a signature that is not valid: signs another image (sha256:99aa00000000…) [SignatureInvalid]; sign it again with an accepted key: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn certificate_invalid() {
    let error = SignatureError::Certificate {
        detail: "expired before the signing time".to_owned(),
    };
    assert_snapshot!(line_of_failure(gitlab_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has a signature whose certificate is not valid: expired before the signing time [CertificateInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn timestamp_missing() {
    let error = SignatureError::Timestamp {
        detail: "no signed time".to_owned(),
    };
    assert_snapshot!(line_of_failure(gitlab_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has a signature without a verified time: no signed time [TimestampMissing]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn log_entry_invalid() {
    let error = SignatureError::LogEntry {
        detail: "the entry is of another signature".to_owned(),
    };
    assert_snapshot!(line_of_failure(gitlab_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has a signature without a valid transparency log entry: the entry is of another signature [LogEntryInvalid]; sign it again in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn predicate_mismatch() {
    let error = SignatureError::PredicateType {
        presented: "https://spdx.dev/Document".to_owned(),
    };
    assert_snapshot!(line_of_failure(gitlab_policy(), error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature, only an attestation of type https://spdx.dev/Document [PredicateMismatch]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn identity_mismatch_of_the_project() {
    let policy = gitlab_policy();
    let fork = gitlab_identity_of("acme/fork", "refs/heads/main");
    let found = found(IMAGE, vec![checked_by_identity(&policy, 1, &fork)]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by gitlab.com/acme/fork ref refs/heads/main, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn identity_mismatch_of_one_more_fact() {
    let policy = policy(vec![gitlab_authority(), keyless(TrustRootName::Public)]);
    let mut identity = gitlab_identity();
    identity.build_trigger = Some("merge_request_event".to_owned());
    let found = found(IMAGE, vec![checked_by_identity(&policy, 1, &identity)]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by gitlab.com/acme/shop/api ref refs/tags/v1.8.2 with pipeline source merge_request_event, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* with pipeline source any but merge requests or 1 more [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn identity_mismatch_as_the_certificate_does_not_say_protected() {
    let mut job = gitlab_job();
    job.protected_ref = true;
    let policy = policy(vec![authority(
        "release",
        AuthorityKind::GitLab(Box::new(job)),
    )]);
    let found = found(
        IMAGE,
        vec![checked_by_identity(&policy, 1, &gitlab_identity())],
    );
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by gitlab.com/acme/shop/api ref refs/tags/v1.8.2 with no token subject in the certificate, policy "shop-production" accepts gitlab.com/acme/shop/api ref refs/tags/v* with token subject saying ref_protected:true [IdentityMismatch]; protect the ref and let the project's ID tokens name ref_protected (GitLab 18.7)"#);
}

#[test]
fn identity_mismatch_of_a_key_where_an_identity_is_asked_for() {
    let error = SignatureError::OtherKind("has no certificate");
    let policy = policy(vec![keyless(TrustRootName::Public)]);
    assert_snapshot!(line_of_failure(policy, error), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by a key, policy "shop-production" accepts https://partner.example/* (https://issuer.example) [IdentityMismatch]; deploy an image built by the release pipeline"#);
}

#[test]
fn image_not_in_project() {
    let image = "registry.gitlab.com/acme/copy:1";
    let policy = gitlab_policy();
    let found = found(
        image,
        vec![checked_by_identity(&policy, 1, &gitlab_identity())],
    );
    let plan = plan_of(vec![("api", image)], vec![policy]);
    let evidence = evidence_of(image, found);
    assert_snapshot!(line(&crate::decision::decide(&plan, &evidence)), @r#"container "api": registry.gitlab.com/acme/copy:1 (sha256:ab12cd34ef56…) was signed by project acme/shop/api, but acme/copy is not its registry path, and policy "shop-production" asks for that [ImageNotInProject]; deploy the image from acme/shop/api or below"#);
}

#[test]
fn key_mismatch() {
    assert_snapshot!(line_of_failure(key_policy(), SignatureError::OtherKey), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was not signed with an accepted key, policy "shop-production" accepts key sha256:2b66e0d124a3… [KeyMismatch]; sign it with an accepted key: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn key_expired_when_it_signed() {
    let window = between(Some(2024), Some(2025));
    let policy = policy(vec![keys_authority("release-key", &[(0, window)])]);
    let signature = by_key(0).assumed_at(new_year(2026));
    let found = found(IMAGE, vec![checked(&policy, 1, &Ok(signature))]);
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed with a key of authority "release-key" at 2026-01-01T00:00:00Z (verified time), policy "shop-production" accepts that key from 2024-01-01T00:00:00Z until 2025-01-01T00:00:00Z [KeyExpired]; sign it with a key that is accepted now: cosign sign --key <your private key> registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000"#);
}

#[test]
fn threshold_not_met() {
    let mut policy = policy(vec![
        gitlab_authority(),
        key_authority("security", 0),
        key_authority("qa", 1),
    ]);
    policy.require = 2;
    let found = found(
        IMAGE,
        vec![checked_by_identity(&policy, 1, &gitlab_identity())],
    );
    assert_snapshot!(line(&judged(policy, found)), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) was signed by release-pipeline, policy "shop-production" requires 2 distinct authorities, and security and qa did not sign [ThresholdNotMet]; have it signed by security or qa"#);
}

#[test]
fn trust_root_unavailable() {
    let policy = policy(vec![keyless(TrustRootName::Named("private".to_owned()))]);
    let reason = "there is no such ImageTrustRoot".to_owned();
    let candidate = checked(
        &policy,
        1,
        &Err(crate::decision::CheckFailure::TrustRoot { reason }),
    );
    assert_snapshot!(line(&judged(policy, found(IMAGE, vec![candidate]))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: trust root "private" is not available (there is no such ImageTrustRoot) [TrustRootUnavailable]; look at its status: kubectl describe imagetrustroot private"#);
}

#[test]
fn trust_root_expired() {
    let policy = policy(vec![keyless(TrustRootName::Named("private".to_owned()))]);
    let since = "2026-11-20T12:00:00Z".parse().unwrap();
    let candidate = checked(
        &policy,
        1,
        &Err(crate::decision::CheckFailure::TrustRootExpired { since }),
    );
    assert_snapshot!(line(&judged(policy, found(IMAGE, vec![candidate]))), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: trust root "private" has been out of date since 2026-11-20T12:00:00Z [TrustRootExpired]; its TUF mirror must answer with fresh metadata: kubectl describe imagetrustroot private"#);
}

#[test]
fn no_policy_matches() {
    let repository = IMAGE.parse::<Reference>().unwrap().repository().clone();
    let denial = |by| Denial {
        policy: None,
        ..denial_of(Rejection::NoPolicyMatches {
            repository: repository.clone(),
            by,
        })
    };
    assert_snapshot!(denial(Unmatched::ByAny), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 is matched by no policy [NoPolicyMatches]; ask for a policy that matches registry.gitlab.com/acme/shop/api"#);
    assert_snapshot!(denial(Unmatched::ByCluster), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 is matched by no cluster policy, and those of the namespace only add to them [NoPolicyMatches]; ask for a cluster policy that matches registry.gitlab.com/acme/shop/api"#);
}

#[test]
fn policy_broken() {
    let reason = "authorities[0].key.pem: expected a PEM block `PUBLIC KEY`".to_owned();
    assert_snapshot!(denial_of(Obstacle::PolicyBroken { reason }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 could not be checked: policy "shop-production" does not compile (authorities[0].key.pem: expected a PEM block `PUBLIC KEY`) [PolicyBroken]; its author must correct it: kubectl describe clusterimagetrustpolicy shop-production"#);
}

#[test]
fn image_not_found() {
    assert_snapshot!(denial_of(Rejection::ImageNotFound), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 was not found in the registry [ImageNotFound]; push it, or look at the pull secret: without permission a registry may answer the same"#);
}

#[test]
fn reference_invalid() {
    let reason = "registry.example/Shop:1".parse::<Reference>().unwrap_err();
    assert_snapshot!(denial_of(Rejection::ReferenceInvalid { reason }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 is no image reference: repository paths are lower case, found "Shop" [ReferenceInvalid]; write it as registry.example/path:tag"#);
}

/// With no pull secret that is of no use.
pub(super) fn a_pod() -> Reader {
    Reader::Pod {
        useless: Vec::new(),
    }
}

#[test]
fn registry_unauthorized_with_a_pull_secret() {
    let tried = vec!["pull secret \"regcred\"".to_owned()];
    let asked = Asked::ImageRegistry;
    assert_snapshot!(denial_of(Obstacle::RegistryUnauthorized { asked, status: 403, tried, forbidden: vec![], reader: a_pod() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 could not be checked: the registry refused pull secret "regcred" (403) [RegistryUnauthorized]; the deploy token needs read_registry"#);
}

#[test]
fn registry_unauthorized_with_an_old_token() {
    let tried = vec![
        "pull secret \"a\"".to_owned(),
        "pull secret \"b\"".to_owned(),
    ];
    assert_snapshot!(line_of_lookup(LookupFailure::Unauthorized { status: 401, tried, forbidden: vec![], reader: a_pod() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry refused pull secret "a" and pull secret "b" (401) [RegistryUnauthorized]; renew it: the token is wrong, has expired or lacks read_registry"#);
}

#[test]
fn registry_unauthorized_with_the_clouds_identity() {
    let tried = vec!["the workload identity for ECR (STS answered 403)".to_owned()];
    assert_snapshot!(line_of_lookup(LookupFailure::Unauthorized { status: 401, tried, forbidden: vec![], reader: a_pod() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry refused the workload identity for ECR (STS answered 403) (401) [RegistryUnauthorized]; let that identity pull there, or add a pull secret"#);
}

#[test]
fn registry_unauthorized_without_credentials() {
    assert_snapshot!(line_of_lookup(LookupFailure::Unauthorized { status: 401, tried: vec![], forbidden: vec![], reader: a_pod() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry refused anonymous access (401) [RegistryUnauthorized]; add a pull secret whose token has read_registry"#);
}

#[test]
fn registry_unauthorized_where_assay_may_not_read_the_secret() {
    let forbidden = vec!["pull secret \"regcred\" of namespace \"shop\"".to_owned()];
    assert_snapshot!(line_of_lookup(LookupFailure::Unauthorized { status: 401, tried: vec![], forbidden, reader: a_pod() }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry refused anonymous access (401), and Assay may not read pull secret "regcred" of namespace "shop" [RegistryUnauthorized]; let it read pull secrets there: list the namespace in pullSecrets.namespaces of its Helm values"#);
}

#[test]
fn registry_unauthorized_as_the_secret_cannot_be_read() {
    let detail = "secret \"regcred\": forbidden".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::PullSecret { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the pull secrets could not be read (secret "regcred": forbidden) [RegistryUnauthorized]; see that the secret exists and that Assay may read it"#);
}

#[test]
fn registry_rate_limited() {
    assert_snapshot!(line_of_lookup(LookupFailure::RateLimited { wait: None }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry limits the rate of requests (429) [RegistryRateLimited]; try again later, or use a pull secret with a higher limit"#);
}

#[test]
fn registry_rate_limited_with_the_time_to_wait() {
    let told = |seconds| {
        let wait = Some(Duration::from_secs(seconds));
        let line = line_of_lookup(LookupFailure::RateLimited { wait });
        let asks = line.split_once(" and asks to wait ").expect("told").1;
        asks.split_once(" [").expect("a code").0.to_owned()
    };
    let waits = [0, 7, 31, 120, 121, 3600, 21_600, 200_000].map(told);
    assert_eq!(
        waits,
        [
            "1 s", "7 s", "40 s", "120 s", "3 min", "60 min", "6 h", "60 h"
        ]
    );
}

#[test]
fn registry_unavailable() {
    let detail = "answered 502".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::Unavailable { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry answered 502 [RegistryUnavailable]; try again when the registry answers"#);
}

#[test]
fn registry_unavailable_where_signatures_live_elsewhere() {
    let asked = Asked::SignatureRepository("registry.example/signatures".parse().unwrap());
    let detail = "could not be reached (connection refused)".to_owned();
    assert_snapshot!(denial_of(Obstacle::RegistryUnavailable { asked, detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 could not be checked: signature repository registry.example/signatures could not be reached (connection refused) [RegistryUnavailable]; try again when the registry answers"#);
}

#[test]
fn registry_unavailable_as_nothing_is_sent_to_its_address() {
    let host = "metadata.example".to_owned();
    let reason = "which is at 169.254.169.254, a link-local address".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::AddressRefused { host, reason }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: Assay sends no request to metadata.example, which is at 169.254.169.254, a link-local address [RegistryUnavailable]; if it is a registry of yours, name it as a prefix in Assay's registries"#);
}

#[test]
fn registry_tls_failed() {
    let detail = "invalid peer certificate: UnknownIssuer".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::Tls { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the TLS connection to the registry failed (invalid peer certificate: UnknownIssuer) [RegistryTlsFailed]; name the registry's CA in caFile of Assay's registries"#);
}

#[test]
fn registry_tls_failed_with_an_expired_certificate() {
    let detail = "the certificate has expired".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::Tls { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the TLS connection to the registry failed (the certificate has expired) [RegistryTlsFailed]; its operator must renew it"#);
}

/// What the token service or the storage of a registry says.
fn line_of_elsewhere(failure: LookupFailure) -> String {
    line_of_lookup(LookupFailure::Elsewhere {
        host: "gitlab.com".to_owned(),
        failure: Box::new(failure),
    })
}

#[test]
fn registry_unavailable_where_the_registry_leads() {
    let detail = "answered 502".to_owned();
    assert_snapshot!(line_of_elsewhere(LookupFailure::Unavailable { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: gitlab.com, to which the registry leads, answered 502 [RegistryUnavailable]; try again when the registry answers"#);
}

#[test]
fn registry_tls_failed_where_the_registry_leads() {
    let detail = "invalid peer certificate: UnknownIssuer".to_owned();
    assert_snapshot!(line_of_elsewhere(LookupFailure::Tls { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the TLS connection to gitlab.com, to which the registry leads, failed (invalid peer certificate: UnknownIssuer) [RegistryTlsFailed]; name its CA in caFile of Assay's registries, under a prefix of its own"#);
}

#[test]
fn registry_unauthorized_where_the_registry_leads() {
    let failure = LookupFailure::Unauthorized {
        status: 403,
        tried: vec![],
        forbidden: vec![],
        reader: a_pod(),
    };
    assert_snapshot!(line_of_elsewhere(failure), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: gitlab.com, to which the registry leads, refused anonymous access (403) [RegistryUnauthorized]; if it is the token service: add a pull secret; if it is the storage: mend the registry's access to it"#);
}

#[test]
fn registry_timeout_where_the_registry_leads() {
    assert_snapshot!(line_of_elsewhere(LookupFailure::Timeout), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: gitlab.com, to which the registry leads, did not answer in time [RegistryTimeout]; try again when the registry answers"#);
}

#[test]
fn registry_tls_failed_as_it_wants_to_know_its_clients() {
    let detail = "received fatal alert: CertificateRequired".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::Tls { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the TLS connection to the registry failed (received fatal alert: CertificateRequired) [RegistryTlsFailed]; name a client certificate in clientCertFile and clientKeyFile of Assay's registries"#);
}

#[test]
fn registry_timeout() {
    assert_snapshot!(line_of_lookup(LookupFailure::Timeout), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the registry did not answer in time [RegistryTimeout]; try again when the registry answers"#);
}

#[test]
fn deadline_exceeded() {
    assert_snapshot!(line_of_lookup(LookupFailure::Deadline), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: the time for this request ran out [DeadlineExceeded]; try again: what was read so far is remembered for a while"#);
}

#[test]
fn limit_exceeded() {
    let detail = "51 signature candidates, at most 50 are read".to_owned();
    assert_snapshot!(line_of_lookup(LookupFailure::Limit { detail }), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) could not be checked: 51 signature candidates, at most 50 are read [LimitExceeded]; remove what is not needed: the limit protects the cluster"#);
}

#[test]
fn a_refusal_has_one_line_per_image() {
    let denials = vec![
        denial_of(Rejection::ImageNotFound),
        Denial {
            slot: slot("db", "db:2"),
            ..denial_of(Obstacle::DeadlineExceeded)
        },
    ];
    let refusal = Refusal {
        denials,
        images: vec![],
        warnings: vec![],
        audits: vec![],
        judged: vec![],
        labels: vec![],
    };
    assert_snapshot!(message(&refusal), @r#"
    container "api": registry.gitlab.com/acme/shop/api:1.8.2 was not found in the registry [ImageNotFound]; push it, or look at the pull secret: without permission a registry may answer the same
    container "db": db:2 could not be checked: the time for this request ran out [DeadlineExceeded]; try again: what was read so far is remembered for a while
    "#);
}

#[test]
fn what_does_not_fit_is_counted() {
    let found = found(IMAGE, vec![]);
    let names: Vec<String> = (0..12).map(|number| format!("c{number}")).collect();
    let plan = plan_of(
        names.iter().map(|name| (name.as_str(), IMAGE)).collect(),
        vec![gitlab_policy()],
    );
    let evidence = evidence_of(IMAGE, found);
    assert_snapshot!(line(&crate::decision::decide(&plan, &evidence)), @r#"
    container "c0": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000
    container "c1": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000
    container "c2": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]; sign it in the GitLab release pipeline: cosign sign registry.gitlab.com/acme/shop/api@sha256:ab12cd34ef560000000000000000000000000000000000000000000000000000
    and 9 more
    "#);
}

#[test]
fn a_warning_keeps_container_and_code_in_120_characters() {
    let short = Denial {
        slot: slot("api", "db:2"),
        ..denial_of(Rejection::ImageNotFound)
    };
    assert_snapshot!(warning(&short), @r#"container "api": db:2 was not found in the registry [ImageNotFound]"#);
    let found = found(IMAGE, vec![]);
    let crate::decision::Decision::Deny(refusal) = judged(gitlab_policy(), found) else {
        panic!("an unsigned image was admitted")
    };
    assert_snapshot!(warning(&refusal.denials[0]), @r#"container "api": registry.gitlab.com/acme/shop/api:1.8.2 (sha256:ab12cd34ef56…) has no signature [SignatureMissing]"#);
    let long = Denial {
        slot: slot(
            &"n".repeat(63),
            &format!("registry.example/{}:1", "p/".repeat(60)),
        ),
        ..denial_of(Obstacle::RegistryTimeout {
            asked: Asked::ImageRegistry,
        })
    };
    assert_snapshot!(warning(&long), @r#"container "nnnnnnnnnnnnnnnnnnnnn…": registry.example/p/p/…/p/p/p/p/p/p/p/p/p/:1 could not be checked [RegistryTimeout]"#);
}
