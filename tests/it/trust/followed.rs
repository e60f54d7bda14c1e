//! Roots that tasks keep fresh, and reviews that depend on them.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use assay::{
    policy::TrustRootName,
    review::Snapshots,
    standalone::{CacheDirectory, Settings, Standalone},
    trust::{Absence, Pace, TrustRoots, TufRoots},
};
use jiff::SignedDuration;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Scene, codes, trusted_root};
use crate::support::{
    tuf::{Fault, brief},
    world::World,
};

fn named(name: &str) -> TrustRootName {
    TrustRootName::Named(name.to_owned())
}

/// Follows the scene's repository as `acme`.
fn follow(scene: &Scene, roots: &mut TufRoots, kept: Option<&str>) -> Arc<TrustRoots> {
    let wanted = BTreeMap::from([(
        "acme".to_owned(),
        scene.mirror.definition(&scene.repository),
    )]);
    let roots = roots.follow(
        &wanted,
        |_| kept.map(str::to_owned),
        TrustRoots::public_only(),
    );
    Arc::new(roots)
}

fn tuf_roots(scene: &Scene, cache: Option<CacheDirectory>, tasks: &TaskTracker) -> TufRoots {
    let pace = Pace {
        interval: Duration::from_hours(6),
        retry: Duration::from_millis(10),
    };
    let keeper = cache.map(|cache| -> Arc<dyn assay::trust::CopyKeeper> { Arc::new(cache) });
    TufRoots::new(Arc::new(scene.clock.clone()), keeper, tasks.clone()).with_pace(pace, brief())
}

#[tokio::test]
async fn a_followed_root_is_fetched_in_the_background_and_its_copy_is_kept() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let cache = CacheDirectory::new(folder.path());
    let tasks = TaskTracker::new();
    let mut tuf = tuf_roots(&scene, Some(cache.clone()), &tasks);
    let roots = follow(&scene, &mut tuf, None);
    let reason = "it has not been fetched yet".to_owned();
    let before = roots.current().find(&named("acme")).unwrap_err();
    assert_eq!(before, Absence::Unavailable { reason });
    let frozen = roots.current();
    tuf.changed().notified().await;
    assert!(roots.current().find(&named("acme")).is_ok());
    // A review keeps what it began with.
    assert!(frozen.find(&named("acme")).is_err());
    assert!(cache.load("acme").is_some());

    // The same definition goes on; none ends the task.
    follow(&scene, &mut tuf, None);
    assert_eq!(tasks.len(), 1);
    tuf.follow(&BTreeMap::new(), |_| None, TrustRoots::public_only());
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_kept_copy_is_there_before_the_first_answer() {
    let scene = Scene::new().await;
    let copy = scene.fetched().await.copy();
    scene.mirror.set_fault(Fault::Silent);
    let mut tuf = tuf_roots(&scene, None, &TaskTracker::new());
    let roots = follow(&scene, &mut tuf, copy.as_deref());
    assert!(roots.current().find(&named("acme")).is_ok());
}

#[tokio::test]
async fn a_mirror_that_fails_is_asked_again() {
    let scene = Scene::new().await;
    scene.mirror.set_fault(Fault::Broken);
    let mut tuf = tuf_roots(&scene, None, &TaskTracker::new());
    let roots = follow(&scene, &mut tuf, None);
    tuf.changed().notified().await;
    assert!(roots.current().find(&named("acme")).is_err());
    scene.mirror.set_fault(Fault::None);
    while roots.current().find(&named("acme")).is_err() {
        tuf.changed().notified().await;
    }
}

/// Nothing leaves the process when every root is inline: there is no task that could ask anybody.
#[tokio::test]
async fn inline_roots_make_no_request_and_no_task() {
    let folder = tempfile::tempdir().unwrap();
    let object = |name: &str, spec: serde_json::Value| {
        let object = json!({
            "apiVersion": "assay.dev/v1alpha1", "kind": "ImageTrustRoot",
            "metadata": {"name": name}, "spec": spec,
        });
        fs::write(
            folder.path().join(format!("{name}.json")),
            object.to_string(),
        )
        .unwrap();
    };
    object("inline", json!({"trustedRoot": trusted_root()}));
    let tasks = TaskTracker::new();
    let closing = CancellationToken::new();
    let follow = |tasks: &TaskTracker| {
        Standalone::follow(folder.path(), Settings::default(), tasks, closing.clone()).unwrap()
    };
    let standalone = follow(&tasks);
    assert_eq!(tasks.len(), 1, "the one that follows the directory");
    let snapshot = standalone.current().unwrap();
    assert!(snapshot.trust_roots.find(&named("inline")).is_ok());

    let scene = Scene::new().await;
    object(
        "fetched",
        json!({"tuf": {
            "mirror": scene.mirror.url, "root": scene.repository.pinned_root(),
        }}),
    );
    let tasks = TaskTracker::new();
    let _standalone = follow(&tasks);
    assert_eq!(tasks.len(), 2, "and the one that fetches");
    closing.cancel();
}

#[tokio::test]
async fn a_review_that_needs_a_root_says_that_it_is_missing_or_out_of_date() {
    let world = World::new().await;
    world.demand_pipeline("refs/tags/v*");
    let image = world.push_image();
    world.attach(&image, world.pipeline_signature("refs/tags/v1.8.2", &image));
    let scene = Scene::new().await;
    let root = Arc::new(scene.mirror.root(&scene.repository, &scene.clock));
    let name = named("sandbox");
    world.replace_roots(TrustRoots::public_only().with_followed(name.clone(), Arc::clone(&root)));
    assert_eq!(codes(&world).await, ["TrustRootUnavailable"]);
    root.refresh().await.unwrap();
    scene.clock.advance(SignedDuration::from_hours(25));
    world.replace_roots(TrustRoots::public_only().with_followed(name, root));
    assert_eq!(codes(&world).await, ["TrustRootExpired"]);
}

/// Nothing of an old root is needed for a key that asks for no log.
#[tokio::test]
async fn a_key_without_a_log_does_not_care_about_the_age_of_a_root() {
    let world = World::new().await;
    let key = json!({"pem": world.key.public_pem()});
    world.demand(json!({"authorities": [
        {"name": "key", "key": key, "trustRootRef": {"name": "sandbox"}},
    ]}));
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let scene = Scene::new().await;
    let root = Arc::new(scene.fetched().await);
    scene.clock.advance(SignedDuration::from_hours(25));
    world.replace_roots(TrustRoots::public_only().with_followed(named("sandbox"), root));
    assert_eq!(codes(&world).await, Vec::<String>::new());
}
