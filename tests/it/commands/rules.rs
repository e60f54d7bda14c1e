//! What `assay verify` judges by: a directory of policies, or flags.

use assay::sandbox::sigstore::Claims;

use super::bench::{Bench, Run};

#[tokio::test(flavor = "multi_thread")]
async fn a_gitlab_project_is_recognised_by_its_certificate_and_a_fork_is_not() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/shop/api:v1");
    let fork = bench.push("acme/shop/api:fork");
    let genuine = Claims::gitlab("acme/shop/api", "refs/tags/v1");
    // The certificate of a fork's merge request pipeline: its SAN names the target project.
    let forged = genuine
        .clone()
        .project("evil/api")
        .trigger("merge_request_event");
    for (digest, claims) in [(&digest, &genuine), (&fork, &forged)] {
        let bundle = bench.sigstore.sign_as(claims, digest).bundle().unwrap();
        bench.attach("acme/shop/api:", digest, bundle);
    }
    let flags = [
        "--gitlab-project",
        "acme/shop/api",
        "--gitlab-ref",
        "refs/tags/v*",
        "--trust-root",
        "root.json",
    ];
    let image = bench.image("acme/shop/api:v1");
    let admitted = bench
        .verify(&[&[image.as_str()], &flags[..]].concat())
        .await;
    assert_eq!(admitted.code, Some(0), "{}", admitted.stderr);
    assert_eq!(admitted.stdout, format!("{image}@{digest}\n"));

    let image = bench.image("acme/shop/api:fork");
    let denied = bench
        .verify(&[&[image.as_str()], &flags[..]].concat())
        .await;
    assert_eq!(
        (denied.code, denied.stdout.as_str()),
        (Some(1), ""),
        "{}",
        denied.stderr
    );
    assert!(
        denied.stderr.contains("[IdentityMismatch]"),
        "{}",
        denied.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_and_its_issuer_are_matched_whole() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/app:v1");
    let claims = Claims::email("release@acme.example", "https://accounts.example");
    let bundle = bench.sigstore.sign_as(&claims, &digest).bundle().unwrap();
    bench.attach("acme/app:v1", &digest, bundle);
    let image = bench.image("acme/app:v1");
    for (san, issuer, code) in [
        ("release@acme.example", "https://accounts.example", 0),
        ("release@acme.exampl", "https://accounts.example", 1),
        ("release@acme.example", "https://accounts.example.evil", 1),
    ] {
        let run = bench
            .verify(&[
                &image,
                "--certificate-identity",
                san,
                "--certificate-oidc-issuer",
                issuer,
                "--trust-root",
                "root.json",
            ])
            .await;
        assert_eq!(run.code, Some(code), "{san} {issuer}: {}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_policies_judges_what_it_matches_and_says_so_of_the_rest() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/shop/**");
    let digest = bench.push_signed("acme/shop/api:v1");
    let (judged, other) = (bench.image("acme/shop/api:v1"), bench.image("other/app:v1"));

    let run = bench
        .verify(&[&judged, &other, "--policies", "policies"])
        .await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout, format!("{judged}@{digest}\n{other}\n"));
    assert_eq!(
        run.stderr,
        format!(
            "note: {other} was not looked at: no policy matches it and --default-action is Allow\n"
        )
    );

    let strict = ["--policies", "policies", "--default-action", "Deny"];
    let run = bench
        .verify(&[&[judged.as_str(), &other], &strict[..]].concat())
        .await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("[NoPolicyMatches]"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespace_and_its_labels_choose_the_policies() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let text = std::fs::read_to_string(bench.path("policies/shop.yaml")).unwrap();
    let selector = "  match:\n    namespaceSelector: {matchLabels: {env: production}}\n";
    bench.write("policies/shop.yaml", &text.replace("  match:\n", selector));
    bench.push("acme/app:v1");
    let image = bench.image("acme/app:v1");
    for (labels, code) in [("env=staging", 0), ("team=shop,env=production", 1)] {
        let run = bench
            .verify(&[
                &image,
                "--policies",
                "policies",
                "--namespace-labels",
                labels,
            ])
            .await;
        assert_eq!(run.code, Some(code), "{labels}: {}", run.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_see_the_pod_of_a_manifest_and_none_of_an_image_alone() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let text = std::fs::read_to_string(bench.path("policies/shop.yaml")).unwrap();
    let condition =
        "  conditions:\n    - expression: has(pod.spec) && pod.metadata.labels.team == 'shop'\n";
    bench.write(
        "policies/shop.yaml",
        &format!("{}\n{condition}", text.trim_end()),
    );
    let digest = bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    \
         metadata: {{labels: {{team: shop}}}}\n    spec: {{containers: [{{name: app, image: \"{image}\"}}]}}\n"
    );
    bench.write("deployment.yaml", &deployment);

    let of_manifest = bench
        .verify(&["-f", "deployment.yaml", "--policies", "policies"])
        .await;
    let expected = Run {
        code: Some(0),
        stdout: format!("{image}@{digest}\n"),
        stderr: String::new(),
    };
    assert_eq!(of_manifest, expected);

    let alone = bench.verify(&[&image, "--policies", "policies"]).await;
    let expected = Run {
        code: Some(1),
        stdout: String::new(),
        stderr: format!(
            "{image} ({}) does not meet a condition of policy \"shop\": has(pod.spec) && pod.metadata.labels.team == \
             'shop' [ConditionFailed]; correct what the condition is about, or ask the policy's author\n",
            digest.short()
        ),
    };
    assert_eq!(alone, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_in_a_policy_is_refused_with_file_line_and_field() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let text = std::fs::read_to_string(bench.path("policies/shop.yaml")).unwrap();
    bench.write(
        "policies/shop.yaml",
        &text.replace("  authorities:", "  actoin: Warn\n  authorities:"),
    );
    let verify = ["verify", "acme/app:v1", "--policies", "policies"];
    let serve = [
        "serve",
        "--policies",
        "policies",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    for arguments in [&verify[..], &serve[..]] {
        let run = bench.run(arguments).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(64), ""),
            "{}",
            run.stderr
        );
        for part in ["policies/shop.yaml:8", "actoin"] {
            assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_points_to_the_instance_that_issued_the_certificate() {
    let bench = Bench::new().await;
    let digest = bench.push("acme/shop/api:v1");
    // The public Fulcio writes gitlab.com into the extensions whatever the instance is.
    let claims = Claims::gitlab("acme/shop/api", "refs/tags/v1")
        .oidc_issuer("https://gitlab.archlinux.org")
        .san("https://gitlab.archlinux.org/acme/shop/api//.gitlab-ci.yml@refs/tags/v1");
    let bundle = bench.sigstore.sign_as(&claims, &digest).bundle().unwrap();
    bench.attach("acme/shop/api:v1", &digest, bundle);
    let image = bench.image("acme/shop/api:v1");
    let run = bench
        .verify(&[
            &image,
            "--gitlab-project",
            "acme/shop/api",
            "--gitlab-instance",
            "https://gitlab.archlinux.org",
            "--trust-root",
            "root.json",
            "-o",
            "json",
        ])
        .await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let certificate = &document["images"][0]["signatures"][0]["certificate"];
    let at_instance = "https://gitlab.archlinux.org/acme/shop/api";
    assert_eq!(certificate["sourceRepository"], at_instance);
    let job_url = certificate["jobUrl"].as_str().unwrap();
    assert!(
        job_url.starts_with(&format!("{at_instance}/-/jobs/")),
        "{job_url}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_the_namespace_lower_only_where_that_is_allowed() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/shop/**");
    bench.push("acme/shop/api:v1");
    let image = bench.image("acme/shop/api:v1");
    let labelled = [
        image.as_str(),
        "--policies",
        "policies",
        "--namespace-labels",
        "assay.dev/action=Warn",
    ];
    let run = bench.verify(&labelled).await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let told = "note: label assay.dev/action=Warn does not count: namespaces may not be laxer than the cluster";
    assert!(run.stderr.contains(told), "{}", run.stderr);

    let run = bench
        .verify(&[&labelled[..], &["--namespaces-may-lower"]].concat())
        .await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);
    let end = "; lowered from Deny to Warn by the namespace's label assay.dev/action\n\
               note: label assay.dev/action=Warn lowers what policies deny to a warning\n";
    assert!(run.stderr.ends_with(end), "{}", run.stderr);
}
