//! `oci:DIR[:TAG]`, as the command line names an image in a folder.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::LayoutError;
use crate::{image::Digest, limits, untrusted::shown};

/// A folder, and which of its images is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LayoutName {
    folder: PathBuf,
    choice: Choice,
}

/// Which image of a folder is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Choice {
    /// The one there is.
    Only,
    /// The one of this tag, or of this whole reference.
    Tag(String),
    /// This one.
    Digest(Digest),
}

impl LayoutName {
    /// Whether this names a folder and no registry. No reference begins like this: `oci` is no host.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn choice(&self) -> &Choice {
        &self.choice
    }

    fn new(folder: &str, choice: Choice) -> Self {
        let folder = PathBuf::from(folder);
        Self { folder, choice }
    }
}

impl FromStr for LayoutName {
    type Err = LayoutError;

    /// A folder's own name may hold colons: it ends at the first colon behind which the rest is an existing folder's
    /// tag, else at the first colon.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let malformed = || LayoutError::Name {
            presented: shown(text, limits::SHOWN_CHARS),
        };
        let rest = text.strip_prefix(PREFIX).ok_or_else(malformed)?;
        if rest.is_empty() || rest.len() > limits::REFERENCE_BYTES {
            return Err(malformed());
        }
        if Path::new(rest).is_dir() {
            return Ok(Self::new(rest, Choice::Only));
        }
        if let Some((folder, digest)) = rest.rsplit_once('@') {
            let digest = digest.parse().map_err(|_| malformed())?;
            return Ok(Self::new(folder, Choice::Digest(digest)));
        }
        let mut splits = rest
            .match_indices(':')
            .filter_map(|(at, _)| Some((rest.get(..at)?, rest.get(at + 1..)?)));
        let first = splits.clone().next();
        let existing = splits.find(|(folder, _)| Path::new(folder).is_dir());
        match existing.or(first) {
            None => Ok(Self::new(rest, Choice::Only)),
            Some((folder, tag)) if folder.is_empty() || tag.is_empty() => Err(malformed()),
            Some((folder, tag)) => Ok(Self::new(folder, Choice::Tag(tag.to_owned()))),
        }
    }
}

const PREFIX: &str = "oci:";
