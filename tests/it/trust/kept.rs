//! Copies that outlive the process.

use assay::trust::{Absence, CacheDirectory, CopyKeeper};
use jiff::SignedDuration;
use serde_json::Value;

use super::{Scene, absence, now, version};

#[tokio::test]
async fn a_restart_without_a_mirror_begins_with_the_kept_copy() {
    let mut scene = Scene::new().await;
    let before = scene.fetched().await;
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheDirectory::new(folder.path());
    cache.keep("acme", before.copy().unwrap()).await.unwrap();
    scene.mirror.stop().await;
    scene.clock.advance(SignedDuration::from_hours(1));
    let after = scene.root();
    after.adopt(&cache.load("acme").unwrap());
    assert_eq!(version(&after), version(&before));
    assert_eq!(after.state().refreshed, Some(now()));
    after.refresh().await.unwrap_err();
    assert_eq!(version(&after), version(&before));
}

#[tokio::test]
async fn a_copy_after_new_roots_holds_the_whole_way_there() {
    let mut scene = Scene::new().await;
    scene.repository.rotate_root();
    scene.repository.rotate_root();
    scene.mirror.take(&scene.repository);
    let before = scene.fetched().await;
    let after = scene.root();
    after.adopt(&before.copy().unwrap());
    assert_eq!(version(&after), version(&before));
}

#[tokio::test]
async fn a_copy_costs_the_next_refresh_two_requests() {
    let scene = Scene::new().await;
    let copy = scene.fetched().await.copy().unwrap();
    let root = scene.root();
    scene.mirror.requests();
    root.adopt(&copy);
    assert_eq!(scene.mirror.requests(), Vec::<String>::new());
    root.refresh().await.unwrap();
    assert_eq!(scene.mirror.requests(), ["2.root.json", "timestamp.json"]);
}

/// Whatever is changed in the copy, either it is refused or what it says is the same.
#[tokio::test]
async fn a_copy_that_was_tampered_with_is_refused() {
    let scene = Scene::new().await;
    let good = scene.fetched().await;
    let copy: Value = serde_json::from_str(&good.copy().unwrap()).unwrap();
    let names: Vec<&String> = copy["files"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "root.json",
            "root_history/1.root.json",
            "snapshot.json",
            "targets.json",
            "targets/trusted_root.json",
            "timestamp.json"
        ]
    );
    let unavailable = Absence::Unavailable {
        reason: "it has not been fetched yet".to_owned(),
    };
    for name in [
        "snapshot.json",
        "targets.json",
        "targets/trusted_root.json",
        "timestamp.json",
    ] {
        let mut tampered = copy.clone();
        let text = tampered["files"][name].as_str().unwrap();
        // The pinned root vouches for the rest, and the same change in every place.
        let (from, to) = if name.starts_with("targets/") {
            ("2020", "2021")
        } else {
            ("\"version\":1", "\"version\":2")
        };
        assert!(text.contains(from), "{name} {text}");
        tampered["files"][name] = Value::String(text.replace(from, to));
        let root = scene.root();
        root.adopt(&tampered.to_string());
        assert_eq!(absence(&root), unavailable, "{name}");
    }
    for text in ["", "{}", "null"] {
        let root = scene.root();
        root.adopt(text);
        assert_eq!(absence(&root), unavailable, "{text}");
    }
}

#[tokio::test]
async fn a_copy_of_another_repository_is_refused() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let copy = other.fetched().await.copy().unwrap();
    let root = scene.root();
    root.adopt(&copy);
    assert!(matches!(absence(&root), Absence::Unavailable { .. }));
}

#[tokio::test]
async fn a_copy_that_is_out_of_date_still_keeps_the_mirror_from_going_back_behind_it() {
    let mut scene = Scene::new().await;
    let first = scene.repository.files["timestamp.json"].clone();
    scene
        .repository
        .publish(&super::trusted_root(), SignedDuration::from_hours(2));
    scene.mirror.take(&scene.repository);
    let copy = scene.fetched().await.copy().unwrap();
    scene.clock.advance(SignedDuration::from_hours(3));
    let root = scene.root();
    root.adopt(&copy);
    let since = now() + SignedDuration::from_hours(2);
    assert_eq!(absence(&root), Absence::Expired { since });
    // The older one is good for a day, and was replaced.
    scene.mirror.replace("timestamp.json", first);
    assert_eq!(
        root.refresh().await.unwrap_err().to_string(),
        "rollback detected for timestamp: trusted version 2 > new version 1"
    );
}
