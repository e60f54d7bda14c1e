//! The files of a layout folder: read within bounds, never outside of it, and compared with their digests.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde::Deserialize;

use super::LayoutError;
use crate::{image::Digest, limits, untrusted::shown};

/// A folder that says that it is a layout.
#[derive(Debug)]
pub(super) struct Folder {
    /// Without links, so that it can be told what lies inside.
    root: PathBuf,
    shown: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, LayoutError> {
        let shown = path.display().to_string();
        let root = fs::canonicalize(path).map_err(|source| LayoutError::Unreadable {
            file: shown.clone(),
            source,
        })?;
        if !root.is_dir() {
            return Err(LayoutError::NotAFolder { file: shown });
        }
        let folder = Self { root, shown };
        let marker = folder.named(MARKER, limits::LAYOUT_MARKER_BYTES)?;
        let marker = serde_json::from_slice::<Marker>(&marker);
        let version = marker.map(|marker| marker.image_layout_version);
        match version.as_deref() {
            Ok("1.0.0") => Ok(folder),
            other => Err(LayoutError::Version {
                file: folder.path_of(MARKER),
                presented: shown_or_nothing(other.ok()),
            }),
        }
    }

    /// How messages name it.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// How messages name a file in it.
    pub(super) fn path_of(&self, relative: &str) -> String {
        format!("{}/{relative}", self.shown)
    }

    /// A file that every layout has.
    pub(super) fn named(&self, file: &'static str, limit: usize) -> Result<Bytes, LayoutError> {
        self.read(file, limit)?
            .ok_or_else(|| LayoutError::NoLayout {
                folder: self.shown.clone(),
                file,
            })
    }

    /// The blob of this digest and size; none when it is not there.
    pub(super) fn blob(
        &self,
        digest: &Digest,
        size: u64,
        limit: usize,
    ) -> Result<Option<Bytes>, LayoutError> {
        let file = blob_path(digest);
        let Some(content) = self.read(&file, limit)? else {
            return Ok(None);
        };
        let found = content.len() as u64;
        if found != size {
            return Err(LayoutError::Size {
                file: self.path_of(&file),
                found,
                expected: size,
            });
        }
        let found = Digest::of(&content);
        if found != *digest {
            return Err(LayoutError::Content {
                file: self.path_of(&file),
                found,
                expected: digest.clone(),
            });
        }
        Ok(Some(content))
    }

    /// The blob of this digest and size, which must be there.
    pub(super) fn listed_blob(
        &self,
        digest: &Digest,
        size: u64,
        limit: usize,
    ) -> Result<Bytes, LayoutError> {
        self.blob(digest, size, limit)?
            .ok_or_else(|| LayoutError::Missing {
                folder: self.shown.clone(),
                digest: digest.clone(),
            })
    }

    /// Every blob that is a file, with its size, in the order of their digests. What bears another name is passed over.
    pub(super) fn blobs(&self) -> Result<BTreeMap<Digest, u64>, LayoutError> {
        let file = self.path_of(BLOBS);
        let unreadable = |source| LayoutError::Unreadable {
            file: file.clone(),
            source,
        };
        let entries = match fs::read_dir(self.root.join(BLOBS)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut blobs = BTreeMap::new();
        for (count, entry) in entries.enumerate() {
            let limit = limits::LAYOUT_BLOBS;
            if count == limit {
                return Err(LayoutError::Limit {
                    file,
                    what: format!("more than {limit} blobs"),
                    limit,
                });
            }
            let entry = entry.map_err(unreadable)?;
            let digest = entry
                .file_name()
                .to_str()
                .map(|hex| format!("sha256:{hex}"));
            let metadata = entry.metadata().map_err(unreadable)?;
            if let Some(Ok(digest)) = digest.map(|text| text.parse())
                && metadata.is_file()
            {
                blobs.insert(digest, metadata.len());
            }
        }
        Ok(blobs)
    }

    fn read(&self, relative: &str, limit: usize) -> Result<Option<Bytes>, LayoutError> {
        let file = self.path_of(relative);
        let unreadable = |source| LayoutError::Unreadable {
            file: file.clone(),
            source,
        };
        let path = match fs::canonicalize(self.root.join(relative)) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        if !path.starts_with(&self.root) {
            return Err(LayoutError::Outside { file });
        }
        // Asked before it is opened: to open a pipe is to wait for its writer.
        if !fs::metadata(&path).map_err(unreadable)?.is_file() {
            let expected = "file";
            return Err(LayoutError::Kind { file, expected });
        }
        let mut content = Vec::new();
        File::open(&path)
            .map_err(unreadable)?
            .take(limit as u64 + 1)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
        if content.len() > limit {
            return Err(LayoutError::Limit {
                file,
                what: format!("more than {limit} bytes"),
                limit,
            });
        }
        Ok(Some(content.into()))
    }
}

/// Where a blob lies. A digest is hex, so that this never leads elsewhere.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("{BLOBS}/{}", digest.hex())
}

fn shown_or_nothing(text: Option<&str>) -> String {
    shown(text.unwrap_or_default(), limits::SHOWN_CHARS)
}

/// Where blobs lie.
pub(super) const BLOBS: &str = "blobs/sha256";

const MARKER: &str = "oci-layout";
