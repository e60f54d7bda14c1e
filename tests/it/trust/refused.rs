//! What a mirror must not get away with. Each leaves the last good root in force.

use assay::trust::Absence;
use jiff::SignedDuration;
use rstest::rstest;

use super::{Scene, absence, now, trusted_root};
use crate::support::tuf::Fault;

/// Refreshes, and tells why that failed; what was good before is good still.
async fn refusal(scene: &Scene, root: &assay::trust::TufRoot) -> String {
    let before = root
        .state()
        .usable
        .ok()
        .map(|root| root.version().to_owned());
    scene.mirror.requests();
    let error = root.refresh().await.unwrap_err().to_string();
    assert_eq!(root.state().trouble, Some(error.clone()));
    let after = root
        .state()
        .usable
        .ok()
        .map(|root| root.version().to_owned());
    assert_eq!(after, before);
    error
}

#[tokio::test]
async fn an_older_version() {
    let mut scene = Scene::new().await;
    let old = scene.repository.files["timestamp.json"].clone();
    scene
        .repository
        .publish(&trusted_root(), SignedDuration::from_hours(24));
    scene.mirror.take(&scene.repository);
    let root = scene.fetched().await;
    scene.mirror.replace("timestamp.json", old);
    assert_eq!(
        refusal(&scene, &root).await,
        "rollback detected for timestamp: trusted version 2 > new version 1"
    );
}

#[tokio::test]
async fn a_new_root_that_the_old_one_does_not_vouch_for() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    scene.repository.usurp_root();
    scene.mirror.take(&scene.repository);
    assert_eq!(
        refusal(&scene, &root).await,
        "signature threshold not met for role root: 0/1 valid signatures"
    );
}

#[tokio::test]
async fn metadata_of_another_repository() {
    let scene = Scene::new().await;
    let root = scene.root();
    scene.mirror.take(&Scene::new().await.repository);
    assert_eq!(
        refusal(&scene, &root).await,
        "signature threshold not met for role timestamp: 0/1 valid signatures"
    );
}

#[tokio::test]
async fn metadata_that_is_out_of_date() {
    let mut scene = Scene::new().await;
    scene
        .repository
        .publish(&trusted_root(), SignedDuration::from_hours(-1));
    scene.mirror.take(&scene.repository);
    let root = scene.root();
    assert_eq!(
        refusal(&scene, &root).await,
        "timestamp metadata expired at 2026-11-21T11:00:00Z"
    );
    let since = now() - SignedDuration::from_hours(1);
    assert_eq!(absence(&root), Absence::Expired { since });
}

#[tokio::test]
async fn a_target_that_is_not_the_one_in_the_list() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    scene
        .repository
        .publish(&trusted_root(), SignedDuration::from_hours(24));
    scene.mirror.take(&scene.repository);
    for (name, bytes) in &scene.repository.files {
        if name.starts_with("targets/") {
            let mut bytes = bytes.clone();
            bytes[100] ^= 1;
            scene.mirror.replace(name, bytes);
        }
    }
    let error = refusal(&scene, &root).await;
    assert!(error.starts_with("integrity check failed: "), "{error}");
}

#[tokio::test]
async fn a_target_that_is_no_trust_root() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    scene
        .repository
        .publish("{}", SignedDuration::from_hours(24));
    scene.mirror.take(&scene.repository);
    refusal(&scene, &root).await;
}

#[tokio::test]
async fn a_target_that_is_larger_than_trust_roots_are() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    let large = " ".repeat(assay::limits::TRUST_ROOT_BYTES + 1);
    scene
        .repository
        .publish(&large, SignedDuration::from_hours(24));
    scene.mirror.take(&scene.repository);
    assert_eq!(
        refusal(&scene, &root).await,
        "integrity check failed: trusted_root.json: pinned length 1048577 exceeds configured max 1048576"
    );
}

#[rstest]
#[case::root("2.root.json", assay::limits::TUF_ROOT_BYTES)]
#[case::timestamp("timestamp.json", assay::limits::TUF_TIMESTAMP_BYTES)]
#[case::snapshot("2.snapshot.json", assay::limits::TUF_LIST_BYTES)]
#[case::targets("2.targets.json", assay::limits::TUF_LIST_BYTES)]
#[tokio::test]
async fn a_file_that_is_larger_than_it_may_be(#[case] name: &str, #[case] limit: u64) {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    scene
        .repository
        .publish(&trusted_root(), SignedDuration::from_hours(24));
    scene.mirror.take(&scene.repository);
    let large = vec![b' '; usize::try_from(limit).unwrap() + 1];
    scene.mirror.replace(name, large);
    assert_eq!(
        refusal(&scene, &root).await,
        format!("{name} is larger than {limit} bytes")
    );
}

#[tokio::test]
async fn more_new_roots_than_one_refresh_follows() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    for _ in 0..assay::limits::TUF_ROOT_ROTATIONS {
        scene.repository.rotate_root();
    }
    scene.mirror.take(&scene.repository);
    assert_eq!(
        refusal(&scene, &root).await,
        "exceeded 64 root rotations without reaching the latest root"
    );
    // What was followed is not followed again.
    root.refresh().await.unwrap();
}

#[rstest]
#[case::silent(Fault::Silent, "2.root.json did not come in time")]
#[case::endless(Fault::Endless, "timestamp.json is larger than 16384 bytes")]
#[case::broken(Fault::Broken, "2.root.json was answered with 500")]
#[case::redirects(Fault::Redirects, "timestamp.json was answered with 302")]
#[tokio::test]
async fn a_mirror_that_does_not_answer_as_it_should(#[case] fault: Fault, #[case] told: &str) {
    let scene = Scene::new().await;
    let root = scene.fetched().await;
    scene.mirror.set_fault(fault);
    assert_eq!(refusal(&scene, &root).await, told);
}
