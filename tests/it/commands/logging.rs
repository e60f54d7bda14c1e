//! What `assay serve` logs: one line per review, and as much as the level's file says.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path};

use assay::{limits, sandbox::sigstore::Claims};
use serde_json::{Value, json};

use super::{
    bench::Bench,
    serve::{Serving, post_review, review},
};

const PIPELINE: &str = "https://gitlab.com/acme/app/-/pipelines/7";

/// Images of `acme/app` have to be signed by the project's pipelines for tags.
fn write_pipeline_policy(bench: &Bench) {
    let policy = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ClusterImageTrustPolicy", "metadata": {"name": "shop"},
        "spec": {
            "match": {"images": [format!("{}/acme/**", bench.registry.host())]},
            "authorities": [{
                "name": "pipeline", "gitlab": {"project": "acme/app", "ref": "refs/tags/v*"},
                "trustRootRef": {"name": "sandbox"},
            }],
        },
    });
    let root = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot", "metadata": {"name": "sandbox"},
        "spec": {"trustedRoot": bench.sigstore.trusted_root_json()},
    });
    bench.write("policies/shop.yaml", &policy.to_string());
    bench.write("policies/root.yaml", &root.to_string());
}

fn line_of_review(serving: &mut Serving) -> Value {
    let text = serving.next_line();
    assert!(text.len() < limits::LOG_LINE_BYTES, "{text}");
    let mut line: Value = serde_json::from_str(&text).unwrap();
    let line = line.as_object_mut().unwrap();
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0, "{text}");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{text}");
    for changing in ["duration_ms", "timestamp"] {
        line.remove(changing);
    }
    Value::Object(line.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_one_line_that_names_the_image_its_signer_and_its_commit() {
    let bench = Bench::new().await;
    write_pipeline_policy(&bench);
    let digest = bench.push("acme/app:v1");
    let claims = Claims::gitlab("acme/app", "refs/tags/v1").commit(&"c0".repeat(20));
    let signing = bench.sigstore.sign_as(&claims, &digest);
    let signing = signing.annotation("com.gitlab.ci.pipeline.url", PIPELINE);
    let signature = signing.legacy().unwrap();
    bench.registry.attach_legacy(
        "acme/app",
        &digest,
        signature.content,
        &signature.annotations,
    );
    let mut serving = Serving::start_with(&bench, &[]);
    let mut asked = review(&bench.image("acme/app:v1"));
    asked["request"]["userInfo"] = json!({"username": "alice", "groups": ["staff"]});
    asked["request"]["object"]["metadata"] = json!({
        "generateName": "app-",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app", "uid": "1", "controller": true}],
    });
    let answer = post_review(&serving, &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    let mut line = line_of_review(&mut serving);
    let job = line["images"][0].as_object_mut().unwrap().remove("job");
    assert!(
        job.unwrap()
            .as_str()
            .unwrap()
            .starts_with("https://gitlab.com/acme/app/-/jobs/")
    );
    assert_eq!(
        line,
        json!({
            "level": "INFO", "target": "assay::review", "message": "answered",
            "uid": "2f1c", "webhook": "mutate", "operation": "CREATE", "namespace": "default",
            "kind": "Pod", "generate_name": "app-", "owner": "ReplicaSet/app", "user": "alice",
            "dry_run": false, "decision": "allowed", "codes": [], "findings": [],
            "images": [{
                "container": "app", "image": bench.image("acme/app:v1"), "digest": digest.as_str(),
                "signers": ["gitlab.com/acme/app ref refs/tags/v1"], "commit": "c0".repeat(20),
                "pipeline": PIPELINE, "policies": ["shop"],
            }],
        })
    );
    serving.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_one_line_with_its_code_and_the_words_of_the_answer() {
    let bench = Bench::new().await;
    write_pipeline_policy(&bench);
    let digest = bench.push("acme/app:v1");
    let mut serving = Serving::start_with(&bench, &[]);
    let mut asked = review(&bench.image("acme/app:v1"));
    asked["request"]["dryRun"] = json!(true);
    asked["request"]["name"] = json!("app");
    let answer = post_review(&serving, &asked).await;
    assert_eq!(answer["allowed"], false, "{answer}");
    assert_eq!(
        line_of_review(&mut serving),
        json!({
            "level": "INFO", "target": "assay::review", "message": "answered",
            "uid": "2f1c", "webhook": "mutate", "operation": "CREATE", "namespace": "default",
            "kind": "Pod", "name": "app", "user": "", "dry_run": true, "decision": "denied",
            "codes": ["SignatureMissing"],
            "images": [{
                "container": "app", "image": bench.image("acme/app:v1"), "digest": digest.as_str(),
            }],
            "findings": [{
                "action": "Deny", "code": "SignatureMissing", "policy": "shop",
                "line": answer["status"]["message"],
            }],
        })
    );
    serving.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_lists_every_field_of_the_line_and_no_other() {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/logging.md")).unwrap();
    let documented = |heading: &str| -> BTreeSet<String> {
        let section = docs
            .split("\n## ")
            .find(|section| section.starts_with(heading));
        let rows = section
            .unwrap()
            .lines()
            .filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| row.split('`').next().unwrap().to_owned())
            .collect()
    };
    let written = |variable: &str| -> BTreeSet<String> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admission/log.rs");
        let source = fs::read_to_string(source).unwrap();
        let (_, fields) = source.split_once(variable).unwrap();
        let (fields, _) = fields.split_once("\"answered\"").unwrap();
        let names = fields
            .split(',')
            .map(|field| field.split('=').next().unwrap().trim());
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut expected = written("$level,\n");
    expected.extend(["timestamp", "level", "target", "message"].map(str::to_owned));
    assert_eq!(documented("The line of a review"), expected);
}

/// Exchanges the file `level` of a mounted folder as the kubelet does, by swapping the link `..data`.
fn swap(mount: &Path, version: u32, level: Option<&str>) {
    let content = mount.join(format!("..{version}"));
    fs::create_dir(&content).unwrap();
    if let Some(level) = level {
        fs::write(content.join("level"), level).unwrap();
    }
    symlink(&content, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_follows_its_file_and_keeps_to_the_last_good_one() {
    let bench = Bench::new().await;
    bench.write_key_policy("shop", "acme/**");
    let mount = bench.path("log");
    fs::create_dir(&mount).unwrap();
    symlink("..data/level", mount.join("level")).unwrap();
    swap(&mount, 0, Some("warn"));
    let file = ["--log-level", "info", "--log-level-file", "log/level"];
    // The level is `warn`, so "serving" would not be told: a file that is there from the start is put in force first.
    let mut serving = Serving::start_unannounced(&bench, &file);
    let mut next = || loop {
        let line: Value = serde_json::from_str(&serving.next_line()).unwrap();
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        // Told or not, by the level at that moment.
        if text("message") != "serving" {
            return (text("message"), text("log_level"));
        }
    };
    let changed = |level: &str| ("the log level was changed".to_owned(), level.to_owned());
    assert_eq!(next(), changed("warn"));
    swap(&mount, 1, Some("error\n"));
    assert_eq!(next(), changed("error"));
    swap(&mount, 2, Some("loud"));
    let (message, _) = next();
    assert_eq!(message, "the log level is refused, the old one stays");
    swap(&mount, 3, Some("loud"));
    swap(&mount, 4, Some("info,assay::admission=debug"));
    assert_eq!(next(), changed("info,assay::admission=debug"));
    swap(&mount, 5, None);
    assert_eq!(next(), changed("info"));
    serving.terminate();
}
