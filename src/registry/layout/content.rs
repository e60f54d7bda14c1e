//! What an image in a folder says about itself.

use std::collections::BTreeSet;

use super::{LayoutError, folder::Folder, images::Contents as Listed};
use crate::{
    image::{Contents, Digest, Part},
    registry::{
        RegistryError,
        contents::{self, Fetched, Source},
        manifest::Manifest,
    },
};

/// A folder whose manifests have been read.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) folder: Folder,
    pub(super) listed: Listed,
}

impl Shelf {
    pub(super) async fn read(
        &self,
        digest: &Digest,
        parts: &BTreeSet<Part>,
    ) -> Result<Contents, RegistryError> {
        let found = contents::read(self, digest, parts).await?;
        found.ok_or_else(|| RegistryError::NotFound {
            host: self.name(),
            what: digest.to_string(),
        })
    }
}

/// Manifests are in memory, and a file is a quick read: none of this waits.
impl Source for Shelf {
    fn name(&self) -> String {
        self.folder.shown().to_owned()
    }

    async fn manifest(&self, digest: &Digest, _: usize) -> Result<Option<Manifest>, RegistryError> {
        Ok(self.listed.manifests.get(digest).cloned())
    }

    async fn blob(&self, digest: &Digest, size: usize) -> Result<Fetched, RegistryError> {
        let blob = self.folder.listed_blob(digest, size as u64, size);
        let blob = blob.map_err(|error| self.refused(error))?;
        Ok((blob, None))
    }
}

impl Shelf {
    fn refused(&self, error: LayoutError) -> RegistryError {
        match error {
            LayoutError::Limit { file, what, limit } => {
                self.limit(format!("{file} has {what}, at most {limit} are read"))
            }
            error => self.unusable(format!("could not be read: {error}")),
        }
    }
}
