//! What a mirror hands out, and what happens when it changes or goes away.

use assay::trust::Absence;
use jiff::SignedDuration;

use super::{Scene, absence, now, trusted_root, version};
use crate::support::tuf::Fault;

#[tokio::test]
async fn a_root_is_missing_until_it_is_fetched_and_then_good_until_its_metadata_ends() {
    let scene = Scene::new().await;
    let root = scene.root();
    let reason = "it has not been fetched yet".to_owned();
    assert_eq!(absence(&root), Absence::Unavailable { reason });
    root.refresh().await.unwrap();
    let state = root.state();
    assert!(state.usable.is_ok());
    assert_eq!(state.refreshed, Some(now()));
    let end = now() + SignedDuration::from_hours(24);
    assert_eq!(state.expires, Some(end));
    scene.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(absence(&root), Absence::Expired { since: end });
}

#[tokio::test]
async fn a_refresh_that_finds_nothing_new_asks_for_two_files() {
    let scene = Scene::new().await;
    let root = scene.fetched().await;
    scene.mirror.requests();
    root.refresh().await.unwrap();
    assert_eq!(scene.mirror.requests(), ["2.root.json", "timestamp.json"]);
}

#[tokio::test]
async fn a_refresh_takes_over_what_is_new() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    let before = version(&root);
    scene
        .repository
        .publish(&trusted_root(), SignedDuration::from_hours(48));
    scene.mirror.take(&scene.repository);
    root.refresh().await.unwrap();
    assert_ne!(version(&root), before);
    let end = now() + SignedDuration::from_hours(48);
    assert_eq!(root.state().expires, Some(end));
}

#[tokio::test]
async fn new_roots_are_followed_when_the_old_one_vouches_for_them() {
    let mut scene = Scene::new().await;
    scene.repository.rotate_root();
    scene.repository.rotate_root();
    scene.mirror.take(&scene.repository);
    let root = scene.fetched().await;
    scene.repository.rotate_root();
    scene.mirror.take(&scene.repository);
    scene.mirror.requests();
    root.refresh().await.unwrap();
    assert_eq!(
        scene.mirror.requests(),
        ["4.root.json", "5.root.json", "timestamp.json"]
    );
}

#[tokio::test]
async fn a_mirror_that_goes_away_leaves_the_last_good_root() {
    let mut scene = Scene::new().await;
    let root = scene.fetched().await;
    let before = version(&root);
    scene.mirror.stop().await;
    root.refresh().await.unwrap_err();
    assert_eq!(version(&root), before);
    assert!(root.state().trouble.is_some());
    scene.clock.advance(SignedDuration::from_hours(25));
    root.refresh().await.unwrap_err();
    assert!(matches!(absence(&root), Absence::Expired { .. }));
}

#[tokio::test]
async fn a_mirror_that_comes_back_is_forgiven() {
    let scene = Scene::new().await;
    let root = scene.root();
    scene.mirror.set_fault(Fault::Broken);
    root.refresh().await.unwrap_err();
    let reason = "it could not be fetched: 2.root.json was answered with 500".to_owned();
    assert_eq!(absence(&root), Absence::Unavailable { reason });
    scene.mirror.set_fault(Fault::None);
    root.refresh().await.unwrap();
    assert_eq!(root.state().trouble, None);
    assert!(root.state().usable.is_ok());
}

#[tokio::test]
async fn roots_of_two_mirrors_have_nothing_to_do_with_each_other() {
    let (mut one, two) = (Scene::new().await, Scene::new().await);
    let (first, second) = (one.fetched().await, two.fetched().await);
    assert_ne!(version(&first), version(&second));
    one.mirror.stop().await;
    first.refresh().await.unwrap_err();
    second.refresh().await.unwrap();
    assert_eq!(second.state().trouble, None);
}
