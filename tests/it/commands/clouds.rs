//! The identity that the environment gives, as a pipeline with a role of its own has it.

use assay::sandbox::registry::{Access, Login, RegistrySettings};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::bench::{Bench, Run};
use crate::registry::stand_in::{StandIn, answer};

const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// A registry that takes the login which the API of ECR hands out.
async fn bench() -> Bench {
    let login = Login {
        username: "AWS".to_owned(),
        password: "pw".to_owned(),
        repositories: vec!["acme/app".to_owned()],
    };
    let settings = RegistrySettings {
        access: Access::Basic {
            logins: vec![login],
        },
        ..RegistrySettings::default()
    };
    let bench = Bench::with_registry(settings).await;
    let settings = format!("registries: [{{prefix: {ECR}, insecureHttp: true}}]");
    bench.write("registries.yaml", &settings);
    bench
}

/// Runs the program with keys for the API, which is at `api`; the registry plays the proxy to its own host.
async fn run(bench: &Bench, api: &StandIn, arguments: &[&str]) -> Run {
    let mut command = bench.command(arguments);
    command
        .env("AWS_ACCESS_KEY_ID", "AKIA")
        .env("AWS_SECRET_ACCESS_KEY", "s3cret")
        .env("AWS_ENDPOINT_URL_ECR", api.url())
        .env("HTTP_PROXY", bench.registry.base_url())
        .env("http_proxy", bench.registry.base_url());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_and_inspect_read_ecr_by_the_environments_identity() {
    let bench = bench().await;
    let digest = bench.push_signed("acme/app:v1");
    let token = STANDARD.encode("AWS:pw");
    let body = json!({"authorizationData": [{"authorizationToken": token}]}).to_string();
    let api = StandIn::start(move |_| answer(200, body.clone())).await;
    let image = format!("{ECR}/acme/app:v1");
    let settings = ["--registries", "registries.yaml"];
    let verify = [&["verify", &image, "--key", "cosign.pub"][..], &settings].concat();
    let expected = Run {
        code: Some(0),
        stdout: format!("{image}@{digest}\n"),
        stderr: String::new(),
    };
    assert_eq!(run(&bench, &api, &verify).await, expected);
    let inspect = [&["inspect", &image, "--key", "cosign.pub"][..], &settings].concat();
    let shown = run(&bench, &api, &inspect).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert!(shown.stdout.contains(digest.as_str()), "{}", shown.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_cannot_be_had_is_named_and_shows_no_secret() {
    let bench = bench().await;
    bench.push_signed("acme/app:v1");
    let api = StandIn::start(|_| answer(403, "")).await;
    let image = format!("{ECR}/acme/app:v1");
    let arguments = ["verify", &image, "--key", "cosign.pub"];
    let arguments = [&arguments[..], &["--registries", "registries.yaml"]].concat();
    let refused = run(&bench, &api, &arguments).await;
    let line = format!(
        "{image} could not be checked: the registry refused the workload identity for ECR (the ECR API answered 403) (401) \
         [RegistryUnauthorized]; let that identity pull there, or docker login {ECR}, or name a login in --registries\n"
    );
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.ends_with(&line), "{}", refused.stderr);
    assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
}
