//! The last good files of a TUF repository, in memory and as one text to keep.
//!
//! Whatever is kept is verified again from the pinned root when it is read: who can change it can make it
//! useless, and nothing else.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sigstore_tuf::{Error, MetadataStore, Repository, transport::FetchFuture};
use sigstore_types::Sha256Hash;

use crate::limits;

/// Keeps copies beyond the life of the process.
pub trait CopyKeeper: Debug + Send + Sync {
    /// Keeps the copy of the root of this name, in place of an older one.
    fn keep<'a>(&'a self, name: &'a str, copy: String) -> BoxFuture<'a, Result<(), String>>;
}

/// The verified files of one repository.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

/// A copy as it is kept.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kept {
    /// When it was last found to be current. Nobody vouches for it: it is shown and decides nothing.
    refreshed: Timestamp,
    files: BTreeMap<String, String>,
}

/// Why a kept copy cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// It is larger than copies are.
    #[error("it has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// How large it is.
        found: usize,
        /// How large it may be.
        limit: usize,
    },
    /// It is no copy.
    #[error("it is not a copy of a TUF repository")]
    Malformed(#[source] serde_json::Error),
}

impl Files {
    /// The files of a kept copy, none of them verified, and when it was refreshed.
    pub(super) fn read(kept: &str) -> Result<(Self, Timestamp), CopyError> {
        if kept.len() > limits::TUF_COPY_BYTES {
            return Err(CopyError::TooLarge {
                found: kept.len(),
                limit: limits::TUF_COPY_BYTES,
            });
        }
        let kept: Kept = serde_json::from_str(kept).map_err(CopyError::Malformed)?;
        let files = kept.files.into_iter();
        let files = files
            .map(|(name, text)| (name, text.into_bytes()))
            .collect();
        Ok((Self(Arc::new(Mutex::new(files))), kept.refreshed))
    }

    /// One text that [`Self::read`] reads; none when it would be too large.
    pub(super) fn write(&self, refreshed: Timestamp) -> Option<String> {
        let files = self.lock();
        let texts = files.iter().filter_map(|(name, bytes)| {
            let text = String::from_utf8(bytes.clone()).ok()?;
            Some((name.clone(), text))
        });
        let kept = Kept {
            refreshed,
            files: texts.collect(),
        };
        let text = serde_json::to_string(&kept).ok()?;
        (text.len() <= limits::TUF_COPY_BYTES).then_some(text)
    }

    /// Names the content: equal files have equal fingerprints.
    pub(super) fn fingerprint(&self) -> Sha256Hash {
        // Every part of it is of a fixed length or ends in a byte that it cannot hold.
        let mut digests = Vec::new();
        for (name, bytes) in self.lock().iter() {
            digests.extend_from_slice(name.as_bytes());
            digests.push(0);
            digests.extend_from_slice(sigstore_crypto::sha256(bytes).as_bytes());
        }
        sigstore_crypto::sha256(&digests)
    }

    /// Takes over the files of another copy.
    pub(super) fn replace(&self, other: &Self) {
        let files = other.lock().clone();
        *self.lock() = files;
    }

    /// What a thread that panicked left behind is still whole: every change is one insertion.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let files = self.lock();
        let found = files.get(name).or_else(|| files.get(unversioned(name)?));
        match found {
            Some(bytes) if bytes.len() as u64 > most => Err(Error::transport(format!(
                "{name} is larger than {most} bytes"
            ))),
            found => Ok(found.cloned()),
        }
    }
}

impl MetadataStore for Files {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.lock().get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        // Each snapshot comes under a name without its version too, and only that one is read again.
        if unversioned(name).is_some() {
            return Ok(());
        }
        let mut files = self.lock();
        let others: usize = files
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(_, bytes)| bytes.len())
            .sum();
        if others.saturating_add(bytes.len()) > limits::TUF_COPY_BYTES {
            let limit = limits::TUF_COPY_BYTES;
            return Err(Error::transport(format!(
                "the files of the repository are larger than {limit} bytes"
            )));
        }
        files.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// A repository that consists of the copy alone.
impl Repository for Files {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        let found = self.find(name, max_length);
        Box::pin(async move { found })
    }

    fn fetch_target<'a>(&'a self, _path: &'a str, _max_length: u64) -> FetchFuture<'a> {
        // A target that fits its metadata was found in the store before anybody asks for it here.
        Box::pin(async { Ok(None) })
    }
}

/// `snapshot.json` of `7.snapshot.json`. Roots keep their versions: a copy has all of them.
fn unversioned(name: &str) -> Option<&str> {
    let (version, rest) = name.split_once('.')?;
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (is_version && rest != "root.json").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_as_it_was_written() {
        let files = Files::default();
        files.store("timestamp.json", b"{}").unwrap();
        files.store("7.snapshot.json", b"left out").unwrap();
        files.store("targets/trusted_root.json", b"{}").unwrap();
        let refreshed: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let (read, at) = Files::read(&files.write(refreshed).unwrap()).unwrap();
        assert_eq!(at, refreshed);
        assert_eq!(*read.lock(), *files.lock());
        let names: Vec<String> = read.lock().keys().cloned().collect();
        assert_eq!(names, ["targets/trusted_root.json", "timestamp.json"]);
    }

    #[test]
    fn versioned_names_stand_for_the_one_file_but_for_roots() {
        let files = Files::default();
        files.store("delegate.json", b"{}").unwrap();
        files.store("root.json", b"{}").unwrap();
        assert_eq!(
            files.find("3.delegate.json", 10).unwrap(),
            Some(b"{}".to_vec())
        );
        assert_eq!(files.find("3.root.json", 10).unwrap(), None);
    }

    #[test]
    fn a_copy_is_bounded_when_it_is_written_and_when_it_is_read() {
        let files = Files::default();
        let half = vec![b' '; limits::TUF_COPY_BYTES / 2 + 1];
        files.store("targets.json", &half).unwrap();
        files.store("targets.json", &half).unwrap();
        assert!(files.store("snapshot.json", &half).is_err());
        let large = " ".repeat(limits::TUF_COPY_BYTES + 1);
        assert_eq!(
            Files::read(&large).unwrap_err().to_string(),
            "it has 1000001 bytes, at most 1000000 are read"
        );
    }

    #[test]
    fn what_is_no_copy_is_refused() {
        for text in [
            "",
            "{}",
            "{\"refreshed\":\"2026-11-21T12:00:00Z\",\"files\":{},\"more\":1}",
        ] {
            assert!(Files::read(text).is_err(), "{text}");
        }
    }
}
