//! Signatures that others made with the public-good Sigstore.

use super::*;

/// Reads a file of the folder that `ASSAY_VECTORS` names.
fn vector(path: &str) -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the vectors lie is the test's own setting"
    )]
    let folder =
        std::env::var("ASSAY_VECTORS").expect("ASSAY_VECTORS names the folder of the vectors");
    std::fs::read(std::path::Path::new(&folder).join(path)).unwrap()
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn the_bundle_cosign_3_wrote_for_a_public_image_is_accepted_for_that_image_only() {
    let content = vector("cosign-v3/kubewarden-controller-v1.34.0.bundle.json");
    let candidate = Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(&content),
        content: content.into(),
        annotations: BTreeMap::new(),
    };
    let root = TrustRoot::public_good().unwrap();
    let against = Against::Certificate { trust_root: &root };
    let signed: Digest = "sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172"
        .parse()
        .unwrap();
    let verified = verify(&candidate, &signed, against).unwrap();
    let Signer::Certificate(identity) = verified.signer() else {
        panic!("not a certificate")
    };
    assert_eq!(
        identity.oidc_issuer,
        "https://token.actions.githubusercontent.com"
    );
    assert_eq!(
        identity.source_repository_ref.as_deref(),
        Some("refs/tags/v1.34.0")
    );
    assert_eq!(verified.log_index(), Some(1_261_105_807));
    assert_eq!(
        verified.signed_at(),
        Some("2026-04-09T07:23:29Z".parse().unwrap())
    );
    assert_eq!(
        verify(&candidate, &image(), against).unwrap_err(),
        SignatureError::OtherImage {
            presented: signed.to_string()
        }
    );
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn the_public_root_as_published_is_read() {
    let text = String::from_utf8(vector("cosign-v3/trusted_root_public_good.json")).unwrap();
    TrustRoot::from_json(&text).unwrap();
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn every_claim_of_a_real_gitlab_certificate_is_read() {
    let attestation: Value = serde_json::from_slice(&vector(
        "gitlab/gitlab_oidc_project-0.0.3.tar.gz.publish.attestation",
    ))
    .unwrap();
    let der = STANDARD
        .decode(
            attestation["verification_material"]["certificate"]
                .as_str()
                .unwrap(),
        )
        .unwrap();
    let identity = Identity::from_certificate(&der).unwrap();
    let config =
        "https://gitlab.com/facutuesca/gitlab-oidc-project//.gitlab-ci.yml@refs/heads/main";
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        identity,
        Identity {
            oidc_issuer: "https://gitlab.com".to_owned(),
            san: San::Uri(config.to_owned()),
            build_signer_uri: some(config),
            runner_environment: some("gitlab-hosted"),
            source_repository_uri: some("https://gitlab.com/facutuesca/gitlab-oidc-project"),
            source_repository_digest: some("72f7c63b75eb55ea80864962f0e645c93414da34"),
            source_repository_ref: some("refs/heads/main"),
            source_repository_identifier: some("55235664"),
            build_config_uri: some(config),
            build_trigger: some("push"),
            run_invocation_uri: some(
                "https://gitlab.com/facutuesca/gitlab-oidc-project/-/jobs/8415754949"
            ),
            deployment_environment: None,
            token_subject: None,
        }
    );
}

#[test]
#[ignore = "needs ASSAY_VECTORS"]
fn an_attestation_of_a_public_image_is_told_from_a_signature() {
    let content = vector("cosign-v3/oci-attestation.sigstore.json");
    let candidate = Candidate {
        layout: Layout::Bundle,
        digest: Digest::of(&content),
        content: content.into(),
        annotations: BTreeMap::new(),
    };
    let root = TrustRoot::public_good().unwrap();
    let result = verify(
        &candidate,
        &image(),
        Against::Certificate { trust_root: &root },
    );
    assert_eq!(
        result.unwrap_err(),
        SignatureError::PredicateType {
            presented: "https://cosign.sigstore.dev/attestation/v1".to_owned()
        }
    );
}
