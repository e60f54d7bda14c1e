//! Real images with attestations by others, judged end to end from their folders.

use std::path::{Path, PathBuf};

use super::bench::Bench;

const BUILDER: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml";
const OIDC_ISSUER: &str = "https://token.actions.githubusercontent.com";
const PROVENANCE: &str = "https://slsa.dev/provenance/v0.2";

/// The folder of the vectors.
fn vectors() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the vectors lie is the test's own setting"
    )]
    let folder =
        std::env::var("ASSAY_VECTORS").expect("ASSAY_VECTORS names the folder of the vectors");
    Path::new(&folder).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ASSAY_VECTORS"]
async fn recorded_layouts_are_accepted_for_the_attestation_of_their_builder_alone() {
    let bench = Bench::new().await;
    let root = vectors().join("cosign-v3/trusted_root_public_good.json");
    for version in ["v1.4.0", "v2.1.0"] {
        let folder = vectors().join(format!("oci-layouts/slsa-github-generator-{version}"));
        let image = format!("oci:{}", folder.display());
        let own = format!("{BUILDER}@refs/tags/{version}");
        let other = format!("{BUILDER}@refs/tags/v9.9.9");
        let verify = async |identity: &str, more: &[&str]| {
            let flags = [
                "verify",
                image.as_str(),
                "--trust-root",
                root.to_str().unwrap(),
                "--certificate-identity",
                identity,
                "--certificate-oidc-issuer",
                OIDC_ISSUER,
            ];
            bench.run(&[&flags[..], more].concat()).await
        };
        let accepted = verify(&own, &["--attestation", PROVENANCE]).await;
        assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
        assert!(accepted.stdout.starts_with(&format!("{image}@sha256:")));
        for (identity, more, code) in [
            (&own, &[][..], "[PredicateMismatch]"),
            (&other, &["--attestation", PROVENANCE], "[IdentityMismatch]"),
            (
                &own,
                &["--attestation", "https://slsa.dev/provenance/v1"],
                "[PredicateMismatch]",
            ),
        ] {
            let refused = verify(identity, more).await;
            assert_eq!(refused.code, Some(1), "{}", refused.stderr);
            assert!(refused.stderr.contains(code), "{}", refused.stderr);
        }
    }
}
