//! The registry is killed while reviews go on, and comes back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    eventually,
    load::Case,
    platform::{OWN, Platform, SHOP, platform},
    scene::pod,
};

#[test]
#[ignore = "needs a cluster"]
fn when_the_registry_is_killed_under_load_verified_digests_go_on_and_all_recovers_when_it_returns()
{
    let mut platform = platform();
    platform.with_assay();
    let never = platform.push_signed("shop/never", "v1");
    use_verified(&platform);
    let signed = platform.signed.pinned();
    for answer in platform.review_by_each(&signed) {
        assert_eq!(answer["allowed"], true, "{answer}");
    }
    let verified = Case {
        image: signed.clone(),
        admitted: Some(signed.clone()),
        refused: None,
    };
    let load = platform.load_of(vec![verified]);
    load.goes_on(50);
    platform.registry.kill();
    let killed = load.elapsed();
    // It makes every replica look again, as it would by itself ten minutes after the last look.
    ask_for_more(&platform);
    eventually("every replica to do without the registry", || {
        let answers = platform.review_by_each(&signed);
        answers.iter().all(says_that_it_was_verified).then_some(())
    });
    load.goes_on(200);
    let others = platform.load_of(vec![
        unavailable(&never.pinned()),
        unavailable(&platform.unsigned.pinned()),
        unavailable(&format!("{}:v9", never.repository())),
    ]);
    others.goes_on(200);
    let others = others.stop();
    others.expect_no_failure("what was never verified, while the registry is gone");
    assert!(others.slowest < DEADLINE, "{others:?}");
    expect_to_be_told(&platform, &signed);

    platform.registry.start_again();
    let back = load.elapsed();
    eventually("every replica to ask the registry again", || {
        let whole = |answer: &Value| answer["allowed"] == true && answer["warnings"].is_null();
        let mut answers = platform.review_by_each(&signed);
        answers.extend(platform.review_by_each(&never.pinned()));
        answers.iter().all(whole).then_some(())
    });
    let recovered = load.elapsed();
    load.goes_on(50);
    let report = load.stop();
    report.expect_no_failure("the registry killed, verified digests");
    eprintln!(
        "the registry was gone for {:?}; {:?} after it was back every replica asked it again",
        back.saturating_sub(killed),
        recovered.saturating_sub(back)
    );
    stop_asking_for_more(&platform);
    platform.guard_shop();
    let load = platform.load();
    load.goes_on(100);
    load.stop().expect_no_failure("after the registry is back");
}

#[test]
#[ignore = "needs a cluster"]
fn replicas_that_start_anew_know_what_runs_before_anybody_asks() {
    let mut platform = platform();
    platform.with_assay();
    use_verified(&platform);
    let signed = platform.signed.pinned();
    let running = pod("runs", &signed);
    platform.apply(&running).expect_success();
    let arguments = ["-n", OWN, "rollout", "restart", "deployment/assay"];
    platform.kubectl(&arguments).expect_success();
    platform.wait_until_whole();
    eventually("every replica to have looked at what runs", || {
        let all = platform.metrics_of_each();
        let has_looked = |text: &String| {
            let beginning = "assay_cache_entries{cache=\"verified_images\"} ";
            let mut lines = text.lines();
            let entries = lines.find_map(|line| line.strip_prefix(beginning));
            entries.is_some_and(|entries| entries != "0")
        };
        (all.len() == 2 && all.iter().all(has_looked)).then_some(())
    });
    for text in platform.metrics_of_each() {
        let told = text
            .lines()
            .filter(|line| line.starts_with("assay_warm_up"));
        eprintln!("{}", told.collect::<Vec<_>>().join("; "));
    }
    platform.registry.kill();
    ask_for_more(&platform);
    eventually("every replica to do without the registry", || {
        let answers = platform.review_by_each(&signed);
        answers.iter().all(says_that_it_was_verified).then_some(())
    });
    platform.registry.start_again();
    stop_asking_for_more(&platform);
    let arguments = ["-n", SHOP, "delete", "pod", "runs", "--now"];
    platform.kubectl(&arguments).expect_success();
    platform.guard_shop();
}

/// The policy of [`SHOP`], which uses what it has verified; waits until every replica judges by it.
fn use_verified(platform: &Platform) {
    let policy = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustPolicy",
        "metadata": { "name": "signed", "namespace": SHOP },
        "spec": {
            "match": { "images": [platform.images("**")] },
            "authorities": [{ "name": "release-key", "key": { "pem": platform.key() } }],
            "whenRegistryUnavailable": "UseVerified",
            "help": HELP,
        },
    });
    platform.apply(&policy).expect_success();
    eventually("every replica to have the policy", || {
        let answers = platform.review_by_each(&platform.unsigned.pinned());
        let has_it = |answer: &Value| message(answer).contains(HELP);
        answers.iter().all(has_it).then_some(())
    });
}

/// A second policy, which only reports, asks for attestations: what is known of signatures alone is not enough.
fn ask_for_more(platform: &Platform) {
    let policy = json!({
        "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustPolicy",
        "metadata": { "name": MORE, "namespace": SHOP },
        "spec": {
            "match": { "images": [platform.images("**")] },
            "action": "Audit",
            "authorities": [{ "name": "release-key", "key": { "pem": platform.key() } }],
            "provenance": {},
        },
    });
    platform.apply(&policy).expect_success();
}

fn stop_asking_for_more(platform: &Platform) {
    let arguments = ["-n", SHOP, "delete", "imagetrustpolicy", MORE];
    platform.kubectl(&arguments).expect_success();
}

fn unavailable(image: &str) -> Case {
    Case {
        image: image.to_owned(),
        admitted: None,
        refused: Some("RegistryUnavailable"),
    }
}

fn says_that_it_was_verified(answer: &Value) -> bool {
    let warnings = answer["warnings"].as_array();
    let mut warnings = warnings.into_iter().flatten().filter_map(Value::as_str);
    answer["allowed"] == true
        && warnings
            .any(|warning| warning.contains("let in as verified before [RegistryUnavailable]"))
}

/// Whoever makes a Pod is warned, and its Events say it to everybody else.
fn expect_to_be_told(platform: &Platform, image: &str) {
    let applied = platform.apply(&pod("verified-before", image));
    let warned = applied.stderr.clone();
    applied.expect_success();
    assert!(
        warned.contains("let in as verified before [RegistryUnavailable]"),
        "{warned}"
    );
    eprintln!("{}", warned.trim_end());
    let event = eventually("an Event on the Pod", || {
        let events = platform.plane.get(&[
            "-n",
            SHOP,
            "events",
            "--field-selector",
            "reason=UsedVerified",
        ]);
        let events = events["items"].as_array()?;
        let of_pod = |event: &&Value| event["involvedObject"]["name"] == "verified-before";
        events.iter().find(of_pod).cloned()
    });
    let text = event["message"].as_str().unwrap_or_default();
    assert!(
        text.contains("[RegistryUnavailable]; let in as verified before by policy \"shop/signed\""),
        "{text}"
    );
    eprintln!("{text}");
    let arguments = ["-n", SHOP, "delete", "pod", "verified-before", "--now"];
    platform.kubectl(&arguments).expect_success();
}

fn message(answer: &Value) -> &str {
    answer["status"]["message"].as_str().unwrap_or_default()
}

const HELP: &str = "uses what it has verified";
const MORE: &str = "asks-for-more";

/// The webhook's timeout.
const DEADLINE: Duration = Duration::from_secs(10);
