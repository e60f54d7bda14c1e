//! OCI image layout folders, as `cosign save`, skopeo, oras and buildx write them, in a registry's place.
//!
//! Everything that is signed is read when the folder is opened: what cannot be read is known before anything is judged.
//! Only what the image says about itself is read when it is asked for.

mod attached;
mod content;
mod error;
mod folder;
mod images;
mod name;
#[cfg(test)]
mod tests;
mod unlisted;

pub use error::LayoutError;
pub use name::LayoutName;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{FutureExt as _, TryFutureExt as _, future::BoxFuture};

use self::{content::Shelf, folder::Folder, images::Contents as Listed};
use super::{Access, Attachment, Registry, RegistryError, Search, Wanted};
use crate::image::{Contents, Digest, Part, Reference, Repository};

/// One image of a layout folder, with all that the folder holds about it.
///
/// The manifest of the image, and every signature, have been compared with their digests. The image's layers have
/// not been read: nothing is signed but the manifest, which names them.
#[derive(Debug)]
pub struct OciLayout {
    image: Digest,
    name: Option<Reference>,
    children: Vec<Digest>,
    attachments: BTreeMap<Digest, Arc<[Attachment]>>,
    shelf: Shelf,
}

impl OciLayout {
    /// Reads a folder.
    ///
    /// # Errors
    /// When the folder is no layout, does not say which image is meant, or holds something other than it lists.
    pub fn open(name: &LayoutName) -> Result<Self, LayoutError> {
        let folder = Folder::open(name.folder())?;
        let mut contents = Listed::read(&folder)?;
        contents.add_unlisted(&folder)?;
        let image = contents.choose(name.choice(), folder.shown())?;
        let children = contents.children_of(&image);
        let mut attachments = BTreeMap::new();
        for child in &children {
            attachments.insert(child.clone(), contents.attached_to(child, &folder)?);
        }
        let mut own = contents.attached_to(&image, &folder)?;
        if own.is_empty() {
            own = contents.saved_by_cosign(&folder)?;
        }
        attachments.insert(image.clone(), own);
        Ok(Self {
            name: contents.full_name(&image, name.choice()),
            image,
            children,
            attachments,
            shelf: Shelf {
                folder,
                listed: contents,
            },
        })
    }

    /// The image that was asked for.
    pub fn image(&self) -> &Digest {
        &self.image
    }

    /// What the folder calls it, where that is a whole reference and not a tag alone. Nobody has signed that name.
    pub fn name(&self) -> Option<&Reference> {
        self.name.as_ref()
    }
}

/// Whatever the repository is called, the answer is the folder's.
impl Registry for OciLayout {
    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        let digest = image.digest().unwrap_or(&self.image).clone();
        async move { Ok(digest) }.boxed()
    }

    fn attachments<'a>(
        &'a self,
        _: &'a Repository,
        digest: &'a Digest,
        _: Wanted,
        _: Search,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        let found = self.attachments.get(digest).cloned();
        async move { Ok(found.unwrap_or_default()) }.boxed()
    }

    fn children<'a>(
        &'a self,
        _: &'a Repository,
        digest: &'a Digest,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        let children = if *digest == self.image {
            self.children.clone()
        } else {
            Vec::new()
        };
        async move { Ok(children) }.boxed()
    }

    fn contents<'a>(
        &'a self,
        _: &'a Repository,
        digest: &'a Digest,
        parts: &'a BTreeSet<Part>,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        self.shelf.read(digest, parts).map_ok(Arc::new).boxed()
    }
}
