//! `assay verify`: exit codes, what goes to stdout and to stderr, and the document.

use assay::sandbox::registry::{Access, Login, RegistrySettings};
use serde_json::{Value, json};

use super::bench::{Bench, Run};

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_image_is_printed_pinned_and_nothing_else() {
    let bench = Bench::new().await;
    let digest = bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let run = bench.verify(&[&image, "--key", "cosign.pub"]).await;
    let expected = Run {
        code: Some(0),
        stdout: format!("{image}@{digest}\n"),
        stderr: String::new(),
    };
    assert_eq!(run, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_image_exits_1_with_the_webhooks_line_on_stderr() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let run = bench.verify(&[&image, "--key", "cosign.pub"]).await;
    let repository = bench.image("acme/app");
    let expected = Run {
        code: Some(1),
        stdout: String::new(),
        stderr: format!(
            "{image} ({}) has no signature [SignatureMissing]; sign it with an accepted key: cosign sign \
             --key <your private key> {repository}@{digest}\n",
            digest.short()
        ),
    };
    assert_eq!(run, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_exits_2_and_is_not_told_as_unsigned() {
    let bench = Bench::new().await;
    bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    bench.registry.stop().await;
    let run = bench.verify(&[&image, "--key", "cosign.pub"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let beginning = format!("{image} could not be checked: the registry could not be reached");
    assert!(run.stderr.starts_with(&beginning), "{}", run.stderr);
    assert!(
        run.stderr.contains("[RegistryUnavailable]"),
        "{}",
        run.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_exits_64_and_judges_nothing() {
    let bench = Bench::new().await;
    bench.write("garbage", "no key");
    for arguments in [
        &["verify", "nginx"][..],
        &["verify", "nginx", "--key", "missing.pub"],
        &["verify", "nginx", "--key", "garbage"],
        &[
            "verify",
            "nginx",
            "--key",
            "cosign.pub",
            "--registries",
            "garbage",
        ],
        &[
            "verify",
            "nginx",
            "--key",
            "cosign.pub",
            "--docker-config",
            "garbage",
        ],
        &["verify", "nginx", "--policies", "missing"],
        &["verify", "-f", "missing.yaml", "--key", "cosign.pub"],
        &["verify", "nginx", "--gitlab-project", ""],
        &[
            "verify",
            "nginx",
            "--certificate-identity",
            "**",
            "--certificate-oidc-issuer",
            "https://x.example",
        ],
        &[
            "verify",
            "nginx",
            "--gitlab-project",
            "a/b",
            "--trust-root",
            "garbage",
        ],
        &["inspect", "Not A Reference"],
        &["frobnicate"],
    ] {
        let run = bench.run(arguments).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(64), ""),
            "{arguments:?}: {}",
            run.stderr
        );
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(bench.registry.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_outweighs_what_could_not_be_judged() {
    let bench = Bench::new().await;
    bench.push("acme/unsigned:v1");
    let digest = bench.push_signed("acme/app:v1");
    let (unsigned, signed) = (bench.image("acme/unsigned:v1"), bench.image("acme/app:v1"));
    // A port on which nothing listens.
    let unreachable = "127.0.0.1:1/acme/app:v1";
    let all = bench
        .verify(&[&signed, unreachable, &unsigned, "--key", "cosign.pub"])
        .await;
    assert_eq!(all.code, Some(1), "{}", all.stderr);
    assert_eq!(all.stdout, format!("{signed}@{digest}\n"));
    let some = bench
        .verify(&[&signed, unreachable, "--key", "cosign.pub"])
        .await;
    assert_eq!(some.code, Some(2), "{}", some.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_objects_of_a_manifest_are_judged_with_their_containers_named() {
    let bench = Bench::new().await;
    let digest = bench.push_signed("acme/app:v1");
    let unsigned = bench.push("acme/db:v1");
    let (app, db) = (bench.image("acme/app:v1"), bench.image("acme/db:v1"));
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      \
         containers: [{{name: app, image: \"{app}\"}}]\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: db}}\nspec: {{containers: [{{name: db, image: \"{db}\"}}]}}\n"
    );
    let arguments = [
        "verify",
        "--registries",
        "registries.yaml",
        "--key",
        "cosign.pub",
        "-f",
        "-",
    ];
    let run = bench.run_with_stdin(&arguments, &manifest).await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.stdout, format!("{app}@{digest}\n"));
    let beginning = format!(
        "Pod \"db\":\ncontainer \"db\": {db} ({}) has no signature [SignatureMissing]; ",
        unsigned.short()
    );
    assert!(run.stderr.starts_with(&beginning), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_image_is_pinned_beside_a_denied_one_of_the_same_object() {
    let bench = Bench::new().await;
    let digest = bench.push_signed("acme/app:v1");
    bench.push("acme/db:v1");
    let (app, db) = (bench.image("acme/app:v1"), bench.image("acme/db:v1"));
    let manifest = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  \
         containers: [{{name: app, image: \"{app}\"}}, {{name: db, image: \"{db}\"}}]\n"
    );
    let arguments = [
        "verify",
        "--registries",
        "registries.yaml",
        "--key",
        "cosign.pub",
        "-f",
        "-",
    ];
    let run = bench.run_with_stdin(&arguments, &manifest).await;
    assert_eq!(
        (run.code, run.stdout),
        (Some(1), format!("{app}@{digest}\n")),
        "{}",
        run.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_stream_is_refused_and_not_passed() {
    let bench = Bench::new().await;
    let run = bench
        .run(&["verify", "--key", "cosign.pub", "-f", "-"])
        .await;
    assert_eq!(run.code, Some(64));
    assert_eq!(run.stderr, "assay: - holds no Kubernetes object\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_says_everything_that_is_known() {
    let bench = Bench::new().await;
    let digest = bench.push_signed("acme/app:v1");
    let missing = bench.push("acme/db:v1");
    let (app, db) = (bench.image("acme/app:v1"), bench.image("acme/db:v1"));
    let run = bench
        .verify(&[&app, &db, "--key", "cosign.pub", "-o", "json"])
        .await;
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr, "");
    let mut document: Value = serde_json::from_str(&run.stdout).unwrap();
    let message = document["images"][1]["denials"][0]["message"].take();
    assert!(
        message.as_str().unwrap().contains("has no signature"),
        "{message}"
    );
    let fingerprint = document["images"][0]["signatures"][0]["key"]["fingerprint"].take();
    assert_eq!(fingerprint.as_str().unwrap().len(), 64);
    let signer = document["images"][0]["signatures"][0]["signer"].take();
    assert!(signer.as_str().unwrap().starts_with("key "), "{signer}");
    let expected = json!({
        "verdict": "denied",
        "images": [
            {
                "image": app, "verdict": "admitted", "digest": digest.to_string(),
                "pinned": format!("{app}@{digest}"), "policies": ["command-line"],
                "signatures": [{
                    "authority": "key", "signer": null, "key": { "fingerprint": null },
                    "signedAt": null, "logIndex": null,
                }],
                "denials": [], "warnings": [], "audits": [], "unmatched": false,
            },
            {
                "image": db, "verdict": "denied", "digest": missing.to_string(), "pinned": null,
                "policies": [], "signatures": [],
                "denials": [{
                    "code": "SignatureMissing", "policy": "command-line", "verdict": "denied",
                    "message": null,
                }],
                "warnings": [], "audits": [], "unmatched": false,
            },
        ],
    });
    assert_eq!(document, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_and_json_are_the_same_document() {
    let bench = Bench::new().await;
    bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let json = bench
        .verify(&[&image, "--key", "cosign.pub", "-o", "json"])
        .await;
    let yaml = bench
        .verify(&[&image, "--key", "cosign.pub", "-o", "yaml"])
        .await;
    let from_json: Value = serde_json::from_str(&json.stdout).unwrap();
    let from_yaml: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
    assert_eq!(from_yaml, from_json);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_docker_config_and_are_named_when_they_are_refused() {
    let login = Login {
        username: "assay".to_owned(),
        password: "right".to_owned(),
        repositories: vec!["acme/app".to_owned()],
    };
    let access = Access::Token {
        public: Vec::new(),
        logins: vec![login],
    };
    let settings = RegistrySettings {
        access,
        ..RegistrySettings::default()
    };
    let bench = Bench::with_registry(settings).await;
    bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let config = |password: &str| {
        json!({ "auths": { bench.registry.host(): { "username": "assay", "password": password } } })
            .to_string()
    };
    bench.write(".docker/config.json", &config("right"));
    let right = bench.verify(&[&image, "--key", "cosign.pub"]).await;
    assert_eq!(right.code, Some(0), "{}", right.stderr);

    let file = bench.write("wrong.json", &config("wrong"));
    let wrong = bench
        .verify(&[&image, "--key", "cosign.pub", "--docker-config", &file])
        .await;
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(
        wrong
            .stderr
            .contains(&format!("refused docker config {file} (403)")),
        "{}",
        wrong.stderr
    );
    assert!(
        wrong.stderr.contains("[RegistryUnauthorized]"),
        "{}",
        wrong.stderr
    );
    assert!(!wrong.stderr.contains("\"wrong\""), "{}", wrong.stderr);
}
