//! The library's client accepts the repository, and refuses it with one thing wrong.

use std::collections::BTreeMap;

use sigstore_tuf::{Repository, Updater, transport::FetchFuture};

use super::*;

const TARGET: &str = "trusted_root.json";

struct Served(BTreeMap<String, Vec<u8>>);

impl Served {
    fn file(&self, path: &str, at_most: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        match self.0.get(path) {
            Some(content) if content.len() as u64 > at_most => {
                Err(sigstore_tuf::Error::transport("too long"))
            }
            found => Ok(found.cloned()),
        }
    }
}

impl Repository for Served {
    fn fetch_metadata<'a>(&'a self, name: &'a str, at_most: u64) -> FetchFuture<'a> {
        let file = self.file(name, at_most);
        Box::pin(async move { file })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, at_most: u64) -> FetchFuture<'a> {
        let file = self.file(&format!("targets/{path}"), at_most);
        Box::pin(async move { file })
    }
}

/// What a client that was given this root gets.
async fn fetched(repository: &TufRepository, first_root: &[u8]) -> Result<Vec<u8>, String> {
    let served = Served(repository.files().unwrap());
    let mut updater = Updater::new(served, first_root).map_err(|error| error.to_string())?;
    updater
        .refresh(NOW)
        .await
        .map_err(|error| error.to_string())?;
    updater
        .get_target(TARGET, NOW)
        .await
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_client_follows_new_versions_and_new_roots() {
    let mut repository = TufRepository::new("first", NOW).unwrap();
    let root = repository.first_root().unwrap();
    assert_eq!(fetched(&repository, &root).await, Ok(b"first".to_vec()));
    repository.publish("second");
    assert_eq!(fetched(&repository, &root).await, Ok(b"second".to_vec()));
    repository.rotate_root().unwrap();
    repository.rotate_root().unwrap();
    assert_eq!(fetched(&repository, &root).await, Ok(b"second".to_vec()));
    let paths: Vec<_> = repository.files().unwrap().into_keys().collect();
    let hash = Digest::of(b"second");
    let target = format!("targets/{}.trusted_root.json", hash.hex());
    assert_eq!(
        paths,
        [
            "1.root.json",
            "2.root.json",
            "2.snapshot.json",
            "2.targets.json",
            "3.root.json",
            &target,
            "timestamp.json",
        ]
    );
}

#[tokio::test]
async fn a_client_refuses_a_repository_with_one_thing_wrong() {
    let mut repository = TufRepository::new("target", NOW).unwrap();
    let root = repository.first_root().unwrap();
    repository.rotate_root().unwrap();
    let roles = [
        TufRole::Root,
        TufRole::Timestamp,
        TufRole::Snapshot,
        TufRole::Targets,
    ];
    let mut faults = vec![
        TufFault::Missing(TufRole::Timestamp),
        TufFault::Missing(TufRole::Snapshot),
        TufFault::Missing(TufRole::Targets),
        TufFault::WrongPin(TufRole::Snapshot),
        TufFault::WrongPin(TufRole::Targets),
        TufFault::WrongTarget,
        TufFault::LongTarget,
        TufFault::MissingTarget,
        TufFault::UnnamedTarget,
    ];
    for role in roles {
        faults.extend([
            TufFault::WrongSignature(role),
            TufFault::WrongKey(role),
            TufFault::WrongType(role),
            TufFault::Padded(role, 6_000_000),
        ]);
    }
    for fault in faults {
        repository.set_fault(Some(fault));
        assert!(fetched(&repository, &root).await.is_err(), "{fault:?}");
    }
    repository.set_fault(None);
    assert_eq!(fetched(&repository, &root).await, Ok(b"target".to_vec()));
}

#[tokio::test]
async fn a_client_refuses_what_has_expired() {
    for role in [
        TufRole::Root,
        TufRole::Timestamp,
        TufRole::Snapshot,
        TufRole::Targets,
    ] {
        let mut repository = TufRepository::new("target", NOW).unwrap();
        repository.set_expiry(role, NOW - jiff::SignedDuration::from_secs(1));
        let root = repository.first_root().unwrap();
        let result = fetched(&repository, &root).await;
        assert!(result.is_err(), "{role:?}");
    }
}
