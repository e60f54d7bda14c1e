//! `assay verify oci:DIR`: images in OCI layout folders, judged without any network.

use assay::{image::Digest, sandbox::sigstore::Claims};
use serde_json::{Value, json};

use super::bench::{Bench, Run};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes a layout with an image and, where there is one, its signature as a referrer.
pub(super) fn write_layout(
    bench: &Bench,
    folder: &str,
    name: Option<&str>,
    sign: impl Fn(&Digest) -> Option<String>,
) -> Digest {
    let put = |media_type: &str, content: &str| {
        let digest = Digest::of(content.as_bytes());
        bench.write(&format!("{folder}/blobs/sha256/{}", digest.hex()), content);
        json!({"mediaType": media_type, "digest": digest.as_str(), "size": content.len()})
    };
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []});
    let mut image = put(MANIFEST, &image.to_string());
    let digest: Digest = image["digest"].as_str().unwrap().parse().unwrap();
    let subject = image.clone();
    if let Some(name) = name {
        image["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    }
    let mut listed = vec![image];
    if let Some(bundle) = sign(&digest) {
        let layer = put("application/vnd.dev.sigstore.bundle.v0.3+json", &bundle);
        let referrer = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [layer], "subject": subject,
        });
        listed.push(put(MANIFEST, &referrer.to_string()));
    }
    let index = json!({"schemaVersion": 2, "manifests": listed});
    bench.write(&format!("{folder}/index.json"), &index.to_string());
    bench.write(
        &format!("{folder}/oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    );
    digest
}

fn by_key(bench: &Bench) -> impl Fn(&Digest) -> Option<String> {
    |image| {
        let signing = bench.sigstore.sign_with(&bench.key, image).without_log();
        Some(String::from_utf8(signing.bundle().unwrap().content.to_vec()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_judged_without_a_client_and_without_credentials() {
    let bench = Bench::new().await;
    let digest = write_layout(&bench, "app", None, by_key(&bench));
    // Neither of these is read: a registry would be refused with them.
    bench.write("garbage", "{");
    bench.write(".docker/config.json", "{");
    let run = bench
        .run(&[
            "verify",
            "oci:app",
            "--key",
            "cosign.pub",
            "--registries",
            "garbage",
        ])
        .await;
    let expected = Run {
        code: Some(0),
        stdout: format!("oci:app@{digest}\n"),
        stderr: String::new(),
    };
    assert_eq!(run, expected);
    // What is printed can be asked for again.
    let again = bench
        .run(&["verify", run_stdout(&expected), "--key", "cosign.pub"])
        .await;
    assert_eq!(again, expected);
}

fn run_stdout(run: &Run) -> &str {
    run.stdout.trim_end()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_to_deploy_is_printed_where_it_is_known() {
    let bench = Bench::new().await;
    let digest = write_layout(
        &bench,
        "named",
        Some("registry.example/acme/app:v1"),
        by_key(&bench),
    );
    let own = bench
        .run(&["verify", "oci:named:v1", "--key", "cosign.pub"])
        .await;
    assert_eq!(
        own.stdout,
        format!("registry.example/acme/app:v1@{digest}\n"),
        "{}",
        own.stderr
    );
    let given = bench
        .run(&[
            "verify",
            "oci:named",
            "--as",
            "mirror.example/app:v2",
            "--key",
            "cosign.pub",
        ])
        .await;
    assert_eq!(
        given.stdout,
        format!("mirror.example/app:v2@{digest}\n"),
        "{}",
        given.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_image_in_a_folder_is_denied() {
    let bench = Bench::new().await;
    let digest = write_layout(&bench, "app", Some("v1"), |_| None);
    let run = bench
        .run(&[
            "verify",
            "oci:app:v1",
            "--as",
            "registry.example/app:v1",
            "--key",
            "cosign.pub",
            "-o",
            "json",
        ])
        .await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let image = &document["images"][0];
    assert_eq!(
        (
            &image["image"],
            &image["digest"],
            &image["pinned"],
            &image["denials"][0]["code"]
        ),
        (
            &json!("oci:app:v1"),
            &json!(digest.as_str()),
            &Value::Null,
            &json!("SignatureMissing")
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gitlab_project_is_asked_for_in_a_folder_without_a_name() {
    let bench = Bench::new().await;
    let sign = |image: &Digest| {
        let claims = Claims::gitlab("acme/app", "refs/tags/v1");
        let signed = bench.sigstore.sign_as(&claims, image).bundle().unwrap();
        Some(String::from_utf8(signed.content.to_vec()).unwrap())
    };
    write_layout(&bench, "app", None, sign);
    let verify = async |project: &str, known_as: &[&str]| {
        let arguments = [
            "verify",
            "oci:app",
            "--gitlab-project",
            project,
            "--trust-root",
            "root.json",
        ];
        bench.run(&[&arguments, known_as].concat()).await
    };
    let right = verify("acme/app", &[]).await;
    assert_eq!(right.code, Some(0), "{}", right.stderr);
    let wrong = verify("acme/other", &[]).await;
    assert!(
        wrong.stderr.contains("[IdentityMismatch]"),
        "{}",
        wrong.stderr
    );
    // Where it is known where the image will lie, the project's path is asked for as everywhere.
    let elsewhere = verify("acme/app", &["--as", "registry.example/other/app:v1"]).await;
    assert!(
        elsewhere.stderr.contains("[ImageNotInProject]"),
        "{}",
        elsewhere.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_registries_are_judged_side_by_side() {
    let bench = Bench::new().await;
    let in_folder = write_layout(&bench, "app", None, by_key(&bench));
    let in_registry = bench.push_signed("acme/app:v1");
    let image = bench.image("acme/app:v1");
    let run = bench
        .verify(&[&image, "oci:app", "--key", "cosign.pub"])
        .await;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stdout,
        format!("{image}@{in_registry}\noci:app@{in_folder}\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_match_a_folder_by_the_name_it_is_given() {
    let bench = Bench::new().await;
    write_layout(&bench, "app", None, by_key(&bench));
    bench.write_key_policy("all", "**");
    let host = bench.registry.host();
    let nameless = bench
        .run(&["verify", "oci:app", "--policies", "policies"])
        .await;
    assert_eq!(
        (nameless.code, nameless.stderr.as_str()),
        (
            Some(64),
            "assay: oci:app does not say which repository its image is from: say it with --as \
             registry.example/app:1.8.2\n"
        )
    );
    let name = format!("{host}/acme/app:v1");
    let named = bench
        .run(&[
            "verify",
            "oci:app",
            "--as",
            &name,
            "--policies",
            "policies",
            "--default-action",
            "Deny",
        ])
        .await;
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    assert_eq!(bench.registry.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_judged_says_why_and_exits_64_or_2() {
    let bench = Bench::new().await;
    let digest = write_layout(&bench, "app", Some("v1"), by_key(&bench));
    let exit = async |arguments: &[&str]| {
        let run = bench
            .run(&[&["verify", "--key", "cosign.pub"], arguments].concat())
            .await;
        assert_eq!(run.stdout, "");
        (run.code, run.stderr)
    };
    let other = format!("registry.example/app@sha256:{}", "0".repeat(64));
    for (arguments, expected) in [
        (&["oci:missing"][..], "missing cannot be read"),
        (
            &["oci:cosign.pub"],
            "cosign.pub is a file, expected the folder that an OCI layout is in",
        ),
        (&["oci:cosign.pub/app"], "cosign.pub/app cannot be read"),
        (&["oci:app:v2"], "app has no image v2, it has :v1"),
        (
            &["nginx", "--as", "a.example/b"],
            "--as names the image of one oci: folder, found 0 of them",
        ),
        (&["oci:app", "--as", &other], "and oci:app holds sha256:"),
        (
            &["oci:app", "--as", "Not A Reference"],
            "cannot stand in an image reference",
        ),
    ] {
        let (code, told) = exit(arguments).await;
        assert_eq!(code, Some(64), "{arguments:?}: {told}");
        assert!(told.contains(expected), "{told}");
    }
    std::fs::remove_file(bench.path(&format!("app/blobs/sha256/{}", digest.hex()))).unwrap();
    let (code, told) = exit(&["oci:app"]).await;
    let expected = format!(
        "oci:app could not be checked: app lists {digest} and does not have it; copy the whole folder, blobs included \
         [RegistryUnavailable]\n"
    );
    assert_eq!((code, told), (Some(2), expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_folder_leaves_the_verdicts_on_the_others() {
    let bench = Bench::new().await;
    let good = write_layout(&bench, "good", None, by_key(&bench));
    let broken = write_layout(&bench, "broken", None, |_| None);
    std::fs::remove_file(bench.path(&format!("broken/blobs/sha256/{}", broken.hex()))).unwrap();
    write_layout(&bench, "unsigned", None, |_| None);
    let run = bench
        .run(&["verify", "oci:broken", "oci:good", "--key", "cosign.pub"])
        .await;
    assert_eq!(
        (run.code, run.stdout),
        (Some(2), format!("oci:good@{good}\n")),
        "{}",
        run.stderr
    );
    let arguments = ["verify", "oci:broken", "oci:good", "oci:unsigned"];
    let run = bench
        .run(&[&arguments[..], &["--key", "cosign.pub", "-o", "json"]].concat())
        .await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let verdicts: Vec<_> = (document["images"].as_array().unwrap().iter())
        .map(|image| {
            let code = &image["denials"][0]["code"];
            json!([image["image"], image["verdict"], code])
        })
        .collect();
    let expected = [
        json!(["oci:broken", "undetermined", "RegistryUnavailable"]),
        json!(["oci:good", "admitted", null]),
        json!(["oci:unsigned", "denied", "SignatureMissing"]),
    ];
    assert_eq!(verdicts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_name_is_called_as_it_was_asked_for() {
    let bench = Bench::new().await;
    let digest = write_layout(&bench, "app", None, |_| None);
    let run = bench
        .run(&["verify", "oci:app", "--key", "cosign.pub"])
        .await;
    let expected = format!(
        "oci:app ({}) has no signature [SignatureMissing]; sign it with an accepted key: \
         cosign sign --key <your private key> <registry>/<repository>@{digest}\n",
        digest.short()
    );
    assert_eq!((run.code, run.stderr), (Some(1), expected));
}
