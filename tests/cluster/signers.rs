//! What the real cosigns write, with keys and keyless against a Sigstore on this machine, is admitted.

mod stage;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::stage::{ROOT, Stage, shared_key};
use crate::support::{eventually, image::Cosign, scene::pod};

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-3");
    let config = stage.sigstore.timestamps_only.as_str();
    let root = stage.sigstore.trusted_root.as_str();
    let image = stage.sign_by_key(
        Cosign::Three,
        &["--signing-config", config, "--trusted-root", root],
    );
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-2");
    let services = [&NO_LOG, &stage.timestamps()[..]].concat();
    let image = stage.sign_by_key(Cosign::Two, &services);
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn a_bundle_of_cosign_2_by_a_key_is_admitted() {
    let stage = Stage::new("key-bundle-2");
    let image = stage.sign_by_key(Cosign::Two, &[NO_LOG, BUNDLE].concat());
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn a_bundle_of_cosign_2_by_a_key_with_a_timestamp_is_admitted() {
    let stage = Stage::new("key-timestamp-bundle-2");
    let services = [&NO_LOG, &BUNDLE, &stage.timestamps()[..]].concat();
    let image = stage.sign_by_key(Cosign::Two, &services);
    stage.key_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_gitlab_job_is_admitted() {
    let stage = Stage::new("job-3");
    let image = stage.sign_in_job(Cosign::Three, &stage.project(), &stage.all_services());
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_gitlab_job_with_the_first_rekor_is_admitted() {
    let stage = Stage::new("job-first-3");
    let root = stage.sigstore.trusted_root.as_str();
    let config = stage.sigstore.first_signing_config.as_str();
    let services = ["--signing-config", config, "--trusted-root", root];
    let image = stage.sign_in_job(Cosign::Three, &stage.project(), &services);
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn a_bundle_of_cosign_2_by_a_gitlab_job_is_admitted() {
    let stage = Stage::new("job-bundle-2");
    let services = [&BUNDLE, &stage.all_services()[..]].concat();
    let image = stage.sign_in_job(Cosign::Two, &stage.project(), &services);
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_gitlab_job_is_admitted() {
    let stage = Stage::new("job-2");
    let services = [&stage.certificates()[..], &stage.first_log()].concat();
    let image = stage.sign_in_job(Cosign::Two, &stage.project(), &services);
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_gitlab_job_with_a_timestamp_is_admitted() {
    let stage = Stage::new("job-timestamp-2");
    let services = [
        &stage.certificates()[..],
        &stage.first_log(),
        &stage.timestamps(),
    ]
    .concat();
    let image = stage.sign_in_job(Cosign::Two, &stage.project(), &services);
    stage.job_admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_key_with_the_log_that_a_policy_requires_is_admitted() {
    let stage = Stage::new("key-log-2");
    let image = stage.sign_by_key(Cosign::Two, &stage.first_log());
    let mut authority = shared_key();
    authority["transparencyLog"] = json!("Require");
    stage.trust(ROOT, &json!({}));
    stage.demand(&authority);
    stage.admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_key_without_the_log_that_a_policy_requires_is_refused() {
    let stage = Stage::new("key-no-log-2");
    let image = stage.sign_by_key(Cosign::Two, &NO_LOG);
    let mut authority = shared_key();
    authority["transparencyLog"] = json!("Require");
    stage.trust(ROOT, &json!({}));
    stage.demand(&authority);
    stage
        .scene
        .rejects(&pod("app", &image.tagged), "LogEntryInvalid");
}

#[test]
#[ignore = "needs a cluster"]
fn without_a_log_cosign_2_by_a_gitlab_job_is_admitted_only_where_the_root_says_so() {
    let stage = Stage::new("job-no-log-2");
    let services = [&stage.certificates()[..], &stage.timestamps(), &NO_LOG].concat();
    let image = stage.sign_in_job(Cosign::Two, &stage.project(), &services);
    stage.trust(ROOT, &json!({}));
    stage.demand(&stage.job(ROOT));
    stage
        .scene
        .rejects(&pod("app", &image.tagged), "LogEntryInvalid");
    stage.trust(
        "tests-no-log",
        &json!({ "insecureNoTransparencyLog": true }),
    );
    stage.demand(&stage.job("tests-no-log"));
    stage.admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_2_by_a_job_of_another_project_is_refused() {
    let stage = Stage::new("fork-2");
    let services = [&stage.certificates()[..], &stage.first_log()].concat();
    let image = stage.sign_in_job(Cosign::Two, "acme/fork", &services);
    stage.refuses_the_fork(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn cosign_3_by_a_job_of_another_project_is_refused() {
    let stage = Stage::new("fork-3");
    let image = stage.sign_in_job(Cosign::Three, "acme/fork", &stage.all_services());
    stage.refuses_the_fork(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn what_a_key_signed_in_its_time_is_admitted_after_its_end() {
    let stage = Stage::new("key-ended");
    let services = [&NO_LOG, &stage.timestamps()[..]].concat();
    let image = stage.sign_by_key(Cosign::Two, &services);
    stage.trust(ROOT, &json!({}));
    stage.demand(&ended_key());
    stage.admits(&image);
}

#[test]
#[ignore = "needs a cluster"]
fn what_a_key_signed_at_a_time_that_nobody_saw_is_refused_after_its_end() {
    let stage = Stage::new("key-ended-undated");
    let image = stage.sign_by_key(Cosign::Two, &NO_LOG);
    stage.trust(ROOT, &json!({}));
    stage.demand(&ended_key());
    stage
        .scene
        .rejects(&pod("app", &image.tagged), "KeyExpired");
}

/// The shared key as an authority whose time ends after this call began and before it returns.
fn ended_key() -> Value {
    let end = Timestamp::from_second(Timestamp::now().as_second() + 1).expect("it is near");
    eventually("the end of the key's time", || {
        (Timestamp::now() > end).then_some(())
    });
    let mut authority = shared_key();
    authority["key"]["notAfter"] = json!(end.to_string());
    authority
}

const NO_LOG: [&str; 1] = ["--tlog-upload=false"];
const BUNDLE: [&str; 1] = ["--new-bundle-format"];
