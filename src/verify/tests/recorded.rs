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
