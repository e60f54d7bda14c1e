//! `assay verify` and `assay inspect` of an image that is a copy of another.

use serde_json::{Value, json};

use super::bench::{Bench, Run};

/// A bench with a signed image at the source, and a copy of that.
async fn copied() -> (Bench, String) {
    let bench = Bench::new().await;
    let host = bench.registry.host();
    let settings = format!(
        "registries:\n- {{prefix: \"{host}\", insecureHttp: true}}\n\
         - {{prefix: {host}/copy, mirrorOf: {host}/acme, insecureHttp: true}}\n"
    );
    bench.write("registries.yaml", &settings);
    let digest = bench.push_signed("acme/app:v1");
    let copy = bench.registry.push_image("copy/app", "v1", "acme/app:v1");
    assert_eq!(copy, digest);
    let image = bench.image("copy/app:v1");
    (bench, image)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_verified_by_the_signature_at_its_source() {
    let (bench, image) = copied().await;
    let digest = bench.registry.push_image("copy/app", "v1", "acme/app:v1");
    let run = bench.verify(&[&image, "--key", "cosign.pub"]).await;
    let expected = Run {
        code: Some(0),
        stdout: format!("{image}@{digest}\n"),
        stderr: String::new(),
    };
    assert_eq!(run, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_at_the_source_is_shown_with_where_it_lies() {
    let (bench, image) = copied().await;
    let inspect = [
        "inspect",
        &image,
        "--registries",
        "registries.yaml",
        "--key",
        "cosign.pub",
    ];
    let source = bench.image("acme/app");
    let told = bench.run(&inspect).await;
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let expected = format!("signature, by referrers API in {source}\n");
    assert!(told.stdout.contains(&expected), "{}", told.stdout);
    let document = bench.run(&[&inspect[..], &["-o", "json"]].concat()).await;
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    let signatures = document["signatures"].as_array().unwrap();
    let [signature] = signatures.as_slice() else {
        panic!("{document:#}");
    };
    assert_eq!(signature["attachment"]["repository"], json!(source));
    assert_eq!(signature["verified"], json!(true));
}
