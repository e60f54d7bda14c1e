//! `assay verify --attestation`: an attestation instead of a signature.

use assay::sandbox::sigstore::Claims;
use serde_json::{Value, json};

use super::bench::Bench;

const SLSA: &str = "https://slsa.dev/provenance/v1";

#[tokio::test(flavor = "multi_thread")]
async fn the_attestation_that_is_asked_for_is_enough_and_a_signature_is_not() {
    let bench = Bench::new().await;
    let claims = Claims::gitlab("acme/app", "refs/tags/v1");
    let attested = bench.push("acme/app:attested");
    let signed = bench.push("acme/app:signed");
    let signing = bench.sigstore.sign_as(&claims, &attested);
    let attestation = signing.predicate_type(SLSA).legacy_attestation().unwrap();
    bench.registry.attach_legacy_attestation(
        "acme/app",
        &attested,
        attestation.content,
        &attestation.annotations,
    );
    let signing = bench.sigstore.sign_as(&claims, &signed);
    bench.attach("acme/app:", &signed, signing.bundle().unwrap());
    let rules = ["--gitlab-project", "acme/app", "--trust-root", "root.json"];
    let verify = async |tag: &str, more: &[&str]| {
        let image = bench.image(&format!("acme/app:{tag}"));
        bench
            .verify(&[&[image.as_str()], &rules[..], more].concat())
            .await
    };
    let admitted = verify("attested", &["--attestation", SLSA, "-o", "json"]).await;
    assert_eq!(admitted.code, Some(0), "{}", admitted.stderr);
    let document: Value = serde_json::from_str(&admitted.stdout).unwrap();
    let image = &document["images"][0];
    assert_eq!(image["signatures"], json!([]));
    assert_eq!(image["attestations"][0]["predicateType"], json!(SLSA));
    assert_eq!(
        image["attestations"][0]["signer"],
        json!("gitlab.com/acme/app ref refs/tags/v1")
    );
    let code = async |tag: &str, more: &[&str]| {
        let run = verify(tag, &[more, &["-o", "json"]].concat()).await;
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        document["images"][0]["denials"][0]["code"].clone()
    };
    let both = [
        "--attestation",
        SLSA,
        "--attestation",
        "https://spdx.dev/Document",
    ];
    assert_eq!(code("attested", &[]).await, "SignatureMissing");
    assert_eq!(code("attested", &both).await, "PredicateMismatch");
    assert_eq!(code("signed", &both[..2]).await, "AttestationMissing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_asked_for_by_flags_or_by_policies_not_both() {
    let bench = Bench::new().await;
    let run = bench
        .run(&["verify", "nginx", "--policies", ".", "--attestation", SLSA])
        .await;
    assert_eq!(run.code, Some(64), "{}", run.stderr);
    let run = bench
        .run(&[
            "verify",
            "nginx",
            "--key",
            "cosign.pub",
            "--attestation",
            "slsa",
        ])
        .await;
    assert_eq!(run.code, Some(64), "{}", run.stderr);
    assert!(run.stderr.contains("predicate type"), "{}", run.stderr);
}
