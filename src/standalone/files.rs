//! The files of a directory, read whole and bounded.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::error::{LoadError, LoadFault, LoadProblem};
use crate::{
    image::Digest,
    limits::{POLICY_FILE_BYTES, POLICY_FILES},
};

/// The YAML and JSON files of one directory, by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Files(Vec<(PathBuf, String)>);

impl Files {
    /// Reads a directory, not the ones below it.
    ///
    /// A kubelet exchanges all files of a mounted volume at once; a reading that straddles such an exchange is
    /// made again.
    pub(super) fn read(directory: &Path) -> Result<Self, LoadError> {
        for _ in 0..ATTEMPTS {
            let before = exchange_of(directory);
            let files = Self::read_once(directory);
            if exchange_of(directory) == before {
                return files;
            }
        }
        Err(LoadError::of(directory, LoadFault::Restless))
    }

    fn read_once(directory: &Path) -> Result<Self, LoadError> {
        let paths = paths(directory)?;
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            match read_text(&path) {
                Ok(text) => files.push((path, text)),
                Err(fault) => problems.push(LoadProblem {
                    file: path,
                    place: None,
                    fault,
                }),
            }
        }
        if problems.is_empty() {
            Ok(Self(files))
        } else {
            Err(LoadError::new(problems))
        }
    }

    /// The files with their texts, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// Names the content: equal names and texts have equal fingerprints.
    pub(super) fn fingerprint(&self) -> Digest {
        // Every part of it is of a fixed length or ends in a byte that it cannot hold.
        let mut digests = Vec::new();
        for (path, text) in self.iter() {
            digests.extend_from_slice(path.as_os_str().as_encoded_bytes());
            digests.push(0);
            digests.extend_from_slice(Digest::of(text.as_bytes()).as_str().as_bytes());
        }
        Digest::of(&digests)
    }
}

/// Where the kubelet's link points, on a mounted volume.
fn exchange_of(directory: &Path) -> Option<PathBuf> {
    fs::read_link(directory.join("..data")).ok()
}

fn paths(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |error: io::Error| {
        let detail = error.to_string();
        LoadError::of(directory, LoadFault::Unreadable { detail })
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !is_policy_file(&path) {
            continue;
        }
        if paths.len() == POLICY_FILES {
            let limit = POLICY_FILES;
            return Err(LoadError::of(directory, LoadFault::TooMany { limit }));
        }
        paths.push(path);
    }
    paths.sort();
    Ok(paths)
}

fn is_policy_file(path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str());
    !is_hidden && matches!(extension, Some("yaml" | "yml" | "json"))
}

fn read_text(path: &Path) -> Result<String, LoadFault> {
    let unreadable = |error: io::Error| LoadFault::Unreadable {
        detail: error.to_string(),
    };
    // Opening a pipe would wait for its other end for ever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        let detail = "it is not a file".to_owned();
        return Err(LoadFault::Unreadable { detail });
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(POLICY_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > POLICY_FILE_BYTES {
        let limit = POLICY_FILE_BYTES;
        return Err(LoadFault::TooLarge { limit });
    }
    Ok(text)
}

const ATTEMPTS: usize = 3;
