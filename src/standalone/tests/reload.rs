//! A directory that changes.

use std::{os::unix::fs::symlink, path::PathBuf};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::*;
use crate::{
    policy::PolicyState,
    standalone::watch::{Follower, Look},
};

#[test]
fn a_change_replaces_the_whole_reading() {
    let directory = directory(&[("shop.yaml", POLICY)]);
    let mut follower = start(directory.path()).unwrap();
    assert_eq!(follower.look(), Look::Same);
    write(
        &directory,
        "shop.yaml",
        &POLICY.replace("name: shop", "name: other"),
    );
    assert_eq!(follower.look(), Look::Replaced);
    assert_eq!(current(follower.standalone()), ["other"]);
    assert_eq!(follower.look(), Look::Same);
}

#[test]
fn an_error_keeps_the_last_good_reading_and_is_reported_once() {
    let directory = directory(&[("shop.yaml", POLICY)]);
    let mut follower = start(directory.path()).unwrap();
    write(&directory, "shop.yaml", "kind: nonsense\n");
    assert!(matches!(follower.look(), Look::Refused(_)));
    assert_eq!(follower.look(), Look::Same);
    assert_eq!(current(follower.standalone()), ["shop"]);
    assert_eq!(states(follower.standalone()), ["stale"]);
    write(&directory, "shop.yaml", POLICY);
    assert_eq!(follower.look(), Look::Replaced);
    assert_eq!(states(follower.standalone()), ["ready"]);
}

/// As metrics name them.
fn states(standalone: &Standalone) -> Vec<&'static str> {
    let snapshot = standalone.current().unwrap();
    let states = snapshot.policies.iter().map(|(_, state)| match state {
        PolicyState::Ready(_) => "ready",
        PolicyState::Stale { .. } => "stale",
        PolicyState::Broken { .. } => "broken",
    });
    states.collect()
}

#[test]
fn a_directory_that_vanishes_keeps_the_last_good_reading() {
    let directory = directory(&[("shop.yaml", POLICY)]);
    let mut follower = start(directory.path()).unwrap();
    let path = directory.path().to_owned();
    drop(directory);
    assert!(matches!(follower.look(), Look::Refused(_)));
    assert_eq!(follower.look(), Look::Same);
    assert_eq!(current(follower.standalone()), ["shop"]);
    fs::create_dir(&path).unwrap();
    fs::write(
        path.join("shop.yaml"),
        POLICY.replace("name: shop", "name: other"),
    )
    .unwrap();
    assert_eq!(follower.look(), Look::Replaced);
    fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn the_kubelets_exchange_is_followed_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    exchange(directory.path(), "first");
    symlink("..data/shop.yaml", directory.path().join("shop.yaml")).unwrap();
    let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
    let standalone = Standalone::follow(
        directory.path(),
        Settings::default(),
        &tasks,
        closing.clone(),
    )
    .unwrap();
    assert_eq!(current(&standalone), ["first"]);
    for name in ["second", "third", "fourth"] {
        exchange(directory.path(), name);
        until(&standalone, name).await;
    }
    closing.cancel();
    tasks.close();
    tasks.wait().await;
}

#[test]
fn what_is_wrong_at_the_start_is_refused() {
    let directory = directory(&[("shop.yaml", "kind: nonsense\n")]);
    let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
    let refused = Standalone::follow(directory.path(), Settings::default(), &tasks, closing);
    assert!(refused.is_err());
    assert!(tasks.is_empty());
}

/// What the kubelet does: a new folder, and a link to it that takes the place of the old one at once.
fn exchange(directory: &Path, name: &str) {
    let at = |name: &str| -> PathBuf { directory.join(name) };
    let (folder, old) = (format!("..{name}"), fs::read_link(at("..data")).ok());
    fs::create_dir(at(&folder)).unwrap();
    let text = POLICY.replace("name: shop", &format!("name: {name}"));
    fs::write(at(&folder).join("shop.yaml"), text).unwrap();
    symlink(&folder, at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(directory.join(old)).unwrap();
    }
}

/// Waits until the exchange is seen; the test's own time limit ends a wait in vain.
async fn until(standalone: &Standalone, name: &str) {
    let expected = [name.to_owned()];
    while current(standalone) != expected {
        tokio::task::yield_now().await;
    }
}

fn current(standalone: &Standalone) -> Vec<String> {
    let snapshot = standalone.current().unwrap();
    snapshot
        .policies
        .iter()
        .map(|(id, _)| id.to_string())
        .collect()
}

fn write(directory: &TempDir, name: &str, text: &str) {
    fs::write(directory.path().join(name), text).unwrap();
}

fn start(directory: &Path) -> Result<Follower, LoadError> {
    Follower::start(directory, Settings::default(), &TaskTracker::new())
}
