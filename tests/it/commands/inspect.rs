//! `assay inspect`: the tree, and the document.

use assay::sandbox::sigstore::{Claims, SigningKeyPair};
use serde_json::{Value, json};

use super::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_shows_platforms_and_who_signed() {
    let bench = Bench::new().await;
    let children = [bench.push("acme/app:amd64"), bench.push("acme/app:arm64")];
    let digest = bench.registry.push_index("acme/app", "v1", &children);
    let claims = Claims::gitlab("acme/app", "refs/tags/v1");
    let bundle = bench.sigstore.sign_as(&claims, &digest).bundle().unwrap();
    let signature = assay::image::Digest::of(&bundle.content);
    bench.attach("acme/app:v1", &digest, bundle);
    let image = bench.image("acme/app:v1");
    let run = bench
        .run(&[
            "inspect",
            &image,
            "--registries",
            "registries.yaml",
            "--trust-root",
            "root.json",
        ])
        .await;
    let log_line = run.stdout.lines().last().unwrap_or_default().to_owned();
    let expected = format!(
        "{image}\n{digest}\napplication/vnd.oci.image.index.v1+json\n\
         ├─ platform linux/amd64\n│  {}\n\
         ├─ platform linux/arm64\n│  {}\n\
         └─ signature, by referrers API\n   {signature}\n   verified: gitlab.com/acme/app ref refs/tags/v1\n\
         {log_line}\n",
        children[0], children[1]
    );
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), expected.as_str()),
        "{}",
        run.stderr
    );
    assert!(
        log_line.starts_with("   signed 2026-01-02T03:04:05Z, log entry "),
        "{log_line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attachment_says_whether_it_is_verified_and_why_not() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/app:v1");
    let other = SigningKeyPair::generate().unwrap();
    let bundles = [
        bench.sigstore.sign_with(&bench.key, &digest).without_log(),
        bench.sigstore.sign_with(&other, &digest).without_log(),
        bench
            .sigstore
            .sign_with(&bench.key, &digest)
            .predicate_type("https://cyclonedx.org/bom"),
    ];
    for bundle in bundles {
        bench.attach("acme/app:v1", &digest, bundle.bundle().unwrap());
    }
    let image = bench.image("acme/app:v1");
    let run = bench
        .run(&[
            "inspect",
            &image,
            "--registries",
            "registries.yaml",
            "--key",
            "cosign.pub",
            "-o",
            "json",
        ])
        .await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut told: Vec<Value> = document["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            json!([
                found["kind"],
                found["predicateType"],
                found["verified"],
                found["problem"]
            ])
        })
        .collect();
    told.sort_by_key(ToString::to_string);
    let bom = "https://cyclonedx.org/bom";
    let expected = [
        json!([
            "attestation",
            bom,
            false,
            "attestations are only listed in this version"
        ]),
        json!(["signature", null, false, "not made by this key"]),
        json!(["signature", null, true, null]),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_attachments_says_so() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let run = bench
        .run(&["inspect", &image, "--registries", "registries.yaml"])
        .await;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let expected = format!("{image}\n{digest}\n{media_type}\nnothing is attached to it\n");
    assert_eq!(
        (run.code, run.stdout),
        (Some(0), expected),
        "{}",
        run.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_exits_1_and_what_cannot_be_read_exits_2() {
    let bench = Bench::new().await;
    let image = bench.image("acme/app:v1");
    let run = bench
        .run(&["inspect", &image, "--registries", "registries.yaml"])
        .await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    bench.registry.stop().await;
    let run = bench
        .run(&["inspect", &image, "--registries", "registries.yaml"])
        .await;
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}
